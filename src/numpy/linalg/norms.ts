/** Norms of vectors and matrices, and condition numbers. */
import { calledAs } from '../../core/calledAs.ts'
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import { normalizeAxis, range } from '../../core/shape.ts'
import { fullLike } from '../../ops/creation.ts'
import { stopGradient } from '../../ops/elementwise.ts'
import { asArray } from '../../runtime/installArrays.ts'
import { inexact } from '../../conversions/promote.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import * as np from '../elementwise.ts'
import { euclideanNorm } from '../euclidean.ts'
import { expandDims } from '../movement.ts'
import { max, min, sum } from '../reduction.ts'
import * as must from '../../conversions/arguments.ts'
import { svdvals } from './factors.ts'
import { matrices } from './matrices.ts'
import { inv } from './solving.ts'

/** An order of a norm; `f` is short for `fro`. */
export type NormOrder = number | 'fro' | 'f' | 'nuc'

const flat = (axis: number | readonly number[] | null | undefined, rank: number): readonly number[] =>
  axis === null || axis === undefined ? range(rank) : typeof axis === 'number' ? [axis] : axis

/** Options of `vectorNorm`. */
export interface VectorNormOptions {
  /** 2 by default; any number, infinities included. */
  readonly ord?: number
  readonly axis?: number | readonly number[] | null
  readonly keepdims?: boolean
}

/** `(Σ |x|ᵖ)^(1/p)`, scaled by the dominant element: the largest, or with a negative order the smallest. */
const powerNorm = (
  x: NDArray,
  ord: number,
  over: { readonly axis: readonly number[]; readonly keepdims: boolean },
): NDArray => {
  const size = np.abs(x)
  const fixed = stopGradient(size)
  const most = { axis: over.axis, keepdims: true }
  const extreme = x.size === 0 || ord > 0 ? max(fixed, { ...most, initial: 0 }) : min(fixed, most)
  const usable = np.logicalAnd(np.isfinite(extreme), np.greater(extreme, 0))
  const unit = np.where(usable, extreme, fullLike(extreme, 1))
  const root = np.power(sum(np.power(np.divide(size, unit), ord), over), 1 / ord)
  return np.multiply(root, unit.reshape(root.shape))
}

const vectorNormOptions: must.OptionTable<VectorNormOptions> = {
  ord: must.number,
  axis: must.nullable(must.axes),
  keepdims: must.boolean,
}

const vectorNormDoor = must.door('np.linalg.vectorNorm', {
  x: must.arrayLike,
  options: must.optionsOf(vectorNormOptions),
})

/**
 * The p-norm of vectors: `(Σ |x|ᵖ)^(1/p)`; the largest or smallest absolute value for ±∞, the number of non-zeros for 0.
 * For no elements it is 0, and an error for -∞.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.vectorNorm(np.array([3, -4])) // => 5.
 * np.linalg.vectorNorm(np.array([3, -4]), { ord: Infinity }) // => 4.
 * ```
 */
export const vectorNorm = (x: ArrayLike, options: VectorNormOptions = {}): NDArray => {
  vectorNormDoor(x, options)
  return calledAs('np.linalg.vectorNorm', () => {
    const { ord = 2, axis = null, keepdims = false } = options
    const array = inexact(asArray(x))
    const over = { axis: flat(axis, array.ndim), keepdims }
    if (ord === 2) return euclideanNorm(array, over)
    if (ord === Infinity) return max(np.abs(array), { ...over, initial: 0 })
    if (ord === -Infinity) return min(np.abs(array), over)
    if (ord === 0) return sum(np.notEqual(array, 0), { ...over, dtype: array.dtype })
    if (ord === 1) return sum(np.abs(array), over)
    return powerNorm(array, ord, over)
  })
}

/** Options of `matrixNorm`. */
export interface MatrixNormOptions {
  /** `fro` by default; `nuc`, ±1, ±2, ±∞. */
  readonly ord?: NormOrder
  readonly keepdims?: boolean
}

const matrixNormOptions: must.OptionTable<MatrixNormOptions> = {
  ord: must.anyOf(must.oneOf(['fro', 'f', 'nuc']), must.number),
  keepdims: must.boolean,
}

const matrixNormDoor = must.door('np.linalg.matrixNorm', {
  x: must.arrayLike,
  options: must.optionsOf(matrixNormOptions),
})

/**
 * A norm of matrices: Frobenius', nuclear, or the largest (smallest, for negative orders) sum of columns (1), of rows (∞), or
 * singular value (2). For empty matrices the largest is 0, and the smallest an error.
 *
 * @throws ArgumentError for another order.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.matrixNorm(np.array([[1, -2], [3, 4]]), { ord: 1 }) // => 6.
 * ```
 */
export const matrixNorm = (x: ArrayLike, options: MatrixNormOptions = {}): NDArray => {
  matrixNormDoor(x, options)
  const { ord = 'fro', keepdims = false } = options
  const array = matrices('np.linalg.matrixNorm', x)
  const kept = (y: NDArray): NDArray => (keepdims ? expandDims(expandDims(y, -1), -1) : y)
  if (ord === 'fro' || ord === 'f') return euclideanNorm(array, { axis: [-2, -1], keepdims })
  if (ord === 'nuc') return kept(sum(svdvals(array), { axis: -1 }))
  const extreme = (y: NDArray): NDArray => kept(ord > 0 ? max(y, { axis: -1, initial: 0 }) : min(y, { axis: -1 }))
  const size = Math.abs(ord)
  if (size === 2) return extreme(svdvals(array))
  if (size === 1) return extreme(sum(np.abs(array), { axis: -2 }))
  if (size === Infinity) return extreme(sum(np.abs(array), { axis: -1 }))
  throw new ArgumentError(`np.linalg.matrixNorm: there is no norm of order ${ord}.`)
}

/** Options of `norm`. */
export interface NormOptions {
  readonly ord?: NormOrder | null
  readonly axis?: number | readonly number[] | null
  readonly keepdims?: boolean
}

const normOptions: must.OptionTable<NormOptions> = {
  ord: must.nullable(must.anyOf(must.oneOf(['fro', 'f', 'nuc']), must.number)),
  axis: must.nullable(must.axes),
  keepdims: must.boolean,
}

/** The given axes as non-negative, distinct numbers. */
const axesOf = (axis: number | readonly number[], rank: number): readonly number[] => {
  const axes = (typeof axis === 'number' ? [axis] : axis).map((a) => normalizeAxis('np.linalg.norm', a, rank))
  if (new Set(axes).size === axes.length) return axes
  throw new ShapeError(`np.linalg.norm: the axes [${axes.join(', ')}] name one of them twice.`)
}

const normDoor = must.door('np.linalg.norm', { x: must.arrayLike, options: must.optionsOf(normOptions) })

/**
 * A norm of vectors along one axis, of matrices over two, or, without axis and order, of all elements. `vectorNorm` takes any
 * number of axes.
 *
 * @param options - `ord`: by default 2 for vectors and `fro` for matrices.
 * @throws ArgumentError if the order does not suit the number of axes, or there are more than two; ShapeError if axes are out of
 *   range or the same.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.norm(np.array([3, 4])) // => 5.
 * np.linalg.norm(np.array([[3, 4], [6, 8]]), { axis: 1 }) // => [ 5. 10.]
 * ```
 */
export const norm = (x: ArrayLike, options: NormOptions = {}): NDArray => {
  normDoor(x, options)
  const { ord = null, axis = null, keepdims = false } = options
  const array = inexact(asArray(x))
  if (ord === null && axis === null) return vectorNorm(array, { keepdims })
  const axes = axis === null ? range(array.ndim) : axesOf(axis, array.ndim)
  if (axes.length === 1) {
    if (typeof ord === 'string') throw new ArgumentError(`np.linalg.norm: order '${ord}' is for matrices.`)
    return vectorNorm(array, { ord: ord ?? 2, axis: axes, keepdims })
  }
  if (axes.length !== 2) {
    throw new ArgumentError(
      `np.linalg.norm: one axis or two, got ${axes.length} of ${array.aval}${axis === null ? `, as order ${String(ord)} was given without an axis` : ''}. ` +
        'np.linalg.vectorNorm takes any number.',
    )
  }
  const others = range(array.ndim).filter((d) => !axes.includes(d))
  const result = matrixNorm(array.transpose([...others, ...axes]), { ord: ord ?? 'fro' })
  return keepdims ? [...axes].sort((a, b) => a - b).reduce((y, d) => expandDims(y, d), result) : result
}

const condDoor = must.door('np.linalg.cond', {
  a: must.arrayLike,
  options: must.optionsOf<{ readonly p?: NormOrder }>({ p: must.anyOf(must.oneOf(['fro', 'f', 'nuc']), must.number) }),
})

/**
 * Sensitivity of solutions: `‖a‖ ‖a⁻¹‖`; with the norm of order 2 (default), the ratio of singular values.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linalg.cond(np.array([[4, 0], [0, 2]])) // => 2.
 * ```
 */
export const cond = (a: ArrayLike, options: { readonly p?: NormOrder } = {}): NDArray => {
  condDoor(a, options)
  return calledAs('np.linalg.cond', () => {
    const { p = 2 } = options
    if (p !== 2 && p !== -2) return np.multiply(matrixNorm(a, { ord: p }), matrixNorm(inv(a), { ord: p }))
    const s = svdvals(a)
    const [first, last] = [s.at('...', 0).get(), s.at('...', -1).get()]
    return p === 2 ? np.divide(first, last) : np.divide(last, first)
  })
}
