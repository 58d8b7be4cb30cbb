import type { Program } from '../ir/program.ts'
import { bindAll } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'

/** Applies a program as one operation. */
export const call = (program: Program, name: string, operands: readonly NDArray[]): readonly NDArray[] =>
  bindAll('call', { program, name }, operands)
