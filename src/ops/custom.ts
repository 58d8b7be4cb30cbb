import type { CustomJvpParams, CustomVjpParams } from '../ir/op.ts'
import { bindAll } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

/** Applies a program that has a user-defined derivative. */
export const customJvp = (params: CustomJvpParams, operands: readonly NDArray[]): readonly NDArray[] =>
  bindAll('customJvp', params, operands)

/** Applies a program that has a user-defined pullback. */
export const customVjp = (params: CustomVjpParams, operands: readonly NDArray[]): readonly NDArray[] =>
  bindAll('customVjp', params, operands)
