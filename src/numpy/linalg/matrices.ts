/** Shared helpers of matrix functions: checks of their operands, and a few shapes. */
import { promoteTypes } from '../../core/dtype.ts'
import { ShapeError } from '../../core/errors.ts'
import { asArray } from '../../runtime/installArrays.ts'
import { inexact } from '../../conversions/promote.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { eye } from '../creation.ts'
import { broadcastTo, expandDims, swapaxes } from '../movement.ts'

/** Checks that the array holds matrices, of any dtype. */
export const checkMatrices = (name: string, array: NDArray): NDArray => {
  if (array.ndim >= 2) return array
  throw new ShapeError(`${name} takes matrices, arrays of rank 2 or more, got ${array.aval}.`)
}

/** Checks that the array holds square matrices, of any dtype. */
export const checkSquares = (name: string, array: NDArray): NDArray => {
  checkMatrices(name, array)
  if (array.shape.at(-1) === array.shape.at(-2)) return array
  throw new ShapeError(`${name} takes square matrices, got ${array.aval}.`)
}

/** Matrices of floats, for functions that compute only in floats. */
export const matrices = (name: string, x: ArrayLike): NDArray => checkMatrices(name, inexact(asArray(x)))
/** Square matrices of floats. */
export const squares = (name: string, x: ArrayLike): NDArray => checkSquares(name, inexact(asArray(x)))

export const turned = (x: NDArray): NDArray => swapaxes(x, -1, -2)
/** A row vector that multiplies columns. */
export const asRow = (x: NDArray): NDArray => expandDims(x, -2)
export const identityLike = (x: NDArray): NDArray => broadcastTo(eye(x.shape.at(-1)!, { dtype: x.dtype }), x.shape)

/** Both in the wider of their dtypes. */
export const sameDType = (x: NDArray, y: NDArray): readonly [NDArray, NDArray] => {
  const dtype = promoteTypes(x.dtype, y.dtype)
  return [x.astype(dtype), y.astype(dtype)]
}

export const asMatrix = (x: NDArray): NDArray => expandDims(expandDims(x, -1), -1)
