import type { Aval } from '../core/aval.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Program } from '../ir/program.ts'
import type { ConcreteBody } from '../trace/value.ts'

/**
 * A compiled program: from the bodies of its inputs to those of its outputs, which may be inputs' own. Where elements are,
 * in ordinary memory or in the device's, is the device's choice. `operation` names who asks, for messages.
 */
export type Executable = (inputs: readonly ConcreteBody[], operation: string) => readonly ConcreteBody[]

/** What turns programs into something that runs. A back end never sees tracers. */
export interface Backend {
  readonly name: string
  compile(program: Program): Executable
  /** One operation, compiled, where that pays; null where it is better evaluated by its primitive. */
  operation?<N extends OpName>(
    op: N,
    params: OpParams[N],
    bodies: readonly ConcreteBody[],
    operands: readonly Aval[],
    outputs: readonly Aval[],
  ): Executable | null
  /**
   * Takes elements that were handed over before a program asks for them, where there is room: many of them together would otherwise
   * be there twice by the end of a first call.
   */
  hold?(aval: Aval, body: ConcreteBody): void
}
