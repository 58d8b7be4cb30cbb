/** Differentially private gradients: each example's gradient is clipped, then noise is added. After optax. */
import { vmap } from '../api/vmap.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import { aKey } from '../random/keys.ts'
import type { Key } from '../random/keys.ts'
import { normal, split } from '../random/index.ts'
import * as must from '../conversions/arguments.ts'
import { inType } from '../surface/hyperparameters.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { GradientTransformation } from './transformation.ts'
import { stateOf } from './transformation.ts'
import { globalNorm, leavesOf, mapTree } from './trees.ts'

/** The number of examples, along the first axes of the leaves. */
const examplesOf = (operation: string, leaves: readonly NDArray[]): number => {
  const [first] = leaves
  if (first === undefined) throw new ArgumentError(`${operation}: the tree of gradients has no leaves.`)
  const count = first.shape[0]
  const odd = leaves.find((g) => g.ndim === 0 || g.shape[0] !== count)
  if (odd === undefined) return count!
  throw new ShapeError(
    `${operation}: leaves are gradients of one example each along axis 0, got ${first.aval} and ${odd.aval}. ` +
      `vmap(grad(loss), { inAxes: [null, 0] }) gives such.`,
  )
}

const clipExamples = <T>(
  operation: string,
  gradients: T,
  l2NormClip: ArrayLike,
): readonly [sum: T, clipped: NDArray] => {
  const leaves = leavesOf(gradients)
  examplesOf(operation, leaves)
  const norms = vmap((...example: readonly NDArray[]) => globalNorm(example))(...leaves)
  const fits = np.logicalOr(np.lessEqual(norms, l2NormClip), np.equal(norms, 0))
  const factors = np.where(fits, 1, np.divide(l2NormClip, np.where(fits, 1, norms)))
  const sum = mapTree(operation, (g) => np.tensordot(np.astype(factors, g.dtype), g, 1), gradients)
  return [sum, np.sum(np.logicalNot(fits)).astype('int32')]
}

const perExampleDoor = must.door('optim.perExampleGlobalNormClip', {
  gradients: must.anything,
  l2NormClip: must.arrayLike,
})

/**
 * The sum of the gradients of single examples, each clipped so that its norm over all leaves is at most `l2NormClip`.
 *
 * @param gradients - a tree whose leaves have one gradient per example along axis 0.
 * @returns the sum, without that axis, and how many were clipped. * @throws ShapeError if leaves have different numbers of
 *   examples.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.perExampleGlobalNormClip(np.array([[3, 4], [0, 1]]), 1) // => [0.6 1.8],1
 * ```
 */
export const perExampleGlobalNormClip = <T>(
  gradients: T,
  l2NormClip: ArrayLike,
): readonly [sum: T, clipped: NDArray] => {
  perExampleDoor(gradients, l2NormClip)
  return clipExamples('optim.perExampleGlobalNormClip', gradients, l2NormClip)
}

/** The state of `dpAggregate`. */
export interface PrivacyState {
  readonly key: Key
}

/** Options of `dpAggregate`. */
export interface PrivacyOptions {
  /**
   * What the sum is divided by; the number of examples given, by default. If each example is included at random, as accountants
   * assume, batches vary in size, and this is their expected size: it must not depend on the data.
   */
  readonly batchSize?: number
}

const dpDoor = must.door('optim.dpAggregate', {
  l2NormClip: must.arrayLike,
  noiseMultiplier: must.arrayLike,
  key: aKey,
  options: must.optionsOf<PrivacyOptions>({ batchSize: must.positive }),
})

/**
 * The gradients of DP-SGD: those of single examples, clipped to `l2NormClip` and summed, plus Gaussian noise of deviation
 * `noiseMultiplier · l2NormClip`, divided by the size of the batch. Abadi et al., "Deep Learning with Differential Privacy"
 * (2016); optax's `differentially_private_aggregate`. It comes first in a chain, and its updates have one more axis than the
 * parameters: one gradient per example. `privacySpent` of `pullback/interpret` computes the privacy cost. * * @param key - the
 * initial key of the state. * @throws ShapeError from `update` if leaves have different numbers of examples.
 * @example
 * ```ts
 * import { grad, np, optim, random, vmap } from 'pullback'
 * const loss = (w: NDArray, x: NDArray) => np.square(np.subtract(np.dot(x, w), 1))
 * const w = np.zeros([2])
 * const optimizer = optim.chain(optim.dpAggregate(1, 1.1, random.key(0)), optim.sgd(0.1))
 * const perExample = vmap(grad(loss), { inAxes: [null, 0] })(w, np.array([[1, 0], [0, 1], [3, 4]]))
 * const [updates] = optimizer.update(perExample, optimizer.init(w))
 * updates.shape // => 2
 * ```
 */
export const dpAggregate = (
  l2NormClip: ArrayLike,
  noiseMultiplier: ArrayLike,
  key: Key,
  options: PrivacyOptions = {},
): GradientTransformation<PrivacyState> => {
  dpDoor(l2NormClip, noiseMultiplier, key, options)
  return {
    init: () => ({ key }),
    update: <T>(updates: T, state: PrivacyState) => {
      const { key: last } = stateOf('optim.dpAggregate', state, 'key')
      const leaves = leavesOf(updates)
      const size = options.batchSize ?? examplesOf('optim.dpAggregate', leaves)
      const [sum] = clipExamples('optim.dpAggregate', updates, l2NormClip)
      const [next, ...keys] = split(last, leaves.length + 1)
      let i = 0
      const noisy = (g: NDArray): NDArray => {
        const dtype = g.dtype === 'float64' ? 'float64' : 'float32'
        const deviation = np.multiply(inType(l2NormClip, dtype), inType(noiseMultiplier, dtype))
        const noise = np.multiply(deviation, normal(keys[i++]!, g.shape, { dtype }))
        return np.divide(np.add(g, np.astype(noise, g.dtype)), size)
      }
      return [mapTree('optim.dpAggregate', noisy, sum), { key: next! }] as const
    },
  }
}
