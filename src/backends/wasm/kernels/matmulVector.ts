/** Products of a vector, or a few, with a matrix, at the speed at which memory delivers the matrix. */
import type { Code } from '../asm/index.ts'
import { i32, load, op } from '../asm/index.ts'
import { minus, plus, smaller, times } from './integers.ts'
import type { Float, I32, Vector } from './matmulFloat.ts'
import { integerFunction, multiplyAdd } from './matmulFloat.ts'
import type { LibraryFunction } from './routine.ts'

export const combineName = ({ name }: Float): string => `${name}.combineRows`
export const dotsName = ({ name }: Float): string => `${name}.dotColumns`
export const sumRowsName = ({ name }: Float): string => `${name}.sumRows`

/** Bytes of results that stay in the L1 cache while the rows are added to them. */
const STRIP = 8192
/** Rows that are added in one pass over a strip. */
const ROWS = 8

/** y[j] += Σ x[p] B[p, j] over `rows` rows from `b` on, for a strip of columns. */
const addRows = (
  code: Code,
  float: Float,
  relaxed: boolean,
  rows: number,
  [x, xStep]: readonly [I32, I32],
  [b, bRow]: readonly [I32, I32],
  y: I32,
  cols: I32,
): void => {
  const factors = Array.from({ length: rows }, (_, r) => code.let(float.splat(plus(x, times(xStep, r)))))
  const starts = factors.map((_, r) => code.let(plus(b, times(bRow, r))))
  const sum = (read: (row: I32) => Vector): Vector =>
    factors
      .slice(1)
      .reduce(
        (total, factor, r) => multiplyAdd(float, relaxed, factor, read(starts[r + 1]!), total),
        float.mul(factors[0]!, read(starts[0]!)),
      )
  const offset = code.variable(i32(0))
  const bulk = code.let(times(op('i32.and', cols, i32(-float.lanes)), float.bytes))
  code.while(offset, bulk, 16, (at) => {
    const target = code.let(plus(y, at))
    const part = sum((row) => load('v128.load', plus(row, at)))
    code.store('v128.store', target, float.add(load('v128.load', target), part))
  })
  code.while(offset, times(cols, float.bytes), float.bytes, (at) => {
    const target = code.let(plus(y, at))
    const part = sum((row) => float.element(plus(row, at)))
    float.storeElement(code, target, float.add(float.element(target), part))
  })
}

/** `(y, x, xStep, b, bRow, k, cols)`: y = x B where rows of B are contiguous: k of them are added up, with factors. */
const combineRows = (float: Float): LibraryFunction =>
  integerFunction(combineName(float), 7, (code, [firstY, firstX, xStep, firstB, bRow, k, cols], _, { relaxed }) => {
    const bulk = code.let(op('i32.and', k, i32(-ROWS)))
    code.fill(firstY, i32(0), times(cols, float.bytes))
    code.for(i32(0), cols, STRIP / float.bytes, (j) => {
      const width = code.let(smaller(minus(cols, j), STRIP / float.bytes))
      const y = code.let(plus(firstY, times(j, float.bytes)))
      const x = code.variable(firstX)
      const b = code.variable(plus(firstB, times(j, float.bytes)))
      const p = code.variable(i32(0))
      const pass = (end: I32, rows: number): void => {
        code.while(p, end, rows, () => {
          addRows(code, float, relaxed, rows, [x.get, xStep], [b.get, bRow], y, width)
          code.set(x, plus(x.get, times(xStep, rows)))
          code.set(b, plus(b.get, times(bRow, rows)))
        })
      }
      pass(bulk, ROWS)
      pass(k, 1)
    })
  })

/** Columns whose sums are computed together: x is read once for them. */
const COLUMNS = 4
/** Vectors along k that are summed separately, in turn: independent sums for each column. */
const PARTS = 2

/** The sums of products of x with `columns` columns from `b` on, `columns` being 1 or a multiple of a vector's lanes. */
const dots = (
  code: Code,
  float: Float,
  relaxed: boolean,
  columns: number,
  [y, x, b, bCol, k]: readonly [I32, I32, I32, I32, I32],
): void => {
  const starts = Array.from({ length: columns }, (_, c) => code.let(plus(b, times(bCol, c))))
  const sums = starts.map(() => Array.from({ length: PARTS }, () => code.variable(float.zero)))
  const offset = code.variable(i32(0))
  const multiply = (part: number, read: (address: I32) => Vector): void => {
    const left = code.let(read(plus(x, offset.get)))
    starts.forEach((start, c) => {
      const sum = sums[c]![part]!
      code.set(sum, multiplyAdd(float, relaxed, left, read(plus(start, offset.get)), sum.get))
    })
  }
  const end = code.let(times(k, float.bytes))
  const bulk = code.let(op('i32.and', end, i32(-16)))
  const atEnd = op('i32.ge_s', offset.get, bulk)
  // A test after each part, as in tiles: it keeps V8 from loading the vectors of all parts at once.
  code.block((done) => {
    code.branchIf(done, atEnd)
    code.loop((again) => {
      for (let part = 0; part < PARTS; part++) {
        multiply(part, (address) => load('v128.load', address))
        code.set(offset, plus(offset.get, 16))
        if (part < PARTS - 1) code.branchIf(done, atEnd)
      }
      code.branchIf(again, op('i32.eqz', atEnd))
    })
  })
  code.while(offset, end, float.bytes, () => {
    multiply(0, (address) => float.element(address))
  })
  const totals = sums.map((parts) => parts.map((s) => s.get).reduce((s, t) => float.add(s, t)))
  if (columns === 1) {
    const [total] = horizontal(float, totals)
    float.storeElement(code, y, total!)
    return
  }
  horizontal(float, totals).forEach((total, v) => {
    code.store('v128.store', y, total, 16 * v)
  })
}

/** Vectors of the sums over the lanes of each of the given vectors. */
const horizontal = (float: Float, vectors: readonly Vector[]): readonly Vector[] => {
  const groups = Array.from({ length: Math.ceil(vectors.length / float.lanes) }, (_, g) =>
    Array.from({ length: float.lanes }, (_, l) => vectors[g * float.lanes + l] ?? float.zero),
  )
  return groups.map((group) => float.transposed(group).reduce((s, t) => float.add(s, t)))
}

/**
 * `(y, yRow, x, xRow, b, bCol, rows, cols, k)`: y = x B where columns of B, and rows of x, are contiguous. For a few rows:
 * they are multiplied with some columns while these are in the L1 cache.
 */
const dotColumns = (float: Float): LibraryFunction =>
  integerFunction(
    dotsName(float),
    9,
    (code, [firstY, yRow, firstX, xRow, firstB, bCol, rows, cols, k], _, { relaxed }) => {
      const column = code.variable(firstY)
      const b = code.variable(firstB)
      const j = code.variable(i32(0))
      const pass = (end: I32, columns: number): void => {
        code.while(j, end, columns, () => {
          const y = code.variable(column.get)
          const x = code.variable(firstX)
          code.for(i32(0), rows, 1, () => {
            dots(code, float, relaxed, columns, [y.get, x.get, b.get, bCol, k])
            code.set(y, plus(y.get, yRow))
            code.set(x, plus(x.get, xRow))
          })
          code.set(column, plus(column.get, columns * float.bytes))
          code.set(b, plus(b.get, times(bCol, columns)))
        })
      }
      pass(code.let(op('i32.and', cols, i32(-COLUMNS))), COLUMNS)
      pass(cols, 1)
    },
  )

/** `(y, parts, count, cols)`: y[j] = Σ parts[i, j], of `count` contiguous rows, in order. */
const sumRows = (float: Float): LibraryFunction =>
  integerFunction(sumRowsName(float), 4, (code, [y, parts, count, cols]) => {
    const row = code.let(times(cols, float.bytes))
    const offset = code.variable(i32(0))
    const column = (read: (address: I32) => Vector): Vector => {
      const sum = code.variable(float.zero)
      const from = code.variable(plus(parts, offset.get))
      code.for(i32(0), count, 1, () => {
        code.set(sum, float.add(sum.get, read(from.get)))
        code.set(from, plus(from.get, row))
      })
      return sum.get
    }
    code.while(offset, op('i32.and', row, i32(-16)), 16, (at) => {
      const total = column((address) => load('v128.load', address))
      code.store('v128.store', plus(y, at), total)
    })
    code.while(offset, row, float.bytes, (at) => {
      const total = column((address) => float.element(address))
      float.storeElement(code, plus(y, at), total)
    })
  })

export const vectorFunctions = (float: Float): readonly LibraryFunction[] => [
  combineRows(float),
  dotColumns(float),
  sumRows(float),
]
