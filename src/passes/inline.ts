import { inlineWhere } from '../ir/inline.ts'
import type { Program } from '../ir/program.ts'
import { countEquations } from '../ir/walk.ts'

// Bodies up to this size go in wherever they are called; larger ones only where they are called once.
const smallBody = 32

const sizeOf = (program: Program): number => program.derive('size', () => countEquations(program))

/** Puts the bodies of called programs in the place of calls, where that does not make the program much longer. */
export const inline = (program: Program): Program =>
  inlineWhere(program, (body, times) => times === 1 || sizeOf(body) <= smallBody)
