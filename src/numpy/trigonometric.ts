/** `np`: trigonometric and hyperbolic functions, element by element. Integers become float32. */
import * as ops from '../ops/elementwise.ts'
import { arrayFor, float, functions } from '../runtime/installArrays.ts'
import { promoteTwoInexact } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/**
 * Sine of an angle in radians; integers become float32, as in all functions here.
 *
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * np.sin(np.deg2rad(np.array([0, 30, 90]))) // => [0.  0.5 1. ]
 * grad((x) => np.sin(x))(np.array(0)) // => 1.
 * ```
 */
export const sin = functions.sin

/**
 * Cosine of an angle in radians.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.cos(np.array([0, Math.PI])) // => [ 1. -1.]
 * np.square(np.cos(0.7)).add(np.square(np.sin(0.7))) // => 1.
 * ```
 */
export const cos = functions.cos

/**
 * Hyperbolic tangent: from -1 to 1, where it saturates.
 *
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * np.tanh(np.array([-20, 0, 0.5, 20])) // => [-1.          0.          0.46211717  1.        ]
 * grad((x) => np.tanh(x))(np.array(0)) // => 1.
 * ```
 */
export const tanh = functions.tanh

/**
 * Tangent of an angle in radians: the slope of a line at that angle.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.tan(np.array([0, Math.PI / 4])) // => [0. 1.]
 * ```
 */
export const tan = float('np.tan', ops.tan)

/**
 * Arc sine, in radians from -π/2 to π/2; NaN outside [-1, 1].
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.arcsin(np.array([-1, 0, 1, 2])) // => [-1.5707964  0.         1.5707964        nan]
 * ```
 */
export const arcsin = float('np.arcsin', ops.asin)

/**
 * Arc cosine, in radians from 0 to π; NaN outside [-1, 1].
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const [a, b] = [np.array([1, 0]), np.array([0, 2])]
 * const cosine = np.dot(a, b).div(np.linalg.norm(a).mul(np.linalg.norm(b)))
 * np.arccos(cosine) // => 1.5707964
 * ```
 */
export const arccos = float('np.arccos', ops.acos)

/**
 * Arc tangent, in radians from -π/2 to π/2. `np.arctan2` takes the quadrant of a point into account.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.arctan(np.array([0, 1, Infinity])) // => [0.        0.7853982 1.5707964]
 * ```
 */
export const arctan = float('np.arctan', ops.atan)

/**
 * Hyperbolic sine, `(exp(x) - exp(-x)) / 2`: odd. In float32 it overflows beyond 89.4.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.sinh(np.array([-1, 0, 1])) // => [-1.1752012  0.         1.1752012]
 * ```
 */
export const sinh = float('np.sinh', ops.sinh)

/**
 * Hyperbolic cosine, `(exp(x) + exp(-x)) / 2`: even, and at least 1. In float32 it overflows beyond 89.4.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.cosh(np.array([-1, 0, 1, 90])) // => [1.5430807 1.        1.5430807       inf]
 * ```
 */
export const cosh = float('np.cosh', ops.cosh)

/**
 * Inverse hyperbolic sine: for large `x` nearly ±log(2|x|), but defined at 0 and below.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.arcsinh(np.array([-1000, 0, 1000])) // => [-7.6009026  0.         7.6009026]
 * ```
 */
export const arcsinh = float('np.arcsinh', ops.asinh)

/**
 * Inverse hyperbolic cosine, 0 or more; NaN below 1.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.arccosh(np.array([1, 10, 0.5])) // => [0.       2.993223      nan]
 * ```
 */
export const arccosh = float('np.arccosh', ops.acosh)

/**
 * Inverse hyperbolic tangent; infinite at -1 and 1, NaN beyond. For a correlation, it is Fisher's z.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.arctanh(np.array([0, 0.5, 1, 2])) // => [0.         0.54930615        inf        nan]
 * ```
 */
export const arctanh = float('np.arctanh', ops.atanh)

/**
 * The angle of the point (x, y), in radians from -π to π. `y` comes first.
 *
 * @throws ShapeError if the shapes do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * const [x, y] = [np.array([1, -1, -1]), np.array([1, 1, -1])]
 * np.rad2deg(np.arctan2(y, x)) // => [  45.  135. -135.]
 * np.rad2deg(np.arctan(y.div(x))) // => [ 45. -45.  45.]
 * ```
 */
export const arctan2 = (y: ArrayLike, x: ArrayLike): NDArray =>
  ops.atan2(...promoteTwoInexact('np.arctan2', arrayFor('np.arctan2', y), arrayFor('np.arctan2', x)))
