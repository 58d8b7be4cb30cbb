/** The error function, its complement and its inverse. Coefficients: scripts/coefficients/float32.py. */
import { f32x4, i32x4 } from '../../asm/index.ts'
import type { VectorFunction } from '../vectorMath.ts'
import type { Kit } from './arithmetic.ts'
import {
  abs,
  add,
  and,
  atLeast,
  atMost,
  div,
  lt,
  mul,
  negate,
  one,
  horner,
  shiftRight,
  sqrt,
  sub,
  two,
  where,
} from './arithmetic.ts'
import { decay } from './exponential.ts'
import { div64, inHalves, mul64, polynomial64 } from './halves.ts'
import { normalLog } from './logarithm.ts'

// erf(x) / x in x², for |x| ≤ 3.92: 2^-25.7.
const erfNumerator = [1.12837915, 0.190409886, 0.0527491722, 0.00376576167, 0.000284885628, 2.05005705e-6]
const erfDenominator = [1, 0.502079109, 0.114110522, 0.014969508, 0.00116256986, 3.80915521e-5]
// e^(x²) erfc(x), for 0 ≤ x ≤ 10.06: 2^-27.4.
const erfcNumerator = [1.00000001, 1.23810597, 0.731285816, 0.229067295, 0.032764809]
const erfcDenominator = [1, 2.36648571, 2.4015697, 1.32477446, 0.40603777, 0.0580734075]

/** In float64: float32 would add up to seven units in the last place. From 3.92 on, erf rounds to 1. */
export const erf =
  (kit: Kit): VectorFunction =>
  (x) =>
    inHalves(
      (v) => {
        const z = mul64(v, v)
        const numerator = mul64(v, polynomial64(kit, z, erfNumerator))
        return div64(numerator, polynomial64(kit, z, erfDenominator))
      },
      atLeast(atMost(x, f32x4(3.92)), f32x4(-3.92)),
    )

/**
 * e^(-x²) times a quotient, reflected for negative x: erfc(-x) = 2 - erfc x. The square is that of x with its last bits cleared,
 * which is exact, and (x - high)(x + high). From 10.06 on the result is 0.
 */
export const erfc =
  (kit: Kit): VectorFunction =>
  (x) => {
    const a = atMost(abs(x), f32x4(10.1))
    const high = and(a, i32x4(-0x1000))
    const low = mul(sub(a, high), add(a, high))
    const e = decay(kit, negate(mul(high, high)), negate(low))
    const q = inHalves((v) => div64(polynomial64(kit, v, erfcNumerator), polynomial64(kit, v, erfcDenominator)), a)
    const y = mul(e, q)
    return where(shiftRight(x, 31), sub(two, y), y)
  }

// erfInv(x) / x by w = -log(1 - x²): below 5, in w - 2.8125, 2^-23.3; from there on, in √w - 3.15625, 2^-23.4. The two ranges are those of
// M. Giles, Approximating the erfinv function (GPU Computing Gems, 2010).
const erfInvCentre = [
  1.57804048, 0.243688777, -0.0052267951, -0.000986783183, 0.000206948956, -1.02596478e-5, -2.69887846e-6,
  4.15060669e-7, 2.85313089e-8,
]
const erfInvTail = [
  2.98969293, 1.00414205, 0.00657737348, -0.00481764367, 0.00338308932, -0.00243234145, 0.00128128123, -0.00012070001,
  -0.000165406716,
]

/** At ±1 an infinity, beyond NaN: x / √(1 - |x|). */
export const erfInv =
  (kit: Kit): VectorFunction =>
  (x) => {
    const a = abs(x)
    const complement = sub(one, a)
    const w = negate(normalLog(kit, mul(complement, add(one, a))))
    const centre = horner(kit, sub(w, f32x4(2.8125)), erfInvCentre)
    const tail = horner(kit, sub(sqrt(w), f32x4(3.15625)), erfInvTail)
    const y = mul(where(lt(w, f32x4(5)), centre, tail), x)
    return where(lt(a, one), y, div(x, sqrt(complement)))
  }
