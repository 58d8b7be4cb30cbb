/** Whether a model reveals what it was trained on. */
import { ArgumentError } from '../core/errors.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'

/** How well losses distinguish members from others. */
export interface Membership {
  /** The probability that a member's loss is below another example's: 0.5 if losses reveal nothing, 1 if they reveal everything. */
  readonly auc: number
  /** The largest difference between the true and the false positive rate; 0 if losses reveal nothing. */
  readonly advantage: number
  /** The best threshold: examples with a loss up to this are classified as members. */
  readonly threshold: number
}

const membershipDoor = must.door('membershipTest', { members: must.arrayLike, others: must.arrayLike })

/**
 * The test of membership by a threshold on the loss: examples with small losses are classified as members of the training data.
 * Yeom et al., "Privacy Risk in Machine Learning" (2018). The area under its curve is the Mann-Whitney statistic, with ties
 * counted as half.
 *
 * @param members - losses of examples that the model was trained on.
 * @param others - losses of examples like those that it has not seen.
 * @throws ArgumentError if there are none of either, or if a loss is NaN.
 * @example
 * ```ts
 * import { membershipTest } from 'pullback/interpret'
 * const { auc, threshold } = membershipTest([1, 2, 4], [3, 5, 6])
 * auc.toFixed(3) // => 0.889
 * threshold // => 4
 * ```
 */
export const membershipTest = (members: ArrayLike, others: ArrayLike): Membership => {
  membershipDoor(members, others)
  const [inside, outside] = [members, others].map((x) => Array.from(asArray(x).dataSync(), Number)) as [
    number[],
    number[],
  ]
  if (inside.length === 0 || outside.length === 0) {
    throw new ArgumentError(
      `membershipTest: there are ${inside.length} members and ${outside.length} others; one of each is needed.`,
    )
  }
  const all = [
    ...inside.map((loss) => ({ loss, isMember: true })),
    ...outside.map((loss) => ({ loss, isMember: false })),
  ]
  if (all.some(({ loss }) => Number.isNaN(loss))) throw new ArgumentError('membershipTest: a loss is NaN.')
  all.sort((a, b) => a.loss - b.loss)
  let [found, wrong, pairs] = [0, 0, 0]
  let [advantage, threshold] = [0, -Infinity]
  for (let i = 0; i < all.length;) {
    const { loss } = all[i]!
    const [foundBefore, wrongBefore] = [found, wrong]
    for (; i < all.length && all[i]!.loss === loss; i++) {
      if (all[i]!.isMember) found++
      else wrong++
    }
    pairs += (wrong - wrongBefore) * (foundBefore + (found - foundBefore) / 2)
    const now = found / inside.length - wrong / outside.length
    if (now > advantage) [advantage, threshold] = [now, loss]
  }
  return { auc: pairs / (inside.length * outside.length), advantage, threshold }
}
