/** `np`: polynomials in one variable, as vectors of coefficients from the highest power down. */
import { calledAs } from '../core/calledAs.ts'
import { epsilonOf, isLong } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { broadcastTwo, range } from '../core/shape.ts'
import { zerosOf } from '../ops/creation.ts'
import { arrayFor, asArray, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact, promoteAll } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { arange, full as filledWith, ones, zeros } from './creation.ts'
import * as np from './elementwise.ts'
import { inv, lstsq, matmul, outer } from './linalg/index.ts'
import { concatenate, stack } from './joining.ts'
import { broadcastTo, expandDims, slice } from './movement.ts'
import { pad } from './padding.ts'
import { sum } from './reduction.ts'
import { convolve } from './signal.ts'

const coefficients = (name: string, p: ArrayLike): NDArray => {
  const array = asArray(p)
  if (array.ndim > 1) throw new ShapeError(`${name}: coefficients are a vector, got ${array.aval}.`)
  return functions.ravel(array)
}

/**
 * The value of a polynomial, by Horner's rule. Coefficients of shape `[n, ...]` are several polynomials: their further axes
 * broadcast with those of `x`.
 *
 * @throws ShapeError if they do not.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.polyval(np.array([1, 0, 2]), np.array([1, 2, 3])) // => [ 3.  6. 11.]
 * ```
 */
export const polyval = (p: ArrayLike, x: ArrayLike): NDArray => {
  const [given, at] = promoteAll([arrayFor('np.polyval', p), arrayFor('np.polyval', x)]) as [NDArray, NDArray]
  const c = given.ndim === 0 ? functions.ravel(given) : given
  const shape = broadcastTwo('np.polyval', c.shape.slice(1), at.shape)
  const zero = broadcastTo(zerosOf(at.aval.withShape([])), shape)
  return range(c.shape[0]!).reduce((y, i) => np.add(np.multiply(y, at), c.at(i).get()), zero)
}

/** Coefficients of two polynomials, or of several each, padded to the same length. */
const longer = (p: ArrayLike, q: ArrayLike): readonly [NDArray, NDArray] => {
  const [a, b] = promoteAll([asArray(p), asArray(q)]).map((c) => (c.ndim === 0 ? functions.ravel(c) : c)) as [NDArray, NDArray] // prettier-ignore
  const n = Math.max(a.shape[0]!, b.shape[0]!)
  const filled = (c: NDArray): NDArray => pad(c, c.shape.map((m, d) => [d === 0 ? n - m : 0, 0] as const)) // prettier-ignore
  return [filled(a), filled(b)]
}

const polyaddDoor = must.door('np.polyadd', { p: must.arrayLike, q: must.arrayLike })

/**
 * The sum of two polynomials, or of several in columns.
 *
 * @throws ShapeError unless further axes broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.polyadd(np.array([1, 2]), np.array([1, 0, 0])) // => [1. 1. 2.]
 * ```
 */
export const polyadd = (p: ArrayLike, q: ArrayLike): NDArray => {
  polyaddDoor(p, q)
  return calledAs('np.polyadd', () => np.add(...longer(p, q)))
}

const polysubDoor = must.door('np.polysub', { p: must.arrayLike, q: must.arrayLike })

/**
 * The difference of two polynomials, or of several in columns.
 *
 * @throws ShapeError unless further axes broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.polysub(np.array([1, 2]), np.array([1, 0, 0])) // => [-1.  1.  2.]
 * ```
 */
export const polysub = (p: ArrayLike, q: ArrayLike): NDArray => {
  polysubDoor(p, q)
  return calledAs('np.polysub', () => np.subtract(...longer(p, q)))
}

/** Options of `polymul` and `polydiv`. */
export interface TrimOptions {
  /**
   * Whether to remove leading zeros of the factors, or of the remainder (numbers up to the root of the precision). Their number
   * depends on values, which must be concrete. False by default.
   */
  readonly trimLeadingZeros?: boolean
}

const trimOptions: must.OptionTable<TrimOptions> = { trimLeadingZeros: must.boolean }

/** Removes leading numbers up to a bound, but keeps at least one. */
const trimmed = (name: string, c: NDArray, bound = 0): NDArray => {
  const known = Array.from(c.body.host(`${name} with trimLeadingZeros`), Number)
  const first = known.findIndex((v) => Math.abs(v) > bound)
  return c.at(slice(first < 0 ? c.size : first, null)).get()
}

/** A single 0 instead of no coefficients. */
const orZero = (c: NDArray): NDArray => (c.size === 0 ? zeros([1], { dtype: c.dtype }) : c)

const polymulDoor = must.door('np.polymul', {
  p: must.arrayLike,
  q: must.arrayLike,
  options: must.optionsOf(trimOptions),
})

/**
 * The product of two polynomials, in floats.
 *
 * @throws ShapeError unless both are vectors.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.polymul(np.array([1, 1]), np.array([1, -1])) // => [ 1.  0. -1.]
 * ```
 */
export const polymul = (p: ArrayLike, q: ArrayLike, options: TrimOptions = {}): NDArray => {
  polymulDoor(p, q, options)
  const { trimLeadingZeros = false } = options
  const both = [coefficients('np.polymul', p), coefficients('np.polymul', q)]
  const [a, b] = (trimLeadingZeros ? both.map((c) => trimmed('np.polymul', c)) : both).map(orZero) as [NDArray, NDArray]
  return convolve(a, b)
}

const polydivDoor = must.door('np.polydiv', {
  p: must.arrayLike,
  q: must.arrayLike,
  options: must.optionsOf(trimOptions),
})

/**
 * Division of polynomials with a remainder. The divisor's first coefficient must not be 0.
 *
 * @returns `[quotient, remainder]`; the remainder has as many coefficients as the dividend, with leading zeros.
 * @throws ShapeError unless both are vectors.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.polydiv(np.array([1, 0, -1]), np.array([1, 1]))[0] // => [ 1. -1.]
 * ```
 */
export const polydiv = (
  p: ArrayLike,
  q: ArrayLike,
  options: TrimOptions = {},
): readonly [quotient: NDArray, remainder: NDArray] => {
  polydivDoor(p, q, options)
  const { trimLeadingZeros = false } = options
  const [quotient, rest] = divided(p, q)
  const bound = Math.sqrt(rest.dtype === 'float64' ? 2 ** -52 : 2 ** -23)
  return [quotient, trimLeadingZeros ? trimmed('np.polydiv', rest, bound) : rest]
}

const divided = (p: ArrayLike, q: ArrayLike): readonly [quotient: NDArray, remainder: NDArray] => {
  const given = promoteAll([coefficients('np.polydiv', p), coefficients('np.polydiv', q)]).map(inexact)
  const [dividend, divisor] = given as [NDArray, NDArray]
  if (divisor.size === 0) throw new ShapeError('np.polydiv: the divisor has no coefficients.')
  const steps = dividend.size - divisor.size + 1
  if (steps <= 0) return [zeros([1], { dtype: dividend.dtype }), dividend]
  let rest = dividend
  const quotient = range(steps).map((i) => {
    const c = np.divide(rest.at(i).get(), divisor.at(0).get())
    rest = rest.at(slice(i, i + divisor.size)).add(np.negative(np.multiply(c, divisor)))
    return c
  })
  return [stack(quotient), rest]
}

const checkOrder = (name: string, m: number): void => {
  if (!Number.isInteger(m) || m < 0) throw new ArgumentError(`${name}: the order is a natural number, got ${m}.`)
}

/** n (n-1) ... (n-m+1) */
const falling = (n: number, m: number): number => range(m).reduce((product, i) => product * (n - i), 1)

const polyderDoor = must.door('np.polyder', { p: must.arrayLike, m: must.optional(must.times) })

/**
 * The m-th derivative of a polynomial, in floats.
 *
 * @throws ArgumentError unless m is a natural number; ShapeError unless the coefficients are a vector.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.polyder(np.array([1, 2, 3])) // => [2. 2.]
 * ```
 */
export const polyder = (p: ArrayLike, m = 1): NDArray => {
  polyderDoor(p, m)
  checkOrder('np.polyder', m)
  const c = inexact(coefficients('np.polyder', p))
  const kept = Math.max(c.size - m, 0)
  const factors = Float64Array.from(range(kept), (i) => falling(c.size - 1 - i, m))
  return np.multiply(c.at(slice(0, kept)).get(), asArray(factors).astype(c.dtype))
}

const polyintDoor = must.door('np.polyint', {
  p: must.arrayLike,
  m: must.optional(must.times),
  options: must.optionsOf<{ readonly k?: ArrayLike }>({ k: must.arrayLike }),
})

/**
 * The m-th integral of a polynomial.
 *
 * @param k - the constants of integration, from the first integration on, or one for all; 0 by default.
 * @throws ArgumentError unless m is a natural number; ShapeError unless there are m constants.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.polyint(np.array([6, 2])) // => [3. 2. 0.]
 * ```
 */
export const polyint = (p: ArrayLike, m = 1, options: { readonly k?: ArrayLike } = {}): NDArray => {
  polyintDoor(p, m, options)
  const { k = 0 } = options
  checkOrder('np.polyint', m)
  const c = inexact(coefficients('np.polyint', p))
  const constants = broadcastTo(asArray(k).astype(c.dtype), [m])
  return range(m).reduce((y, i) => {
    const divisors = asArray(Float64Array.from(range(y.size), (d) => y.size - d)).astype(c.dtype)
    return concatenate([np.divide(y, divisors), constants.at(slice(i, i + 1)).get()])
  }, c)
}

const polyDoor = must.door('np.poly', { zeros: must.arrayLike })

/**
 * The monic polynomial with these zeros.
 *
 * @throws ShapeError unless the zeros are a vector.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.poly(np.array([1, -1])) // => [ 1.  0. -1.]
 * ```
 */
export const poly = (zeros: ArrayLike): NDArray => {
  polyDoor(zeros)
  const z = inexact(coefficients('np.poly', zeros))
  const start = ones([1], { dtype: z.dtype })
  const one = (i: number): NDArray => concatenate([start, np.negative(z.at(slice(i, i + 1)).get())])
  return range(z.size).reduce((y, i) => convolve(y, one(i)), start)
}

const vanderDoor = must.door('np.vander', {
  x: must.arrayLike,
  n: must.nullable(must.natural),
  options: must.optionsOf<{ readonly increasing?: boolean }>({ increasing: must.boolean }),
})

/**
 * Powers of the elements of a vector, in the columns of a matrix.
 *
 * @param n - the number of columns; the number of elements by default.
 * @throws ShapeError unless it is a vector.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.vander(np.array([2, 3]), 3).toArray() // => 4,2,1,9,3,1
 * ```
 */
export const vander = (x: ArrayLike, n?: number | null, options: { readonly increasing?: boolean } = {}): NDArray => {
  vanderDoor(x, n, options)
  const { increasing = false } = options
  const line = asArray(x)
  if (line.ndim !== 1) throw new ShapeError(`np.vander: takes a vector, got ${line.aval}.`)
  const count = n ?? line.size
  const exponents = arange(count, { dtype: isLong(line.dtype) ? line.dtype : 'int32' })
  const powers = np.power(expandDims(line, 1), increasing ? exponents : np.subtract(count - 1, exponents))
  return line.dtype === 'bool' ? powers : powers.astype(line.dtype)
}

/** Options of `polyfit`. */
export interface PolyfitOptions {
  /** Weights of the points' errors (not of their squares). */
  readonly w?: ArrayLike
  /** Singular values below this fraction of the largest are ignored; the number of points times the precision by default. */
  readonly rcond?: number
  /** Whether to also return details of the solution, as `linalg.lstsq` does. It takes precedence over `cov`. */
  readonly full?: boolean
  /**
   * Whether to also return the covariance of the coefficients: scaled by the variance of the residuals, or `'unscaled'`, for
   * weights that are the inverse of known deviations.
   */
  readonly cov?: boolean | 'unscaled'
}

/** The result of `polyfit` with `full`. The singular values are those of columns scaled to length 1. */
export type FullFit = readonly [
  coefficients: NDArray,
  residuals: NDArray,
  rank: NDArray,
  singularValues: NDArray,
  rcond: NDArray,
]

/** The result of `polyfit` with `cov`: the covariance has shape `[n, n]`, or `[n, n, k]` for k polynomials. */
export type FitWithCovariance = readonly [coefficients: NDArray, covariance: NDArray]

const polyfitOptions: must.OptionTable<PolyfitOptions> = {
  w: must.arrayLike,
  rcond: must.number,
  full: must.boolean,
  cov: must.anyOf(must.boolean, must.oneOf(['unscaled'])),
}

/**
 * The covariance of the coefficients, `(AᵀA)⁻¹ σ²`, for A with columns of these lengths, given with columns scaled to length 1;
 * σ² is the residual variance for each degree of freedom, or 1.
 */
const covarianceOf = (scaled: NDArray, lengths: NDArray, residuals: NDArray | null, isVector: boolean): NDArray => {
  const one = np.divide(inv(matmul(scaled.T, scaled)), outer(lengths, lengths))
  const base = isVector ? one : expandDims(one, 2)
  if (residuals === null) return base
  const [points, terms] = scaled.shape as readonly [number, number]
  if (points > terms) return np.multiply(base, np.divide(residuals, points - terms))
  throw new ArgumentError(
    `np.polyfit: ${points} points do not tell the variance of ${terms} coefficients; give more points, or cov: 'unscaled'.`,
  )
}

const polyfitDoor = must.door('np.polyfit', {
  x: must.arrayLike,
  y: must.arrayLike,
  degree: must.natural,
  options: must.optionsOf(polyfitOptions),
})

/**
 * The polynomial of a degree with the least sum of squared errors at points (x, y).
 *
 * @param y - shape `[n]`, or `[n, k]` for k polynomials in columns.
 * @throws ArgumentError unless the degree is a natural number, and for `cov` unless there are more points than coefficients;
 *   ShapeError if the shapes of the points do not match.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.round(np.polyfit(np.array([0, 1, 2]), np.array([1, 3, 5]), 1), 4) // => [2. 1.]
 * const [p, covariance] = np.polyfit(np.array([0, 1, 2, 3]), np.array([0, 1, 1, 2]), 1, { cov: true })
 * np.round(p, 4) // => [0.6 0.1]
 * np.round(np.diagonal(covariance), 4) // => [0.02 0.07]
 * ```
 */
export function polyfit(
  x: ArrayLike,
  y: ArrayLike,
  degree: number,
  options?: PolyfitOptions & { readonly full?: false; readonly cov?: false },
): NDArray
export function polyfit(
  x: ArrayLike,
  y: ArrayLike,
  degree: number,
  options: PolyfitOptions & { readonly full: true },
): FullFit
export function polyfit(
  x: ArrayLike,
  y: ArrayLike,
  degree: number,
  options: PolyfitOptions & { readonly full?: false; readonly cov: true | 'unscaled' },
): FitWithCovariance
export function polyfit(
  x: ArrayLike,
  y: ArrayLike,
  degree: number,
  options: PolyfitOptions = {},
): NDArray | FullFit | FitWithCovariance {
  polyfitDoor(x, y, degree, options)
  const { w, rcond, full = false, cov = false } = options
  checkOrder('np.polyfit', degree)
  const [at, values] = promoteAll([asArray(x), asArray(y)]).map(inexact) as [NDArray, NDArray]
  if (at.ndim !== 1 || values.ndim === 0 || values.ndim > 2 || values.shape[0] !== at.size) {
    throw new ShapeError(`np.polyfit: places and values of points do not fit: ${at.aval} and ${values.aval}.`)
  }
  const weights = w === undefined ? ones([at.size], { dtype: at.dtype }) : asArray(w).astype(at.dtype)
  const rows = expandDims(weights, 1)
  const left = np.multiply(vander(at, degree + 1), rows)
  const right = values.ndim === 1 ? np.multiply(values, weights) : np.multiply(values, rows)
  // Scales columns to one length: powers of large numbers would drown the small ones.
  const lengths = np.sqrt(sum(np.square(left), { axis: 0 }))
  const scales = np.where(np.equal(lengths, 0), 1, lengths)
  const scaled = np.divide(left, scales)
  const cut = rcond ?? at.size * epsilonOf(at.dtype)
  const [c, residuals, rank, singularValues] = lstsq(scaled, right, { rcond: cut })
  const fit = np.divide(c, values.ndim === 1 ? scales : expandDims(scales, 1))
  if (full) return [fit, residuals, rank, singularValues, filledWith([], cut, { dtype: at.dtype })]
  if (cov === false) return fit
  return [fit, covarianceOf(scaled, scales, cov === 'unscaled' ? null : residuals, values.ndim === 1)]
}
