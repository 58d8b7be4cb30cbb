/** Custom derivatives, compared with finite differences. */
import { convert } from '../core/convert.ts'
import { CustomRuleError, TracerError } from '../core/errors.ts'
import { withInterpreter, rootInterpreter } from '../trace/interpreter.ts'
import { fromHost, isDifferentiable } from '../trace/value.ts'
import type { NDArray } from '../trace/value.ts'

type Values = readonly NDArray[]

/** The values as concrete arrays; null where some are not known. */
const concrete = (xs: Values): Values | null => {
  try {
    return xs.map((x) => fromHost(x.aval, x.body.host('debug.customRules')))
  } catch (error) {
    if (error instanceof TracerError) return null
    throw error
  }
}

const numbers = (x: NDArray): Float64Array =>
  convert(x.body.host('debug.customRules'), x.dtype, 'float64') as Float64Array

/** A direction that no symmetry of a function makes special. */
const direction = (x: NDArray, seed: number): Float64Array =>
  Float64Array.from({ length: x.size }, (_, i) => Math.cos(1 + 2.3 * i + seed))

const store = (x: NDArray, data: Float64Array): NDArray => fromHost(x.aval, convert(data, 'float64', x.dtype))

const moved = (x: NDArray, t: Float64Array, step: number): NDArray =>
  store(x, numbers(x).map((v, i) => v + step * t[i]!)) // prettier-ignore

/** The sum of covector times output, over float outputs. */
const pair = (ys: Values): number => {
  let sum = 0
  ys.forEach((y, k) => {
    if (!isDifferentiable(y.aval)) return
    const ct = direction(y, 7 + k)
    numbers(y).forEach((v, i) => (sum += v * ct[i]!))
  })
  return sum
}

/** Σ xᵢ yᵢ over all float leaves. */
export const innerProduct = (xs: Values, ys: Values): number => {
  let sum = 0
  xs.forEach((x, k) => {
    if (!isDifferentiable(x.aval)) return
    const other = numbers(ys[k]!)
    numbers(x).forEach((v, i) => (sum += v * other[i]!))
  })
  return sum
}

/** A function and its rule. */
interface RuleUnderTest {
  /** The function, from leaves to leaves. */
  readonly f: (xs: Values) => Values
  /**
   * ⟨ct, J t⟩ according to the rule, for tangents of all leaves (zeros for leaves that are not floats) and a covector for each
   * output.
   */
  readonly pairing: (xs: Values, tangents: Values, covectors: (ys: Values) => Values) => number
}

/**
 * Compares ⟨ct, J t⟩ by a rule and by central differences, for one direction and one covector.
 *
 * @returns whether they could be compared: the values must be known.
 * @throws CustomRuleError where they differ.
 */
export const checkRule = (name: string, args: Values, { f, pairing }: RuleUnderTest): boolean => {
  const xs = concrete(args)
  if (xs === null) return false
  return withInterpreter(rootInterpreter(), () => {
    const tangents = xs.map((x, k) => (isDifferentiable(x.aval) ? direction(x, k) : new Float64Array(x.size)))
    const step = xs.some((x) => x.dtype !== 'float64' && isDifferentiable(x.aval)) ? 4e-3 : 6e-6
    const at = (h: number): number =>
      pair(f(xs.map((x, k) => (isDifferentiable(x.aval) ? moved(x, tangents[k]!, h) : x))))
    const measured = (at(step) - at(-step)) / (2 * step)
    const told = pairing(
      xs,
      xs.map((x, k) => store(x, tangents[k]!)),
      (ys) => ys.map((y, k) => store(y, isDifferentiable(y.aval) ? direction(y, 7 + k) : new Float64Array(y.size))),
    )
    if (!(Math.abs(measured - told) > 0.03 * (Math.abs(measured) + Math.abs(told)) + 1e-3)) return true
    throw new CustomRuleError(
      `${name}: the rule says that the result moves by ${told.toPrecision(4)} in a direction in which differences give ` +
        `${measured.toPrecision(4)}; arguments (${xs.map((x) => x.aval).join(', ')}). If it is meant to, switch the check ` +
        'off with debug.customRules(false).',
    )
  })
}
