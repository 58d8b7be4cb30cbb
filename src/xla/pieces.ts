/** Splits programs into pieces that a plugin runs and equations between them that call JavaScript functions (`callback`). */
import { callsHost } from '../backends/operation.ts'
import type { Atom, Constant, Equation } from '../ir/program.ts'
import { Literal, Program, Variable } from '../ir/program.ts'

/** Equations that run together, as a program with the inputs `reads` and the outputs `writes`. */
export interface Piece {
  readonly isOnHost: boolean
  readonly program: Program
  readonly reads: readonly Variable[]
  readonly writes: readonly Variable[]
  /** For each input, whether no later piece and no output needs it. */
  readonly isLast: readonly boolean[]
}

const variablesOf = (atoms: readonly Atom[]): readonly Variable[] => atoms.filter((a) => a instanceof Variable)

/** Consecutive equations; each that calls JavaScript is a run by itself. */
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
  // From the last to the first: `needed` holds the variables that later pieces or outputs read.
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
