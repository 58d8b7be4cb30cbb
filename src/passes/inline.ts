import { calledBy, inlineWhere } from '../ir/inline.ts'
import type { Program } from '../ir/program.ts'
import { countEquations } from '../ir/walk.ts'

// Bodies up to this size are always inlined; larger ones only where they are called once.
const smallBody = 32

const sizeOf = (program: Program): number => program.derive('size', () => countEquations(program))

/** How often each program is called by the equations of one. */
const callsIn = (program: Program): ReadonlyMap<Program, number> =>
  program.derive('calls', () => {
    const counts = new Map<Program, number>()
    for (const eqn of program.equations) {
      if (eqn.op === 'call') counts.set(eqn.params.program, (counts.get(eqn.params.program) ?? 0) + 1)
    }
    return counts
  })

/** Inlines calls, where that does not make the program much longer. */
export const inline = (program: Program): Program =>
  callsIn(program).size === 0
    ? program
    : inlineWhere(program, (eqn, within) => {
        const body = calledBy(eqn)
        return body !== null && (callsIn(within).get(body) === 1 || sizeOf(body) <= smallBody) ? body : null
      })
