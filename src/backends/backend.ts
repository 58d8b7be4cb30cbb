import type { TypedArray } from '../core/dtype.ts'
import type { Program } from '../ir/program.ts'

/** A compiled program: elements of the inputs in, elements of the outputs out. */
export type Executable = (inputs: readonly TypedArray[]) => readonly TypedArray[]

/** What turns programs into something that runs. A back end never sees tracers. */
export interface Backend {
  readonly name: string
  compile(program: Program): Executable
}
