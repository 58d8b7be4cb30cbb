/** `np`: differences, slopes, integrals and interpolation on grids. */
import { calledAs } from '../core/calledAs.ts'
import { isFloat } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { normalizeAxes, normalizeAxis, range } from '../core/shape.ts'
import * as ops from '../ops/movement.ts'
import { asArray, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact, promoteAll } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import * as np from './elementwise.ts'
import { concatenate } from './joining.ts'
import { broadcastTo, moveaxis, reshape, take } from './movement.ts'
import { cumsum, sum } from './reduction.ts'
import { argsort, searchsorted } from './sorting.ts'

const part = (x: NDArray, start: number, stop: number, axis: number): NDArray =>
  ops.sliceInDim(x, start, stop < 0 ? stop + x.shape[axis]! : stop, axis)

/** The difference from each element to the next one. */
const steps = (x: NDArray, axis: number): NDArray => {
  const n = x.shape[axis]!
  if (n === 0) return x
  const [next, here] = [part(x, 1, n, axis), part(x, 0, n - 1, axis)]
  return x.dtype === 'bool' ? np.notEqual(next, here) : np.subtract(next, here)
}

/** Options of `diff`. */
export interface DiffOptions {
  /** The number of times that differences are taken; 1 by default. */
  readonly n?: number
  readonly axis?: number
  /** Values to put before the first element, along the axis. */
  readonly prepend?: ArrayLike
  /** Values to put after the last element. */
  readonly append?: ArrayLike
}

const diffOptions: must.OptionTable<DiffOptions> = {
  n: must.natural,
  axis: must.axis,
  prepend: must.arrayLike,
  append: must.arrayLike,
}

const diffDoor = must.door('np.diff', { x: must.arrayLike, options: must.optionsOf(diffOptions) })

/**
 * Differences of neighbours along an axis, the last by default.
 *
 * @throws ArgumentError unless n is a natural number.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.diff(np.array([1, 4, 9, 16])) // => [3. 5. 7.]
 * np.diff(np.array([1, 4, 9, 16]), { n: 2 }) // => [2. 2.]
 * ```
 */
export const diff = (x: ArrayLike, options: DiffOptions = {}): NDArray => {
  diffDoor(x, options)
  const { n = 1, axis = -1, prepend, append } = options
  if (!Number.isInteger(n) || n < 0) throw new ArgumentError(`np.diff: n is a natural number, got ${n}.`)
  const array = asArray(x)
  const along = normalizeAxis('np.diff', axis, array.ndim)
  if (n === 0) return array
  const beside = (y: ArrayLike): NDArray => {
    const given = asArray(y)
    return given.ndim === 0 ? broadcastTo(given, array.shape.with(along, 1)) : given
  }
  const pieces = [prepend, array, append].filter((y) => y !== undefined).map(beside)
  return range(n).reduce((y) => steps(y, along), concatenate(pieces, { axis: along }))
}

const ediff1dDoor = must.door('np.ediff1d', {
  x: must.arrayLike,
  options: must.optionsOf<{ readonly toEnd?: ArrayLike; readonly toBegin?: ArrayLike }>({
    toEnd: must.arrayLike,
    toBegin: must.arrayLike,
  }),
})

/**
 * Differences of neighbours among all elements in order, with numbers added before and after, in the array's dtype.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.ediff1d(np.array([1, 4, 9]), { toBegin: 0 }) // => [0. 3. 5.]
 * ```
 */
export const ediff1d = (
  x: ArrayLike,
  options: { readonly toEnd?: ArrayLike; readonly toBegin?: ArrayLike } = {},
): NDArray => {
  ediff1dDoor(x, options)
  const { toEnd, toBegin } = options
  const between = steps(functions.ravel(x), 0)
  const end = (y: ArrayLike | undefined): readonly NDArray[] =>
    y === undefined ? [] : [functions.ravel(y).astype(between.dtype)]
  return concatenate([...end(toBegin), between, ...end(toEnd)])
}

/** Slopes at the grid points h: second order inside, first order at the ends. */
const slopes = (f: NDArray, spacing: NDArray, axis: number): NDArray => {
  const n = f.shape[axis]!
  if (n < 2) throw new ShapeError(`np.gradient: axis ${axis} of ${f.aval} needs at least two points.`)
  const along = (x: NDArray): NDArray => reshape(x, f.shape.map((_, d) => (d === axis ? -1 : 1))) // prettier-ignore
  if (spacing.ndim === 1 && spacing.size !== n) {
    throw new ShapeError(`np.gradient: ${spacing.size} places for the ${n} points along axis ${axis} of ${f.aval}.`)
  }
  const rises = steps(f, axis)
  const inEach = np.divide(rises, spacing.ndim === 0 ? spacing : along(steps(spacing, 0)))
  const [left, right] = [part(inEach, 0, n - 2, axis), part(inEach, 1, n - 1, axis)]
  const ends = [part(inEach, 0, 1, axis), part(inEach, n - 2, n - 1, axis)] as const
  if (spacing.ndim === 0) {
    const middle = np.multiply(np.add(left, right), 0.5)
    return ops.concatenate([ends[0], middle, ends[1]], axis)
  }
  // Fornberg's weights of three points: each slope is weighted by the width of the other interval.
  const widths = along(steps(spacing, 0))
  const [a, b] = [part(widths, 0, n - 2, axis), part(widths, 1, n - 1, axis)]
  const middle = np.divide(np.add(np.multiply(b, left), np.multiply(a, right)), np.add(a, b))
  return ops.concatenate([ends[0], middle, ends[1]], axis)
}

const gradientDoor = must.door('np.gradient', {
  f: must.arrayLike,
  spacing: must.optional(must.anyOf(must.arrayLike, must.listOf(must.arrayLike))),
  options: must.optionsOf<{ readonly axis?: number | readonly number[] | null }>({ axis: must.nullable(must.axes) }),
})

/**
 * The gradient of values on a grid: central differences inside, one-sided ones at the ends.
 *
 * @param spacing - the distance between points, their coordinates along an axis, or one of these for each axis.
 * @returns one array for one axis, else one for each.
 * @throws ShapeError for fewer than two points; ArgumentError unless there is one spacing for each axis.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.gradient(np.array([0, 1, 4, 9])) // => [1. 2. 4. 5.]
 * np.gradient(np.array([0, 1, 9]), [np.array([0, 1, 3])]) // => [1. 2. 4.]
 * ```
 */
export const gradient = (
  f: ArrayLike,
  spacing: ArrayLike | readonly ArrayLike[] = 1,
  options: { readonly axis?: number | readonly number[] | null } = {},
): NDArray | readonly NDArray[] => {
  gradientDoor(f, spacing, options)
  return calledAs('np.gradient', () => {
    const { axis = null } = options
    const array = inexact(asArray(f))
    const axes = normalizeAxes('np.gradient', axis, array.ndim)
    const given = Array.isArray(spacing) ? (spacing as readonly ArrayLike[]) : axes.map(() => spacing as ArrayLike)
    if (given.length !== axes.length) {
      throw new ArgumentError(`np.gradient: ${given.length} spacings for ${axes.length} axes.`)
    }
    const results = axes.map((d, i) => slopes(array, asArray(given[i]!).astype(array.dtype), d))
    return results.length === 1 ? results[0]! : results
  })
}

/** Options of `trapezoid`. */
export interface TrapezoidOptions {
  /** Coordinates of the points, of the shape of `y` or a vector along the axis. */
  readonly x?: ArrayLike
  /** Their distance, or all distances along the axis, if there is no `x`; 1 by default. */
  readonly dx?: ArrayLike
  readonly axis?: number
}

const trapezoidOptions: must.OptionTable<TrapezoidOptions> = { x: must.arrayLike, dx: must.arrayLike, axis: must.axis }

const trapezoidDoor = must.door('np.trapezoid', { y: must.arrayLike, options: must.optionsOf(trapezoidOptions) })

/**
 * The integral by the trapezoidal rule, which is linear between points.
 *
 * @throws ShapeError if the shapes of the coordinates do not match.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.trapezoid(np.array([1, 2, 3])) // => 4.
 * np.trapezoid(np.array([1, 2, 3]), { x: np.array([4, 6, 8]) }) // => 8.
 * ```
 */
export const trapezoid = (y: ArrayLike, options: TrapezoidOptions = {}): NDArray => {
  trapezoidDoor(y, options)
  const { x, dx = 1, axis = -1 } = options
  const [array] = promoteAll(x === undefined ? [asArray(y)] : [asArray(y), asArray(x)]).map(inexact) as [NDArray]
  const along = normalizeAxis('np.trapezoid', axis, array.ndim)
  const n = array.shape[along]!
  const pairs = np.add(part(array, Math.min(1, n), n, along), part(array, 0, Math.max(n - 1, 0), along))
  const last = moveaxis(pairs, along, -1)
  const widths = x === undefined ? widthsOf(asArray(dx), array.ndim, along) : stepsOf(asArray(x), axis)
  return np.multiply(0.5, sum(np.multiply(widths, last), { axis: -1 }))
}

/** Given distances, with the axis last. */
const widthsOf = (dx: NDArray, rank: number, along: number): NDArray =>
  dx.ndim === 0
    ? dx
    : moveaxis(reshape(dx, [...Array<number>(Math.max(rank - dx.ndim, 0)).fill(1), ...dx.shape]), along, -1)

/** Distances between coordinates, with the axis last. */
const stepsOf = (x: NDArray, axis: number): NDArray => {
  const along = normalizeAxis('np.trapezoid', x.ndim === 1 ? 0 : axis, x.ndim)
  return moveaxis(steps(x, along), along, -1)
}

/** Options of `interp`. */
export interface InterpOptions {
  /** The value below all points; the first one by default, `extrapolate` for the line through the first two. */
  readonly left?: ArrayLike | 'extrapolate'
  /** The value above all points; the last one by default. */
  readonly right?: ArrayLike | 'extrapolate'
  /** The period of the function: a number, or an array of rank 0. */
  readonly period?: ArrayLike
}

const interpOptions: must.OptionTable<InterpOptions> = {
  left: must.anyOf(must.oneOf(['extrapolate']), must.arrayLike),
  right: must.anyOf(must.oneOf(['extrapolate']), must.arrayLike),
  period: must.arrayLike,
}

const lengthOf = (period: ArrayLike): ArrayLike => {
  if (period === 0) throw new ArgumentError('np.interp: the period cannot be 0.')
  if (typeof period === 'number') return Math.abs(period)
  const length = np.abs(period)
  if (length.ndim > 0) throw new ShapeError(`np.interp: the period is a number, got ${length.aval}.`)
  return length
}

/** Points of a periodic function in order, with the last one before them and the first one after. */
const aroundPeriod = (xp: NDArray, fp: NDArray, period: ArrayLike): readonly [NDArray, NDArray] => {
  const folded = np.remainder(xp, period)
  const order = argsort(folded)
  const [xs, fs] = [take(folded, order), take(fp, order)]
  const n = xs.size
  const around = (y: NDArray, by: ArrayLike): NDArray =>
    ops.concatenate([np.subtract(part(y, n - 1, n, 0), by), y, np.add(part(y, 0, 1, 0), by)], 0)
  return [around(xs, period), around(fs, 0)]
}

const interpDoor = must.door('np.interp', {
  x: must.arrayLike,
  xp: must.arrayLike,
  fp: must.arrayLike,
  options: must.optionsOf(interpOptions),
})

/**
 * Linear interpolation between the points (xp, fp), at x.
 *
 * @param xp - ascending, unless there is a period.
 * @throws ShapeError unless the points are two vectors of one length; ArgumentError for a period of 0.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.interp(np.array([0.5, 9]), np.array([0, 1]), np.array([10, 20])) // => [15. 20.]
 * ```
 */
export const interp = (x: ArrayLike, xp: ArrayLike, fp: ArrayLike, options: InterpOptions = {}): NDArray => {
  interpDoor(x, xp, fp, options)
  const { left, right, period } = options
  const [x0, xp0, fp0] = promoteAll([asArray(x), asArray(xp), asArray(fp)]).map(inexact) as [NDArray, NDArray, NDArray]
  if (xp0.ndim !== 1 || fp0.ndim !== 1 || xp0.size !== fp0.size || xp0.size === 0) {
    throw new ShapeError(`np.interp: points are two vectors of one length, got ${xp0.aval} and ${fp0.aval}.`)
  }
  const length = period === undefined ? undefined : lengthOf(period)
  const at = length === undefined ? x0 : np.remainder(x0, length)
  const [xs, fs] = length === undefined ? [xp0, fp0] : aroundPeriod(xp0, fp0, length)
  const n = xs.size
  const i = np.clip(searchsorted(xs, at, { side: 'right' }), Math.min(1, n - 1), n - 1)
  const place = (y: NDArray, index: NDArray): NDArray => take(y, index, { axis: 0, mode: 'clip' })
  const before = np.maximum(np.subtract(i, 1), 0)
  const [x1, f1] = [place(xs, before), place(fs, before)]
  const width = np.subtract(place(xs, i), x1)
  const isJump = np.equal(width, 0)
  const share = np.divide(np.subtract(at, x1), np.where(isJump, 1, width))
  const inside = np.where(isJump, f1, np.add(f1, np.multiply(share, np.subtract(place(fs, i), f1))))
  if (length !== undefined) return inside
  const beside = (value: InterpOptions['left'], end: number): ArrayLike =>
    value === 'extrapolate' ? inside : (value ?? fs.at(end).get())
  const below = np.where(np.less(at, xs.at(0).get()), beside(left, 0), inside)
  return np.where(np.greater(at, xs.at(-1).get()), beside(right, -1), below)
}

/** Options of `unwrap`. */
export interface UnwrapOptions {
  /** Jumps above this are undone; half a period by default, which is also the least. */
  readonly discont?: ArrayLike
  readonly axis?: number
  /** 2π by default. Integers with an integral period stay integers. */
  readonly period?: ArrayLike
}

const unwrapOptions: must.OptionTable<UnwrapOptions> = {
  discont: must.arrayLike,
  axis: must.axis,
  period: must.arrayLike,
}

const unwrapDoor = must.door('np.unwrap', { x: must.arrayLike, options: must.optionsOf(unwrapOptions) })

/**
 * Angles without jumps: multiples of the period are added so that neighbours differ by no more than half of it.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.round(np.unwrap(np.array([0, 3, 6, 0.5])), 2) // => [0.   3.   6.   6.78]
 * ```
 */
export const unwrap = (x: ArrayLike, options: UnwrapOptions = {}): NDArray => {
  unwrapDoor(x, options)
  const { discont, axis = -1, period = 2 * Math.PI } = options
  const [array, length] = promoteAll([asArray(x), asArray(period)]) as [NDArray, NDArray]
  const along = normalizeAxis('np.unwrap', axis, array.ndim)
  if (array.shape[along] === 0) return array
  const half = isFloat(array.dtype) ? np.divide(length, 2) : np.floorDivide(length, 2)
  const rise = steps(array, along)
  const folded = np.subtract(np.remainder(np.add(rise, half), length), half)
  // A jump of half a period keeps its direction.
  const isHalf = np.logicalAnd(np.equal(folded, np.negative(half)), np.greater(rise, 0))
  const undone = np.subtract(np.where(isHalf, half, folded), rise)
  const least = discont ?? np.divide(length, 2)
  const correction = np.where(np.less(np.abs(rise), least), 0, undone)
  const rest = np.add(part(array, 1, array.shape[along]!, along), cumsum(correction, { axis: along }))
  return ops.concatenate([part(array, 0, 1, along), rest], along)
}
