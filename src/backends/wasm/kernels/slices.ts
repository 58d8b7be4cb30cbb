/** Slices of an operand at starts that an array of indices gives: shared by gather and the scatters. */
import type { Aval } from '../../../core/aval.ts'
import { bitsOf } from '../../../core/dtype.ts'
import type { Shape } from '../../../core/shape.ts'
import { range, stridesOf } from '../../../core/shape.ts'
import type { IndexMode } from '../../../ir/op.ts'
import type { Code, Expr } from '../asm/index.ts'
import { i32, load, op } from '../asm/index.ts'
import type { Grid } from './grid.ts'
import { clamped, offsetBy, times } from './integers.ts'

type I32 = Expr<'i32'>

/** How slices correspond to a grid of starts and a window in the other array: a gather's result, a scatter's updates. */
export interface SliceNumbers {
  /** The window in the operand: 1 along collapsed and batching axes. */
  readonly window: Shape
  /** Axes of the other array over the window, in order. */
  readonly windowDims: readonly number[]
  readonly collapsedDims: readonly number[]
  readonly operandBatchingDims: readonly number[]
  readonly indicesBatchingDims: readonly number[]
  readonly indexMap: readonly number[]
  readonly mode: IndexMode
}

export interface Slices {
  /** Of starts; arrays: indices, the other array, the operand (where a batching axis of the starts says so). */
  readonly starts: Grid
  /** Axes of `starts` that are batching axes. */
  readonly batchAxes: readonly number[]
  /** Of places in a slice; arrays: the other array, the operand. */
  readonly window: Grid
  /** Axes of `window` along which no index moves the slice. */
  readonly freeAxes: readonly number[]
  /** For each coordinate of a start, the greatest that keeps the slice inside, and the operand's stride. */
  readonly limits: readonly { readonly limit: number; readonly stride: number }[]
  readonly signed: boolean
  readonly width: number
  readonly mode: IndexMode
}

const bytesPer = (aval: Aval): number => bitsOf(aval.dtype) / 8

const scaled = (strides: readonly number[], by: number): number[] => strides.map((s) => s * by)

/** Null for indices other than 32-bit integers. */
export const slicesOf = (n: SliceNumbers, operand: Aval, indices: Aval, other: Aval): Slices | null => {
  if (indices.dtype !== 'int32' && indices.dtype !== 'uint32') return null
  const width = bytesPer(operand)
  const strides = scaled(stridesOf(operand.shape), width)
  const otherStrides = scaled(stridesOf(other.shape), width)
  const startDims = range(other.rank).filter((d) => !n.windowDims.includes(d))
  const startShape = startDims.map((d) => other.shape[d]!)
  const batchStride = (axis: number): number => {
    const b = n.indicesBatchingDims.indexOf(axis)
    return b < 0 ? 0 : strides[n.operandBatchingDims[b]!]!
  }
  const windowDims = range(operand.rank).filter(
    (d) => !n.collapsedDims.includes(d) && !n.operandBatchingDims.includes(d),
  )
  return {
    starts: {
      shape: startShape,
      strides: [
        scaled(stridesOf(startShape), 4 * n.indexMap.length),
        startDims.map((d) => otherStrides[d]!),
        startDims.map((_, axis) => batchStride(axis)),
      ],
    },
    batchAxes: n.indicesBatchingDims,
    window: {
      shape: windowDims.map((d) => n.window[d]!),
      strides: [n.windowDims.map((d) => otherStrides[d]!), windowDims.map((d) => strides[d]!)],
    },
    freeAxes: range(windowDims.length).filter((axis) => !n.indexMap.includes(windowDims[axis]!)),
    limits: n.indexMap.map((d) => ({ limit: operand.shape[d]! - n.window[d]!, stride: strides[d]! })),
    signed: indices.dtype === 'int32',
    width,
    mode: n.mode,
  }
}

/** The clipped start of a slice in the operand, and whether it was inside (null where that is not needed). */
export const sliceAt = (
  code: Code,
  { limits, signed, mode }: Slices,
  indices: I32,
  operand: I32,
): { readonly place: I32; readonly inside: I32 | null } => {
  const starts = limits.map((_, c) => code.let(load('i32.load', indices, 4 * c)))
  const steps = limits.map(({ limit, stride }, c) => times(clamped(starts[c]!, limit, signed), stride))
  const place = code.let(offsetBy(operand, steps))
  if (mode !== 'fill' || limits.length === 0) return { place, inside: null }
  // Read as unsigned, negative values are beyond every limit.
  const tests = limits.map(({ limit }, c) => op('i32.le_u', starts[c]!, i32(limit)))
  return { place, inside: tests.reduce((all, test) => op('i32.and', all, test)) }
}
