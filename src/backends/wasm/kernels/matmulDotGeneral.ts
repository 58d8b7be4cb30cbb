/** Contractions of any axes, as matrix products: axes of a kind become one where their strides allow it. */
import type { Aval } from '../../../core/aval.ts'
import type { DotGeneralParams } from '../../../ir/op.ts'
import { simplify } from './grid.ts'
import type { Float, I32 } from './matmulFloat.ts'
import { floatOf } from './matmulFloat.ts'
import type { Matrices, Product, Step } from './matmulProduct.ts'
import type { Axes } from './matmulScratch.ts'
import { copyToScratch, rowMajor } from './matmulScratch.ts'
import { productRoutine, resultOf } from './matmul.ts'
import type { Places, Routine, RoutineFor } from './routine.ts'

/** An operand's axes by what they are in the contraction. Strides in bytes. */
interface Operand {
  readonly base: (places: Places) => I32
  readonly batch: Axes
  readonly free: Axes
  readonly contract: Axes
}

const axesOf = (shape: readonly number[], strides: readonly number[], which: readonly number[]): Axes => ({
  shape: which.map((d) => shape[d]!),
  strides: which.map((d) => strides[d]!),
})

const sizeOf = ({ shape }: Axes): number => shape.reduce((x, y) => x * y, 1)

/** The same elements in the same order over the fewest axes. */
const fewest = ({ shape, strides }: Axes): Axes => {
  const grid = simplify({ shape, strides: [strides] })
  return { shape: grid.shape, strides: grid.strides[0]! }
}

const isOne = (axes: Axes): boolean => fewest(axes).shape.length <= 1

/** The stride of axes that are one. */
const strideOf = (axes: Axes): number => fewest(axes).strides[0] ?? 0

const ordered = ({ shape, strides }: Axes, order: readonly number[]): Axes => axesOf(shape, strides, order)

const byStride = ({ strides }: Axes): readonly number[] =>
  strides.map((_, d) => d).sort((p, q) => Math.abs(strides[q]!) - Math.abs(strides[p]!))

/**
 * The contracting axes may be taken in any order, the same for both operands: one in which they are one axis of both, if there
 * is such an order, else of the larger one.
 */
const withGoodOrder = (x: Operand, y: Operand): readonly [Operand, Operand] => {
  const reorder = (order: readonly number[]): readonly [Operand, Operand] => [
    { ...x, contract: ordered(x.contract, order) },
    { ...y, contract: ordered(y.contract, order) },
  ]
  const larger = sizeOf(x.free) > sizeOf(y.free) ? x : y
  const choices = [larger, larger === x ? y : x].map(({ contract }) => reorder(byStride(contract)))
  return choices.find(([p, q]) => isOne(p.contract) && isOne(q.contract)) ?? choices[0]!
}

const isUnit = ({ strides }: Axes, float: Float): boolean => strides.at(-1) === float.bytes

/** An operand that a product can use, what has to be done before, and where scratch memory is free from then on. */
interface Prepared {
  readonly operand: Operand
  readonly steps: readonly Step[]
  readonly scratch: number
}

const asItIs = (operand: Operand, scratch: number): Prepared => ({ operand, steps: [], scratch })

/** An operand copied to scratch memory: rows are axes along which its elements are neighbours already, where there are any. */
const copyOperand = (float: Float, x: Operand, start: number): Prepared => {
  const turned = isUnit(x.free, float) && !isUnit(x.contract, float)
  const parts = turned ? [x.contract, x.free] : [x.free, x.contract]
  const inner = { shape: parts.flatMap((part) => part.shape), strides: parts.flatMap((part) => part.strides) }
  const copy = copyToScratch(float, x.base, x.batch, inner, start)
  const split = parts[0]!.shape.length
  const [first, second] = [copy.inner.slice(0, split), copy.inner.slice(split)]
  const [free, contract] = turned ? [second, first] : [first, second]
  const operand: Operand = {
    base: copy.base,
    batch: { shape: x.batch.shape, strides: copy.outer },
    free: { shape: x.free.shape, strides: free },
    contract: { shape: x.contract.shape, strides: contract },
  }
  return { operand, steps: [copy.step], scratch: copy.scratch }
}

/** So many rows in the last free axis make products for each point of the others worth while. */
const ROWS = 16

const isMatrix = (x: Operand): boolean => isOne(x.contract) && isOne(x.free)
const isBatchOfMatrices = (x: Operand): boolean => isOne(x.contract) && (fewest(x.free).shape.at(-1) ?? 1) >= ROWS

/** The product, once both operands are matrices: x perhaps several, one for each point of its free axes but the last. */
const productOf = (float: Float, x: Operand, y: Operand): Product => {
  const free = fewest(x.free)
  const several = { shape: free.shape.slice(0, -1), strides: free.strides.slice(0, -1) }
  const batch = [...x.batch.shape, ...several.shape]
  const [m, n, k] = [free.shape.at(-1) ?? 1, sizeOf(y.free), sizeOf(x.contract)]
  const a: Matrices = {
    base: x.base,
    batch: [...x.batch.strides, ...several.strides],
    row: free.strides.at(-1) ?? 0,
    col: strideOf(x.contract),
  }
  const b: Matrices = {
    base: y.base,
    batch: [...y.batch.strides, ...several.shape.map(() => 0)],
    row: strideOf(y.contract),
    col: strideOf(y.free),
  }
  return { float, batch, m, n, k, a, b, c: resultOf(batch, m, n, float.bytes) }
}

const operandOf = (
  index: 0 | 1,
  { contract, batch }: DotGeneralParams,
  shape: readonly number[],
  strides: readonly number[],
): Operand => {
  const others = shape.map((_, d) => d).filter((d) => !contract[index].includes(d) && !batch[index].includes(d))
  return {
    base: ({ inputs }) => inputs[index]!,
    batch: axesOf(shape, strides, batch[index]),
    free: axesOf(shape, strides, others),
    contract: axesOf(shape, strides, contract[index]),
  }
}

type Pair<T> = readonly [T, T]

/**
 * A contraction of views: of elements that lie at `operandStrides` (in elements, by axis; 0 for a broadcast axis) from where
 * the operands' places point. Null for dtypes other than float32 and float64.
 */
export const stridedDotGeneral = (
  params: DotGeneralParams,
  operandShapes: Pair<readonly number[]>,
  operandStrides: Pair<readonly number[]>,
  outputs: readonly Aval[],
): Routine | null => {
  const { dtype, shape } = outputs[0]!
  if (dtype !== 'float32' && dtype !== 'float64') return null
  const float = floatOf(dtype)
  const bytes = (index: 0 | 1): number[] => operandStrides[index].map((stride) => stride * float.bytes)
  const [x, y] = withGoodOrder(
    operandOf(0, params, operandShapes[0], bytes(0)),
    operandOf(1, params, operandShapes[1], bytes(1)),
  )
  const left = isMatrix(x) || isBatchOfMatrices(x) ? asItIs(x, 0) : copyOperand(float, x, 0)
  const right = isMatrix(y) ? asItIs(y, left.scratch) : copyOperand(float, y, left.scratch)
  const product = productOf(float, left.operand, right.operand)
  return productRoutine(product, shape.at(-1) ?? 1, [...left.steps, ...right.steps], right.scratch)
}

/** Contractions of arrays whose elements lie in row-major order. */
export const dotGeneralRoutine: RoutineFor<'dotGeneral'> = (params, operands, outputs) => {
  const [x, y] = operands as Pair<Aval>
  return stridedDotGeneral(params, [x.shape, y.shape], [rowMajor(x.shape, 1), rowMajor(y.shape, 1)], outputs)
}
