/** What models of language are given to learn from: masked tokens, and tokens one place later. */
import { ArgumentError } from '../../core/errors.ts'
import { besideTokens, tokenArray } from '../../models/inputs.ts'
import { IGNORED } from '../../models/losses.ts'
import * as np from '../../numpy/index.ts'
import { aKey, split } from '../../random/keys.ts'
import type { Key } from '../../random/keys.ts'
import { randint, uniform } from '../../random/samplers.ts'
import * as must from '../../conversions/arguments.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'

/** Options of `maskTokens`. */
export interface MaskOptions {
  /** The id of [MASK]. */
  readonly maskTokenId: number
  /** As many ids as there are: random tokens are among them. */
  readonly vocabSize: number
  /** Ids that are never masked: [CLS], [SEP], [PAD]. */
  readonly specialIds?: readonly number[]
  /** Shape `[batch, length]`: padding, 0, is never masked. */
  readonly attentionMask?: ArrayLike
  /** The share of tokens that is to be foretold; 0.15 by default. */
  readonly probability?: number
  /** The share of those that become [MASK]; 0.8 by default. */
  readonly maskShare?: number
  /** The share of those that become a random token; 0.1 by default. The rest stay as they are. */
  readonly randomShare?: number
}

const maskTable: must.OptionTable<MaskOptions> = {
  maskTokenId: must.required(must.natural),
  vocabSize: must.required(must.count),
  specialIds: must.listOf(must.integer),
  attentionMask: must.arrayLike,
  probability: must.fraction,
  maskShare: must.fraction,
  randomShare: must.fraction,
}

const maskDoor = must.door('maskTokens', {
  key: aKey,
  inputIds: must.arrayLike,
  options: must.required(must.optionsOf(maskTable)),
})

/** Tokens with some of them masked, and what stood there. */
export interface MaskedTokens {
  readonly input_ids: NDArray
  /** -100 but where a token is to be foretold. */
  readonly labels: NDArray
}

/**
 * Masks tokens as BERT was trained, another choice for every key: of 15 % of the tokens 80 % become [MASK], 10 % a random token, and 10
 * % stay. A pure function of the key, so that a run that is taken up again masks the same.
 *
 * @param inputIds - integers of shape `[batch, length]`.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { maskTokens } from 'pullback/train'
 * const ids = np.add(np.remainder(np.arange(1000), 90), 5).reshape([10, 100])
 * const masked = maskTokens(random.key(0), ids, { maskTokenId: 4, vocabSize: 95, specialIds: [0, 1, 2, 3] })
 * const chosen = np.notEqual(masked.labels, -100)
 * np.arrayEqual(np.where(chosen, masked.labels, masked.input_ids), ids) // => True
 * ```
 */
export const maskTokens = (key: Key, inputIds: ArrayLike, options: MaskOptions): MaskedTokens => {
  maskDoor(key, inputIds, options)
  const { maskTokenId, vocabSize, specialIds = [], attentionMask } = options
  const { probability = 0.15, maskShare = 0.8, randomShare = 0.1 } = options
  if (maskShare + randomShare > 1) {
    throw new ArgumentError(
      `maskTokens: maskShare and randomShare are shares of one whole, got ${maskShare} and ${randomShare}.`,
    )
  }
  const ids = tokenArray('maskTokens', inputIds)
  const [batch, length] = ids.shape as readonly [number, number]
  const [which, what, words] = split(key, 3)
  const special = specialIds.reduce<NDArray>((found, id) => np.logicalOr(found, np.equal(ids, id)), np.equal(ids, -1))
  const padding =
    attentionMask === undefined
      ? special
      : np.logicalOr(special, np.equal(besideTokens('maskTokens', 'attentionMask', attentionMask, [batch, length]), 0))
  const chosen = np.logicalAnd(np.less(uniform(which, ids.shape), probability), np.logicalNot(padding))
  const fate = uniform(what, ids.shape)
  const other = np.where(np.less(fate, maskShare + randomShare), randint(words, ids.shape, 0, vocabSize), ids)
  const changed = np.where(np.less(fate, maskShare), maskTokenId, other)
  return {
    input_ids: np.where(chosen, changed, ids).astype('int32'),
    labels: np.where(chosen, ids, IGNORED).astype('int32'),
  }
}

/** Options of `shiftRight`. */
export interface ShiftOptions {
  /** The token that a decoder begins with: `decoder_start_token_id`. */
  readonly startTokenId: number
  /** What stands in the place of labels that do not count. */
  readonly padTokenId: number
}

const shiftDoor = must.door('shiftRight', {
  labels: must.arrayLike,
  options: must.required(
    must.optionsOf<ShiftOptions>({
      startTokenId: must.required(must.natural),
      padTokenId: must.required(must.natural),
    }),
  ),
})

/**
 * What a decoder is given to write the labels: the start token, then the labels but the last.
 *
 * @param labels - integers of shape `[batch, length]`, -100 where nothing counts.
 * @example
 * ```ts
 * import { shiftRight } from 'pullback/train'
 * shiftRight([[7, 8, 1, -100]], { startTokenId: 0, padTokenId: 0 }) // => [[0 7 8 1]]
 * ```
 */
export const shiftRight = (labels: ArrayLike, options: ShiftOptions): NDArray => {
  shiftDoor(labels, options)
  const { startTokenId, padTokenId } = options
  const given = tokenArray('shiftRight', labels, 'labels')
  const [batch, length] = given.shape as readonly [number, number]
  const first = np.full([batch, 1], startTokenId, { dtype: 'int32' })
  const shifted = np.concatenate([first, given], { axis: 1 }).at(':', np.slice(0, length)).get()
  return np.where(np.equal(shifted, IGNORED), padTokenId, shifted)
}
