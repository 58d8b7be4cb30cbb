/** Schedules: pure functions of the step, counted from 0, which may be traced. Formulas are optax's. */
import { ArgumentError } from '../core/errors.ts'
import { show } from '../core/show.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { isNDArray } from '../trace/value.ts'
import { complement, minus, over, times } from '../surface/hyperparameters.ts'
import type { ArraySchedule } from './scheduleTools.ts'
import { float, aValue, aCount } from './scheduleTools.ts'

const constantScheduleDoor = must.door('optim.constantSchedule', { value: must.arrayLike })

/**
 * One value for all steps.
 *
 * @example
 * ```ts
 * import { optim } from 'pullback'
 * const rate = optim.constantSchedule(0.5)
 * rate(1000) // => 0.5
 * ```
 */
export const constantSchedule = (value: ArrayLike): ArraySchedule => {
  constantScheduleDoor(value)
  return () => np.array(value)
}

/** Options of `linearSchedule`. */
export interface LinearOptions {
  readonly initValue: ArrayLike
  readonly endValue: ArrayLike
  /** Steps from the initial to the final value; with 0 or less the schedule is constant. */
  readonly transitionSteps: number
  /** Steps before that; 0 by default. */
  readonly transitionBegin?: number
}

const linearOptions: must.OptionTable<LinearOptions> = {
  initValue: must.required(aValue),
  endValue: must.required(aValue),
  transitionSteps: must.required(aCount),
  transitionBegin: aCount,
}

/** Options of `polynomialSchedule`. */
export interface PolynomialOptions extends LinearOptions {
  readonly power: ArrayLike
}

const polynomialOptions: must.OptionTable<PolynomialOptions> = {
  power: must.required(aValue),
  initValue: must.required(aValue),
  endValue: must.required(aValue),
  transitionSteps: must.required(aCount),
  transitionBegin: aCount,
}

const polynomialScheduleDoor = must.door('optim.polynomialSchedule', { options: must.optionsOf(polynomialOptions) })

/**
 * `(initValue - endValue) · (1 - step / transitionSteps)^power + endValue`, constant before and after.
 *
 * @throws ArgumentError for an option that is missing or not a number.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const rate = optim.polynomialSchedule({ initValue: 1, endValue: 0, power: 2, transitionSteps: 10, transitionBegin: 5 })
 * rate(np.array([0, 5, 10, 15, 99])) // => [1.   1.   0.25 0.   0.  ]
 * ```
 */
export const polynomialSchedule = (options: PolynomialOptions): ArraySchedule => {
  polynomialScheduleDoor(options)
  return polynomial(options)
}

const polynomial = ({
  initValue,
  endValue,
  transitionSteps,
  transitionBegin = 0,
  power,
}: PolynomialOptions): ArraySchedule => {
  if (transitionSteps <= 0) return constantSchedule(initValue)
  const begin = Math.max(transitionBegin, 0)
  return (step) => {
    const past = np.clip(np.subtract(float(step), begin), 0, transitionSteps)
    const left = np.subtract(1, np.divide(past, transitionSteps))
    return np.add(np.multiply(minus(initValue, endValue), np.power(left, power)), endValue)
  }
}

const linearScheduleDoor = must.door('optim.linearSchedule', { options: must.optionsOf(linearOptions) })

/**
 * Linear from one value to another.
 *
 * @throws ArgumentError for an option that is missing or not a number.
 * @example
 * ```ts
 * import { optim } from 'pullback'
 * const warmup = optim.linearSchedule({ initValue: 0, endValue: 1, transitionSteps: 4 })
 * warmup(1) // => 0.25
 * ```
 */
export const linearSchedule = (options: LinearOptions): ArraySchedule => {
  linearScheduleDoor(options)
  return polynomial({ ...options, power: 1 })
}

/** Options of `exponentialDecay`. */
export interface ExponentialOptions {
  readonly initValue: ArrayLike
  readonly transitionSteps: number
  /** Factor over `transitionSteps` steps. */
  readonly decayRate: ArrayLike
  readonly transitionBegin?: number
  /** Whether the exponent is rounded down; false by default. */
  readonly staircase?: boolean
  /** Bound of the values, from below if they fall, from above if they rise. */
  readonly endValue?: ArrayLike
}

const exponentialOptions: must.OptionTable<ExponentialOptions> = {
  initValue: must.required(aValue),
  transitionSteps: must.required(aCount),
  decayRate: must.required(aValue),
  transitionBegin: aCount,
  staircase: must.boolean,
  endValue: aValue,
}

const exponentialDecayDoor = must.door('optim.exponentialDecay', { options: must.optionsOf(exponentialOptions) })

/**
 * `initValue · decayRate^(step / transitionSteps)`.
 *
 * @throws ArgumentError for an option that is missing or not a number.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const options = { initValue: 1, decayRate: 0.25, transitionSteps: 2 }
 * const steps = np.arange(5)
 * optim.exponentialDecay(options)(steps) // => [1.     0.5    0.25   0.125  0.0625]
 * optim.exponentialDecay({ ...options, staircase: true })(steps) // => [1.     1.     0.25   0.25   0.0625]
 * optim.exponentialDecay({ ...options, endValue: 0.2 })(steps) // => [1.   0.5  0.25 0.2  0.2 ]
 * ```
 */
export const exponentialDecay = (options: ExponentialOptions): ArraySchedule => {
  exponentialDecayDoor(options)
  const { initValue, transitionSteps, decayRate, transitionBegin = 0, staircase = false, endValue } = options
  if (transitionSteps <= 0 || decayRate === 0) return constantSchedule(initValue)
  const begin = Math.max(transitionBegin, 0)
  return (step) => {
    const past = np.subtract(float(step), begin)
    const ratio = np.divide(past, transitionSteps)
    const exponent = staircase ? np.floor(ratio) : ratio
    const decayed = np.where(
      np.lessEqual(past, 0),
      initValue,
      np.multiply(initValue, np.power(np.array(decayRate), exponent)),
    )
    if (endValue === undefined) return decayed
    return np.where(np.less(decayRate, 1), np.maximum(decayed, endValue), np.minimum(decayed, endValue))
  }
}

/** Options of `cosineDecaySchedule`. */
export interface CosineOptions {
  readonly initValue: ArrayLike
  readonly decaySteps: number
  /** The last value as a fraction of the first; 0 by default. */
  readonly alpha?: ArrayLike
  /** Power of the cosine; 1 by default. */
  readonly exponent?: ArrayLike
}

const cosineOptions: must.OptionTable<CosineOptions> = {
  initValue: must.required(aValue),
  decaySteps: must.required(aCount),
  alpha: aValue,
  exponent: aValue,
}

const cosineDecayScheduleDoor = must.door('optim.cosineDecaySchedule', { options: must.optionsOf(cosineOptions) })

/**
 * Half a cosine from `initValue` to `alpha · initValue`. Loshchilov and Hutter, "SGDR" (2016).
 *
 * @throws ArgumentError unless `decaySteps` is positive, and for an option that is missing or not a number.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const rate = optim.cosineDecaySchedule({ initValue: 2, decaySteps: 4, alpha: 0.5 })
 * rate(np.array([0, 2, 4, 100])) // => [2.  1.5 1.  1. ]
 * ```
 */
export const cosineDecaySchedule = (options: CosineOptions): ArraySchedule => {
  cosineDecayScheduleDoor(options)
  const { initValue, decaySteps, alpha = 0, exponent = 1 } = options
  if (!(decaySteps > 0)) {
    throw new ArgumentError(`optim.cosineDecaySchedule: decaySteps is positive, got ${decaySteps}.`)
  }
  return (step) => {
    const part = np.divide(np.minimum(float(step), decaySteps), decaySteps)
    const cosine = np.multiply(0.5, np.add(1, np.cos(np.multiply(Math.PI, part))))
    return np.multiply(initValue, np.add(np.multiply(complement(alpha), np.power(cosine, exponent)), alpha))
  }
}

/** Factors by the step from which they hold. */
export type BoundariesAndScales = Readonly<Record<number, ArrayLike>>

const sorted = (operation: string, pieces: BoundariesAndScales): (readonly [boundary: number, scale: ArrayLike])[] => {
  const entries = Object.entries(pieces).map(([boundary, factor]) => [Number(boundary), factor] as const)
  const isScale = (factor: ArrayLike): boolean =>
    (isNDArray(factor) && factor.ndim === 0) || (typeof factor === 'number' && factor >= 0)
  const bad = entries.find(([boundary, factor]) => !Number.isFinite(boundary) || !isScale(factor))
  if (bad !== undefined) {
    throw new ArgumentError(
      `${operation}: boundaries are steps and scales are not negative, got ${bad[0]}: ${show(bad[1])}.`,
    )
  }
  return entries.sort(([a], [b]) => a - b)
}

const aRecord = must.recordOf(must.anything, 'an object of scales by steps')

const piecewiseConstantScheduleDoor = must.door('optim.piecewiseConstantSchedule', {
  options: must.optionsOf<{
    readonly initValue: ArrayLike
    readonly boundariesAndScales?: BoundariesAndScales
  }>({
    initValue: must.required(aValue),
    boundariesAndScales: aRecord,
  }),
})

/**
 * `initValue`, multiplied at each boundary by its scale.
 *
 * @throws ArgumentError for a negative scale.
 * @example
 * ```ts
 * import { optim } from 'pullback'
 * const steps = optim.piecewiseConstantSchedule({ initValue: 1, boundariesAndScales: { 2: 0.5 } })
 * steps(1) // => 1.
 * steps(2) // => 0.5
 * ```
 */
export const piecewiseConstantSchedule = (options: {
  readonly initValue: ArrayLike
  readonly boundariesAndScales?: BoundariesAndScales
}): ArraySchedule => {
  piecewiseConstantScheduleDoor(options)
  const { initValue, boundariesAndScales = {} } = options
  const pieces = sorted('optim.piecewiseConstantSchedule', boundariesAndScales)
  return (step) =>
    pieces.reduce<NDArray>(
      (value, [boundary, factor]) => np.where(np.less(step, boundary), value, np.multiply(value, factor)),
      np.array(initValue),
    )
}

type Interpolate = (start: ArrayLike, end: ArrayLike, part: NDArray) => NDArray

const interpolations: { readonly [K in 'linear' | 'cosine']: Interpolate } = {
  linear: (start, end, part) => np.add(np.multiply(minus(end, start), part), start),
  cosine: (start, end, part) =>
    np.add(end, np.multiply(over(minus(start, end), 2), np.add(np.cos(np.multiply(Math.PI, part)), 1))),
}

const piecewiseInterpolateScheduleDoor = must.door('optim.piecewiseInterpolateSchedule', {
  options: must.optionsOf<{
    readonly interpolateType: 'linear' | 'cosine'
    readonly initValue: ArrayLike
    readonly boundariesAndScales?: BoundariesAndScales
  }>({
    interpolateType: must.required(must.oneOf(['linear', 'cosine'])),
    initValue: must.required(aValue),
    boundariesAndScales: aRecord,
  }),
})

/**
 * The values at boundaries are `initValue` times all scales so far; between them it interpolates linearly or by half cosines. *
 * * @throws ArgumentError for a negative scale, or an unknown interpolation.
 * @example
 * ```ts
 * import { optim } from 'pullback'
 * const options = { initValue: 1, boundariesAndScales: { 2: 3, 4: 0.5 } }
 * const line = optim.piecewiseInterpolateSchedule({ ...options, interpolateType: 'linear' })
 * const steps = [0, 1, 2, 3, 4]
 * steps.map((step) => line(step).item()) // => 1,2,3,2.25,1.5
 * ```
 */
export const piecewiseInterpolateSchedule = (options: {
  readonly interpolateType: 'linear' | 'cosine'
  readonly initValue: ArrayLike
  readonly boundariesAndScales?: BoundariesAndScales
}): ArraySchedule => {
  piecewiseInterpolateScheduleDoor(options)
  const { interpolateType, initValue, boundariesAndScales = {} } = options
  const pieces = sorted('optim.piecewiseInterpolateSchedule', boundariesAndScales)
  const interpolate = interpolations[interpolateType]
  return (step) => {
    let start = 0
    let value = initValue
    let result = np.array(initValue)
    const count = float(step)
    for (const [boundary, factor] of pieces) {
      const end = times(value, factor)
      const part = np.divide(np.subtract(count, start), Math.max(boundary - start, 1))
      result = np.where(np.less(count, start), result, interpolate(value, end, part))
      ;[start, value] = [boundary, end]
    }
    return np.where(np.less(count, start), result, value)
  }
}
