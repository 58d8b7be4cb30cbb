/** NumPy's matrix products. */
import { ShapeError } from '../core/errors.ts'
import { broadcastTwo, range } from '../core/shape.ts'
import { dotGeneral } from '../ops/contraction.ts'
import { mul } from '../ops/elementwise.ts'
import { broadcastTo, expandDims, reshape } from '../ops/movement.ts'
import type { OwnProducts } from '../trace/products.ts'
import { hasOwnProducts, products } from '../trace/products.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { arrayFor } from '../conversions/convert.ts'
import { promoteAll } from '../conversions/promote.ts'

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

/** The product with an operand that computes its own products. */
const ownProduct = (x: unknown, y: unknown): NDArray | null => {
  const own = hasOwnProducts(x) ? x : hasOwnProducts(y) ? y : null
  return own === null ? null : own[products].matmul(x, y)
}

export const matmul = (x: ArrayLike | OwnProducts, y: ArrayLike | OwnProducts): NDArray =>
  ownProduct(x, y) ?? matmulArrays(x as ArrayLike, y as ArrayLike)

const matmulArrays = (x: ArrayLike, y: ArrayLike): NDArray => {
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
  // A single matrix on the right is shared by all matrices on the left: one product.
  if (b.aval.rank === 2) return dotGeneral(a, b, { contract: [[a.aval.rank - 1], [0]], batch: [[], []] })
  const stack = broadcastTwo('np.matmul', a.aval.shape.slice(0, -2), b.aval.shape.slice(0, -2))
  return matmulStacks(
    broadcastTo(a, [...stack, ...a.aval.shape.slice(-2)]),
    broadcastTo(b, [...stack, ...b.aval.shape.slice(-2)]),
  )
}

/** A matrix with its own products, for ranks at which `dot` and `matmul` are the same. */
const dotOwn = (x: ArrayLike | OwnProducts, y: ArrayLike | OwnProducts): NDArray => {
  const [left, right] = [x, y].map((z) => (hasOwnProducts(z) ? z.ndim : arrayFor('np.dot', z).ndim)) as [number, number]
  const isProduct = hasOwnProducts(y) ? left > 0 && right === 2 : left === 2 && (right === 1 || right === 2)
  if (isProduct) return matmul(x, y)
  throw new ShapeError(
    `np.dot: ${left} axes and ${right}, of which one operand is not an array but a matrix that computes its own products. np.dot takes ` +
      'it with two axes, on the right of arrays, or on the left of vectors and matrices; np.einsum says which axes meet.',
  )
}

export const dot = (x: ArrayLike | OwnProducts, y: ArrayLike | OwnProducts): NDArray =>
  hasOwnProducts(x) || hasOwnProducts(y) ? dotOwn(x, y) : dotArrays(x, y)

const dotArrays = (x: ArrayLike, y: ArrayLike): NDArray => {
  const [a, b] = two('np.dot', x, y)
  if (a.aval.rank === 0) return mul(broadcastTo(a, b.aval.shape), b)
  if (b.aval.rank === 0) return mul(a, broadcastTo(b, a.aval.shape))
  const axis = b.aval.rank === 1 ? -1 : -2
  checkInner('np.dot', a, b, axis)
  return dotGeneral(a, b, { contract: [[a.aval.rank - 1], [b.aval.rank + axis]], batch: [[], []] })
}
