import type { TypedArray } from '../core/dtype.ts'
import { encodeElement } from '../core/convert.ts'
import type { Literal } from './program.ts'

/** The element of a literal, as an array's memory. */
export const literalData = ({ aval, value }: Literal): TypedArray => encodeElement(aval.dtype, value)
