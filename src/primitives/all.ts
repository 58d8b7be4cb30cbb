/**
 * The record of every operation, for code that gets programs from outside. A name of `OpParams` without a row in `basic` or in
 * a family's `records` does not compile.
 */
import { records as bits } from './bitsOperations.ts'
import { records as control } from './control/operations.ts'
import { records as convolution } from './convolution/operations.ts'
import { records as custom } from './customOperations.ts'
import { records as gamma } from './gammaOperations.ts'
import { records as linalg } from './linalg/operations.ts'
import type { Primitives } from './primitive.ts'
import { records as quantized } from './quantizedOperations.ts'
import { basic, primitives as loaded } from './registry.ts'

const records: Primitives = {
  ...basic,
  ...bits,
  ...control,
  ...convolution,
  ...custom,
  ...gamma,
  ...linalg,
  ...quantized,
}

// As installed: with their widening.
export const primitives: Primitives = { ...records, ...loaded }

/** The record of an operation whose name is known only at run time. */
export const primitiveOf = (op: keyof Primitives): Primitives[keyof Primitives] => primitives[op]
