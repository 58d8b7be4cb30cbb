/** NumPy's conversions between operands: dtypes promoted by JAX's lattice, shapes broadcast. */
import type { Weakly } from '../core/dtype.ts'
import { isFloat, promoteTwo } from '../core/dtype.ts'
import { broadcastTwo } from '../core/shape.ts'
import { scalar } from '../ops/creation.ts'
import { cast } from '../ops/elementwise.ts'
import { broadcastTo } from '../ops/movement.ts'
import type { ArrayLike } from '../trace/surface.ts'
import { NDArray } from '../trace/value.ts'
import { arrayFor, asArray } from './convert.ts'

/** The type that all operands are promoted to. */
export const commonType = (xs: readonly NDArray[]): Weakly =>
  xs.map((x): Weakly => x.aval).reduce((a, b) => promoteTwo(a, b))

/** The operands in one dtype. */
export const promoteAll = (xs: readonly ArrayLike[]): readonly NDArray[] => {
  const arrays = xs.map(asArray)
  const { dtype, weak } = commonType(arrays)
  return arrays.map((x) => cast(x, dtype, weak))
}

/** With a float array, a number becomes a scalar of its dtype directly, as promotion would make it. */
const besideFloat = (operation: string, x: ArrayLike, other: ArrayLike): NDArray =>
  typeof x === 'number' && other instanceof NDArray && isFloat(other.aval.dtype) && !other.aval.weak
    ? scalar(x, other.aval.dtype)
    : arrayFor(operation, x)

/** Two operands in one dtype and one shape. */
export const promoteTwoArrays = (operation: string, x: ArrayLike, y: ArrayLike): readonly [NDArray, NDArray] => {
  let a = besideFloat(operation, x, y)
  let b = besideFloat(operation, y, x)
  if (a.aval.dtype !== b.aval.dtype || a.aval.weak !== b.aval.weak) {
    const { dtype, weak } = promoteTwo(a.aval, b.aval)
    a = cast(a, dtype, weak)
    b = cast(b, dtype, weak)
  }
  const shape = broadcastTwo(operation, a.aval.shape, b.aval.shape)
  return [broadcastTo(a, shape), broadcastTo(b, shape)]
}

/** The operand as a float. */
export const inexact = (x: ArrayLike): NDArray => {
  const array = asArray(x)
  return isFloat(array.aval.dtype) ? array : cast(array, 'float32', array.aval.weak)
}

const isFloatArray = (x: ArrayLike): boolean => x instanceof NDArray && isFloat(x.aval.dtype)

/** Two operands as floats of one dtype and shape. */
export const promoteTwoInexact = (operation: string, x: ArrayLike, y: ArrayLike): readonly [NDArray, NDArray] => {
  if (isFloatArray(x) || isFloatArray(y)) return promoteTwoArrays(operation, x, y)
  const [a, b] = [arrayFor(operation, x), arrayFor(operation, y)]
  const { dtype, weak } = promoteTwo(a.aval, b.aval)
  // Integers are converted to floats separately: in their common dtype, -1 with a uint32 would wrap around.
  const target = isFloat(dtype) ? dtype : 'float32'
  const shape = broadcastTwo(operation, a.aval.shape, b.aval.shape)
  return [broadcastTo(cast(a, target, weak), shape), broadcastTo(cast(b, target, weak), shape)]
}
