/** Mathematics of float32 vectors: the table of operations, one file for each family. */
import { exp, exp2, expm1, logistic, cosh, sinh, tanh } from './float32/exponential.ts'
import { max, min, nextafter, rem, round, sign } from './float32/elementary.ts'
import { erf, erfc, erfInv } from './float32/error-function.ts'
import { acos, asin, atan, atan2 } from './float32/inverse-trigonometric.ts'
import { createKit } from './float32/kit.ts'
import { log, log1p } from './float32/logarithm.ts'
import { acosh, asinh, atanh, cbrt, integerPow, logaddexp, pow, rsqrt } from './float32/power.ts'
import { cos, sin, tan } from './float32/trigonometric.ts'
import type { MathContext, VectorMath } from './vector-math.ts'

export const createFloat32Math = (context: MathContext): VectorMath => {
  const kit = createKit(context)
  return {
    sign: sign(),
    round: round(),
    exp: exp(kit),
    exp2: exp2(kit),
    log: log(kit),
    log1p: log1p(kit),
    expm1: expm1(kit),
    rsqrt: rsqrt(),
    cbrt: cbrt(kit),
    sin: sin(kit),
    cos: cos(kit),
    tan: tan(kit),
    asin: asin(kit),
    acos: acos(kit),
    atan: atan(kit),
    sinh: sinh(kit),
    cosh: cosh(kit),
    tanh: tanh(kit),
    asinh: asinh(kit),
    acosh: acosh(kit),
    atanh: atanh(kit),
    logistic: logistic(kit),
    erf: erf(kit),
    erfc: erfc(kit),
    erfInv: erfInv(kit),
    rem: rem(kit),
    pow: pow(kit),
    logaddexp: logaddexp(kit),
    atan2: atan2(kit),
    max: max(),
    min: min(),
    nextafter: nextafter(),
    integerPow: integerPow(),
  }
}
