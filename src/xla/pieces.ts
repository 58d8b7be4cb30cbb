/** Programs in pieces: what a plugin runs, and, between, equations that call functions of this process. */
import { callsHost } from '../backends/operation.ts'
import type { Atom, Constant, Equation } from '../ir/program.ts'
import { Literal, Program, Variable } from '../ir/program.ts'

/** Equations that run together. Its program's inputs are `reads`, its outputs `writes`. */
export interface Piece {
  readonly isOnHost: boolean
  readonly program: Program
  readonly reads: readonly Variable[]
  readonly writes: readonly Variable[]
  /** Of each that it reads, whether nothing does so later. */
  readonly isLast: readonly boolean[]
}

const variablesOf = (atoms: readonly Atom[]): readonly Variable[] => atoms.filter((a) => a instanceof Variable)

/** Runs of equations, the host's each by itself. */
const runsOf = (equations: readonly Equation[]): readonly (readonly Equation[])[] => {
  const runs: Equation[][] = []
  let open: Equation[] | null = null
  for (const eqn of equations) {
    if (callsHost(eqn)) {
      runs.push([eqn])
      open = null
    } else if (open === null) runs.push((open = [eqn]))
    else open.push(eqn)
  }
  return runs
}

/** The pieces of a program, in the order in which they run. */
export const piecesOf = (program: Program): readonly Piece[] => {
  const constants = new Map<Variable, Constant>(program.constants.map((c) => [c.variable, c]))
  // From the last to the first, with what is needed after each.
  const needed = new Set(variablesOf(program.outputs))
  const pieces = runsOf(program.equations)
    .toReversed()
    .map((equations): Piece => {
      const made = new Set(equations.flatMap((eqn) => eqn.outputs))
      const used = [...new Set(equations.flatMap((eqn) => variablesOf(eqn.inputs)))].filter((v) => !made.has(v))
      const reads = used.filter((v) => !constants.has(v))
      const writes = [...made].filter((v) => needed.has(v))
      const isLast = reads.map((v) => !needed.has(v))
      for (const v of reads) needed.add(v)
      return {
        isOnHost: callsHost(equations[0]!),
        program: new Program({
          inputs: reads,
          constants: used.flatMap((v) => constants.get(v) ?? []),
          equations,
          outputs: writes,
        }),
        reads,
        writes,
        isLast,
      }
    })
  return pieces.toReversed()
}

export const isLiteral = (a: Atom): a is Literal => a instanceof Literal
