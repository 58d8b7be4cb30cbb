import type { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import { decodeElement } from '../core/convert.ts'
import { TracerError } from '../core/errors.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Atom, Constant, Equation, Source } from '../ir/program.ts'
import { Literal, Program, Variable, equation } from '../ir/program.ts'
import type { Body, Trace } from '../trace/body.ts'
import { ConcreteBody } from '../trace/body.ts'
import { NDArray } from '../trace/value.ts'

/** A value of a program being staged: it stands for a variable. */
export class RecordedBody implements Body {
  readonly trace: Trace
  readonly variable: Variable

  constructor(trace: Trace, variable: Variable) {
    this.trace = trace
    this.variable = variable
  }

  host(operation: string): TypedArray {
    throw new TracerError(
      `${operation}: the elements of a traced ${this.variable.aval} are not known while ${this.trace.name} traces the ` +
        'function. To branch on it use np.where or lax.cond, to index with it x.at(i) or np.take; or make the ' +
        'argument static (staticArgnums), or do this outside the transformed function.',
    )
  }
}

/** An outer value that a program uses, and the input for it. */
export interface Captured {
  readonly variable: Variable
  readonly value: NDArray
}

/** Throws unless `x` may still be used: it is concrete, or its transformation is still in progress. */
export const checkLive = (x: NDArray, operation: string): void => {
  const { trace } = x.body
  if (trace !== null && !trace.live) {
    throw new TracerError(
      `${operation}: a traced ${x.aval} escaped from ${trace.name}, which has ended. ` +
        'Return values from the transformed function rather than store them outside it.',
    )
  }
}

/** Whether an array's elements cannot be used by a program that is being staged. */
export const isOutOfReach = ({ body }: NDArray): boolean => body instanceof ConcreteBody && body.isOutOfReach

/** Collects the equations of one program. */
export class ProgramBuilder {
  readonly #trace: Trace
  readonly #embed: boolean
  readonly #equations: Equation[] = []
  readonly #constants: Constant[] = []
  readonly #captured: Captured[] = []
  readonly #atoms = new Map<NDArray, Atom>()

  /**
   * With `embed`, concrete arrays become constants of the program, if they can be read; otherwise all outer values are
   * captured.
   */
  constructor(trace: Trace, embed: boolean) {
    this.#trace = trace
    this.#embed = embed
  }

  get equations(): readonly Equation[] {
    return this.#equations
  }
  get captured(): readonly Captured[] {
    return this.#captured
  }

  /** A value that stands for a fresh variable. */
  fresh(aval: Aval, place?: string): NDArray {
    return this.wrap(new Variable(aval, place))
  }

  wrap(variable: Variable): NDArray {
    return new NDArray(variable.aval, new RecordedBody(this.#trace, variable))
  }

  owns(x: NDArray): boolean {
    return x.body.trace === this.#trace
  }

  /** The variable, literal, constant or captured input for a value. */
  atom(x: NDArray, operation: string): Atom {
    if (this.owns(x)) return (x.body as RecordedBody).variable
    const known = this.#atoms.get(x)
    if (known !== undefined) return known
    const atom = this.#outer(x, operation)
    this.#atoms.set(x, atom)
    return atom
  }

  #outer(x: NDArray, operation: string): Atom {
    checkLive(x, operation)
    if (x.body.trace === null && !isOutOfReach(x)) {
      if (x.aval.rank === 0) {
        const value = decodeElement(x.aval.dtype, x.body.host(operation)[0]!)
        return new Literal(value, x.aval.dtype, x.aval.weak)
      }
      if (this.#embed) {
        const variable = new Variable(x.aval)
        this.#constants.push({ variable, value: { aval: x.aval, data: x.body.host(operation) } })
        return variable
      }
    }
    const variable = new Variable(x.aval)
    this.#captured.push({ variable, value: x })
    return variable
  }

  emit<N extends OpName>(
    op: N,
    params: OpParams[N],
    operands: readonly NDArray[],
    type: (avals: readonly Aval[]) => readonly Aval[],
    source?: Source,
  ): readonly NDArray[] {
    const atoms = operands.map((x) => this.atom(x, op))
    const outputs = type(operands.map((x) => x.aval)).map((aval) => new Variable(aval))
    this.#equations.push(equation(op, params, atoms, outputs, source))
    return outputs.map((v) => this.wrap(v))
  }

  /** The program: captured values come before the other inputs. */
  finish(inputs: readonly NDArray[], outputs: readonly NDArray[], name: string): Program {
    const outAtoms = outputs.map((x) => this.atom(x, name))
    const inputVariables = inputs.map((x) => (x.body as RecordedBody).variable)
    // Equations remember the stack, and with it this builder: its references to outer arrays would live as long as the program.
    this.#atoms.clear()
    return new Program({
      inputs: [...this.#captured.map((c) => c.variable), ...inputVariables],
      constants: this.#constants,
      equations: this.#equations,
      outputs: outAtoms,
    })
  }
}
