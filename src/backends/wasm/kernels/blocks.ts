/** Copies of rows and of strided blocks, of elements of any dtype. */
import type { Code, Expr } from '../asm/index.ts'
import { i32, op } from '../asm/index.ts'
import type { Cell } from './elements.ts'
import { byteCell, i32Cell, i64Cell, shortCell, vectorCell } from './elements.ts'
import type { Grid } from './grid.ts'
import { addressesAt, axesOf, coordinates, eachPoint, pointsOf, simplify } from './grid.ts'
import { minus, plus, smaller, times } from './integers.ts'
import type { Phase, Places } from './routine.ts'

type I32 = Expr<'i32'>

/** Rows of up to this many bytes are unrolled; up to the second limit, copied by a loop; others by the engine, at ~15 ns a call. */
const WRITTEN_OUT = 128
const LOOPED = 512

const copyCell = (code: Code, cell: Cell, target: I32, source: I32, offset: number): void => {
  cell.store(code, target, cell.load(source, offset), offset)
}

/** A few bytes, from an offset on. */
const copyFew = (code: Code, target: I32, source: I32, start: number, end: number): void => {
  let at = start
  for (; at + 16 <= end; at += 16) copyCell(code, vectorCell, target, source, at)
  if (at < end && end >= 16) {
    // Copies some bytes twice instead of in smaller pieces.
    copyCell(code, vectorCell, target, source, end - 16)
    return
  }
  for (const cell of [i64Cell, i32Cell, shortCell, byteCell]) {
    for (; at + cell.bytes <= end; at += cell.bytes) copyCell(code, cell, target, source, at)
  }
}

/** Copies a row of a known number of bytes. The rows do not overlap. */
export const copyRow = (code: Code, target: I32, source: I32, bytes: number): void => {
  if (bytes > LOOPED) {
    code.copy(target, source, i32(bytes))
    return
  }
  const [to, from] = [code.let(target), code.let(source)]
  if (bytes <= WRITTEN_OUT) {
    copyFew(code, to, from, 0, bytes)
    return
  }
  const main = bytes & ~63
  code.for(i32(0), i32(main), 64, (i) => {
    copyFew(code, code.let(plus(to, i)), code.let(plus(from, i)), 0, 64)
  })
  copyFew(code, to, from, main, bytes)
}

/** Writes the value in all lanes of `vector` (elements of `width` bytes) over a row of a known number of bytes. */
export const fillRow = (code: Code, target: I32, vector: Expr<'v128'>, width: number, bytes: number): void => {
  if (bytes === 0) return
  const to = code.let(target)
  const value = code.let(vector)
  const main = bytes & ~15
  if (main <= 64) {
    for (let at = 0; at < main; at += 16) code.store('v128.store', to, value, at)
  } else {
    code.for(i32(0), i32(main), 16, (i) => {
      code.store('v128.store', plus(to, i), value)
    })
  }
  const lanes = {
    1: 'v128.store8_lane',
    2: 'v128.store16_lane',
    4: 'v128.store32_lane',
    8: 'v128.store64_lane',
  } as const
  const name = lanes[width as keyof typeof lanes]
  for (let at = main; at < bytes; at += width) code.storeLane(name, 0, to, value, at)
}

/** Whether the last axis is contiguous in all arrays. */
const hasRows = ({ shape, strides }: Grid, width: number): boolean =>
  shape.length > 0 && strides.every((s) => s.at(-1) === width)

const axesBefore = (n: number): number[] => Array.from({ length: n }, (_, d) => d)

/** Splits off the last axis, if it is contiguous: returns the bytes of its rows, or those of one element. */
export const rowsOf = (grid: Grid, width: number): { readonly outer: Grid; readonly bytes: number } => {
  if (!hasRows(grid, width)) return { outer: grid, bytes: width }
  const last = grid.shape.length - 1
  return { outer: axesOf(grid, axesBefore(last)), bytes: grid.shape[last]! * width }
}

/** Copies a block: the grid's arrays are target, then source. */
export const copyBlock = (code: Code, grid: Grid, width: number, target: I32, source: I32): void => {
  const { outer, bytes } = rowsOf(simplify(grid), width)
  eachPoint(code, outer, [target, source], ([to, from]) => {
    copyRow(code, to!, from!, bytes)
  })
}

/** Fills a block: the grid's first array is the target. */
export const fillBlock = (code: Code, grid: Grid, width: number, target: I32, vector: Expr<'v128'>): void => {
  const { outer, bytes } = rowsOf(simplify({ shape: grid.shape, strides: grid.strides.slice(0, 1) }), width)
  eachPoint(code, outer, [target], ([to]) => {
    fillRow(code, to!, vector, width, bytes)
  })
}

/** The number of iterations in about 20 microseconds, if one moves this many bytes in pieces of this size. */
export const grainOf = (bytes: number, piece: number): number => {
  const nanoseconds = bytes / 8 + (bytes / piece) * 2
  return Math.max(1, Math.floor(20_000 / Math.max(nanoseconds, 1)))
}

/** The bytes of a contiguous area for one iteration. */
export const CHUNK = 16_384

/** Works on the bytes of a contiguous area in chunks: `write(code, places, offset, length)` does some of them. */
export const chunkPhase = (
  bytes: number,
  write: (code: Code, places: Places, offset: I32, length: I32) => void,
): Phase => ({
  count: Math.ceil(bytes / CHUNK),
  grain: grainOf(CHUNK, CHUNK),
  emit: (code, places, lo, hi) => {
    const start = code.let(times(lo, CHUNK))
    const end = smaller(times(hi, CHUNK), bytes)
    write(code, places, start, code.let(minus(end, start)))
  },
})

/** Copies an operand unchanged to result 0, unless both are the same memory. */
export const copyWhole = (operand: number, bytes: number): Phase =>
  chunkPhase(bytes, (code, { inputs, outputs }, offset, length) => {
    const [to, from] = [outputs[0]!, inputs[operand]!]
    code.if(op('i32.ne', to, from), () => {
      code.copy(plus(to, offset), plus(from, offset), length)
    })
  })

/** The number of leading axes needed for `wanted` points, of at most `most`. */
export const leadingAxes = (shape: readonly number[], wanted: number, most: number): number => {
  let k = 0
  for (let points = 1; k < most && points < wanted; k++) points *= shape[k]!
  return k
}

/** Copies a block between addresses that are known at run time. */
export const blockPhase = (
  grid: Grid,
  width: number,
  basesOf: (code: Code, places: Places) => { readonly target: I32; readonly source: I32 },
): Phase => {
  const block = simplify(grid)
  const bytes = pointsOf(block) * width
  if (bytes > CHUNK && rowsOf(block, width).bytes === bytes) {
    return chunkPhase(bytes, (code, places, offset, length) => {
      const { target, source } = basesOf(code, places)
      code.copy(plus(target, offset), plus(source, offset), length)
    })
  }
  const { shape } = block
  const split = leadingAxes(shape, 64, shape.length - 1)
  const outer = axesOf(block, axesBefore(split))
  const inner = axesOf(
    block,
    axesBefore(shape.length).filter((d) => d >= split),
  )
  return {
    count: pointsOf(outer),
    grain: grainOf(pointsOf(inner) * width, rowsOf(inner, width).bytes),
    emit: (code, places, lo, hi) => {
      const { target, source } = basesOf(code, places)
      const bases = [code.let(target), code.let(source)]
      code.for(lo, hi, 1, (i) => {
        const [to, from] = addressesAt(code, outer, bases, coordinates(code, outer.shape, i))
        copyBlock(code, inner, width, to!, from!)
      })
    },
  }
}
