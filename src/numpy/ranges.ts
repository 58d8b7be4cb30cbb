/** `np`: points in even steps, and in even ratios. The ends may be arrays, including traced ones. */
import { calledAs } from '../core/calledAs.ts'
import type { DType } from '../core/dtype.ts'
import { checkSize, isFloat } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import { broadcastTwo, normalizeAxis } from '../core/shape.ts'
import { sliceInDim } from '../ops/movement.ts'
import { asArray, makeArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { commonType } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { DTypeOption } from './creation.ts'
import { zeros } from './creation.ts'
import * as np from './elementwise.ts'
import { concatenate } from './joining.ts'
import { astype, broadcastTo, expandDims, reshape } from './movement.ts'

/** Options of `logspace` and `geomspace`. */
export interface SpaceOptions extends DTypeOption {
  /** Whether `stop` is the last point (default). */
  readonly endpoint?: boolean
  /** Where the axis of the points goes, if the ends are arrays; first by default. */
  readonly axis?: number
}

const spaceOptions: must.OptionTable<SpaceOptions> = { endpoint: must.boolean, axis: must.axis, dtype: must.dtype }

/** Options of `linspace`. */
export interface LinspaceOptions extends SpaceOptions {
  /** Whether to also return the distance between points. */
  readonly retstep?: boolean
}

/** The ends of a range of points. */
interface Ends {
  readonly start: ArrayLike
  readonly stop: ArrayLike
  readonly count: number
  readonly endpoint: boolean
  readonly axis: number
  /** Of the result. */
  readonly dtype: DType
}

const endsOf = (
  name: string,
  start: ArrayLike,
  stop: ArrayLike,
  count: number,
  { endpoint = true, axis = 0, dtype }: SpaceOptions,
): Ends => {
  const common = commonType([asArray(start), asArray(stop)]).dtype
  const target = dtype ?? (isFloat(common) ? common : 'float32')
  checkSize(name, target, count)
  return { start, stop, count, endpoint, axis, dtype: target }
}

/** The dtype that points are computed in. */
const working = (dtype: DType): DType => (dtype === 'float64' ? 'float64' : 'float32')

const areNumbers = ({ start, stop }: Ends): boolean => typeof start === 'number' && typeof stop === 'number'

const stepsOf = ({ count, endpoint }: Ends): number => (endpoint ? count - 1 : count)

/** Points between numbers, computed in float64 and rounded once. */
const betweenNumbers = (ends: Ends): NDArray => {
  const [start, stop, steps] = [ends.start as number, ends.stop as number, stepsOf(ends)]
  const point = (i: number): number =>
    steps <= 0 ? start : ends.endpoint && i === steps ? stop : start * (1 - i / steps) + stop * (i / steps)
  return makeArray(Float64Array.from({ length: ends.count }, (_, i) => point(i)))
}

/** The ends in one shape, with the axis of the points. */
const columnsOf = (ends: Ends): readonly [start: NDArray, stop: NDArray, axis: number] => {
  const [a, b] = [ends.start, ends.stop].map((x) => asArray(x).astype(working(ends.dtype))) as [NDArray, NDArray]
  const shape = broadcastTwo('np.linspace', a.shape, b.shape)
  const axis = normalizeAxis('np.linspace', ends.axis, shape.length + 1)
  return [expandDims(broadcastTo(a, shape), axis), expandDims(broadcastTo(b, shape), axis), axis]
}

/** start (1 - i/steps) + stop i/steps */
const betweenArrays = (ends: Ends): NDArray => {
  const [start, stop, axis] = columnsOf(ends)
  const { count, endpoint } = ends
  if (count === 0) return zeros(start.shape.with(axis, 0), { dtype: start.dtype })
  if (count === 1) return start
  const steps = stepsOf(ends)
  const parts = astype(makeArray(Float64Array.from({ length: steps }, (_, i) => i / steps)), start.dtype)
  const part = reshape(parts, start.shape.map((_, d) => (d === axis ? -1 : 1))) // prettier-ignore
  const inside = np.add(np.multiply(start, np.subtract(1, part)), np.multiply(stop, part))
  return endpoint ? concatenate([inside, stop], { axis }) : inside
}

const spaced = (ends: Ends): NDArray => {
  const points = areNumbers(ends) ? betweenNumbers(ends) : betweenArrays(ends)
  return astype(isFloat(ends.dtype) ? points : np.floor(points), ends.dtype)
}

/** The distance between points; NaN where there is none. */
const distance = (ends: Ends): NDArray => {
  const [start, stop] = [ends.start, ends.stop].map((x) => asArray(x).astype(working(ends.dtype))) as [NDArray, NDArray]
  const steps = stepsOf(ends)
  return steps > 0 ? np.divide(np.subtract(stop, start), steps) : asArray(NaN).astype(start.dtype)
}

const linspaceOptions: must.OptionTable<LinspaceOptions> = { ...spaceOptions, retstep: must.boolean }
const linspaceDoor = must.door('np.linspace', {
  start: must.arrayLike,
  stop: must.arrayLike,
  count: must.optional(must.anyOf(must.extent, must.optionsOf(linspaceOptions))),
  options: must.optionsOf(linspaceOptions),
})

/**
 * `count` points from `start` to `stop`; for arrays, along a new axis.
 *
 * @throws ArgumentError unless the count is a natural number; ShapeError if the ends do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.linspace(0, 1, 5) // => [0.   0.25 0.5  0.75 1.  ]
 * np.linspace(0, np.array([2, 4]), 3).toArray() // => 0,0,1,2,2,4
 * ```
 */
export function linspace(
  start: ArrayLike,
  stop: ArrayLike,
  count?: number | (LinspaceOptions & { readonly retstep?: false }),
  options?: LinspaceOptions & { readonly retstep?: false },
): NDArray
/** With `retstep`: the points, and their distance. */
export function linspace(
  start: ArrayLike,
  stop: ArrayLike,
  count: number,
  options: LinspaceOptions & { readonly retstep: true },
): readonly [points: NDArray, step: NDArray]
export function linspace(
  start: ArrayLike,
  stop: ArrayLike,
  count: number | LinspaceOptions = 50,
  options: LinspaceOptions = {},
): NDArray | readonly [NDArray, NDArray] {
  linspaceDoor(start, stop, count, options)
  const given = typeof count === 'object' ? count : options
  const ends = endsOf('np.linspace', start, stop, typeof count === 'object' ? 50 : count, given)
  return given.retstep === true ? [spaced(ends), distance(ends)] : spaced(ends)
}

const logspaceDoor = must.door('np.logspace', {
  start: must.arrayLike,
  stop: must.arrayLike,
  count: must.optional(must.extent),
  options: must.optionsOf<SpaceOptions & { readonly base?: ArrayLike }>({
    endpoint: must.boolean,
    axis: must.axis,
    dtype: must.dtype,
    base: must.arrayLike,
  }),
})

/**
 * `base` to the powers of evenly spaced points from `start` to `stop`.
 *
 * @throws ArgumentError and ShapeError as in `linspace`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.logspace(0, 2, 3) // => [  1.  10. 100.]
 * ```
 */
export const logspace = (
  start: ArrayLike,
  stop: ArrayLike,
  count = 50,
  options: SpaceOptions & { readonly base?: ArrayLike } = {},
): NDArray => {
  logspaceDoor(start, stop, count, options)
  return calledAs('np.logspace', () => {
    const { base = 10, ...space } = options
    const ends = endsOf('np.logspace', start, stop, count, space)
    const powers = areNumbers(ends) && typeof base === 'number' ? betweenNumbers(ends) : betweenArrays(ends)
    return astype(np.power(base, powers), ends.dtype)
  })
}

/** A quotient of powers that is an integer up to rounding, as that integer. */
const snapped = (x: NDArray): NDArray => {
  const nearest = np.round(x)
  const isNear = np.lessEqual(np.abs(np.subtract(x, nearest)), np.multiply(1e-11, np.abs(nearest)))
  return np.where(isNear, nearest, x)
}

/** sign exp(log |start| (1 - i/steps) + log |stop| i/steps), with exact ends. */
const ratios = (ends: Ends): NDArray => {
  const [start, stop, axis] = columnsOf({ ...ends, dtype: areNumbers(ends) ? 'float64' : ends.dtype })
  const sign = np.sign(start)
  const logs = [start, stop].map((x) => reshape(np.log(np.divide(x, sign)), x.shape.toSpliced(axis, 1))) as [NDArray, NDArray] // prettier-ignore
  const points = np.multiply(sign, np.exp(betweenArrays({ ...ends, start: logs[0], stop: logs[1], axis, dtype: start.dtype }))) // prettier-ignore
  if (ends.count === 0) return points
  const hasStop = ends.endpoint && ends.count > 1
  const inside = sliceInDim(points, 1, hasStop ? ends.count - 1 : ends.count, axis)
  return concatenate([start, inside, ...(hasStop ? [stop] : [])], { axis })
}

const geomspaceDoor = must.door('np.geomspace', {
  start: must.arrayLike,
  stop: must.arrayLike,
  count: must.optional(must.extent),
  options: must.optionsOf(spaceOptions),
})

/**
 * Points from `start` to `stop`, each a constant multiple of the one before. For integer dtypes they are truncated towards 0.
 *
 * @throws ArgumentError for JS numbers of different signs, or 0; arrays give NaN there.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.geomspace(1, 8, 4) // => [1. 2. 4. 8.]
 * np.geomspace(1, 1000, 4, { dtype: 'int32' }) // => [   1   10  100 1000]
 * ```
 */
export const geomspace = (start: ArrayLike, stop: ArrayLike, count = 50, options: SpaceOptions = {}): NDArray => {
  geomspaceDoor(start, stop, count, options)
  return calledAs('np.geomspace', () => {
    const ends = endsOf('np.geomspace', start, stop, count, options)
    if (typeof start === 'number' && typeof stop === 'number' && !(start * stop > 0)) {
      throw new ArgumentError(`np.geomspace: ends of one sign, not 0, got ${start} and ${stop}.`)
    }
    const points = ratios(ends)
    return astype(isFloat(ends.dtype) ? points : snapped(points), ends.dtype)
  })
}
