/** The innermost loops of matrix products: tiles of the result stay in registers while k runs. */
import type { Code, Func, Local } from '../asm/index.ts'
import { load, op } from '../asm/index.ts'
import { minus, plus, times } from './integers.ts'
import type { Float, I32, Integers, Vector } from './matmulFloat.ts'
import { integerFunction, multiplyAdd } from './matmulFloat.ts'
import type { LibraryFunction } from './routine.ts'

/**
 * Rows of a tile. With two vectors of columns it takes 12 of 16 registers: 8 sums, 2 vectors of B, an element of A and a product.
 * Measured: 4 × 2 is at the machine's limit; 6 × 2 spills and halves it, and gains 6 % with relaxed SIMD. Where pairs of
 * vectors become one of 256 bits, 4 × 4 takes as many registers, and has the 8 independent sums that two multiply-adds in each
 * cycle, with a latency of four cycles, need.
 */
export const TILE_ROWS = 4
/** Vectors of columns of a tile in registers of 128 bits. */
const NARROW_VECTORS = 2
/** Vectors of columns of a panel of B: two tiles side by side, or a single one where the engine joins pairs of vectors. */
export const PANEL_VECTORS = 4
/** Columns of a panel. */
export const panelColumns = ({ lanes }: Float): number => lanes * PANEL_VECTORS
/**
 * Steps along k in each iteration of the inner loop, for whole tiles. Each step ends with a test: V8 moves the loads of a basic
 * block before its arithmetic, and would need registers for all their vectors at once.
 */
const UNROLL = 4

export const tilesName = (float: Float, rows: number, vectors: number): string =>
  `${float.name}.tiles${rows}x${vectors}`

interface Tile {
  readonly float: Float
  readonly rows: number
  readonly vectors: number
  readonly relaxed: boolean
}

/** sums[r][v] += A[r, p] · B[p, v] for the p at the pointers, which then advance. */
const step = (
  code: Code,
  { float, relaxed }: Tile,
  sums: readonly (readonly Local<'v128'>[])[],
  a: readonly Local<'i32'>[],
  b: Local<'i32'>,
  bRow: I32,
): void => {
  const right = sums[0]!.map((_, v) => code.let(load('v128.load', b.get, 16 * v)))
  sums.forEach((row, r) => {
    const left = code.let(float.splat(a[r]!.get))
    row.forEach((sum, v) => {
      code.set(sum, multiplyAdd(float, relaxed, left, right[v]!, sum.get))
    })
  })
  for (const pointer of a) code.set(pointer, plus(pointer.get, float.bytes))
  code.set(b, plus(b.get, bRow))
}

/** Writes the sums to the rows of C, or adds them. */
const writeRow = (code: Code, { float }: Tile, c: I32, row: readonly Local<'v128'>[], accumulate: I32): void => {
  // All loads before all stores: an engine that joins adjacent vectors moves no load over a store.
  const write = (value: (sum: Vector, offset: number) => Vector): void => {
    row
      .map((sum, v) => code.let(value(sum.get, 16 * v)))
      .forEach((vector, v) => {
        code.store('v128.store', c, vector, 16 * v)
      })
  }
  code.if(
    accumulate,
    () => {
      write((sum, offset) => float.add(load('v128.load', c, offset), sum))
    },
    () => {
      write((sum) => sum)
    },
  )
}

/** Two narrower tiles for one that the registers have no room for. */
const sideBySide = (
  code: Code,
  [c, cRow, a, aRow, b, ...rest]: Integers<9>,
  tilesOf: (vectors: number) => Func,
  vectors: number,
): void => {
  const offset = 16 * NARROW_VECTORS
  code.call(tilesOf(NARROW_VECTORS), c, cRow, a, aRow, b, ...rest)
  code.call(tilesOf(vectors - NARROW_VECTORS), plus(c, offset), cRow, a, aRow, plus(b, offset), ...rest)
}

/**
 * `(c, cRow, a, aRow, b, bRow, k, tiles, accumulate)`: the product of `tiles` times `rows` rows of A, contiguous along k, with
 * `vectors` of columns of B, contiguous along the columns, becomes C, or is added to C. At least one tile, and k at least 1.
 */
const tiles = (float: Float, rows: number, vectors: number): LibraryFunction =>
  integerFunction(tilesName(float, rows, vectors), 9, (code, args, call, { relaxed, wide }) => {
    if (vectors > NARROW_VECTORS && !wide) {
      sideBySide(code, args, (width) => call(tilesName(float, rows, width)), vectors)
      return
    }
    const [firstC, cRow, firstA, aRow, b, bRow, k, count, accumulate] = args
    const tile = { float, rows, vectors, relaxed }
    const steps = rows === TILE_ROWS && vectors === (wide ? PANEL_VECTORS : NARROW_VECTORS) ? UNROLL : 1
    const [c, a, left] = [code.variable(firstC), code.variable(firstA), code.variable(count)]
    code.loop((next) => {
      const sums = Array.from({ length: rows }, () => Array.from({ length: vectors }, () => code.variable(float.zero)))
      const pointers = sums.map((_, r) => code.variable(plus(a.get, times(aRow, r))))
      const bAt = code.variable(b)
      const end = code.let(plus(a.get, times(k, float.bytes)))
      const atEnd = op('i32.eq', pointers[0]!.get, end)
      code.block((done) => {
        code.loop((again) => {
          for (let u = 1; u < steps; u++) {
            step(code, tile, sums, pointers, bAt, bRow)
            code.branchIf(done, atEnd)
          }
          step(code, tile, sums, pointers, bAt, bRow)
          code.branchIf(again, op('i32.eqz', atEnd))
        })
      })
      for (const row of sums) {
        writeRow(code, tile, c.get, row, accumulate)
        code.set(c, plus(c.get, cRow))
      }
      code.set(a, plus(a.get, times(aRow, rows)))
      code.set(left, minus(left.get, 1))
      code.branchIf(next, left.get)
    })
  })

export const tileFunctions = (float: Float): readonly LibraryFunction[] =>
  Array.from({ length: TILE_ROWS }, (_, r) => r + 1).flatMap((rows) =>
    Array.from({ length: PANEL_VECTORS }, (_, v) => tiles(float, rows, v + 1)),
  )
