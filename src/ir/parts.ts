/** What programs are made of, whichever parameters their operations have. */
import { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import type { HostArray } from '../core/host.ts'
import type { OpName } from './parameters.ts'

/** A name in a program, given a value once: by the program's inputs or constants, or by one equation. */
export class Variable {
  readonly aval: Aval
  /** Of an input: its place among the arguments, such as `params.layers[0].kernel`. For graphs; no part of the meaning. */
  readonly place?: string
  constructor(aval: Aval, place?: string) {
    this.aval = aval
    if (place !== undefined) this.place = place
  }
}

/** A scalar written into the program text. `value` is exact in the dtype; bools are 0 and 1. */
export class Literal {
  readonly aval: Aval
  readonly value: number | bigint
  constructor(value: number | bigint, dtype: DType, weak = false) {
    this.aval = new Aval(dtype, [], weak)
    this.value = value
  }
}

/** What an equation takes: a variable, or a literal. */
export type Atom = Variable | Literal

/** A named part of a computation: one run of it. */
export interface Scope {
  readonly name: string
  readonly outer: Scope | null
  /** Names of the user's scopes, outermost first, with slashes between them; those of the library's functions are not there. */
  readonly text: string
}

/** Where the user's code asked for an equation; `toString` gives `file:line:column`, computed when asked. */
export interface Source {
  /** Names of the scopes that the user opened around it, outermost first, with slashes between them. */
  readonly scope: string
  /** The run of the innermost scope, or of the library's function such as `relu`, that asked for it; for graphs. */
  readonly within?: Scope | null
  toString(): string
}

/** An array that the program carries with it. */
export interface Constant {
  readonly variable: Variable
  readonly value: HostArray
}

/** An equation, as what reads any of them takes it. */
export interface AnyEquation {
  readonly op: OpName
  readonly params: object
  readonly inputs: readonly Atom[]
  readonly outputs: readonly Variable[]
  readonly source: Source | undefined
}

/** A program, likewise: `Program` is one, and has equations of which types say the parameters. */
export interface AnyProgram {
  readonly inputs: readonly Variable[]
  readonly constants: readonly Constant[]
  readonly equations: readonly AnyEquation[]
  readonly outputs: readonly Atom[]
}

/** Whether something is a program, by its shape. */
export const isAnyProgram = (x: unknown): x is AnyProgram =>
  typeof x === 'object' && x !== null && 'equations' in x && 'outputs' in x
