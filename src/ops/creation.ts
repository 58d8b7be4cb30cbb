import { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import { allocate } from '../core/dtype.ts'
import { encodeElement } from '../core/convert.ts'
import type { Shape } from '../core/shape.ts'
import { bind } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'
import { fromHost } from '../trace/value.ts'
import { broadcast } from './movement.ts'

/** A concrete scalar array. The value is rounded, or wrapped, into the dtype. */
export const scalar = (value: number | bigint, dtype: DType, weak = false): NDArray =>
  fromHost(new Aval(dtype, [], weak), encodeElement(dtype, value))

/** An array filled with one value. */
export const full = (shape: Shape, value: number | bigint, dtype: DType): NDArray =>
  broadcast(scalar(value, dtype), shape, [])

/** An array of the shape, dtype and weakness of `x`, filled with one value. */
export const fullLike = ({ aval }: NDArray, value: number): NDArray =>
  broadcast(scalar(value, aval.dtype, aval.weak), aval.shape, [])

/** Zeros of a type: in all dtypes, zero is represented by the element 0. */
export const zerosOf = (aval: Aval): NDArray => {
  const zero = fromHost(new Aval(aval.dtype, [], aval.weak), allocate(aval.dtype, 1))
  return broadcast(zero, aval.shape, [])
}

export const zerosLike = (x: NDArray): NDArray => zerosOf(x.aval)

/** The integers 0, 1, ... along `axis`, the same along all others. */
export const iota = (dtype: DType, shape: Shape, axis: number): NDArray => bind('iota', { dtype, shape, axis }, [])
