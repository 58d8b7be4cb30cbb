/** The text of programs, for users. */
import * as must from '../core/arguments.ts'
import type { Program } from './program.ts'
import { programText } from './text.ts'
import { isProgram } from './walk.ts'

const aProgram = must.kind('a program', isProgram)
const printDoor = must.door('printProgram', { program: aProgram })

/**
 * A program as text: one line for each equation (with its scope after an @), names `a`, `b`, ... in order of definition, types
 * in JAX's short notation. Equal programs print equally, and `parseProgram` reads the text back.
 *
 * @example
 * ```ts
 * import { makeProgram, np, printProgram } from 'pullback'
 * printProgram(makeProgram((x: NDArray) => np.sin(x))(np.zeros([2]))).split('\n')[1] // =>   b: f32[2] = sin a
 * ```
 */
export const printProgram = (program: Program): string => {
  printDoor(program)
  return programText(program)
}

const equalDoor = must.door('equalPrograms', { a: aProgram, b: aProgram })

/**
 * Whether two programs are equal up to the names of their variables.
 *
 * @example
 * ```ts
 * import { equalPrograms, makeProgram, np } from 'pullback'
 * const program = (f: (x: NDArray) => NDArray) => makeProgram(f)(np.zeros([2]))
 * equalPrograms(program((x) => np.sin(x)), program((y) => y.sin())) // => true
 * equalPrograms(program((x) => np.sin(x)), program((x) => np.cos(x))) // => false
 * ```
 */
export const equalPrograms = (a: Program, b: Program): boolean => {
  equalDoor(a, b)
  return a === b || printProgram(a) === printProgram(b)
}
