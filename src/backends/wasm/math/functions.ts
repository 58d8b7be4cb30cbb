/**
 * The mathematics of vectors, a row for each function: how it is written for four float32 and for two float64, how far results may be
 * from the true values, and what rare cases call in JavaScript. Each means what the reference computes: the real function rounded,
 * with the reference's special values. See docs/adding-a-primitive.md.
 */
import type { OpName } from '../../../ir/op.ts'
import { op } from '../asm/index.ts'
import type { Kit } from './float32/arithmetic.ts'
import * as elementary32 from './float32/elementary.ts'
import * as errorFunction32 from './float32/errorFunction.ts'
import * as exponential32 from './float32/exponential.ts'
import * as gamma32 from './float32/gamma.ts'
import * as circular32 from './float32/trigonometric.ts'
import * as inverseCircular32 from './float32/inverseTrigonometric.ts'
import * as logarithm32 from './float32/logarithm.ts'
import * as power32 from './float32/power.ts'
import * as circular64 from './float64/circular.ts'
import * as errorFunction64 from './float64/errorFunction.ts'
import * as exact64 from './float64/exact.ts'
import * as exponential64 from './float64/exponential.ts'
import * as gamma64 from './float64/gamma.ts'
import * as inverseCircular64 from './float64/inverseCircular.ts'
import * as logarithm64 from './float64/logarithm.ts'
import * as power64 from './float64/power.ts'
import type { Tools } from './float64/tools.ts'
import { nearest } from './float64/vector.ts'
import type { HostFunction } from './host.ts'
import type { Vector } from './vectorMath.ts'

type Arguments = readonly (Vector | number)[]
type On<A extends Arguments> = (...args: A) => Vector

/** A function for one float. */
interface Written<W> {
  readonly write: W
  /** How far results may be from the true values, in units of the last place. 0: exact. */
  readonly error: number
  /** What `write` calls in JavaScript: its kit or its tools allow that and nothing else. */
  readonly host: readonly HostFunction[]
}

/** A function of vectors (and, `integerPow`, a number that the compiler knows). */
export interface MathFunction<A extends Arguments> {
  readonly float32: Written<(kit: Kit<HostFunction>) => On<A>>
  readonly float64: Written<(...argsAndTools: [...A, Tools<HostFunction>]) => Vector>
}

/** What remains to be said of a function that may call H. */
type Calls<H extends HostFunction> = [H] extends [never] ? readonly [] : readonly [H]

/** A row's part for float32. */
export const single = <A extends Arguments, H extends HostFunction = never>(
  write: (kit: Kit<H>) => On<A>,
  error: number,
  ...host: Calls<H>
): MathFunction<A>['float32'] => ({ write, error, host })

type Unary = MathFunction<readonly [x: Vector]>
type Binary = MathFunction<readonly [x: Vector, y: Vector]>

const double1 = <H extends HostFunction = never>(
  write: (x: Vector, tools: Tools<H>) => Vector,
  error: number,
  ...host: Calls<H>
): Unary['float64'] => ({ write, error, host })

const double2 = <H extends HostFunction = never>(
  write: (x: Vector, y: Vector, tools: Tools<H>) => Vector,
  error: number,
  ...host: Calls<H>
): Binary['float64'] => ({ write, error, host })

/** Of one operand. */
export const unary = {
  sign: { float32: single(elementary32.sign, 0), float64: double1(exact64.sign, 0) },
  round: { float32: single(elementary32.round, 0), float64: double1(nearest, 0) },
  exp: { float32: single(exponential32.exp, 1.75), float64: double1(exponential64.exp, 1) },
  exp2: { float32: single(exponential32.exp2, 1.75), float64: double1(exponential64.exp2, 1.25) },
  log: { float32: single(logarithm32.log, 1), float64: double1(logarithm64.log, 1) },
  log1p: { float32: single(logarithm32.log1p, 1.5), float64: double1(logarithm64.log1p, 1) },
  expm1: { float32: single(exponential32.expm1, 1.5), float64: double1(exponential64.expm1, 1) },
  rsqrt: { float32: single(power32.rsqrt, 1.5), float64: double1(exact64.rsqrt, 1.5) },
  cbrt: { float32: single(power32.cbrt, 1), float64: double1(exact64.cbrt, 1) },
  sin: { float32: single(circular32.sin, 2, 'sin'), float64: double1(circular64.sin, 1, 'sin') },
  cos: { float32: single(circular32.cos, 2, 'cos'), float64: double1(circular64.cos, 1, 'cos') },
  tan: { float32: single(circular32.tan, 2, 'tan'), float64: double1(circular64.tan, 1.25, 'tan') },
  asin: { float32: single(inverseCircular32.asin, 2), float64: double1(inverseCircular64.asin, 1) },
  acos: { float32: single(inverseCircular32.acos, 2), float64: double1(inverseCircular64.acos, 1) },
  atan: { float32: single(inverseCircular32.atan, 1.75), float64: double1(inverseCircular64.atan, 1) },
  sinh: { float32: single(exponential32.sinh, 1.25), float64: double1(exponential64.sinh, 1) },
  cosh: { float32: single(exponential32.cosh, 1), float64: double1(exponential64.cosh, 1) },
  tanh: { float32: single(exponential32.tanh, 1.5), float64: double1(exponential64.tanh, 1.5) },
  asinh: { float32: single(power32.asinh, 1), float64: double1(logarithm64.asinh, 1.25) },
  acosh: { float32: single(power32.acosh, 1), float64: double1(logarithm64.acosh, 1) },
  atanh: { float32: single(power32.atanh, 1), float64: double1(logarithm64.atanh, 1) },
  logistic: { float32: single(exponential32.logistic, 2), float64: double1(exponential64.logistic, 1.25) },
  erf: { float32: single(errorFunction32.erf, 1), float64: double1(errorFunction64.erf, 1.5) },
  erfc: { float32: single(errorFunction32.erfc, 3), float64: double1(errorFunction64.erfc, 2.5) },
  erfInv: { float32: single(errorFunction32.erfInv, 4), float64: double1(errorFunction64.erfInv, 2.5) },
  // Near zeros, of numbers that lax.lgamma and lax.digamma name.
  lgamma: { float32: single(gamma32.lgamma, 1), float64: double1(gamma64.lgamma, 4) },
  digamma: { float32: single(gamma32.digamma, 1), float64: double1(gamma64.digamma, 4) },
} satisfies { readonly [N in OpName]?: Unary }

/** Of two, in the order of the IR: `pow(base, exponent)`, `atan2(y, x)`, `rem(dividend, divisor)`. */
export const binary = {
  rem: { float32: single(elementary32.rem, 0, 'rem'), float64: double2(exact64.rem, 0, 'rem') },
  max: { float32: single(elementary32.max, 0), float64: double2((x, y) => op('f64x2.max', x, y), 0) },
  min: { float32: single(elementary32.min, 0), float64: double2((x, y) => op('f64x2.min', x, y), 0) },
  nextafter: { float32: single(elementary32.nextafter, 0), float64: double2(exact64.nextafter, 0) },
  pow: { float32: single(power32.pow, 1), float64: double2(power64.pow, 1.25) },
  atan2: { float32: single(inverseCircular32.atan2, 1.75), float64: double2(inverseCircular64.atan2, 1.25, 'atan2') },
  // Beside the larger operand, where the sum is nearly 0.
  logaddexp: { float32: single(power32.logaddexp, 1.5), float64: double2(logarithm64.logaddexp, 2) },
} satisfies { readonly [N in OpName]?: Binary }

/** x to a power that the compiler knows, an integer. */
const integerPow: MathFunction<readonly [x: Vector, exponent: number]> = {
  float32: single(power32.integerPow, 2),
  float64: { write: power64.integerPow, error: 4, host: [] },
}

export const functions = { ...unary, ...binary, integerPow }

export type UnaryMath = keyof typeof unary
export type BinaryMath = keyof typeof binary
export type MathName = keyof typeof functions

/** All functions, on the vectors of one float. */
export type VectorMath = { readonly [N in UnaryMath]: On<readonly [x: Vector]> } & {
  readonly [N in BinaryMath]: On<readonly [x: Vector, y: Vector]>
} & { readonly integerPow: On<readonly [x: Vector, exponent: number]> }

export const isMath = (name: OpName): name is MathName => Object.hasOwn(functions, name)
