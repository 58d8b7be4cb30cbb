/**
 * Copies of arrays with their axes in another order. Where the last axis moves, neighbours in the result are far apart in the
 * operand: squares of 4 × 4 or 2 × 2 elements go through registers, by cache lines, so that each line is fully used.
 */
import { bitsOf } from '../../../core/dtype.ts'
import { range, stridesOf } from '../../../core/shape.ts'
import type { Code, Expr } from '../asm/index.ts'
import { i32, load, shuffle32, shuffle64 } from '../asm/index.ts'
import { blockPhase, grainOf } from './blocks.ts'
import { cellOfWidth } from './elements.ts'
import type { Grid } from './grid.ts'
import { addressesAt, axesOf, coordinates, pointsOf, simplify } from './grid.ts'
import { minus, plus, quotient, remainder, smaller, times } from './integers.ts'
import type { Phase, RoutineFor } from './routine.ts'

type I32 = Expr<'i32'>
type V128 = Expr<'v128'>

const LINE = 64
/** Bytes of a tile's side: this limits the number of pages in use, and uses several cache lines of each. */
const TILE = 256

const square4 = ([a, b, c, d]: readonly V128[]): readonly V128[] => {
  const low = [0, 4, 1, 5]
  const high = [2, 6, 3, 7]
  const [ab, cd] = [shuffle32(a!, b!, low), shuffle32(c!, d!, low)]
  const [AB, CD] = [shuffle32(a!, b!, high), shuffle32(c!, d!, high)]
  return [shuffle64(ab, cd, [0, 2]), shuffle64(ab, cd, [1, 3]), shuffle64(AB, CD, [0, 2]), shuffle64(AB, CD, [1, 3])]
}

const square2 = ([a, b]: readonly V128[]): readonly V128[] => [shuffle64(a!, b!, [0, 2]), shuffle64(a!, b!, [1, 3])]

/** The two axes to swap: `rows`, contiguous in the operand, and `columns`, contiguous in the result. */
interface Plane {
  readonly width: number
  readonly rows: number
  readonly columns: number
  /** Strides in bytes: of rows in the result, of columns in the operand. */
  readonly rowStride: number
  readonly columnStride: number
}

/** Elements one by one: rows from `from` to `to`, columns from `start` on. */
const copyElements = (
  code: Code,
  p: Plane,
  target: I32,
  source: I32,
  [from, to]: readonly [I32, I32],
  start: I32,
): void => {
  const cell = cellOfWidth(p.width)
  code.for(from, to, 1, (r) => {
    const out = code.let(plus(target, times(r, p.rowStride)))
    const into = code.let(plus(source, times(r, p.width)))
    code.for(start, i32(p.columns), 1, (c) => {
      cell.store(code, plus(out, times(c, p.width)), cell.load(plus(into, times(c, p.columnStride))))
    })
  })
}

const copySquare = (code: Code, p: Plane, target: I32, source: I32): void => {
  const side = 16 / p.width
  const rows = range(side).map((k) => code.let(load('v128.load', source, k * p.columnStride)))
  const turned = side === 4 ? square4(rows) : square2(rows)
  turned.forEach((row, k) => {
    code.store('v128.store', target, row, k * p.rowStride)
  })
}

type Span = readonly [from: I32, to: I32]

/** Squares in whole rows and columns of squares. */
const copySquares = (code: Code, p: Plane, target: I32, source: I32, rows: Span, columns: Span): void => {
  const side = 16 / p.width
  code.for(rows[0], rows[1], side, (r) => {
    const out = code.let(plus(target, times(r, p.rowStride)))
    const into = code.let(plus(source, times(r, p.width)))
    code.for(columns[0], columns[1], side, (c) => {
      copySquare(code, p, code.let(plus(out, times(c, p.width))), code.let(plus(into, times(c, p.columnStride))))
    })
  })
}

/** Visits a span in pieces of this many elements. */
const inPieces = (code: Code, [from, to]: Span, size: number, visit: (piece: Span) => void): void => {
  code.for(from, to, size, (first) => {
    visit([first, code.let(smaller(plus(first, size), to))])
  })
}

/** Some rows of all columns: in tiles, with squares in the order of cache lines. */
const copyRows = (code: Code, p: Plane, target: I32, source: I32, [from, to]: Span): void => {
  if (p.width < 4) {
    copyElements(code, p, target, source, [from, to], i32(0))
    return
  }
  const side = 16 / p.width
  const [tile, line] = [TILE / p.width, LINE / p.width]
  const columns = p.columns - (p.columns % side)
  const whole = p.rows % side === 0 ? to : code.let(minus(to, remainder(minus(to, from), side)))
  inPieces(code, [i32(0), i32(columns)], tile, (wide) => {
    inPieces(code, [from, whole], line, (rows) => {
      inPieces(code, wide, line, (narrow) => {
        copySquares(code, p, target, source, rows, narrow)
      })
    })
  })
  // The remaining columns of all rows, and the remaining rows of the others.
  if (columns < p.columns) copyElements(code, p, target, source, [from, to], i32(columns))
  if (p.rows % side !== 0) copyElements(code, { ...p, columns }, target, source, [whole, to], i32(0))
}

const planePhase = (block: Grid, rowAxis: number, width: number): Phase => {
  const last = block.shape.length - 1
  const outer = axesOf(
    block,
    range(last).filter((d) => d !== rowAxis),
  )
  const rows = block.shape[rowAxis]!
  const plane: Plane = {
    width,
    rows,
    columns: block.shape[last]!,
    rowStride: block.strides[0]![rowAxis]!,
    columnStride: block.strides[1]![last]!,
  }
  const tile = TILE / width
  const tiles = Math.ceil(rows / tile)
  return {
    count: pointsOf(outer) * tiles,
    grain: grainOf(2 * plane.columns * TILE, TILE),
    emit: (code, { inputs, outputs }, lo, hi) => {
      code.for(lo, hi, 1, (i) => {
        const point = coordinates(code, outer.shape, tiles === 1 ? i : code.let(quotient(i, tiles)))
        const [target, source] = addressesAt(code, outer, [outputs[0]!, inputs[0]!], point)
        const from = code.let(times(remainder(i, tiles), tile))
        copyRows(code, plane, target!, source!, [from, code.let(smaller(plus(from, tile), rows))])
      })
    },
  }
}

export const transposeRoutine: RoutineFor<'transpose'> = ({ permutation }, [x], [out]) => {
  if (out!.size === 0) return { scratch: 0, phases: [], imports: [] }
  const width = bitsOf(x!.dtype) / 8
  const from = stridesOf(x!.shape).map((s) => s * width)
  const to = stridesOf(out!.shape).map((s) => s * width)
  const block = simplify({ shape: out!.shape, strides: [to, permutation.map((p) => from[p]!)] })
  const rowAxis = block.strides[1]!.indexOf(width)
  const moves = rowAxis >= 0 && rowAxis < block.shape.length - 1
  const phase = moves
    ? planePhase(block, rowAxis, width)
    : blockPhase(block, width, (_, { inputs, outputs }) => ({ target: outputs[0]!, source: inputs[0]! }))
  return { scratch: 0, phases: [phase], imports: [] }
}
