/** Means of gradients and of their squares, which many transformations keep. */
import type { NDArray } from '../trace/value.ts'
import type { OptState } from './transformation.ts'
import { stateOf } from './transformation.ts'

/** The state of Adam and its variants: means of gradients and of their squares. */
export interface MomentsState {
  /** Steps so far; int32. */
  readonly count: NDArray
  /** A tree like the parameters. */
  readonly mu: OptState
  /** A tree like the parameters. */
  readonly nu: OptState
}

export const readMoments = <S extends MomentsState>(operation: string, state: S): S =>
  stateOf(operation, state, 'count', 'mu', 'nu')
