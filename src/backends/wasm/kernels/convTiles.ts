/**
 * The innermost loops of convolution: tiles of the result stay in registers while two axes are summed over. All steps between
 * elements are constant, so no windows need to be copied first.
 */
import type { Code, Local } from '../asm/index.ts'
import { i32, load, op, result } from '../asm/index.ts'
import { minus, plus, times } from './integers.ts'
import type { Float, I32 } from './matmulFloat.ts'
import { integerFunction, multiplyAdd } from './matmulFloat.ts'
import type { LibraryFunction } from './routine.ts'

/** Rows of a tile. With two vectors of columns: 8 sums, 2 vectors of B, an element of A and a product, of 16 registers. */
export const TILE_ROWS = 4
/** Vectors of columns. */
export const TILE_VECTORS = 2

export const convTilesName = ({ name }: Float, rows: number, vectors: number, columnwise: boolean): string =>
  `${name}.${columnwise ? 'columnwiseTiles' : 'convTiles'}${rows}x${vectors}`

interface Tile {
  readonly float: Float
  readonly vectors: number
  readonly relaxed: boolean
  readonly columnwise: boolean
  readonly sums: readonly (readonly Local<'v128'>[])[]
  /** Of each row. */
  readonly a: readonly Local<'i32'>[]
  readonly b: Local<'i32'>
}

const advance = (code: Code, pointers: readonly Local<'i32'>[], step: I32): void => {
  for (const pointer of pointers) code.set(pointer, plus(pointer.get, step))
}

/**
 * sums[r][v] += A[r] · B[v] for `count` steps of the pointers. One step for each iteration: unrolled four times, with A's
 * offsets as constants where its elements are contiguous, the loop is a third slower (V8 11.3), since it spills.
 */
const sumInner = (code: Code, tile: Tile, count: I32, [aStep, bStep]: readonly [I32, I32]): void => {
  const { float, vectors, relaxed, columnwise, sums, a, b } = tile
  code.for(i32(0), count, 1, () => {
    const right = Array.from({ length: vectors }, (_, v) => code.let(load('v128.load', b.get, 16 * v)))
    advance(code, [b], bStep)
    sums.forEach((row, r) => {
      const from = a[r]!.get
      const shared = columnwise ? null : code.let(float.splat(from))
      row.forEach((sum, v) => {
        code.set(sum, multiplyAdd(float, relaxed, shared ?? load('v128.load', from, 16 * v), right[v]!, sum.get))
      })
    })
    advance(code, a, aStep)
  })
}

/** Writes the sums to whole rows of C, or adds them. */
const writeRow = (code: Code, { float }: Tile, c: I32, row: readonly Local<'v128'>[], accumulate: I32): void => {
  code.if(accumulate, () => {
    row.forEach((sum, v) => {
      code.set(sum, float.add(load('v128.load', c, 16 * v), sum.get))
    })
  })
  row.forEach((sum, v) => {
    code.store('v128.store', c, sum.get, 16 * v)
  })
}

/** The same where C has fewer columns: through the thread's scratch memory, element by element. */
const writeNarrowRow = (
  code: Code,
  { float }: Tile,
  c: I32,
  row: readonly Local<'v128'>[],
  [edge, columns, accumulate]: readonly [I32, I32, I32],
): void => {
  row.forEach((sum, v) => {
    code.store('v128.store', edge, sum.get, 16 * v)
  })
  code.for(i32(0), columns, 1, (j) => {
    const offset = code.let(times(j, float.bytes))
    const target = code.let(plus(c, offset))
    const sum = code.variable(float.element(plus(edge, offset)))
    code.if(accumulate, () => {
      code.set(sum, float.add(float.element(target), sum.get))
    })
    float.storeElement(code, target, sum.get)
  })
}

/**
 * `(c, cRow, a, aRow, b, inner, aInner, bInner, outer, aOuter, bOuter, tiles, columns, accumulate)`: C[r, j] becomes, or is
 * added, Σ A[r, q, p] · B[q, p, j] over `outer` values of q and `inner` of p, at least one of each, for `tiles` times `rows`
 * values of r and `columns` of j; of B, `vectors` vectors are read. `aInner` and `bInner` are the steps along p in bytes,
 * `aOuter` and `bOuter` those from the end of a line of p to the start of the next one. If `columnwise`, A has vectors of columns
 * too, which are multiplied with those of B.
 */
const convTiles = (float: Float, rows: number, vectors: number, columnwise: boolean): LibraryFunction =>
  integerFunction(convTilesName(float, rows, vectors, columnwise), 14, (code, args, call, { relaxed }) => {
    const [c0, cRow, a0, aRow, b0, inner, aInner, bInner, outer, aOuter, bOuter, tiles, columns, accumulate] = args
    const [c, first, left] = [code.variable(c0), code.variable(a0), code.variable(tiles)]
    const narrow = code.let(op('i32.ne', columns, i32(vectors * float.lanes)))
    const edge = code.let(result<'i32'>(call('threadScratch')))
    code.loop((next) => {
      const sums = Array.from({ length: rows }, () => Array.from({ length: vectors }, () => code.variable(float.zero)))
      const a = sums.map((_, r) => code.variable(plus(first.get, times(aRow, r))))
      const tile = { float, vectors, relaxed, columnwise, sums, a, b: code.variable(b0) }
      const lines = code.variable(outer)
      code.loop((line) => {
        sumInner(code, tile, inner, [aInner, bInner])
        advance(code, a, aOuter)
        advance(code, [tile.b], bOuter)
        code.set(lines, minus(lines.get, 1))
        code.branchIf(line, lines.get)
      })
      for (const row of sums) {
        code.if(
          narrow,
          () => {
            writeNarrowRow(code, tile, c.get, row, [edge, columns, accumulate])
          },
          () => {
            writeRow(code, tile, c.get, row, accumulate)
          },
        )
        code.set(c, plus(c.get, cRow))
      }
      code.set(first, plus(first.get, times(aRow, rows)))
      code.set(left, minus(left.get, 1))
      code.branchIf(next, left.get)
    })
  })

export const convTileFunctions = (float: Float): readonly LibraryFunction[] =>
  [false, true].flatMap((columnwise) =>
    Array.from({ length: TILE_ROWS }, (_, r) => r + 1).flatMap((rows) =>
      Array.from({ length: TILE_VECTORS }, (_, v) => convTiles(float, rows, v + 1, columnwise)),
    ),
  )
