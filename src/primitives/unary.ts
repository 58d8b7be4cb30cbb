/** Elementwise operations of one operand. Above each nontrivial rule: its formula, with y the output and t the tangent. */
import { Aval } from '../core/aval.ts'
import { convert } from '../core/convert.ts'
import { allocate, bitsOf, isFloat, isLong } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import * as ops from '../ops/elementwise.ts'
import { fullLike, zerosLike } from '../ops/creation.ts'
import type { NDArray } from '../trace/value.ts'
import { checkAccepts, oneBatched, single, unary } from './kinds.ts'
import * as loops from './loops.ts'
import type { Primitive } from './primitive.ts'
import { bigPower, erf, erfc, erfInv, integerPower32, roundHalfEven } from './special.ts'

const {
  abs,
  add,
  cos,
  cosh,
  div,
  exp,
  ge,
  integerPow,
  logisticDensity,
  lt,
  mul,
  neg,
  rsqrt,
  select,
  sin,
  sinh,
  sub,
  tanh,
} = ops

const times = (x: NDArray, c: number): NDArray => mul(x, fullLike(x, c))
const plus = (x: NDArray, c: number): NDArray => add(x, fullLike(x, c))
const from = (c: number, x: NDArray): NDArray => sub(fullLike(x, c), x)
const square = (x: NDArray): NDArray => mul(x, x)
// 1 - x², accurate near ±1, and with a derivative that is accurate near 0.
const oneMinusSquare = (x: NDArray): NDArray =>
  select(lt(abs(x), fullLike(x, 0.5)), from(1, square(x)), mul(from(1, x), plus(x, 1)))

export const negP = unary('neg', {
  accepts: 'number',
  big: (x) => -x,
  evaluate: (x) => -x,
  loop: loops.negLoop,
  jvp: 'linear',
})
export const absP = unary('abs', {
  accepts: 'number',
  big: (x) => (x < 0n ? -x : x),
  evaluate: Math.abs,
  // JAX's choice at 0: 1.
  jvp: (t, x) => select(ge(x, zerosLike(x)), t, neg(t)),
})
export const signP = unary('sign', {
  accepts: 'number',
  big: (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n),
  evaluate: Math.sign,
  jvp: 'zero',
})
export const floorP = unary('floor', { accepts: 'float', evaluate: Math.floor, jvp: 'zero' })
export const ceilP = unary('ceil', { accepts: 'float', evaluate: Math.ceil, jvp: 'zero' })
export const roundP = unary('round', { accepts: 'float', evaluate: roundHalfEven, jvp: 'zero' })
export const expP = unary('exp', {
  accepts: 'float',
  evaluate: Math.exp,
  loop: loops.expLoop,
  jvp: (t, _, y) => mul(t, y),
  facts: { cost: 12 },
})
// t·y·ln 2
export const exp2P = unary('exp2', {
  accepts: 'float',
  evaluate: (x) => 2 ** x,
  jvp: (t, _, y) => mul(t, times(y, Math.LN2)),
  facts: { cost: 12 },
})
export const logP = unary('log', {
  accepts: 'float',
  evaluate: Math.log,
  loop: loops.logLoop,
  jvp: (t, x) => div(t, x),
  facts: { cost: 12 },
})
export const log1pP = unary('log1p', {
  accepts: 'float',
  evaluate: Math.log1p,
  jvp: (t, x) => div(t, plus(x, 1)),
  facts: { cost: 16 },
})
export const expm1P = unary('expm1', {
  accepts: 'float',
  evaluate: Math.expm1,
  jvp: (t, x) => mul(t, exp(x)),
  facts: { cost: 16 },
})
// t / 2y
export const sqrtP = unary('sqrt', {
  accepts: 'float',
  evaluate: Math.sqrt,
  loop: loops.sqrtLoop,
  jvp: (t, _, y) => div(times(t, 0.5), y),
  facts: { cost: 4, rounds: 'alike' },
})
// -t·y / 2x
export const rsqrtP = unary('rsqrt', {
  accepts: 'float',
  evaluate: (x) => 1 / Math.sqrt(x),
  jvp: (t, x, y) => mul(t, times(div(y, x), -0.5)),
  facts: { cost: 6 },
})
// t / 3y²
export const cbrtP = unary('cbrt', {
  accepts: 'float',
  evaluate: Math.cbrt,
  jvp: (t, _, y) => mul(times(t, 1 / 3), integerPow(y, -2)),
  facts: { cost: 20 },
})
export const sinP = unary('sin', {
  accepts: 'float',
  evaluate: Math.sin,
  jvp: (t, x) => mul(t, cos(x)),
  facts: { cost: 20 },
})
export const cosP = unary('cos', {
  accepts: 'float',
  evaluate: Math.cos,
  jvp: (t, x) => mul(t, neg(sin(x))),
  facts: { cost: 20 },
})
export const tanP = unary('tan', {
  accepts: 'float',
  evaluate: Math.tan,
  jvp: (t, _, y) => mul(t, plus(square(y), 1)),
  facts: { cost: 24 },
})
// t / sqrt(1 - x²)
export const asinP = unary('asin', {
  accepts: 'float',
  evaluate: Math.asin,
  jvp: (t, x) => mul(t, rsqrt(oneMinusSquare(x))),
  facts: { cost: 16 },
})
export const acosP = unary('acos', {
  accepts: 'float',
  evaluate: Math.acos,
  jvp: (t, x) => mul(t, neg(rsqrt(oneMinusSquare(x)))),
  facts: { cost: 16 },
})
export const atanP = unary('atan', {
  accepts: 'float',
  evaluate: Math.atan,
  jvp: (t, x) => div(t, plus(square(x), 1)),
  facts: { cost: 16 },
})
export const sinhP = unary('sinh', {
  accepts: 'float',
  evaluate: Math.sinh,
  jvp: (t, x) => mul(t, cosh(x)),
  facts: { cost: 20 },
})
export const coshP = unary('cosh', {
  accepts: 'float',
  evaluate: Math.cosh,
  jvp: (t, x) => mul(t, sinh(x)),
  facts: { cost: 20 },
})
// t·4σ'(2x): 1 - y² would be 0 where y rounds to 1
export const tanhP = unary('tanh', {
  accepts: 'float',
  evaluate: Math.tanh,
  loop: loops.tanhLoop,
  jvp: (t, x) => mul(t, times(logisticDensity(times(x, 2)), 4)),
  facts: { cost: 16 },
})
export const asinhP = unary('asinh', {
  accepts: 'float',
  evaluate: Math.asinh,
  jvp: (t, x) => mul(t, rsqrt(plus(square(x), 1))),
  facts: { cost: 30 },
})
// t / sqrt((x - 1)(x + 1)), as a product so that it is NaN below -1 too
export const acoshP = unary('acosh', {
  accepts: 'float',
  evaluate: Math.acosh,
  jvp: (t, x) => mul(t, mul(rsqrt(plus(x, -1)), rsqrt(plus(x, 1)))),
  facts: { cost: 30 },
})
// t / (1 - x²)
export const atanhP = unary('atanh', {
  accepts: 'float',
  evaluate: Math.atanh,
  jvp: (t, x) => div(t, oneMinusSquare(x)),
  facts: { cost: 30 },
})
export const logisticP = unary('logistic', {
  accepts: 'float',
  evaluate: (x) => 1 / (1 + Math.exp(-x)),
  jvp: (t, x) => mul(t, logisticDensity(x)),
  facts: { cost: 16 },
})
// σ' = σ(x)·σ(-x), an operation of its own so that derivatives of all orders keep their relative accuracy in both tails and
// at 0: -t·y·tanh(x / 2)
export const logisticDensityP = unary('logisticDensity', {
  accepts: 'float',
  evaluate: (x) => {
    const e = Math.exp(-Math.abs(x))
    return e / (1 + e) ** 2
  },
  jvp: (t, x, y) => mul(t, neg(mul(y, tanh(times(x, 0.5))))),
})

const twoOverSqrtPi = 2 / Math.sqrt(Math.PI)
// t·2/√π·e^(-x²)
export const erfP = unary('erf', {
  accepts: 'float',
  evaluate: erf,
  jvp: (t, x) => mul(t, times(exp(neg(square(x))), twoOverSqrtPi)),
  facts: { cost: 24 },
})
export const erfcP = unary('erfc', {
  accepts: 'float',
  evaluate: erfc,
  jvp: (t, x) => mul(t, times(exp(neg(square(x))), -twoOverSqrtPi)),
  facts: { cost: 30 },
})
// t·√π/2·e^(y²)
export const erfInvP = unary('erfInv', {
  accepts: 'float',
  evaluate: erfInv,
  jvp: (t, _, y) => mul(t, times(exp(square(y)), 1 / twoOverSqrtPi)),
  facts: { cost: 40 },
})
export const isFiniteP = unary('isFinite', {
  accepts: 'float',
  evaluate: (x) => (Number.isFinite(x) ? 1 : 0),
  jvp: 'zero',
  output: 'bool',
})
export const notP = unary('not', {
  accepts: 'bits',
  big: (x) => ~x,
  evaluate: { general: (x) => ~x, bool: (x) => (x === 0 ? 1 : 0) },
  jvp: 'zero',
})
const mark = {
  accepts: 'any',
  big: (x: bigint) => x,
  evaluate: (x: number) => x,
  jvp: 'zero',
  facts: { mark: true },
} as const
export const stopGradientP = unary('stopGradient', mark)
// A placeholder for discarded values is also allowed in linear programs: its cotangent does not matter.
export const fillerP: Primitive<'filler'> = {
  ...unary('filler', mark),
  transpose: () => [null],
}

// t·n·x^(n-1)
export const integerPowP: Primitive<'integerPow'> = {
  type: (_, [x]) => {
    checkAccepts('integerPow', 'number', x!)
    return [x!]
  },
  evaluate: ({ exponent }, [data], [x], [out]) => {
    if (isLong(x!.dtype)) {
      const powers = allocate(x!.dtype, x!.size) as BigInt64Array
      const n = BigInt(exponent)
      ;(data as BigInt64Array).forEach((v, i) => (powers[i] = bigPower(v, n)))
      return [powers]
    }
    const power = isFloat(x!.dtype) ? (v: number) => v ** exponent : (v: number) => integerPower32(v, exponent)
    const ys = allocate(out!.dtype, out!.size) as Float64Array
    const xs = data as Float64Array
    for (let i = 0; i < ys.length; i++) ys[i] = power(xs[i]!)
    return [ys]
  },
  jvp: ({ exponent }, [x], [t]) => {
    const y = integerPow(x!, exponent)
    if (exponent === 0) return single(y, null)
    if (exponent === 1) return single(y, t!)
    const slope = exponent === 2 ? x! : integerPow(x!, exponent - 1)
    return single(y, mul(t!, times(slope, exponent)))
  },
  batch: ({ exponent }, [x], [axis]) => oneBatched(integerPow(x!, exponent), axis!),
  facts: { elementwise: true, rounds: 'freely' },
}

// ---- conversions ----

export const castP: Primitive<'cast'> = {
  type: ({ dtype, weak }, [x]) => [new Aval(dtype, x!.shape, weak)],
  evaluate: ({ dtype }, [data], [x]) => [convert(data!, x!.dtype, dtype)],
  jvp: ({ dtype, weak }, [x], [t]) =>
    single(ops.cast(x!, dtype, weak), isFloat(dtype) ? ops.cast(t!, dtype, weak) : null),
  transpose: (_, [ct], [x]) => [ops.cast(ct!, x!.aval.dtype, x!.aval.weak)],
  batch: ({ dtype, weak }, [x], [axis]) => oneBatched(ops.cast(x!, dtype, weak), axis!),
  facts: { elementwise: true, linear: true, rounds: 'alike', narrow: 'as they are' },
}

export const bitcastP: Primitive<'bitcast'> = {
  type: ({ dtype }, [x]) => {
    if (bitsOf(dtype) !== bitsOf(x!.dtype) || dtype === 'bool' || x!.dtype === 'bool') {
      throw new DTypeError(`bitcast: ${x} cannot be read as ${dtype}: the widths differ, or one is bool.`)
    }
    return [x!.withDType(dtype)]
  },
  evaluate: (_, [data], __, [out]) => {
    const view = allocate(out!.dtype, out!.size)
    new Uint8Array(view.buffer).set(new Uint8Array(data!.buffer, data!.byteOffset, data!.byteLength))
    return [view]
  },
  jvp: ({ dtype }, [x]) => single(ops.bitcast(x!, dtype), null),
  batch: ({ dtype }, [x], [axis]) => oneBatched(ops.bitcast(x!, dtype), axis!),
  facts: { elementwise: true, narrow: 'as they are' },
}
