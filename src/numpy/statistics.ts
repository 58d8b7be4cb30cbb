/** `np`: averages, spreads and correlations. */
import { calledAs } from '../core/calledAs.ts'
import type { DType } from '../core/dtype.ts'
import { checkDType, isFloat } from '../core/dtype.ts'
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.ts'
import { normalizeAxes, normalizeAxis, range, sizeOf } from '../core/shape.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact, promoteAll } from '../conversions/promote.ts'
import type { ArrayLike, ReduceOptions } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { matmul } from './contraction.ts'
import * as np from './elementwise.ts'
import { diag } from './diagonals.ts'
import { atleast2d, concatenate } from './joining.ts'
import { broadcastTo, expandDims, reshape, transpose } from './movement.ts'
import { max, mean, min, sum } from './reduction.ts'

/** Options of `average`. */
export interface AverageOptions {
  readonly axis?: number | readonly number[] | null
  /** The weights, with the shape of the array or its extents along the axes; equal by default. */
  readonly weights?: ArrayLike
  readonly keepdims?: boolean
  /** Whether to also return the sums of the weights. */
  readonly returned?: boolean
}

const weightsFor = (x: NDArray, weights: NDArray, axis: AverageOptions['axis']): NDArray => {
  if (weights.shape.join() === x.shape.join()) return weights
  if (axis !== null && axis !== undefined) {
    const given = typeof axis === 'number' ? [axis] : axis
    const axes = given.map((d) => normalizeAxis('np.average', d, x.ndim))
    if (weights.shape.join() === axes.map((d) => x.shape[d]!).join()) {
      const order = range(axes.length).sort((a, b) => axes[a]! - axes[b]!)
      const open = x.shape.map((n, d) => (axes.includes(d) ? n : 1))
      return broadcastTo(reshape(transpose(weights, order), open), x.shape)
    }
  }
  throw new ShapeError(
    `np.average: weights ${weights.aval} must have the shape of ${x.aval}, or its extents along the axes that are named.`,
  )
}

const averageOptions: must.OptionTable<AverageOptions> = {
  axis: must.nullable(must.axes),
  weights: must.arrayLike,
  keepdims: must.boolean,
  returned: must.boolean,
}
const averageDoor = must.door('np.average', { x: must.arrayLike, options: must.optionsOf(averageOptions) })

/**
 * Weighted mean.
 *
 * @throws ShapeError if the shape of the weights does not match.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.average(np.array([1, 2, 6]), { weights: np.array([1, 1, 2]) }) // => 3.75
 * ```
 */
export function average(x: ArrayLike, options?: AverageOptions & { readonly returned?: false }): NDArray
/** With `returned`: the mean, and the sums of the weights. */
export function average(
  x: ArrayLike,
  options: AverageOptions & { readonly returned: true },
): readonly [average: NDArray, weights: NDArray]
export function average(x: ArrayLike, options: AverageOptions = {}): NDArray | readonly [NDArray, NDArray] {
  averageDoor(x, options)
  const { axis = null, weights, keepdims = false, returned = false } = options
  const [mean, total] = averageWith(x, weights, { axis, keepdims })
  return returned ? [mean, broadcastTo(total, mean.shape)] : mean
}

const averageWith = (
  x: ArrayLike,
  weights: ArrayLike | undefined,
  { axis, keepdims }: { readonly axis: number | readonly number[] | null; readonly keepdims: boolean },
): readonly [mean: NDArray, weights: NDArray] => {
  if (weights === undefined) {
    const array = inexact(asArray(x))
    const count = sizeOf(normalizeAxes('np.average', axis, array.ndim).map((d) => array.shape[d]!))
    return [mean(array, { axis, keepdims }), asArray(count).astype(array.dtype)]
  }
  const [array, given] = promoteAll([asArray(x), asArray(weights)]).map(inexact) as [NDArray, NDArray]
  const w = weightsFor(array, given, axis)
  const total = sum(w, { axis, keepdims })
  return [np.divide(sum(np.multiply(array, w), { axis, keepdims }), total), total]
}

const ptpDoor = must.door('np.ptp', {
  x: must.arrayLike,
  options: must.optionsOf<Omit<ReduceOptions, 'where'>>({ axis: must.nullable(must.axes), keepdims: must.boolean }),
})

/**
 * The range of the elements: the largest minus the smallest.
 *
 * @throws ShapeError of nothing.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.ptp(np.array([3, 8, 5])) // => 5.
 * ```
 */
export const ptp = (x: ArrayLike, options: Omit<ReduceOptions, 'where'> = {}): NDArray => {
  ptpDoor(x, options)
  return calledAs('np.ptp', () => np.subtract(max(x, options), min(x, options)))
}

/** Options of `cov`. */
export interface CovOptions {
  /** Further variables. */
  readonly y?: ArrayLike
  /** Whether rows are variables (default), or columns. */
  readonly rowvar?: boolean
  /** Divide by n, not n - 1. */
  readonly bias?: boolean
  /** Divide by n - ddof. */
  readonly ddof?: number
  /** The number of times each observation was made (integers). */
  readonly fweights?: ArrayLike
  /** The weight of each observation. */
  readonly aweights?: ArrayLike
  /** The float dtype of the result; by default the array's. */
  readonly dtype?: DType
}

const covOptions: must.OptionTable<CovOptions> = {
  y: must.arrayLike,
  rowvar: must.boolean,
  bias: must.boolean,
  ddof: must.number,
  fweights: must.arrayLike,
  aweights: must.arrayLike,
  dtype: must.dtype,
}

const variables = (x: ArrayLike, rowvar: boolean, dtype: DType | undefined): NDArray => {
  const given = inexact(asArray(x))
  const array = dtype === undefined ? given : given.astype(dtype)
  if (array.ndim > 2) throw new ShapeError(`np.cov: takes vectors and matrices, got ${array.aval}.`)
  const matrix = atleast2d(array)
  return !rowvar && matrix.shape[0] !== 1 ? transpose(matrix) : matrix
}

const covDoor = must.door('np.cov', { x: must.arrayLike, options: must.optionsOf(covOptions) })

/**
 * Covariances between variables.
 *
 * @returns a matrix; for one variable its variance, of rank 0.
 * @throws ShapeError for more than two axes; ArgumentError for a ddof that is not an integer.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.cov(np.array([[1, 2, 3], [3, 2, 1]])).toArray() // => 1,-1,-1,1
 * ```
 */
export const cov = (x: ArrayLike, options: CovOptions = {}): NDArray => {
  covDoor(x, options)
  const { y, rowvar = true, bias = false, ddof, fweights, aweights, dtype } = options
  if (ddof !== undefined && !Number.isInteger(ddof)) throw new ArgumentError(`np.cov: ddof is an integer, got ${ddof}.`)
  if (dtype !== undefined && !isFloat(checkDType('np.cov', dtype))) {
    throw new DTypeError(`np.cov: dtype is one of floats, got ${dtype}.`)
  }
  const own = variables(x, rowvar, dtype)
  const rows = y === undefined ? own : concatenate([own, variables(y, rowvar, dtype)], { axis: 0 })
  const off = ddof ?? (bias ? 0 : 1)
  const given = [fweights, aweights].filter((w) => w !== undefined).map((w) => asArray(w))
  const n = rows.shape[1]!
  if (given.length === 0) {
    const centred = np.subtract(rows, mean(rows, { axis: 1, keepdims: true }))
    return reduced(np.divide(matmul(centred, transpose(centred)), n - off))
  }
  const w = given.reduce((a, b) => np.multiply(a, b)).astype(rows.dtype)
  const total = sum(w)
  const centre = np.divide(sum(np.multiply(rows, w), { axis: 1, keepdims: true }), total)
  const centred = np.subtract(rows, centre)
  const spread = aweights === undefined ? off : np.divide(np.multiply(off, sum(np.multiply(w, aweights))), total)
  return reduced(np.divide(matmul(np.multiply(centred, w), transpose(centred)), np.subtract(total, spread)))
}

const reduced = (matrix: NDArray): NDArray => (matrix.size === 1 ? reshape(matrix, []) : matrix)

const corrcoefDoor = must.door('np.corrcoef', {
  x: must.arrayLike,
  options: must.optionsOf<Pick<CovOptions, 'y' | 'rowvar' | 'dtype'>>({
    dtype: must.dtype,
    y: must.arrayLike,
    rowvar: must.boolean,
  }),
})

/**
 * Pearson's correlations between variables, in [-1, 1].
 *
 * @throws ShapeError for more than two axes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.corrcoef(np.array([[1, 2, 3], [3, 2, 1]])).toArray() // => 1,-1,-1,1
 * ```
 */
export const corrcoef = (x: ArrayLike, options: Pick<CovOptions, 'y' | 'rowvar' | 'dtype'> = {}): NDArray => {
  corrcoefDoor(x, options)
  const c = cov(x, options)
  if (c.ndim === 0) return np.divide(c, c)
  const deviation = np.sqrt(diag(c))
  return np.clip(np.divide(np.divide(c, expandDims(deviation, 1)), deviation), -1, 1)
}
