/**
 * `nn`: activations, element by element, after `jax.nn`. Integers become float32, except in `relu` and `hardTanh`; the type is
 * weak where JAX's formula combines them with a fractional number.
 */
import { isFloat, kindOf } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import { normalizeAxis } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import * as ops from '../ops/elementwise.ts'
import { sliceInDim } from '../ops/movement.ts'
import { arrayFor, asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact } from '../conversions/promote.ts'
import { composite } from '../trace/interpreter.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/** Promotes integers and bools as a fractional number would: to weak float32. */
const besideFraction = (x: ArrayLike): NDArray => {
  const array = asArray(x)
  return isFloat(array.aval.dtype) ? array : ops.cast(array, 'float32', true)
}

/** Promotes bools as an integer would: to weak int32. */
const besideWhole = (x: ArrayLike): NDArray => {
  const array = asArray(x)
  return array.aval.dtype === 'bool' ? ops.cast(array, 'int32', true) : array
}

/**
 * `x` itself.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.identity(np.arange(3)) // => [0 1 2]
 * ```
 */
export const identity = (x: ArrayLike): NDArray => arrayFor('nn.identity', x)

/**
 * `tanh(x)`, as `np.tanh`.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.tanh(np.array([-100, 0, 0.5])) // => [-1.          0.          0.46211717]
 * ```
 */
export const tanh = np.tanh

/**
 * `max(x, 0)`. NaN stays NaN. Its derivative is 0 at 0 and at NaN, as in JAX.
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

/**
 * `min(max(x, 0), 6)`. Its derivative at 0, at 6 and at NaN is 0, as in JAX.
 *
 * @example
 * ```ts
 * import { grad, nn, np, vmap } from 'pullback'
 * nn.relu6(np.array([-1, 3, 9])) // => [0. 3. 6.]
 * vmap(grad(nn.relu6))(np.array([-1, 3, 9])) // => [0. 1. 0.]
 * ```
 */
export const relu6 = (x: ArrayLike): NDArray =>
  composite('relu6', () => {
    const array = besideFraction(arrayFor('nn.relu6', x))
    const inside = ops.and(np.greater(array, 0), np.less(array, 6))
    return sloping(array, inside, np.minimum(np.maximum(array, 0), 6))
  })

/** `x` inside; elsewhere, including at NaN, a value without derivative. */
const sloping = (x: NDArray, inside: NDArray, value: NDArray): NDArray =>
  np.where(inside, x, isFloat(value.aval.dtype) ? ops.stopGradient(value) : value)

/**
 * `1 / (1 + exp(-x))`, without overflow.
 *
 * @example
 * ```ts
 * import { grad, nn, np } from 'pullback'
 * nn.sigmoid(np.array([-1000, 0, 1000])) // => [0.  0.5 1. ]
 * grad(nn.sigmoid)(0) // => 0.25
 * ```
 */
export const sigmoid = (x: ArrayLike): NDArray =>
  composite('sigmoid', () => ops.logistic(inexact(arrayFor('nn.sigmoid', x))))

/**
 * `log(1 + exp(x))`, without overflow: a smooth `relu`.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.softplus(np.array([-1000, 0, 1000])) // => [0.000000e+00 6.931472e-01 1.000000e+03]
 * ```
 */
export const softplus = (x: ArrayLike): NDArray =>
  composite('softplus', () => np.logaddexp(inexact(besideWhole(arrayFor('nn.softplus', x))), 0))

/**
 * `x / (1 + |x|)`.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.softSign(np.array([-3, 0, 1])) // => [-0.75  0.    0.5 ]
 * ```
 */
export const softSign = (x: ArrayLike): NDArray =>
  composite('softSign', () => {
    const array = inexact(besideWhole(arrayFor('nn.softSign', x)))
    return np.divide(array, np.add(np.abs(array), 1))
  })

/**
 * `x * sigmoid(x)`, also called swish. Elfwing et al., "Sigmoid-weighted linear units" (2017).
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.silu(np.array([-5, 0, 5])) // => [-0.03346425  0.          4.966536  ]
 * ```
 */
export const silu = (x: ArrayLike): NDArray =>
  composite('silu', () => {
    const array = inexact(arrayFor('nn.silu', x))
    return ops.mul(array, ops.logistic(array))
  })

/**
 * Another name of `silu`. Ramachandran et al., "Searching for activation functions" (2017).
 *
 * @example
 * ```ts
 * import { nn } from 'pullback'
 * nn.swish(1) // => 0.7310586
 * nn.swish === nn.silu // => true
 * ```
 */
export const swish = silu

/**
 * `log(sigmoid(x))`, without overflow: `-softplus(-x)`.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.logSigmoid(np.array([-1000, 0, 3])) // => [-1.0000000e+03 -6.9314720e-01 -4.8587352e-02]
 * np.log(nn.sigmoid(-1000)) // => -inf
 * ```
 */
export const logSigmoid = (x: ArrayLike): NDArray =>
  composite('logSigmoid', () => ops.neg(softplus(ops.neg(inexact(arrayFor('nn.logSigmoid', x))))))

const leakyReluDoor = must.door('nn.leakyRelu', { x: must.arrayLike, negativeSlope: must.optional(must.arrayLike) })

/**
 * `x` where it is not negative, else `negativeSlope * x`.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.leakyRelu(np.array([-100, 100])) // => [ -1. 100.]
 * nn.leakyRelu(np.array([-10, 10]), 0.3) // => [-3. 10.]
 * ```
 */
export const leakyRelu = (x: ArrayLike, negativeSlope: ArrayLike = 0.01): NDArray =>
  composite('leakyRelu', () => {
    leakyReluDoor(x, negativeSlope)
    const array = besideFraction(x)
    return np.where(np.greaterEqual(array, 0), array, np.multiply(array, negativeSlope))
  })

/**
 * `-1` below -1, `1` above 1, `x` between. Keeps integers.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.hardTanh(np.array([-2, 0.5, 2])) // => [-1.   0.5  1. ]
 * nn.hardTanh(np.array([-2, 0, 2], { dtype: 'int32' })) // => [-1  0  1]
 * ```
 */
export const hardTanh = (x: ArrayLike): NDArray =>
  composite('hardTanh', () => {
    const array = besideWhole(arrayFor('nn.hardTanh', x))
    // No unsigned number is below -1, which JAX would wrap around to the largest value.
    const low = kindOf(array.aval.dtype) === 'unsigned' ? array : np.where(np.less(array, -1), -1, array)
    return np.where(np.greater(array, 1), 1, low)
  })

/**
 * `relu6(x + 3) / 6`. Howard et al., "Searching for MobileNetV3" (2019).
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.hardSigmoid(np.array([-4, 0, 1.5, 4])) // => [0.   0.5  0.75 1.  ]
 * ```
 */
export const hardSigmoid = (x: ArrayLike): NDArray =>
  composite('hardSigmoid', () => np.divide(relu6(np.add(besideFraction(arrayFor('nn.hardSigmoid', x)), 3)), 6))

/**
 * `x * hardSigmoid(x)`. Howard et al., "Searching for MobileNetV3" (2019).
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.hardSilu(np.array([-4, -1.5, 0, 4])) // => [ -0.   -0.375  0.     4.   ]
 * ```
 */
export const hardSilu = (x: ArrayLike): NDArray =>
  composite('hardSilu', () => ops.mul(besideFraction(arrayFor('nn.hardSilu', x)), hardSigmoid(x)))

/**
 * Another name of `hardSilu`.
 *
 * @example
 * ```ts
 * import { nn } from 'pullback'
 * nn.hardSwish(3) // => 3.
 * ```
 */
export const hardSwish = hardSilu

// The argument of expm1 is replaced where its result is not used, so that neither expm1 nor its derivative overflows.
const exponentialBranch = (x: NDArray, negative: (x: NDArray) => NDArray): NDArray => {
  const positive = np.greater(x, 0)
  return np.where(positive, x, negative(np.where(positive, 0, x)))
}

const eluDoor = must.door('nn.elu', { x: must.arrayLike, alpha: must.optional(must.arrayLike) })

/**
 * `x` if positive, else `alpha * (exp(x) - 1)`. Clevert et al., "Exponential linear units" (2015).
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.elu(np.array([-100, -1, 2])) // => [-1.         -0.63212055  2.        ]
 * nn.elu(np.array([-100, -1, 2]), 0.5) // => [-0.5        -0.31606027  2.        ]
 * ```
 */
export const elu = (x: ArrayLike, alpha: ArrayLike = 1): NDArray =>
  composite('elu', () => {
    eluDoor(x, alpha)
    return exponentialBranch(besideFraction(x), (y) => np.multiply(alpha, np.expm1(y)))
  })

const celuDoor = must.door('nn.celu', { x: must.arrayLike, alpha: must.optional(must.arrayLike) })

/**
 * `x` if positive, else `alpha * (exp(x / alpha) - 1)`. Barron, "Continuously differentiable ELU" (2017).
 *
 * @example
 * ```ts
 * import { grad, nn, np } from 'pullback'
 * // Unlike that of elu, its slope at 0 is 1 on both sides, whatever alpha is.
 * nn.celu(np.array([-4, 0, 2]), 2) // => [-1.7293295  0.         2.       ]
 * grad((x) => nn.celu(x, 2))(np.array(0)) // => 1.
 * grad((x) => nn.elu(x, 2))(np.array(0)) // => 2.
 * ```
 */
export const celu = (x: ArrayLike, alpha: ArrayLike = 1): NDArray =>
  composite('celu', () => {
    celuDoor(x, alpha)
    return exponentialBranch(besideFraction(x), (y) => np.multiply(alpha, np.expm1(np.divide(y, alpha))))
  })

const SELU_ALPHA = 1.6732632423543772
const SELU_SCALE = 1.0507009873554805

const seluDoor = must.door('nn.selu', { x: must.arrayLike })

/**
 * `scale * elu(x, alpha)` with the fixed point mean 0, variance 1. Klambauer et al., "Self-normalizing networks" (2017).
 *
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * nn.selu(np.array([-1, 0, 1])) // => [-1.1113307  0.         1.050701 ]
 * // What has mean 0 and variance 1 keeps them.
 * const y = nn.selu(random.normal(random.key(0), [10_000]))
 * np.abs(np.mean(y)).item() < 0.05 // => true
 * ```
 */
export const selu = (x: ArrayLike): NDArray =>
  composite('selu', () => {
    seluDoor(x)
    return np.multiply(SELU_SCALE, elu(x, SELU_ALPHA))
  })

const geluTanh = (x: NDArray): NDArray => {
  // (1 + tanh(u)) / 2 = σ(2u), which is accurate where tanh is near -1.
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
 * @param options - `approximate`: true for the tanh form (default, as in JAX), false for the error function (BERT's form).
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.gelu(np.array([-2, 0, 2])) // => [-0.04540231  0.          1.9545977 ]
 * nn.gelu(np.array([-2, 0, 2]), { approximate: false }) // => [-0.04550027  0.          1.9544997 ]
 * ```
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
 * `a * sigmoid(b)`, where `a` and `b` are the halves of an axis. Dauphin et al., "Gated convolutional networks" (2016).
 *
 * @throws ShapeError if the axis has an odd extent.
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * // [a, b] is a * sigmoid(b): a closed gate, and an open one.
 * nn.glu(np.array([[7, -1000], [7, 1000]])) // => [[0.]\n [7.]]
 * nn.glu(np.ones([3])) // throws ShapeError
 * ```
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

/**
 * `(x + sqrt(x² + b)) / 2`: an algebraic `softplus`. Barron, "Squareplus" (2021).
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.squareplus(np.array([-1e4, 0, 1e4])) // => [1.e-04 1.e+00 1.e+04]
 * // With b = 0 it is relu.
 * nn.squareplus(np.array([-1, 0, 1]), 0) // => [0. 0. 1.]
 * ```
 */
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

/**
 * `x * tanh(softplus(x))`. Misra, "Mish" (2019).
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.mish(np.array([-2, 0, 2])) // => [-0.2525015  0.         1.943959 ]
 * ```
 */
export const mish = (x: ArrayLike): NDArray =>
  composite('mish', () => ops.mul(inexact(besideWhole(arrayFor('nn.mish', x))), np.tanh(softplus(x))))

/**
 * 0 below -1, `x` above 1, `(x + 1)² / 4` between.
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.sparsePlus(np.array([-2, 0, 0.5, 2])) // => [0.     0.25   0.5625 2.    ]
 * ```
 */
export const sparsePlus = (x: ArrayLike): NDArray =>
  composite('sparsePlus', () => {
    const array = besideFraction(arrayFor('nn.sparsePlus', x))
    const between = np.divide(np.square(np.add(array, 1)), 4)
    return np.where(np.lessEqual(array, -1), 0, np.where(np.greaterEqual(array, 1), array, between))
  })

/**
 * `clip(x + 1, 0, 2) / 2`: the derivative of `sparsePlus`.
 *
 * @example
 * ```ts
 * import { grad, nn, np, vmap } from 'pullback'
 * const x = np.array([-2, 0, 0.5, 2])
 * nn.sparseSigmoid(x) // => [0.   0.5  0.75 1.  ]
 * vmap(grad(nn.sparsePlus))(x) // => [0.   0.5  0.75 1.  ]
 * ```
 */
export const sparseSigmoid = (x: ArrayLike): NDArray =>
  composite('sparseSigmoid', () =>
    np.divide(np.clip(np.add(besideFraction(arrayFor('nn.sparseSigmoid', x)), 1), 0, 2), 2),
  )

/**
 * `log(1 - exp(-x))` for positive `x`, accurate on both sides of log 2. Mächler, "Accurately computing log(1 - exp(-|a|))" (2012).
 *
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * nn.log1mexp(np.array([1e-10, 1, 100])) // => [-2.3025850e+01 -4.5867515e-01 -3.8000000e-44]
 * np.log(np.subtract(1, np.exp(-100))) // => 0.
 * ```
 */
export const log1mexp = (x: ArrayLike): NDArray =>
  composite('log1mexp', () => {
    const array = inexact(arrayFor('nn.log1mexp', x))
    const small = np.less(array, Math.LN2)
    const near = np.log(ops.neg(np.expm1(ops.neg(np.where(small, array, 1)))))
    const far = np.log1p(ops.neg(np.exp(ops.neg(np.where(small, 1, array)))))
    return np.where(small, near, far)
  })
