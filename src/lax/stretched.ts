/** Arrays filled with one value, which may be computed. */
import type { DType } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { cast } from '../ops/elementwise.ts'
import { broadcast } from '../ops/movement.ts'
import { asArray } from '../runtime/installArrays.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/** An array filled with one scalar. */
export const stretched = (name: string, shape: Shape, value: ArrayLike, dtype: DType): NDArray => {
  const one = asArray(value)
  if (one.ndim > 0) throw new ShapeError(`${name}: the value has rank 0, got ${one.aval}. Use lax.broadcastInDim.`)
  return broadcast(cast(one, dtype), shape, [])
}
