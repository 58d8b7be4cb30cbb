/** The operands of a matrix product, its iterations, and the kernels that compute one of them. */
import type { Code, Func } from '../asm/index.ts'
import { i32 } from '../asm/index.ts'
import { addressesAt, coordinates, pointsOf } from './grid.ts'
import { minus, smaller, times } from './integers.ts'
import { blockName } from './matmulBlock.ts'
import type { Float, I32 } from './matmulFloat.ts'
import { smallName } from './matmulSmall.ts'
import { combineName, dotsName } from './matmulVector.ts'
import type { Phase, Places } from './routine.ts'

/** A matrix for each point of the batch axes, somewhere in memory. Strides are in bytes. */
export interface Matrices {
  readonly base: (places: Places) => I32
  readonly batch: readonly number[]
  readonly row: number
  readonly col: number
}

/** C = A B over batch axes; C's columns are contiguous. */
export interface Product {
  readonly float: Float
  readonly batch: readonly number[]
  readonly m: number
  readonly n: number
  readonly k: number
  readonly a: Matrices
  readonly b: Matrices
  readonly c: Matrices
}

/** The most rows, columns and steps along k of an iteration. */
export interface Cut {
  readonly rows: number
  readonly cols: number
  readonly depth: number
}

/** A phase, and the library functions that it calls. */
export interface Step {
  readonly phase: Phase
  readonly imports: readonly string[]
}

/** Where an iteration's matrices begin, and their extents. */
interface Piece {
  readonly a: I32
  readonly b: I32
  readonly c: I32
  readonly rows: I32
  readonly cols: I32
  readonly depth: I32
}

/** A library function that computes pieces, and its approximate time for one, in nanoseconds. */
export interface Kernel {
  readonly name: (float: Float) => string
  readonly args: (product: Product, piece: Piece) => readonly I32[]
  readonly nanoseconds: (product: Product, extents: Cut) => number
}

const flops = ({ rows, cols, depth }: Cut): number => 2 * rows * cols * depth

// Rates are those of a machine of 2023: they only have to tell microseconds from milliseconds.
const blockTime = ({ float }: Product, extents: Cut): number => 100 + flops(extents) / (8 * float.lanes)
const streamTime = ({ float }: Product, extents: Cut): number => 50 + (flops(extents) * float.bytes) / 20

export const small: Kernel = {
  name: smallName,
  args: ({ a, b }, { a: x, b: y, c, rows, cols, depth }) => [
    c,
    x,
    i32(a.row),
    i32(a.col),
    y,
    i32(b.row),
    i32(b.col),
    rows,
    cols,
    depth,
  ],
  nanoseconds: (_, extents) => 20 + flops(extents) / 2,
}

/** For one row, with contiguous rows of B. */
export const combine: Kernel = {
  name: combineName,
  args: ({ a, b }, piece) => [piece.c, piece.a, i32(a.col), piece.b, i32(b.row), piece.depth, piece.cols],
  nanoseconds: streamTime,
}

/** For a few rows, contiguous ones, with contiguous columns of B. */
export const dots: Kernel = {
  name: dotsName,
  args: ({ a, b, c }, { a: x, b: y, c: z, rows, cols, depth }) => [
    z,
    i32(c.row),
    x,
    i32(a.row),
    y,
    i32(b.col),
    rows,
    cols,
    depth,
  ],
  nanoseconds: streamTime,
}

/** With B in panels, which `b.row` and `b.col` do not describe. */
export const packedBlock: Kernel = {
  name: (float) => blockName(float, true),
  args: ({ a, c }, piece) => [
    piece.c,
    i32(c.row),
    piece.a,
    i32(a.row),
    i32(a.col),
    piece.b,
    piece.rows,
    piece.cols,
    piece.depth,
  ],
  nanoseconds: blockTime,
}

/** With B in place; `repack`: each panel is copied before it is used. */
export const plainBlock = (repack: boolean): Kernel => ({
  name: (float) => blockName(float, false),
  args: ({ a, b, c }, piece) => [
    piece.c,
    i32(c.row),
    piece.a,
    i32(a.row),
    i32(a.col),
    piece.b,
    i32(b.row),
    i32(b.col),
    piece.rows,
    piece.cols,
    piece.depth,
    i32(repack ? 1 : 0),
  ],
  nanoseconds: blockTime,
})

interface Axis {
  readonly extent: number
  readonly a: number
  readonly b: number
  readonly c: number
}

const smallest = (x: Cut, y: Cut): Cut => ({
  rows: Math.min(x.rows, y.rows),
  cols: Math.min(x.cols, y.cols),
  depth: Math.min(x.depth, y.depth),
})

/** The distance to the end, at most a block. */
const extentAt = (block: I32, size: number, total: number): I32 =>
  total % size === 0 ? i32(size) : smaller(minus(total, times(block, size)), size)

/** Iterations per 20 microseconds. */
export const grainOf = (nanoseconds: number): number => Math.max(1, Math.floor(20_000 / nanoseconds))

/**
 * The iterations over batch, blocks of rows, of columns, and chunks of k, in this order. Where k is split, C has a further
 * batch axis, the last one, for the chunks.
 */
export const productStep = (product: Product, cut: Cut, kernel: Kernel): Step => {
  const { float, batch, m, n, k, a, b, c } = product
  const size = smallest(cut, { rows: m, cols: n, depth: k })
  const axes: readonly Axis[] = [
    ...batch.map((extent, d) => ({ extent, a: a.batch[d]!, b: b.batch[d]!, c: c.batch[d]! })),
    { extent: Math.ceil(m / size.rows), a: size.rows * a.row, b: 0, c: size.rows * c.row },
    { extent: Math.ceil(n / size.cols), a: 0, b: size.cols * b.col, c: size.cols * c.col },
    { extent: Math.ceil(k / size.depth), a: size.depth * a.col, b: size.depth * b.row, c: c.batch[batch.length] ?? 0 },
  ]
  const long = axes.filter((axis) => axis.extent > 1)
  const grid = {
    shape: long.map((axis) => axis.extent),
    strides: [long.map((axis) => axis.a), long.map((axis) => axis.b), long.map((axis) => axis.c)],
  }
  const emitOne = (code: Code, bases: readonly I32[], i: I32, library: (name: string) => Func): void => {
    const point = coordinates(code, grid.shape, i)
    const [x, y, z] = addressesAt(code, grid, bases, point) as [I32, I32, I32]
    const blocks = axes.slice(-3).map((axis) => (axis.extent > 1 ? point[long.indexOf(axis)]! : i32(0)))
    const [rowBlock, colBlock, chunk] = blocks as [I32, I32, I32]
    const piece = {
      a: x,
      b: y,
      c: z,
      rows: extentAt(rowBlock, size.rows, m),
      cols: extentAt(colBlock, size.cols, n),
      depth: extentAt(chunk, size.depth, k),
    }
    code.call(library(kernel.name(float)), ...kernel.args(product, piece))
  }
  const phase: Phase = {
    count: pointsOf(grid),
    grain: grainOf(kernel.nanoseconds(product, size)),
    emit: (code, places, lo, hi, library) => {
      const bases = [a, b, c].map(({ base }) => code.let(base(places)))
      code.for(lo, hi, 1, (i) => {
        emitOne(code, bases, i, library)
      })
    },
  }
  return { phase, imports: [kernel.name(float)] }
}
