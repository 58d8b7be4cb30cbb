/** NumPy's matrix products. */
import { ShapeError } from '../core/errors.ts'
import { broadcastTwo, range } from '../core/shape.ts'
import { dotGeneral } from '../ops/contraction.ts'
import { mul } from '../ops/elementwise.ts'
import { broadcastTo, expandDims, reshape } from '../ops/movement.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'
import { arrayFor } from './convert.ts'
import { promoteAll } from './promote.ts'

const two = (operation: string, x: ArrayLike, y: ArrayLike): readonly [NDArray, NDArray] =>
  promoteAll([arrayFor(operation, x), arrayFor(operation, y)]) as readonly [NDArray, NDArray]

/** Stacks of matrices with equal leading axes. */
const matmulStacks = (a: NDArray, b: NDArray): NDArray => {
  const batch = range(a.aval.rank - 2)
  return dotGeneral(a, b, { contract: [[a.aval.rank - 1], [b.aval.rank - 2]], batch: [batch, batch] })
}

const checkInner = (operation: string, a: NDArray, b: NDArray, axis: number): void => {
  if (a.aval.shape.at(-1) === b.aval.shape.at(axis)) return
  throw new ShapeError(
    `${operation}: ${a.aval} and ${b.aval} do not fit: the last axis of the first has ${a.aval.shape.at(-1)!}, ` +
      `axis ${axis} of the second ${b.aval.shape.at(axis)!}.`,
  )
}

export const matmul = (x: ArrayLike, y: ArrayLike): NDArray => {
  const [a, b] = two('np.matmul', x, y)
  if (a.aval.rank === 0 || b.aval.rank === 0) {
    throw new ShapeError(`np.matmul: operands need at least one axis, got ${a.aval} and ${b.aval}. Use multiply.`)
  }
  checkInner('np.matmul', a, b, b.aval.rank === 1 ? -1 : -2)
  const left = a.aval.rank === 1 ? expandDims(a, 0) : a
  const right = b.aval.rank === 1 ? expandDims(b, 1) : b
  const product = matmulBatched(left, right)
  const dropped = product.aval.shape.filter(
    (_, d, s) => !(d === s.length - 2 && a.aval.rank === 1) && !(d === s.length - 1 && b.aval.rank === 1),
  )
  return reshape(product, dropped)
}

const matmulBatched = (a: NDArray, b: NDArray): NDArray => {
  // A matrix on the right serves all stacks on the left: one product.
  if (b.aval.rank === 2) return dotGeneral(a, b, { contract: [[a.aval.rank - 1], [0]], batch: [[], []] })
  const stack = broadcastTwo('np.matmul', a.aval.shape.slice(0, -2), b.aval.shape.slice(0, -2))
  return matmulStacks(
    broadcastTo(a, [...stack, ...a.aval.shape.slice(-2)]),
    broadcastTo(b, [...stack, ...b.aval.shape.slice(-2)]),
  )
}

export const dot = (x: ArrayLike, y: ArrayLike): NDArray => {
  const [a, b] = two('np.dot', x, y)
  if (a.aval.rank === 0) return mul(broadcastTo(a, b.aval.shape), b)
  if (b.aval.rank === 0) return mul(a, broadcastTo(b, a.aval.shape))
  const axis = b.aval.rank === 1 ? -1 : -2
  checkInner('np.dot', a, b, axis)
  return dotGeneral(a, b, { contract: [[a.aval.rank - 1], [b.aval.rank + axis]], batch: [[], []] })
}
