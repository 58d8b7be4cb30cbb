/** Layers that reverse mode recomputes: trades time for memory. */
import { aPolicy, checkpoint } from '../api/checkpoint.ts'
import type { CheckpointPolicy } from '../api/checkpoint.ts'
import type { AnyTree } from '../api/types.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'

/**
 * Whether each layer is computed again for its derivative: true keeps only its input, a policy of `checkpointPolicies` also
 * what it allows.
 */
export type Remat = boolean | CheckpointPolicy

export const aRemat = must.anyOf(must.boolean, aPolicy)

/** A layer, as a function of its parameters and its input, that keeps what `remat` says. */
export const rematLayer = <P, R extends AnyTree>(
  remat: Remat | undefined,
  layer: (params: P, x: NDArray) => R,
): ((params: P, x: NDArray) => R) => {
  if (remat === undefined || remat === false) return layer
  const kept: unknown = checkpoint(layer, remat === true ? {} : { policy: remat })
  return kept as typeof layer
}
