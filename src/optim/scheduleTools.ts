/** What schedules are made of. */
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { isNDArray } from '../trace/value.ts'

/** A schedule that returns arrays. */
export type ArraySchedule = (step: ArrayLike) => NDArray

export const float = (x: ArrayLike): NDArray => np.astype(x, 'float32')

/** A number, or an array of one element: values may be traced. */
export const aValue = must.kind(
  'a number',
  (x) => (typeof x === 'number' && !Number.isNaN(x)) || (isNDArray(x) && x.ndim === 0),
)

/** Numbers of steps, and fractions of them, must be known. */
export const aCount = must.kind('a number', (x) => typeof x === 'number' && !Number.isNaN(x))
