/** `np`: products of vectors and of matrices, over last axes. */
import { calledAs } from '../core/calledAs.ts'
import { ShapeError } from '../core/errors.ts'
import { normalizeAxis, range } from '../core/shape.ts'
import { arrayFor, asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { promoteAll } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { dot } from './contraction.ts'
import { einsum } from './einsum.ts'
import * as np from './elementwise.ts'
import { stack } from './joining.ts'
import { moveaxis, ravel, reshape } from './movement.ts'

const vdotDoor = must.door('np.vdot', { x: must.arrayLike, y: must.arrayLike })

/**
 * Sum of products of all elements.
 *
 * @throws ShapeError unless both have the same number.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.vdot(np.array([[1, 2], [3, 4]]), np.array([[1, 1], [1, 1]])) // => 10.
 * ```
 */
export const vdot = (x: ArrayLike, y: ArrayLike): NDArray => {
  vdotDoor(x, y)
  return calledAs('np.vdot', () => dot(ravel(x), ravel(y)))
}

const vecdotDoor = must.door('np.vecdot', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number }>({ axis: must.axis }),
})

/**
 * Sums of products along an axis, the last by default; the others broadcast.
 *
 * @throws ShapeError if the extents differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.vecdot(np.array([[1, 2], [3, 4]]), np.array([1, 10])) // => [21. 43.]
 * ```
 */
export const vecdot = (x: ArrayLike, y: ArrayLike, options: { readonly axis?: number } = {}): NDArray => {
  vecdotDoor(x, y, options)
  const { axis = -1 } = options
  const [a, b] = promoteAll([asArray(x), asArray(y)]).map((z) => {
    if (z.ndim === 0) throw new ShapeError(`np.vecdot: takes vectors, got ${z.aval}.`)
    return moveaxis(z, axis, -1)
  }) as [NDArray, NDArray]
  if (a.shape.at(-1) !== b.shape.at(-1)) throw new ShapeError(`np.vecdot: extents differ: ${a.aval} and ${b.aval}.`)
  return einsum('...i,...i->...', a, b)
}

/**
 * Products of matrices and vectors; leading axes broadcast.
 *
 * @throws ShapeError if the extents differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.matvec(np.array([[1, 2], [3, 4]]), np.array([1, 1])) // => [3. 7.]
 * ```
 */
export const matvec = (a: ArrayLike, x: ArrayLike): NDArray =>
  calledAs('np.matvec', () => einsum('...ij,...j->...i', arrayFor('np.matvec', a), arrayFor('np.matvec', x)))

/**
 * Products of vectors and matrices; leading axes broadcast.
 *
 * @throws ShapeError if the extents differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.vecmat(np.array([1, 1]), np.array([[1, 2], [3, 4]])) // => [4. 6.]
 * ```
 */
export const vecmat = (x: ArrayLike, a: ArrayLike): NDArray =>
  calledAs('np.vecmat', () => einsum('...i,...ij->...j', arrayFor('np.vecmat', x), arrayFor('np.vecmat', a)))

/** Options of `cross`. */
export interface CrossOptions {
  /** Axis of the vectors, and of the result; the last by default. */
  readonly axis?: number | null
  /** Axis of the first vectors, where they differ. */
  readonly axisa?: number
  /** Axis of the second vectors. */
  readonly axisb?: number
  /** Axis of the result. */
  readonly axisc?: number
}

const crossOptions: must.OptionTable<CrossOptions> = {
  axis: must.nullable(must.axis),
  axisa: must.axis,
  axisb: must.axis,
  axisc: must.axis,
}

const crossDoor = must.door('np.cross', { x: must.arrayLike, y: must.arrayLike, options: must.optionsOf(crossOptions) })

/**
 * Cross products of vectors of 3 elements; vectors of 2 are extended by a 0, and two of these give a number.
 *
 * @throws ShapeError for vectors of another length.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.cross(np.array([1, 0, 0]), np.array([0, 1, 0])) // => [0. 0. 1.]
 * ```
 */
export const cross = (x: ArrayLike, y: ArrayLike, options: CrossOptions = {}): NDArray => {
  crossDoor(x, y, options)
  return calledAs('np.cross', () => {
    const { axis = null, axisa = -1, axisb = -1, axisc = -1 } = options
    const [a, b] = promoteAll([asArray(x), asArray(y)]).map((z, i) => {
      const last = z.ndim === 0 ? z : moveaxis(z, axis ?? (i === 0 ? axisa : axisb), -1)
      const n = last.shape.at(-1)
      if (n !== 2 && n !== 3) throw new ShapeError(`np.cross: takes vectors of 2 or 3 elements, got ${z.aval}.`)
      return last
    }) as [NDArray, NDArray]
    const of = (z: NDArray, i: number): NDArray | null => (i < z.shape.at(-1)! ? z.at('...', i).get() : null)
    const product = (p: NDArray | null, q: NDArray | null): NDArray | null =>
      p === null || q === null ? null : np.multiply(p, q)
    /** a_i b_j - a_j b_i */
    const minor = (i: number, j: number): NDArray => {
      const [plus, minus] = [product(of(a, i), of(b, j)), product(of(a, j), of(b, i))]
      if (plus === null) return np.negative(minus!)
      return minus === null ? plus : np.subtract(plus, minus)
    }
    if (a.shape.at(-1) === 2 && b.shape.at(-1) === 2) return minor(0, 1)
    const result = stack([minor(1, 2), minor(2, 0), minor(0, 1)], { axis: -1 })
    return moveaxis(result, -1, normalizeAxis('np.cross', axis ?? axisc, result.ndim))
  })
}

/**
 * Kronecker's product: a block of `y` for each element of `x`, times that element.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.kron(np.array([1, 10]), np.array([1, 2])) // => [ 1.  2. 10. 20.]
 * ```
 */
export const kron = (x: ArrayLike, y: ArrayLike): NDArray => {
  const [a, b] = [arrayFor('np.kron', x), arrayFor('np.kron', y)]
  const rank = Math.max(a.ndim, b.ndim)
  const extents = (z: NDArray): number[] => [...Array<number>(rank - z.ndim).fill(1), ...z.shape]
  const [m, n] = [extents(a), extents(b)]
  const blocks = np.multiply(
    reshape(a, m.flatMap((k) => [k, 1])), // prettier-ignore
    reshape(b, n.flatMap((k) => [1, k])), // prettier-ignore
  )
  return reshape(blocks, range(rank).map((d) => m[d]! * n[d]!)) // prettier-ignore
}
