import type { DType } from '../core/dtype.ts'
import { isHalf } from '../core/dtype.ts'
import type { NoParams } from '../ir/op.ts'
import { bind } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

const none: NoParams = {}

export const neg = (x: NDArray): NDArray => bind('neg', none, [x])
export const abs = (x: NDArray): NDArray => bind('abs', none, [x])
/** -1, 0 or 1; zeros keep their sign and NaN stays NaN. */
export const sign = (x: NDArray): NDArray => bind('sign', none, [x])
export const floor = (x: NDArray): NDArray => bind('floor', none, [x])
export const ceil = (x: NDArray): NDArray => bind('ceil', none, [x])
/** To the nearest integer, halves to the even one. */
export const round = (x: NDArray): NDArray => bind('round', none, [x])
export const exp = (x: NDArray): NDArray => bind('exp', none, [x])
export const exp2 = (x: NDArray): NDArray => bind('exp2', none, [x])
export const log = (x: NDArray): NDArray => bind('log', none, [x])
export const log1p = (x: NDArray): NDArray => bind('log1p', none, [x])
export const expm1 = (x: NDArray): NDArray => bind('expm1', none, [x])
export const sqrt = (x: NDArray): NDArray => bind('sqrt', none, [x])
/** `1 / sqrt(x)`. */
export const rsqrt = (x: NDArray): NDArray => bind('rsqrt', none, [x])
export const cbrt = (x: NDArray): NDArray => bind('cbrt', none, [x])
export const sin = (x: NDArray): NDArray => bind('sin', none, [x])
export const cos = (x: NDArray): NDArray => bind('cos', none, [x])
export const tan = (x: NDArray): NDArray => bind('tan', none, [x])
export const asin = (x: NDArray): NDArray => bind('asin', none, [x])
export const acos = (x: NDArray): NDArray => bind('acos', none, [x])
export const atan = (x: NDArray): NDArray => bind('atan', none, [x])
export const sinh = (x: NDArray): NDArray => bind('sinh', none, [x])
export const cosh = (x: NDArray): NDArray => bind('cosh', none, [x])
export const tanh = (x: NDArray): NDArray => bind('tanh', none, [x])
export const asinh = (x: NDArray): NDArray => bind('asinh', none, [x])
export const acosh = (x: NDArray): NDArray => bind('acosh', none, [x])
export const atanh = (x: NDArray): NDArray => bind('atanh', none, [x])
/** `1 / (1 + exp(-x))`, without overflow. */
export const logistic = (x: NDArray): NDArray => bind('logistic', none, [x])
/** The derivative of `logistic`: the density of the logistic distribution. */
export const logisticDensity = (x: NDArray): NDArray => bind('logisticDensity', none, [x])
export const erf = (x: NDArray): NDArray => bind('erf', none, [x])
/** `1 - erf(x)`, accurate where that is tiny. */
export const erfc = (x: NDArray): NDArray => bind('erfc', none, [x])
/** The inverse of `erf` on (-1, 1). */
export const erfInv = (x: NDArray): NDArray => bind('erfInv', none, [x])
export const isFinite = (x: NDArray): NDArray => bind('isFinite', none, [x])
/** Logical not of bools, bitwise not of integers. */
export const not = (x: NDArray): NDArray => bind('not', none, [x])

/** `x` to a constant integer power. */
export const integerPow = (x: NDArray, exponent: number): NDArray => bind('integerPow', { exponent }, [x])

/** Converts the elements to another dtype; returns `x` itself if it already has the type. */
export const cast = (x: NDArray, dtype: DType, weak = false): NDArray =>
  x.aval.dtype === dtype && x.aval.weak === weak ? x : bind('cast', { dtype, weak }, [x])

/** 16-bit floats as float32, for sums of many terms; others as they are. */
export const inSingle = (x: NDArray): NDArray => (isHalf(x.aval.dtype) ? cast(x, 'float32') : x)

/** The bits read as another dtype of the same width. */
export const bitcast = (x: NDArray, dtype: DType): NDArray => bind('bitcast', { dtype }, [x])

/** The identity, with derivative zero. */
export const stopGradient = (x: NDArray): NDArray => bind('stopGradient', none, [x])

/** The identity, for values on which no result depends: neither tangents nor cotangents flow through it. */
export const filler = (x: NDArray): NDArray => bind('filler', none, [x])

// Two operands of the same dtype and shape; the numpy layer promotes and broadcasts.
export const add = (x: NDArray, y: NDArray): NDArray => bind('add', none, [x, y])
export const sub = (x: NDArray, y: NDArray): NDArray => bind('sub', none, [x, y])
export const mul = (x: NDArray, y: NDArray): NDArray => bind('mul', none, [x, y])
/** Quotient; integers truncate towards zero. Integer `x / 0` is -1 (all bits set), as in XLA. */
export const div = (x: NDArray, y: NDArray): NDArray => bind('div', none, [x, y])
/** Remainder with the sign of `x`; integer `x rem 0` is `x`. */
export const rem = (x: NDArray, y: NDArray): NDArray => bind('rem', none, [x, y])
export const pow = (x: NDArray, y: NDArray): NDArray => bind('pow', none, [x, y])
export const atan2 = (x: NDArray, y: NDArray): NDArray => bind('atan2', none, [x, y])
/** `log(exp(x) + exp(y))`, without overflow. */
export const logaddexp = (x: NDArray, y: NDArray): NDArray => bind('logaddexp', none, [x, y])
/** The larger; NaN if either is. */
export const max = (x: NDArray, y: NDArray): NDArray => bind('max', none, [x, y])
/** The smaller; NaN if either is. */
export const min = (x: NDArray, y: NDArray): NDArray => bind('min', none, [x, y])
/** The next float after `x` in the direction of `y`. */
export const nextafter = (x: NDArray, y: NDArray): NDArray => bind('nextafter', none, [x, y])
export const and = (x: NDArray, y: NDArray): NDArray => bind('and', none, [x, y])
export const or = (x: NDArray, y: NDArray): NDArray => bind('or', none, [x, y])
export const xor = (x: NDArray, y: NDArray): NDArray => bind('xor', none, [x, y])
/** Shifts by the width or more give 0. */
export const shiftLeft = (x: NDArray, y: NDArray): NDArray => bind('shiftLeft', none, [x, y])
export const shiftRightLogical = (x: NDArray, y: NDArray): NDArray => bind('shiftRightLogical', none, [x, y])
/** Shifts by the width or more give the sign: 0 or -1. */
export const shiftRightArithmetic = (x: NDArray, y: NDArray): NDArray => bind('shiftRightArithmetic', none, [x, y])
export const eq = (x: NDArray, y: NDArray): NDArray => bind('eq', none, [x, y])
export const ne = (x: NDArray, y: NDArray): NDArray => bind('ne', none, [x, y])
export const lt = (x: NDArray, y: NDArray): NDArray => bind('lt', none, [x, y])
export const le = (x: NDArray, y: NDArray): NDArray => bind('le', none, [x, y])
export const gt = (x: NDArray, y: NDArray): NDArray => bind('gt', none, [x, y])
export const ge = (x: NDArray, y: NDArray): NDArray => bind('ge', none, [x, y])

/** `onTrue` where `which` (bool) holds, else `onFalse`. */
export const select = (which: NDArray, onTrue: NDArray, onFalse: NDArray): NDArray =>
  bind('select', none, [which, onTrue, onFalse])

/** `x` clamped to [low, high]. */
export const clamp = (low: NDArray, x: NDArray, high: NDArray): NDArray => bind('clamp', none, [low, x, high])
