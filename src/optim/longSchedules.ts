/** Schedules of several parts: cycles, warm-up and decay, and any one after another. Formulas are optax's. */
import { ArgumentError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import { asArray } from '../runtime/installArrays.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { over, times } from '../surface/hyperparameters.ts'
import type { Schedule } from './scaling.ts'
import type { ExponentialOptions } from './schedules.ts'
import { cosineDecaySchedule, exponentialDecay, linearSchedule, piecewiseInterpolateSchedule } from './schedules.ts'
import type { ArraySchedule } from './scheduleTools.ts'
import { float, aValue, aCount } from './scheduleTools.ts'

const checkSteps = (operation: string, transitionSteps: number): void => {
  if (transitionSteps > 0) return
  throw new ArgumentError(`${operation}: transitionSteps is positive, got ${transitionSteps}.`)
}

/** Options of the one-cycle schedules. */
export interface OnecycleOptions {
  readonly transitionSteps: number
  readonly peakValue: ArrayLike
  /** The fraction of the steps in which the rate rises; 0.3 by default. */
  readonly pctStart?: number
  /** The first value is `peakValue / divFactor`; 25 by default. */
  readonly divFactor?: ArrayLike
  /** The last value is the first value divided by this; 1e4 by default. */
  readonly finalDivFactor?: ArrayLike
}

const onecycleOptions: must.OptionTable<OnecycleOptions> = {
  transitionSteps: must.required(aCount),
  peakValue: must.required(aValue),
  pctStart: aCount,
  divFactor: aValue,
  finalDivFactor: aValue,
}

const linearOnecycleScheduleDoor = must.door('optim.linearOnecycleSchedule', {
  options: must.optionsOf<OnecycleOptions & { readonly pctFinal?: number }>({
    transitionSteps: must.required(aCount),
    peakValue: must.required(aValue),
    pctStart: aCount,
    divFactor: aValue,
    finalDivFactor: aValue,
    pctFinal: aCount,
  }),
})

/**
 * Linear up to a peak and down again, then further down from the fraction `pctFinal` (0.85) on. Smith and Topin,
 * "Super-convergence" (2018).
 *
 * @throws ArgumentError unless `transitionSteps` is positive, and for an option that is missing or not a number.
 * @example
 * ```ts
 * import { optim } from 'pullback'
 * const rate = optim.linearOnecycleSchedule({ transitionSteps: 100, peakValue: 1 })
 * const steps = [0, 30, 85, 100]
 * steps.map((step) => rate(step).item().toFixed(4)) // => 0.0400,1.0000,0.0400,0.0000
 * ```
 */
export const linearOnecycleSchedule = (options: OnecycleOptions & { readonly pctFinal?: number }): ArraySchedule => {
  linearOnecycleScheduleDoor(options)
  const { transitionSteps, peakValue, pctStart = 0.3, pctFinal = 0.85, divFactor = 25, finalDivFactor = 1e4 } = options
  checkSteps('optim.linearOnecycleSchedule', transitionSteps)
  return piecewiseInterpolateSchedule({
    interpolateType: 'linear',
    initValue: over(peakValue, divFactor),
    boundariesAndScales: {
      [Math.trunc(pctStart * transitionSteps)]: divFactor,
      [Math.trunc(pctFinal * transitionSteps)]: over(1, divFactor),
      [transitionSteps]: over(1, finalDivFactor),
    },
  })
}

const cosineOnecycleScheduleDoor = must.door('optim.cosineOnecycleSchedule', {
  options: must.optionsOf(onecycleOptions),
})

/**
 * Half a cosine up to a peak, and half a cosine down to nearly 0. Smith and Topin, "Super-convergence" (2018).
 *
 * @throws ArgumentError unless `transitionSteps` is positive, and for an option that is missing or not a number.
 * @example
 * ```ts
 * import { optim } from 'pullback'
 * const rate = optim.cosineOnecycleSchedule({ transitionSteps: 100, peakValue: 1, divFactor: 10 })
 * const steps = [0, 15, 30, 65, 100]
 * steps.map((step) => rate(step).item().toFixed(3)) // => 0.100,0.550,1.000,0.500,0.000
 * ```
 */
export const cosineOnecycleSchedule = (options: OnecycleOptions): ArraySchedule => {
  cosineOnecycleScheduleDoor(options)
  const { transitionSteps, peakValue, pctStart = 0.3, divFactor = 25, finalDivFactor = 1e4 } = options
  checkSteps('optim.cosineOnecycleSchedule', transitionSteps)
  return piecewiseInterpolateSchedule({
    interpolateType: 'cosine',
    initValue: over(peakValue, divFactor),
    boundariesAndScales: {
      [Math.trunc(pctStart * transitionSteps)]: divFactor,
      [transitionSteps]: over(1, times(divFactor, finalDivFactor)),
    },
  })
}

const joinSchedulesDoor = must.door('optim.joinSchedules', {
  schedules: must.listOf(must.func),
  boundaries: must.listOf(must.integer),
})

/**
 * Schedules one after the other; each counts from its own start.
 *
 * @param boundaries - the steps at which the next schedule begins: one fewer than schedules.
 * @throws ArgumentError if their numbers do not fit.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const up = optim.linearSchedule({ initValue: 0, endValue: 1, transitionSteps: 2 })
 * const rate = optim.joinSchedules([up, (step) => np.divide(1, np.add(step, 1))], [2])
 * // From step 2 on, the second counts 0, 1, 2.
 * const steps = [0, 1, 2, 3, 5]
 * steps.map((step) => rate(step).item()) // => 0,0.5,1,0.5,0.25
 * ```
 */
export const joinSchedules = (schedules: readonly Schedule[], boundaries: readonly number[]): ArraySchedule => {
  joinSchedulesDoor(schedules, boundaries)
  const [first, ...rest] = schedules
  if (first === undefined || rest.length !== boundaries.length) {
    throw new ArgumentError(
      `optim.joinSchedules: ${schedules.length} schedules have ${Math.max(schedules.length - 1, 0)} boundaries between them, got ${boundaries.length}.`,
    )
  }
  return (step) =>
    rest.reduce<NDArray>(
      (value, schedule, i) => {
        const boundary = boundaries[i]!
        return np.where(np.less(step, boundary), value, schedule(np.subtract(step, boundary)))
      },
      float(first(asArray(step))),
    )
}

/** Options that schedules with a warm-up share. */
export interface WarmupOptions {
  readonly initValue: ArrayLike
  readonly peakValue: ArrayLike
  readonly warmupSteps: number
}

const warmupOptions: must.OptionTable<WarmupOptions> = {
  initValue: must.required(aValue),
  peakValue: must.required(aValue),
  warmupSteps: must.required(aCount),
}

const warmup = ({ initValue, peakValue, warmupSteps }: WarmupOptions): ArraySchedule =>
  linearSchedule({ initValue, endValue: peakValue, transitionSteps: warmupSteps })

const warmupConstantScheduleDoor = must.door('optim.warmupConstantSchedule', { options: must.optionsOf(warmupOptions) })

/**
 * Linear up to `peakValue`, then constant.
 *
 * @example
 * ```ts
 * import { optim } from 'pullback'
 * const rate = optim.warmupConstantSchedule({ initValue: 0, peakValue: 1, warmupSteps: 4 })
 * const steps = [0, 1, 4, 99]
 * steps.map((step) => rate(step).item()) // => 0,0.25,1,1
 * ```
 */
export const warmupConstantSchedule = (options: WarmupOptions): ArraySchedule => {
  warmupConstantScheduleDoor(options)
  return warmup(options)
}

/** Options of `warmupCosineDecaySchedule`. */
export interface WarmupCosineOptions extends WarmupOptions {
  /** All steps, those of the warm-up included. */
  readonly decaySteps: number
  /** 0 by default. */
  readonly endValue?: ArrayLike
  /** Power of the cosine; 1 by default. */
  readonly exponent?: ArrayLike
}

const warmupCosineOptions: must.OptionTable<WarmupCosineOptions> = {
  decaySteps: must.required(aCount),
  endValue: aValue,
  exponent: aValue,
  initValue: must.required(aValue),
  peakValue: must.required(aValue),
  warmupSteps: must.required(aCount),
}

/** A quotient; 0 if the divisor is 0. */
const ratio = (a: ArrayLike, b: ArrayLike): ArrayLike => {
  if (typeof b === 'number') return b === 0 ? 0 : over(a, b)
  const isZero = np.equal(b, 0)
  return np.where(isZero, 0, np.divide(a, np.where(isZero, 1, b)))
}

const warmupCosineDecayScheduleDoor = must.door('optim.warmupCosineDecaySchedule', {
  options: must.optionsOf(warmupCosineOptions),
})

/**
 * Linear up to `peakValue`, then half a cosine down to `endValue`.
 *
 * @throws ArgumentError unless `decaySteps` is more than `warmupSteps`.
 * @example
 * ```ts
 * import { optim } from 'pullback'
 * const rate = optim.warmupCosineDecaySchedule({ initValue: 0, peakValue: 1, warmupSteps: 2, decaySteps: 6, endValue: 0.5 })
 * const steps = [0, 1, 2, 4, 6, 99]
 * steps.map((step) => rate(step).item()) // => 0,0.5,1,0.75,0.5,0.5
 * ```
 */
export const warmupCosineDecaySchedule = (options: WarmupCosineOptions): ArraySchedule => {
  warmupCosineDecayScheduleDoor(options)
  const { decaySteps, endValue = 0, exponent = 1, peakValue, warmupSteps } = options
  const alpha = ratio(endValue, peakValue)
  const decay = cosineDecaySchedule({ initValue: peakValue, decaySteps: decaySteps - warmupSteps, alpha, exponent })
  return joinSchedules([warmup(options), decay], [warmupSteps])
}

const warmupExponentialDecayScheduleDoor = must.door('optim.warmupExponentialDecaySchedule', {
  options: must.optionsOf<WarmupOptions & Omit<ExponentialOptions, 'initValue'>>({
    initValue: must.required(aValue),
    peakValue: must.required(aValue),
    warmupSteps: must.required(aCount),
    decayRate: must.required(aValue),
    transitionSteps: must.required(aCount),
    transitionBegin: aCount,
    staircase: must.boolean,
    endValue: aValue,
  }),
})

/**
 * Linear up to `peakValue`, then exponential decay.
 *
 * @example
 * ```ts
 * import { optim } from 'pullback'
 * const rate = optim.warmupExponentialDecaySchedule({
 *   initValue: 0,
 *   peakValue: 1,
 *   warmupSteps: 2,
 *   decayRate: 0.5,
 *   transitionSteps: 1,
 * })
 * const steps = [0, 1, 2, 3, 4]
 * steps.map((step) => rate(step).item()) // => 0,0.5,1,0.5,0.25
 * ```
 */
export const warmupExponentialDecaySchedule = (
  options: WarmupOptions & Omit<ExponentialOptions, 'initValue'>,
): ArraySchedule => {
  warmupExponentialDecayScheduleDoor(options)
  const { peakValue, warmupSteps, ...decay } = options
  return joinSchedules([warmup(options), exponentialDecay({ ...decay, initValue: peakValue })], [warmupSteps])
}

const sgdrScheduleDoor = must.door('optim.sgdrSchedule', { cycles: must.listOf(must.optionsOf(warmupCosineOptions)) })

/**
 * Cosine decay with warm restarts: one `warmupCosineDecaySchedule` after the other, each of `decaySteps`. Loshchilov and Hutter,
 * "SGDR" (2016).
 *
 * @example
 * ```ts
 * import { optim } from 'pullback'
 * const cycle = { initValue: 0, peakValue: 1, warmupSteps: 1, decaySteps: 3 }
 * const rate = optim.sgdrSchedule([cycle, { ...cycle, peakValue: 0.5 }])
 * const steps = [0, 1, 2, 3, 4, 5]
 * steps.map((step) => rate(step).item().toFixed(2)) // => 0.00,1.00,0.50,0.00,0.50,0.25
 * ```
 */
export const sgdrSchedule = (cycles: readonly WarmupCosineOptions[]): ArraySchedule => {
  sgdrScheduleDoor(cycles)
  const ends = cycles.map((_, i) => cycles.slice(0, i + 1).reduce((sum, c) => sum + c.decaySteps, 0))
  return joinSchedules(cycles.map(warmupCosineDecaySchedule), ends.slice(0, -1))
}
