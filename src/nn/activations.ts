/**
 * `nn`: activations, element by element, after `jax.nn`. Integers become float32, except in `relu` and `hardTanh`: a weak
 * float32 where numbers with a fraction meet them, as in JAX.
 */
import { isFloat, kindOf } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import { normalizeAxis } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import * as ops from '../ops/elementwise.ts'
import { sliceInDim } from '../ops/movement.ts'
import { arrayFor, asArray } from '../runtime/array.ts'
import * as must from '../surface/arguments.ts'
import { inexact } from '../surface/promote.ts'
import { composite } from '../trace/interpreter.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'

/** Integers and bools as what they are beside a number with a fraction: weak float32. */
const besideFraction = (x: ArrayLike): NDArray => {
  const array = asArray(x)
  return isFloat(array.aval.dtype) ? array : ops.cast(array, 'float32', true)
}

/** Bools as what they are beside a whole number: weak int32. */
const besideWhole = (x: ArrayLike): NDArray => {
  const array = asArray(x)
  return array.aval.dtype === 'bool' ? ops.cast(array, 'int32', true) : array
}

/** `x` itself. */
export const identity = (x: ArrayLike): NDArray => arrayFor('nn.identity', x)

/** `tanh(x)`. */
export const tanh = np.tanh

/**
 * `max(x, 0)`. NaN stays NaN. Its derivative at 0 is 0, and so it is at NaN, as in JAX.
 *
 * @example
 * ```ts
 * import { grad, nn, np } from 'pullback'
 * nn.relu(np.array([-1, 0, 2])) // => [0. 0. 2.]
 * grad(nn.relu)(0) // => 0.
 * ```
 */
export const relu = (x: ArrayLike): NDArray =>
  composite('relu', () => {
    const array = besideWhole(arrayFor('nn.relu', x))
    return sloping(array, np.greater(array, 0), np.maximum(array, 0))
  })

/** `min(max(x, 0), 6)`. Its derivative at 0, at 6 and at NaN is 0, as in JAX. */
export const relu6 = (x: ArrayLike): NDArray =>
  composite('relu6', () => {
    const array = besideFraction(arrayFor('nn.relu6', x))
    const inside = ops.and(np.greater(array, 0), np.less(array, 6))
    return sloping(array, inside, np.minimum(np.maximum(array, 0), 6))
  })

/** `x` inside, and elsewhere, NaN included, a value through which no derivative flows. */
const sloping = (x: NDArray, inside: NDArray, value: NDArray): NDArray =>
  np.where(inside, x, isFloat(value.aval.dtype) ? ops.stopGradient(value) : value)

/** `1 / (1 + exp(-x))`, without overflow. */
export const sigmoid = (x: ArrayLike): NDArray =>
  composite('sigmoid', () => ops.logistic(inexact(arrayFor('nn.sigmoid', x))))

/** `log(1 + exp(x))`, without overflow: a smooth `relu`. */
export const softplus = (x: ArrayLike): NDArray =>
  composite('softplus', () => np.logaddexp(inexact(besideWhole(arrayFor('nn.softplus', x))), 0))

/** `x / (1 + |x|)`. */
export const softSign = (x: ArrayLike): NDArray =>
  composite('softSign', () => {
    const array = inexact(besideWhole(arrayFor('nn.softSign', x)))
    return np.divide(array, np.add(np.abs(array), 1))
  })

/** `x * sigmoid(x)`, also called swish. Elfwing et al., "Sigmoid-weighted linear units" (2017). */
export const silu = (x: ArrayLike): NDArray =>
  composite('silu', () => {
    const array = inexact(arrayFor('nn.silu', x))
    return ops.mul(array, ops.logistic(array))
  })

/** `silu` by its other name. Ramachandran et al., "Searching for activation functions" (2017). */
export const swish = silu

/** `log(sigmoid(x))`, without overflow: `-softplus(-x)`. */
export const logSigmoid = (x: ArrayLike): NDArray =>
  composite('logSigmoid', () => ops.neg(softplus(ops.neg(inexact(arrayFor('nn.logSigmoid', x))))))

const leakyReluDoor = must.door('nn.leakyRelu', { x: must.arrayLike, negativeSlope: must.optional(must.arrayLike) })

/** `x` where it is not negative, else `negativeSlope * x`. */
export const leakyRelu = (x: ArrayLike, negativeSlope: ArrayLike = 0.01): NDArray =>
  composite('leakyRelu', () => {
    leakyReluDoor(x, negativeSlope)
    const array = besideFraction(x)
    return np.where(np.greaterEqual(array, 0), array, np.multiply(array, negativeSlope))
  })

/** `-1` below -1, `1` above 1, `x` between. Keeps integers. */
export const hardTanh = (x: ArrayLike): NDArray =>
  composite('hardTanh', () => {
    const array = besideWhole(arrayFor('nn.hardTanh', x))
    // No unsigned number is below -1, which JAX wraps around to the greatest.
    const low = kindOf(array.aval.dtype) === 'unsigned' ? array : np.where(np.less(array, -1), -1, array)
    return np.where(np.greater(array, 1), 1, low)
  })

/** `relu6(x + 3) / 6`. Howard et al., "Searching for MobileNetV3" (2019). */
export const hardSigmoid = (x: ArrayLike): NDArray =>
  composite('hardSigmoid', () => np.divide(relu6(np.add(besideFraction(arrayFor('nn.hardSigmoid', x)), 3)), 6))

/** `x * hardSigmoid(x)`. Howard et al., "Searching for MobileNetV3" (2019). */
export const hardSilu = (x: ArrayLike): NDArray =>
  composite('hardSilu', () => ops.mul(besideFraction(arrayFor('nn.hardSilu', x)), hardSigmoid(x)))

/** `hardSilu` by its other name. */
export const hardSwish = hardSilu

// The argument of expm1 is replaced where it is not used, so that neither it nor its derivative overflows.
const exponentialBranch = (x: NDArray, negative: (x: NDArray) => NDArray): NDArray => {
  const positive = np.greater(x, 0)
  return np.where(positive, x, negative(np.where(positive, 0, x)))
}

const eluDoor = must.door('nn.elu', { x: must.arrayLike, alpha: must.optional(must.arrayLike) })

/** `x` if positive, else `alpha * (exp(x) - 1)`. Clevert et al., "Exponential linear units" (2015). */
export const elu = (x: ArrayLike, alpha: ArrayLike = 1): NDArray =>
  composite('elu', () => {
    eluDoor(x, alpha)
    return exponentialBranch(besideFraction(x), (y) => np.multiply(alpha, np.expm1(y)))
  })

const celuDoor = must.door('nn.celu', { x: must.arrayLike, alpha: must.optional(must.arrayLike) })

/** `x` if positive, else `alpha * (exp(x / alpha) - 1)`. Barron, "Continuously differentiable ELU" (2017). */
export const celu = (x: ArrayLike, alpha: ArrayLike = 1): NDArray =>
  composite('celu', () => {
    celuDoor(x, alpha)
    return exponentialBranch(besideFraction(x), (y) => np.multiply(alpha, np.expm1(np.divide(y, alpha))))
  })

const SELU_ALPHA = 1.6732632423543772
const SELU_SCALE = 1.0507009873554805

const seluDoor = must.door('nn.selu', { x: must.arrayLike })

/** `scale * elu(x, alpha)` with the fixed point mean 0, variance 1. Klambauer et al., "Self-normalizing networks" (2017). */
export const selu = (x: ArrayLike): NDArray =>
  composite('selu', () => {
    seluDoor(x)
    return np.multiply(SELU_SCALE, elu(x, SELU_ALPHA))
  })

const geluTanh = (x: NDArray): NDArray => {
  // (1 + tanh(u)) / 2 = σ(2u), which keeps its accuracy where the tangent is near -1.
  const doubled = np.multiply(2 * Math.sqrt(2 / Math.PI), np.add(x, np.multiply(0.044715, ops.integerPow(x, 3))))
  return np.multiply(x, ops.logistic(doubled))
}

const geluErf = (x: NDArray): NDArray =>
  np.multiply(np.multiply(0.5, x), ops.erfc(np.multiply(ops.neg(x), Math.SQRT1_2)))

const geluDoor = must.door('nn.gelu', {
  x: must.arrayLike,
  options: must.optionsOf<{ readonly approximate?: boolean }>({ approximate: must.boolean }),
})

/**
 * `x` times the standard normal distribution's cumulative function. Hendrycks and Gimpel, "Gaussian error linear units"
 * (2016).
 *
 * @param options - `approximate`: the tanh form (default, as in JAX); false: by the error function (BERT's form).
 */
export const gelu = (x: ArrayLike, options: { readonly approximate?: boolean } = {}): NDArray =>
  composite('gelu', () => {
    geluDoor(x, options)
    const { approximate = true } = options
    const array = inexact(x)
    // Strong, as in JAX, whose constants have a dtype here.
    return (approximate ? geluTanh : geluErf)(ops.cast(array, array.aval.dtype))
  })

const gluDoor = must.door('nn.glu', { x: must.arrayLike, axis: must.optional(must.axis) })

/**
 * Halves `a` and `b` of an axis give `a * sigmoid(b)`. Dauphin et al., "Gated convolutional networks" (2016).
 *
 * @throws ShapeError if the axis has an odd extent.
 */
export const glu = (x: ArrayLike, axis = -1): NDArray =>
  composite('glu', () => {
    gluDoor(x, axis)
    const array = inexact(x)
    const along = normalizeAxis('nn.glu', axis, array.aval.rank)
    const extent = array.aval.shape[along]!
    if (extent % 2 !== 0) throw new ShapeError(`nn.glu: axis ${axis} of ${array.aval} must have an even extent.`)
    const gate = sliceInDim(array, extent / 2, extent, along)
    return ops.mul(sliceInDim(array, 0, extent / 2, along), ops.logistic(gate))
  })

const squareplusDoor = must.door('nn.squareplus', { x: must.arrayLike, b: must.optional(must.arrayLike) })

/** `(x + sqrt(x² + b)) / 2`: an algebraic `softplus`. Barron, "Squareplus" (2021). */
export const squareplus = (x: ArrayLike, b: ArrayLike = 4): NDArray =>
  composite('squareplus', () => {
    squareplusDoor(x, b)
    const array = inexact(x)
    // s = √(x² + b), as |x|·√(1 + b/x²) where x² is the larger part.
    const outer = np.greater(np.square(array), b)
    const far = np.where(outer, array, 1)
    const outerRoot = np.multiply(np.abs(far), np.sqrt(np.add(1, np.divide(b, np.square(far)))))
    const root = np.where(outer, outerRoot, np.sqrt(np.where(outer, 1, np.add(np.square(array), b))))
    // (x + s) / 2 = b / 2(s - x), which does not cancel below 0.
    const negative = np.less(array, 0)
    const gap = np.where(negative, np.subtract(root, array), 1)
    return np.where(negative, np.divide(np.divide(b, gap), 2), np.divide(np.add(array, root), 2))
  })

/** `x * tanh(softplus(x))`. Misra, "Mish" (2019). */
export const mish = (x: ArrayLike): NDArray =>
  composite('mish', () => ops.mul(inexact(besideWhole(arrayFor('nn.mish', x))), np.tanh(softplus(x))))

/** 0 below -1, `x` above 1, `(x + 1)² / 4` between. */
export const sparsePlus = (x: ArrayLike): NDArray =>
  composite('sparsePlus', () => {
    const array = besideFraction(arrayFor('nn.sparsePlus', x))
    const between = np.divide(np.square(np.add(array, 1)), 4)
    return np.where(np.lessEqual(array, -1), 0, np.where(np.greaterEqual(array, 1), array, between))
  })

/** `clip(x + 1, 0, 2) / 2`: the derivative of `sparsePlus`. */
export const sparseSigmoid = (x: ArrayLike): NDArray =>
  composite('sparseSigmoid', () =>
    np.divide(np.clip(np.add(besideFraction(arrayFor('nn.sparseSigmoid', x)), 1), 0, 2), 2),
  )

/** `log(1 - exp(-x))` for positive `x`, accurate on both sides of log 2. Mächler, "Accurately computing log(1 - exp(-|a|))" (2012). */
export const log1mexp = (x: ArrayLike): NDArray =>
  composite('log1mexp', () => {
    const array = inexact(arrayFor('nn.log1mexp', x))
    const small = np.less(array, Math.LN2)
    const near = np.log(ops.neg(np.expm1(ops.neg(np.where(small, array, 1)))))
    const far = np.log1p(ops.neg(np.exp(ops.neg(np.where(small, 1, array)))))
    return np.where(small, near, far)
  })
