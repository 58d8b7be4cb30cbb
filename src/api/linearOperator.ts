/** Matrices that compute their own products: tuning methods replace weights by them. */
import { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import { ArgumentError, IndexError, ShapeError } from '../core/errors.ts'
import { normalizeAxis, sizeOf } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'
import type { OpaqueBrand, opaqueBrand } from '../core/leafTypes.ts'
import { swapLast } from '../ops/movement.ts'
import { arrayFor } from '../runtime/installArrays.ts'
import type { OwnProducts, Products } from '../trace/products.ts'
import { products } from '../trace/products.ts'
import type { ArrayLike, TakeOptions } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/**
 * A matrix given by its operations: its products, its rows, and all its elements if they are needed. `np.matmul`, `np.einsum`
 * and `np.take` accept it as an operand, and so do the models, so that a low-rank change of a weight costs two thin products
 * and no new matrix.
 *
 * A subclass is registered by `tree.registerPytreeNode` with its arrays as children: it then goes through `jit`, `vmap` and `grad` like
 * any container, and derivatives flow to those arrays.
 *
 * @example
 * ```ts
 * import { grad, LinearOperator, np, tree } from 'pullback'
 * import type { NDArray } from 'pullback'
 * // The diagonal matrix of d.
 * class Diagonal extends LinearOperator {
 *   readonly d: NDArray
 *   constructor(d: NDArray) {
 *     super()
 *     this.d = d
 *   }
 *   get shape() {
 *     return [this.d.size, this.d.size]
 *   }
 *   get dtype() {
 *     return this.d.dtype
 *   }
 *   multiply(x: NDArray) {
 *     return np.multiply(x, this.d)
 *   }
 *   dense() {
 *     return np.diag(this.d)
 *   }
 * }
 * tree.registerPytreeNode(
 *   Diagonal,
 *   (w) => ({ children: [w.d], keys: ['d'] }),
 *   (_, [d]) => new Diagonal(d as NDArray),
 * )
 * const x = np.array([[1, 2], [3, 4]])
 * np.matmul(x, new Diagonal(np.array([10, 100]))) // => [[ 10. 200.]\n [ 30. 400.]]
 * grad((w: Diagonal) => np.sum(np.matmul(x, w)))(new Diagonal(np.ones([2]))).d // => [4. 6.]
 * ```
 */
export abstract class LinearOperator implements OpaqueBrand, OwnProducts {
  declare readonly [opaqueBrand]?: true

  /** The shape of the matrix: two axes. */
  abstract get shape(): Shape

  /** The dtype of its elements. */
  abstract get dtype(): DType

  /**
   * `x W`, or `x Wᵀ`.
   *
   * @param x - shape `[..., rows]`; `[..., columns]` if transposed.
   * @returns shape `[..., columns]`, or `[..., rows]`.
   */
  abstract multiply(x: NDArray, transposed: boolean): NDArray

  /** The matrix as an array. */
  abstract dense(): NDArray

  /**
   * Rows, as `np.take` returns them along axis 0; taken from `dense()` unless a subclass overrides this.
   *
   * @param indices - integers of any shape.
   * @returns shape `[...indices.shape, columns]`.
   */
  rows(indices: ArrayLike, options: TakeOptions = {}): NDArray {
    return this.dense().take(indices, { ...options, axis: 0 })
  }

  /**
   * `rows`, with no gradient to the table for one of them, the padding's: for operators of which only a part is the table. If
   * it is not defined, these rows have no gradient at all.
   */
  rowsBut?(indices: NDArray, fixed: number): NDArray

  /**
   * The number of rows that `rows` can look up: those of the matrix, or more, if rows were added to the table that products do
   * not use.
   */
  get rowCount(): number {
    return this.shape[0]!
  }

  /** For `np.matmul` and methods of arrays. */
  get [products](): Products {
    return { matmul: matmulOperator, expand: 'dense()' }
  }

  /** The number of axes: two. */
  get ndim(): number {
    return this.shape.length
  }

  /** The number of elements. */
  get size(): number {
    return sizeOf(this.shape)
  }

  toString(): string {
    return `${this.constructor.name} ${new Aval(this.dtype, this.shape)}`
  }
}

export const isLinearOperator = (x: unknown): x is LinearOperator => x instanceof LinearOperator

/** The other operand of an operator, as an array. */
export const besideOperator = (operation: string, x: unknown): NDArray => {
  if (!isLinearOperator(x)) return arrayFor(operation, x as ArrayLike)
  throw new ArgumentError(`${operation}: both operands are linear operators (${x}); expand one of them with dense().`)
}

/** `np.matmul` where one operand is an operator: x W on the right; W x as (xᵀ Wᵀ)ᵀ on the left. */
const matmulOperator = (x: unknown, y: unknown): NDArray => {
  const onLeft = isLinearOperator(x)
  const [w, other] = onLeft ? [x, y] : [y as LinearOperator, x]
  const a = besideOperator('np.matmul', other)
  const [rows, columns] = w.shape as readonly [number, number]
  const met = onLeft ? columns : rows
  if (a.ndim === 0 || a.shape.at(onLeft && a.ndim > 1 ? -2 : -1) !== met) {
    throw new ShapeError(
      `np.matmul: ${onLeft ? `${w} and ${a.aval}` : `${a.aval} and ${w}`} do not fit: ${met} values meet.`,
    )
  }
  if (!onLeft) return w.multiply(a, false)
  return a.ndim === 1 ? w.multiply(a, true) : swapLast(w.multiply(swapLast(a), true))
}

/** `np.take` of whole rows of an operator. */
export const takeFromOperator = (w: LinearOperator, indices: ArrayLike, options: TakeOptions): NDArray => {
  const axis = options.axis ?? null
  if (axis !== null && normalizeAxis('np.take', axis, w.ndim) === 0) return w.rows(indices, options)
  throw new IndexError(
    `np.take: from a linear operator ${w} rows are taken, along axis 0, got ${String(axis)}. Expand it with dense() for other elements.`,
  )
}
