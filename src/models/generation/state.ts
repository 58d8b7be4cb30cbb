/** What generation carries from token to token: keys and values of the text, and the text itself. */
import * as lax from '../../lax/index.ts'
import * as np from '../../numpy/index.ts'
import { leaves } from '../../api/tree.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Cache } from '../cache.ts'
import { emptyCache, growCache } from '../cache.ts'
import type { CausalModel } from '../decoder.ts'
import type { ParamsOf } from '../spec.ts'

/** A tree of arrays, so that it goes through the compiled step and is donated to it. */
export interface State {
  /** Its length is that of the text that the model has seen. */
  readonly cache: Cache
  /** Int32 of shape `[rows, room]`: -1 at padding and where there is room. */
  readonly tokens: NDArray
}

/** A multiple of `step`. */
const roundUp = (n: number, step: number): number => Math.ceil(n / step) * step

/** Lengths of prompts that programs are made for: powers of two to 128, then multiples of 128. */
export const promptRoom = (length: number): number =>
  length > 128 ? roundUp(length, 128) : 2 ** Math.max(4, Math.ceil(Math.log2(length)))

/** How much of a text there is room for, in so many tokens at a time. */
export const roomFor = (length: number, block: number): number => roundUp(length, block)

/** Prompts with padding before them, and no token seen yet. */
export const beginState = (
  { cacheShape }: Pick<CausalModel, 'cacheShape'>,
  prompts: readonly (readonly number[])[],
  width: number,
  room: number,
): State => {
  const tokens = new Int32Array(prompts.length * room).fill(-1)
  prompts.forEach((prompt, row) => {
    tokens.set(prompt, row * room + width - prompt.length)
  })
  return {
    cache: emptyCache(cacheShape, prompts.length, room),
    tokens: np.reshape(np.array(tokens), [prompts.length, room]),
  }
}

/** Memory is given back at once. */
export const freeState = (state: State): void => {
  for (const x of leaves(state)) x.donate()
}

/** The same text with more room; the state that is given is used up. */
export const growState = (state: State, room: number): State => {
  const more = room - state.tokens.shape[1]!
  const tokens = np.pad(
    state.tokens,
    [
      [0, 0],
      [0, more],
    ],
    { constantValues: -1 },
  )
  const cache = growCache(state.cache, room)
  // The length is shared; all else is new.
  for (const { key, value } of state.cache.layers) {
    key.donate()
    value.donate()
  }
  state.tokens.donate()
  return { cache, tokens }
}

/** What the model says of the tokens that come next after those that it has seen: the scores after the last, shape `[rows, vocabSize]`. */
export const seeTokens = <S>(
  model: CausalModel<S>,
  params: ParamsOf<S>,
  { cache, tokens }: State,
  count: number,
): readonly [logits: NDArray, cache: Cache] => {
  const attentionMask = np.greaterEqual(tokens, 0).astype('int32')
  // Places count tokens, and not padding, as generate in transformers has it.
  const places = np.maximum(np.subtract(np.cumsum(attentionMask, { axis: 1 }), 1), 0)
  const next = (x: NDArray): NDArray => lax.dynamicSliceInDim(x, cache.length, count, 1)
  const output = model.apply(
    params,
    { inputIds: np.maximum(next(tokens), 0), attentionMask, positionIds: next(places) },
    { cache, logitsToKeep: 1 },
  )
  return [output.logits.at(':', 0).get(), output.cache!]
}

/** Writes each row's next token, `ahead` places after what the model has seen. */
export const writeTokens = ({ cache, tokens }: State, next: NDArray, ahead: number): NDArray =>
  lax.dynamicUpdateSliceInDim(tokens, np.expandDims(next, 1), np.add(cache.length, ahead), 1)
