/** The parts of programs, independent of the parameters of operations. */
import { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import type { HostArray } from '../core/host.ts'
import type { OpName } from './parameters.ts'

/** A name in a program, defined once: by the program's inputs or constants, or by one equation. */
export class Variable {
  readonly aval: Aval
  /** For an input: its path in the arguments, such as `params.layers[0].kernel`. For graphs; not part of the meaning. */
  readonly place?: string
  constructor(aval: Aval, place?: string) {
    this.aval = aval
    if (place !== undefined) this.place = place
  }
}

/** A scalar in the program text. `value` is exact in the dtype; bools are 0 and 1. */
export class Literal {
  readonly aval: Aval
  readonly value: number | bigint
  constructor(value: number | bigint, dtype: DType, weak = false) {
    this.aval = new Aval(dtype, [], weak)
    this.value = value
  }
}

/** An operand of an equation: a variable, or a literal. */
export type Atom = Variable | Literal

/** A named part of a computation: one run of it. */
export interface Scope {
  readonly name: string
  readonly outer: Scope | null
  /** Names of the user's scopes, outermost first, separated by slashes; without those of the library's functions. */
  readonly text: string
}

/** The user's line of code for an equation; `toString` computes `file:line:column` lazily. */
export interface Source {
  /** Names of the user's scopes around it, outermost first, separated by slashes. */
  readonly scope: string
  /** The run of the innermost scope, or of the library's function such as `relu`, around it; for graphs. */
  readonly within?: Scope | null
  toString(): string
}

/** An array stored in the program. */
export interface Constant {
  readonly variable: Variable
  readonly value: HostArray
}

/** An equation of any operation, for code that only reads it. */
export interface AnyEquation {
  readonly op: OpName
  readonly params: object
  readonly inputs: readonly Atom[]
  readonly outputs: readonly Variable[]
  readonly source: Source | undefined
}

/** A program of such equations: `Program` is one, whose equations have typed parameters. */
export interface AnyProgram {
  readonly inputs: readonly Variable[]
  readonly constants: readonly Constant[]
  readonly equations: readonly AnyEquation[]
  readonly outputs: readonly Atom[]
}

/** Whether something is a program, by its shape. */
export const isAnyProgram = (x: unknown): x is AnyProgram =>
  typeof x === 'object' && x !== null && 'equations' in x && 'outputs' in x
