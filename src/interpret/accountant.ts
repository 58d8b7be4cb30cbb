/**
 * The privacy cost of DP-SGD: the Rényi differential privacy of the sampled Gaussian mechanism. Mironov, Talwar and Zhang,
 * "Rényi Differential Privacy of the Sampled Gaussian Mechanism" (2019). All of it is plain numbers, in float64.
 */
import { ArgumentError } from '../core/errors.ts'
import * as must from '../conversions/arguments.ts'

/** A run of DP-SGD. */
export interface PrivateRun {
  /** The probability that an example is in a batch, independently in each step: the batch size divided by the size of the data. */
  readonly sampleRate: number
  /** The standard deviation of the noise divided by the clipping norm. */
  readonly noiseMultiplier: number
  readonly steps: number
}

/** Further parameters of the guarantee. */
export interface PrivacyQuestion {
  /** The probability with which the guarantee may fail; it should be below 1 / number of examples. */
  readonly delta: number
  /** The orders that are tried; by default those of TensorFlow Privacy's and Google's accountants. */
  readonly orders?: readonly number[]
}

/** The privacy budget that a run has spent. */
export interface PrivacySpent {
  readonly epsilon: number
  /** The order that gives the best bound. */
  readonly order: number
}

/** 1.1, 1.2, ..., 10.9, then 11 to 63, and powers of two. */
const ORDERS: readonly number[] = [
  ...Array.from({ length: 99 }, (_, i) => 1 + (i + 1) / 10),
  ...Array.from({ length: 53 }, (_, i) => i + 11),
  128,
  256,
  512,
  1024,
]

// Logarithms of sums.

const logAdd = (a: number, b: number): number => {
  const [low, high] = a < b ? [a, b] : [b, a]
  return low === -Infinity ? high : high + Math.log1p(Math.exp(low - high))
}

/** erf by its series, 2/√π · e^(-x²) Σ 2ⁿ x^(2n+1) / (2n+1)!!. */
const erf = (x: number): number => {
  let term = x
  let sum = x
  for (let n = 1; term > 1e-17 * sum; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum
}

/** erfc(x) x √π e^(x²) for large x, by its continued fraction from the end: 1 / (1 + 1·t / (1 + 2·t / (1 + ...))), t = 1 / 2x². */
const tail = (x: number): number => {
  const t = 1 / (2 * x * x)
  let below = 1
  for (let k = 100; k >= 1; k--) below = 1 + (k * t) / below
  return 1 / below
}

/** log(erfc(x)), also where erfc underflows. */
const logErfc = (x: number): number => {
  if (x > 2.5) return -x * x - Math.log(x * Math.sqrt(Math.PI)) + Math.log(tail(x))
  if (x >= 0) return Math.log1p(-erf(x))
  return Math.log1p(x < -6 ? 1 : erf(-x))
}

// The Rényi divergence of one step: log A(order) / (order - 1).

/** A = Σ C(α, k) (1-q)^(α-k) q^k e^((k²-k) / 2σ²). Section 3.3, for integers α. */
const logMomentOfInteger = (q: number, sigma: number, order: number): number => {
  let sum = -Infinity
  let logBinomial = 0
  for (let k = 0; k <= order; k++) {
    const weight = logBinomial + k * Math.log(q) + (order - k) * Math.log1p(-q)
    sum = logAdd(sum, weight + (k * k - k) / (2 * sigma * sigma))
    logBinomial += Math.log((order - k) / (k + 1))
  }
  return sum
}

/** The maximal number of terms. */
const MOST_TERMS = 1000

/**
 * Both halves of the integral, split where the densities are equal, as series with binomials of a fraction. From some term on,
 * signs alternate; magnitudes are added, as in Google's accountant: this is an upper bound, without cancellation. If a series
 * does not converge, the result is infinity, so that other orders are chosen.
 */
const logMomentOfFraction = (q: number, sigma: number, order: number): number => {
  const [logQ, logRest] = [Math.log(q), Math.log1p(-q)]
  const middle = sigma * sigma * Math.log(1 / q - 1) + 0.5
  const half = (z: number): number => Math.log(0.5) + logErfc(z / (Math.SQRT2 * sigma))
  const growth = (k: number): number => (k * k - k) / (2 * sigma * sigma)
  let sum = -Infinity
  let logBinomial = 0
  let last: readonly [number, number] = [-Infinity, -Infinity]
  for (let i = 0; i < MOST_TERMS; i++) {
    const j = order - i
    const low = logBinomial + i * logQ + j * logRest + growth(i) + half(i - middle)
    const high = logBinomial + j * logQ + i * logRest + growth(j) + half(middle - j)
    sum = logAdd(sum, logAdd(low, high))
    if (low < last[0] && high < last[1] && Math.max(low, high) < sum - 30) return sum
    last = [low, high]
    logBinomial += Math.log(Math.abs(j / (i + 1)))
  }
  return Infinity
}

const divergence = (q: number, sigma: number, order: number): number => {
  if (q === 0) return 0
  if (sigma === 0) return Infinity
  if (q === 1) return order / (2 * sigma * sigma)
  const logMoment = (Number.isInteger(order) ? logMomentOfInteger : logMomentOfFraction)(q, sigma, order)
  return Math.max(0, logMoment / (order - 1))
}

const orderCheck = must.kind('a finite number above 1', (x) => typeof x === 'number' && Number.isFinite(x) && x > 1)

const samplingTable = { sampleRate: must.required(must.fraction), steps: must.required(must.natural) }

const runTable = { ...samplingTable, noiseMultiplier: must.required(must.notNegative) }

const betweenZeroAndOne = must.kind('a number between 0 and 1', (x) => typeof x === 'number' && x > 0 && x < 1)

const orders = must.listOf(orderCheck)

const rdpDoor = must.door('renyiDivergence', {
  run: must.required(must.optionsOf<PrivateRun>(runTable)),
  order: must.required(orderCheck),
})

/**
 * The Rényi divergence of a run at an order: the sum over its steps.
 *
 * @param order - above 1.
 * @example
 * ```ts
 * import { renyiDivergence } from 'pullback/interpret'
 * // Without sampling it is order / 2σ².
 * renyiDivergence({ sampleRate: 1, noiseMultiplier: 2, steps: 3 }, 8) // => 3
 * ```
 */
export const renyiDivergence = (run: PrivateRun, order: number): number => {
  rdpDoor(run, order)
  return run.steps === 0 ? 0 : run.steps * divergence(run.sampleRate, run.noiseMultiplier, order)
}

/** ε = r + log(1 - 1/α) - log(δ α) / (α - 1). Canonne, Kamath and Steinke, "The Discrete Gaussian" (2020), proposition 12. */
const epsilonAt = (r: number, order: number, delta: number): number => {
  // By the Kullback-Leibler divergence, which is not larger: for δ² ≥ 1 - e^(-r), ε = 0 holds.
  if (delta * delta + Math.expm1(-r) > 0) return 0
  return Math.max(0, r + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1))
}

const spent = (run: PrivateRun, { delta, orders: tried = ORDERS }: PrivacyQuestion): PrivacySpent => {
  if (run.steps === 0 || run.sampleRate === 0) return { epsilon: 0, order: tried[0]! }
  const all = tried.map((order) => ({
    epsilon: epsilonAt(run.steps * divergence(run.sampleRate, run.noiseMultiplier, order), order, delta),
    order,
  }))
  return all.reduce((best, next) => (next.epsilon < best.epsilon ? next : best))
}

const questionTable = {
  delta: must.required(betweenZeroAndOne),
  orders: must.kind('a list of orders above 1, one at least', (x) => orders.accepts(x) && (x as []).length > 0),
}

const spentDoor = must.door('privacySpent', {
  run: must.required(must.optionsOf<PrivateRun & PrivacyQuestion>({ ...runTable, ...questionTable })),
})

/**
 * The ε of (ε, δ)-differential privacy that a run of DP-SGD has, with `optim.dpAggregate` of that multiplier. It holds for
 * batches in which each example is included independently at random; batches of a shuffled list, as in most loops, are similar
 * but not covered by the proof.
 *
 * @example
 * ```ts
 * import { privacySpent } from 'pullback/interpret'
 * // The example of Abadi et al. (2016), whose accountant finds 1.26.
 * const { epsilon } = privacySpent({ sampleRate: 0.01, noiseMultiplier: 4, steps: 10_000, delta: 1e-5 })
 * epsilon.toFixed(3) // => 1.035
 * ```
 */
export const privacySpent = (run: PrivateRun & PrivacyQuestion): PrivacySpent => {
  spentDoor(run)
  return spent(run, run)
}

/** The privacy goal of a run. */
export interface PrivacyGoal extends Omit<PrivateRun, 'noiseMultiplier'>, PrivacyQuestion {
  readonly epsilon: number
}

const goalDoor = must.door('noiseMultiplierFor', {
  goal: must.required(
    must.optionsOf<PrivacyGoal>({ ...samplingTable, ...questionTable, epsilon: must.required(must.positive) }),
  ),
})

/**
 * The smallest noise multiplier, to within 0.1 %, with which a run spends at most that ε.
 *
 * @throws ArgumentError if no noise below a million is enough.
 * @example
 * ```ts
 * import { noiseMultiplierFor, privacySpent } from 'pullback/interpret'
 * const run = { sampleRate: 0.01, steps: 1000, delta: 1e-5 }
 * const noiseMultiplier = noiseMultiplierFor({ ...run, epsilon: 2 })
 * privacySpent({ ...run, noiseMultiplier }).epsilon <= 2 // => true
 * ```
 */
export const noiseMultiplierFor = (goal: PrivacyGoal): number => {
  goalDoor(goal)
  const { epsilon, ...rest } = goal
  const isEnough = (noiseMultiplier: number): boolean => spent({ ...rest, noiseMultiplier }, rest).epsilon <= epsilon
  if (isEnough(0)) return 0
  let high = 1
  while (!isEnough(high)) {
    high *= 2
    if (high > 1e6) {
      throw new ArgumentError(
        `noiseMultiplierFor: no noise gives epsilon ${epsilon} at delta ${goal.delta} in ${goal.steps} steps. Ask for a larger epsilon, or sample less.`,
      )
    }
  }
  let low = high === 1 ? 0 : high / 2
  while (high - low > 1e-3 * high) {
    const middle = (low + high) / 2
    if (isEnough(middle)) high = middle
    else low = middle
  }
  return high
}
