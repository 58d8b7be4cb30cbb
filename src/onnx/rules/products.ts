/** Products of matrices, convolutions, and weights in blocks. */
import { inversePermutation, range, sizeOf } from '../../core/shape.ts'
import type { Shape } from '../../core/shape.ts'
import type { ConvParams, OpParams } from '../../ir/op.ts'
import { slidingAxes } from '../../primitives/convolution/sliding.ts'
import { blocksOf, quantizedProductOf } from '../../stablehlo/expansions/index.ts'
import type { Typed } from '../format.ts'
import type { Value, Writer } from '../writer.ts'
import { padded } from './movement.ts'
import { windowsAlong } from './reduction.ts'
import { expanded } from './rule.ts'
import type { Rule, Rules } from './rule.ts'

const extentsOf = (x: Typed, axes: readonly number[]): Shape => axes.map((d) => x.shape[d]!)
const isSame = (a: readonly number[], b: readonly number[]): boolean =>
  a.length === b.length && a.every((n, i) => n === b[i])

/** Of one operand, the axes that are neither contracted nor batch axes. */
const freeAxes = (x: Typed, contract: readonly number[], batch: readonly number[]): readonly number[] =>
  range(x.shape.length).filter((d) => !contract.includes(d) && !batch.includes(d))

/** The product with a matrix, or of stacks of matrices, as they are; null where axes stand otherwise. */
const asItStands = (
  w: Writer,
  x: Value,
  y: Value,
  { contract, batch }: OpParams['dotGeneral'],
  out: Typed,
): Value | null => {
  const [p, q] = [x.shape.length, y.shape.length]
  const shared = batch[0].length
  const isStack = isSame(batch[0], range(shared)) && isSame(batch[1], range(shared))
  const isLast = isSame(contract[0], [p - 1])
  if (!isStack || !isLast || contract[1].length !== 1 || q !== shared + 2) return null
  if (shared > 0 && p !== shared + 2) return null
  if (p < 2) return null
  const isTurned = contract[1][0] === q - 1
  const matrix = isTurned ? w.transpose(y, [...range(shared), q - 1, q - 2]) : y
  return w.one('MatMul', [x, matrix], out)
}

/** Operands as stacks of matrices, batch axes first. */
const asMatrices = (w: Writer, x: Value, y: Value, { contract, batch }: OpParams['dotGeneral'], out: Typed): Value => {
  const [left, right] = [freeAxes(x, contract[0], batch[0]), freeAxes(y, contract[1], batch[1])]
  const stack = extentsOf(x, batch[0])
  const depth = sizeOf(extentsOf(x, contract[0]))
  const [rows, columns] = [sizeOf(extentsOf(x, left)), sizeOf(extentsOf(y, right))]
  const a = w.reshape(w.transpose(x, [...batch[0], ...left, ...contract[0]]), [...stack, rows, depth])
  const b = w.reshape(w.transpose(y, [...batch[1], ...contract[1], ...right]), [...stack, depth, columns])
  const product = w.one('MatMul', [a, b], { dtype: x.dtype, shape: [...stack, rows, columns] })
  return w.reshape(product, out.shape)
}

const product = (w: Writer, x: Value, y: Value, params: OpParams['dotGeneral'], out: Typed): Value =>
  sizeOf(x.shape) === 0 || sizeOf(y.shape) === 0
    ? w.like(0, { ...out, dtype: x.dtype })
    : (asItStands(w, x, y, params, out) ?? asMatrices(w, x, y, params, out))

const dotGeneral: Rule<'dotGeneral'> = (w, operands, params, [out]) => [
  w.computed(operands, (x, y) => product(w, x, y, params, { dtype: x.dtype, shape: out!.shape })),
]

/** Groups of the batch as groups of features. */
const batchAsFeatures = (w: Writer, x: Value, groups: number): Value => {
  const [n, c, ...spatial] = x.shape
  const apart = w.reshape(x, [groups, n! / groups, c!, ...spatial])
  const moved = w.transpose(apart, [1, 0, ...range(spatial.length + 1).map((d) => d + 2)])
  return w.reshape(moved, [n! / groups, groups * c!, ...spatial])
}

/** ONNX's own operator, which has kernels for float32: at least one axis to slide along. */
const nativeConvolution = (w: Writer, x: Value, kernel: Value, p: ConvParams, group: number, shape: Shape): Value => {
  const isPoint = p.windowStrides.length === 0
  const [a, b] = isPoint ? [w.reshape(x, [...x.shape, 1]), w.reshape(kernel, [...kernel.shape, 1])] : [x, kernel]
  const attributes = isPoint
    ? { group }
    : {
        dilations: p.rhsDilation,
        group,
        pads: [...p.padding.map(([low]) => low), ...p.padding.map(([, high]) => high)],
        strides: p.windowStrides,
      }
  const out = { dtype: x.dtype, shape: isPoint ? [...shape, 1] : shape }
  return w.reshape(w.one('Conv', [a, b], out, attributes), shape)
}

/** All windows side by side, times the kernel. Padding is what windows meet nothing in. */
const productOfWindows = (w: Writer, x: Value, kernel: Value, p: ConvParams, groups: number, shape: Shape): Value => {
  const [n, c, ...spatial] = x.shape
  const [m, depth, ...window] = kernel.shape
  const sliding = slidingAxes(spatial, {
    windowDimensions: window,
    windowStrides: p.windowStrides,
    padding: p.padding,
    baseDilation: p.lhsDilation,
    windowDilation: p.rhsDilation,
  })
  const zero = w.constant(0, x.dtype)
  const windows = sliding.reduce((y, axis, i) => windowsAlong(w, y, axis, 2 + 2 * i, zero), x)
  const outs = sliding.map(({ out }) => out)
  const [count, size] = [sizeOf(outs), sizeOf(window)]
  // [n, groups, depth, out, window, …] to [n, groups, outs, depth · windows]
  const apart = w.reshape(windows, [n!, groups, c! / groups, ...sliding.flatMap((a) => [a.out, a.window])])
  const places = range(sliding.length)
  const order = [0, 1, ...places.map((i) => 3 + 2 * i), 2, ...places.map((i) => 4 + 2 * i)]
  const rows = w.reshape(w.transpose(apart, order), [n!, groups, count, depth! * size])
  const columns = w.transpose(w.reshape(kernel, [1, groups, m! / groups, depth! * size]), [0, 1, 3, 2])
  const products = w.one('MatMul', [rows, columns], { dtype: x.dtype, shape: [n!, groups, count, m! / groups] })
  return w.reshape(w.transpose(products, [0, 1, 3, 2]), shape)
}

const conv: Rule<'conv'> = (w, operands, p, [out]) => [
  w.computed(operands, (lhs, rhs) => {
    if (sizeOf(lhs.shape) === 0 || sizeOf(rhs.shape) === 0) return w.constant(0, lhs.dtype, out!.shape)
    const image = w.transpose(lhs, p.lhsSpec)
    const kernel = w.transpose(rhs, p.rhsSpec)
    const groups = p.featureGroupCount * p.batchGroupCount
    const x = p.batchGroupCount === 1 ? image : batchAsFeatures(w, image, p.batchGroupCount)
    const shape = p.outSpec.map((d) => out!.shape[d]!)
    const isNative = x.dtype === 'float32'
    const isPlain = p.lhsDilation.every((d) => d === 1) && p.padding.every(([low, high]) => low >= 0 && high >= 0)
    const result = isNative
      ? nativeConvolution(w, isPlain ? x : spreadOut(w, x, p), kernel, isPlain ? p : withoutPadding(p), groups, shape)
      : productOfWindows(w, x, kernel, p, groups, shape)
    return w.transpose(result, inversePermutation(p.outSpec))
  }),
]

/** The image as padding and dilation make it. */
const spreadOut = (w: Writer, x: Value, p: ConvParams): Value =>
  padded(w, x, w.constant(0, x.dtype), {
    low: [0, 0, ...p.padding.map(([low]) => low)],
    high: [0, 0, ...p.padding.map(([, high]) => high)],
    interior: [0, 0, ...p.lhsDilation.map((d) => d - 1)],
  })

const withoutPadding = (p: ConvParams): ConvParams => ({ ...p, padding: p.padding.map(() => [0, 0]) })

export const products = {
  dotGeneral,
  conv,
  dequantize: expanded('dequantize', blocksOf),
  quantizedDot: expanded('quantizedDot', quantizedProductOf),
} satisfies Partial<Rules>
