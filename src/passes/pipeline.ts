import * as must from '../core/arguments.ts'
import { Program } from '../ir/program.ts'
import { cse } from './cse.ts'
import { dce } from './dce.ts'
import { fold } from './fold.ts'
import { inline } from './inline.ts'
import { inner } from './inner.ts'
import { simplify } from './simplify.ts'

const passes: readonly ((program: Program) => Program)[] = [
  inline,
  inner((program) => optimize(program)),
  simplify,
  fold,
  simplify,
  cse,
  dce,
]

const optimizeDoor = must.door('optimize', { program: must.instance('a program', Program) })

/**
 * Runs all passes in order, also in the programs that a program holds. Values and derivatives stay the same.
 *
 * @example
 * ```ts
 * import { makeProgram, np, optimize } from 'pullback'
 * const program = makeProgram((x: NDArray) => np.add(np.sin(x), np.sin(x)))(np.zeros([2]))
 * program.equations.length // => 3
 * optimize(program).equations.length // => 2
 * ```
 */
export const optimize = (program: Program): Program => {
  optimizeDoor(program)
  return program.derive('optimized', () => passes.reduce((p, pass) => pass(p), program))
}
