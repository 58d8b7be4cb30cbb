/** Mathematics on pairs of float64. Bounds on the errors stand in test/backends/math64.test.ts. */
import { op } from '../asm/index.ts'
import * as circular from './float64/circular.ts'
import * as errorFunction from './float64/error-function.ts'
import * as exact from './float64/exact.ts'
import * as exponential from './float64/exponential.ts'
import * as inverseCircular from './float64/inverse-circular.ts'
import * as logarithm from './float64/logarithm.ts'
import * as power from './float64/power.ts'
import type { Tools } from './float64/tools.ts'
import { createTools } from './float64/tools.ts'
import { nearest } from './float64/vector.ts'
import type { MathContext, Vector, VectorFunction, VectorFunction2, VectorMath } from './vector-math.ts'

export const createFloat64Math = (context: MathContext): VectorMath => {
  const tools = createTools(context)
  const unary =
    (f: (x: Vector, tools: Tools) => Vector): VectorFunction =>
    (x) =>
      f(x, tools)
  const binary =
    (f: (x: Vector, y: Vector, tools: Tools) => Vector): VectorFunction2 =>
    (x, y) =>
      f(x, y, tools)
  return {
    sign: exact.sign,
    round: nearest,
    exp: unary(exponential.exp),
    exp2: unary(exponential.exp2),
    log: unary(logarithm.log),
    log1p: unary(logarithm.log1p),
    expm1: unary(exponential.expm1),
    rsqrt: exact.rsqrt,
    cbrt: unary(exact.cbrt),
    sin: unary(circular.sin),
    cos: unary(circular.cos),
    tan: unary(circular.tan),
    asin: unary(inverseCircular.asin),
    acos: unary(inverseCircular.acos),
    atan: unary(inverseCircular.atan),
    sinh: unary(exponential.sinh),
    cosh: unary(exponential.cosh),
    tanh: unary(exponential.tanh),
    asinh: unary(logarithm.asinh),
    acosh: unary(logarithm.acosh),
    atanh: unary(logarithm.atanh),
    logistic: unary(exponential.logistic),
    erf: unary(errorFunction.erf),
    erfc: unary(errorFunction.erfc),
    erfInv: unary(errorFunction.erfInv),
    rem: binary(exact.rem),
    pow: binary(power.pow),
    logaddexp: binary(logarithm.logaddexp),
    atan2: binary(inverseCircular.atan2),
    max: (x, y) => op('f64x2.max', x, y),
    min: (x, y) => op('f64x2.min', x, y),
    nextafter: exact.nextafter,
    integerPow: (x, exponent) => power.integerPow(x, exponent, tools),
  }
}
