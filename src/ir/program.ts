import type { Aval } from '../core/aval.ts'
import type { OpName, OpParams } from './parameters.ts'
import type { Atom, Constant, Source, Variable } from './parts.ts'
import { programText } from './text.ts'

export type { Atom, Constant, Scope, Source } from './parts.ts'
export { Literal, Variable } from './parts.ts'

interface EquationOf<N extends OpName> {
  readonly op: N
  readonly params: OpParams<Program>[N]
  readonly inputs: readonly Atom[]
  readonly outputs: readonly Variable[]
  readonly source: Source | undefined
}

/** One application of an operation: a union over the operations' names. */
export type Equation = { readonly [N in OpName]: EquationOf<N> }[OpName]

/**
 * One application of an operation; the types are those of the operation's parameters.
 *
 * @example
 * ```ts
 * import { equation, evalProgram, Literal, np, Program, Variable } from 'pullback'
 * const { aval } = np.zeros([])
 * const [x, y] = [new Variable(aval), new Variable(aval)]
 * const double = new Program({ inputs: [x], equations: [equation('mul', {}, [x, new Literal(2, 'float32')], [y])], outputs: [y] })
 * evalProgram(double, [np.array(21)])[0] // => 42.
 * ```
 */
export const equation = <N extends OpName>(
  op: N,
  params: OpParams<Program>[N],
  inputs: readonly Atom[],
  outputs: readonly Variable[],
  source?: Source,
): Equation => ({ op, params, inputs, outputs, source }) as unknown as Equation

/**
 * A first-order function on arrays as immutable plain data. What is derived from it (its jvp, its transpose, compiled forms) is
 * cached in `derived`, which is not part of its meaning: neither printed nor compared.
 */
export class Program {
  readonly inputs: readonly Variable[]
  readonly constants: readonly Constant[]
  readonly equations: readonly Equation[]
  readonly outputs: readonly Atom[]
  readonly #derived = new Map<string, unknown>()

  constructor(parts: {
    readonly inputs: readonly Variable[]
    readonly constants?: readonly Constant[]
    readonly equations: readonly Equation[]
    readonly outputs: readonly Atom[]
  }) {
    this.inputs = parts.inputs
    this.constants = parts.constants ?? []
    this.equations = parts.equations
    this.outputs = parts.outputs
  }

  /** Types of the inputs. */
  get inAvals(): readonly Aval[] {
    return this.inputs.map((v) => v.aval)
  }

  /** Types of the outputs. */
  get outAvals(): readonly Aval[] {
    return this.outputs.map((v) => v.aval)
  }

  /** The program with some of its parts replaced. */
  with(parts: Partial<Pick<Program, 'inputs' | 'constants' | 'equations' | 'outputs'>>): Program {
    const { inputs, constants, equations, outputs } = this
    return new Program({ inputs, constants, equations, outputs, ...parts })
  }

  toString(): string {
    return programText(this)
  }

  /** Whether something is a program made by the constructor, not a copy of its fields or a similar object. */
  static is(x: unknown): x is Program {
    return typeof x === 'object' && x !== null && #derived in x
  }

  /** The result of `make` for this program, computed once per `key`. The caller keeps keys and types consistent. */
  derive<T>(key: string, make: () => T): T {
    if (this.#derived.has(key)) return this.#derived.get(key) as T
    const made = make()
    this.#derived.set(key, made)
    return made
  }
}
