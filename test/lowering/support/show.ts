/** What functions and texts are lowered to. */
import type { NDArray } from 'pullback'
import { makeProgram } from 'pullback'
import type { Capabilities } from '../../../src/lowering/analyse.ts'
import { lower } from '../../../src/lowering/fuse.ts'
import { plain } from './capabilities.ts'
import { showLowered } from './text.ts'

/** The lines of a function's program, lowered for a back end that can do more, or less, than loop and call routines. */
export const loweredOf = (
  f: (...xs: NDArray[]) => unknown,
  args: readonly NDArray[],
  can: Partial<Capabilities> = {},
): readonly string[] => showLowered(lower(makeProgram(f)(...args), { ...plain, ...can })).split('\n')
