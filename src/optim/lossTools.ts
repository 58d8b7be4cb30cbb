/** What losses are made of. */
import { isFloat } from '../core/dtype.ts'
import { DTypeError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/** Options of losses over classes. */
export interface LossOptions {
  /** The axis of classes; the last by default. */
  readonly axis?: number | readonly number[] | null
  /** Which elements count (bool). */
  readonly where?: ArrayLike
}

export const lossOptions: must.OptionTable<LossOptions> = { axis: must.nullable(must.axes), where: must.arrayLike }

export const floatOnly = (operation: string, x: ArrayLike): NDArray => {
  const array = asArray(x)
  if (typeof x === 'number' || isFloat(array.dtype)) return inexact(array)
  throw new DTypeError(`${operation}: takes floats, got ${array.aval}. Use np.astype(x, 'float32').`)
}

export const sumWhere = (x: NDArray, { axis = -1, where }: LossOptions): NDArray =>
  np.sum(where === undefined ? x : np.where(where, x, 0), { axis })
