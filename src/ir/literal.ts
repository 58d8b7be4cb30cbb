import type { TypedArray } from '../core/dtype.ts'
import { allocate } from '../core/dtype.ts'
import type { Literal } from './program.ts'

/** The element of a literal, as an array's memory. */
export const literalData = ({ aval, value }: Literal): TypedArray => {
  const data = allocate(aval.dtype, 1)
  data[0] = value
  return data
}
