/** The state of generation between tokens: keys and values of the text, and the text itself. */
import * as lax from '../../lax/index.ts'
import * as np from '../../numpy/index.ts'
import { jit } from '../../api/jit.ts'
import { leaves } from '../../api/tree.ts'
import type { NDArray } from '../../trace/value.ts'
import { ArgumentError } from '../../core/errors.ts'
import type { Cache, CacheShape } from '../cache.ts'
import { checkCache, emptyCache, growCache, knownLength } from '../cache.ts'
import type { CausalModel } from '../decoder.ts'
import type { Seq2SeqCache, Seq2SeqLM } from '../seq2seq.ts'
import type { WeightsOf } from '../spec.ts'

/** A tree of arrays, so that it can be passed and donated to the compiled step. */
export interface State {
  /** Its length is the number of positions that the model has seen. */
  readonly cache: Cache
  /** Int32 of shape `[rows, room]`: -1 at padding and at empty positions, -2 at keys and values without a token. */
  readonly tokens: NDArray
}

/** Marks the positions of prefix keys and values, which have no token. */
const PREFIX = -2

/** The prefix of rows: keys and values, shared or for each row, or tokens. */
export type Prefix = Cache | readonly number[]

export const isTokens = (prefix: Prefix): prefix is readonly number[] => Array.isArray(prefix)

/** The number of positions of a prefix. */
export const prefixLength = (operation: string, prefix: Prefix | undefined): number => {
  if (prefix === undefined) return 0
  if (isTokens(prefix)) return prefix.length
  const length = knownLength(prefix)
  if (length !== null) return length
  throw new ArgumentError(`${operation}: how many tokens the prefix has must be known; generate runs outside of jit.`)
}

/** A generative model: a decoder, or an encoder-decoder. */
export type TextModel<S = unknown> = CausalModel<S> | Seq2SeqLM<S>

/** The encoder's result in an encoder-decoder: keys and values, and their mask. */
export type Read = Pick<Seq2SeqCache, 'encoder' | 'attentionMask'>

const isSeq2Seq = <S>(model: TextModel<S>): model is Seq2SeqLM<S> => 'startCache' in model

/** A multiple of `step`. */
const roundUp = (n: number, step: number): number => Math.ceil(n / step) * step

/** Padded lengths of prompts: powers of two up to 128, then multiples of 128. */
const promptRoom = (length: number): number =>
  length > 128 ? roundUp(length, 128) : 2 ** Math.max(4, Math.ceil(Math.log2(length)))

/** The capacity for a text, as a multiple of `block` tokens. */
export const roomFor = (length: number, block: number): number => roundUp(length, block)

/** A cache with capacity, containing the prefix of the rows. */
const beginCache = (operation: string, cacheShape: CacheShape, rows: number, room: number, prefix: Cache): Cache => {
  const given = prefix.layers[0]?.key.shape[0] ?? 1
  checkCache(operation, prefix, cacheShape, given === 1 ? 1 : rows)
  const { layers } = emptyCache(cacheShape, rows, room)
  const put = (into: NDArray, x: NDArray): NDArray => {
    const own = x.at(':', np.slice(0, prefix.length.item())).get()
    const [, count, heads, headDim] = own.shape as readonly [number, number, number, number]
    const all = np.broadcastTo(own.astype(into.dtype), [rows, count, heads, headDim])
    return lax.dynamicUpdateSliceInDim(into, all, 0, 1)
  }
  return {
    layers: layers.map(({ key, value }, i) => ({
      key: put(key, prefix.layers[i]!.key),
      value: put(value, prefix.layers[i]!.value),
    })),
    length: np.array(prefix.length.item(), { dtype: 'int32' }),
  }
}

/** Rows after a prefix, padded on the left, with no token seen yet. */
const beginState = (
  { cacheShape }: Pick<CausalModel, 'cacheShape'>,
  prompts: readonly (readonly number[])[],
  width: number,
  { operation, block, prefix }: BeginOptions,
): State => {
  const before = prefixLength(operation, prefix)
  const room = roomFor(before + width + 1, block)
  const tokens = new Int32Array(prompts.length * room).fill(-1)
  prompts.forEach((prompt, row) => {
    tokens.fill(PREFIX, row * room, row * room + before)
    tokens.set(prompt, row * room + before + width - prompt.length)
  })
  return {
    cache:
      prefix === undefined
        ? emptyCache(cacheShape, prompts.length, room)
        : beginCache(operation, cacheShape, prompts.length, room, prefix),
    tokens: np.reshape(np.array(tokens), [prompts.length, room]),
  }
}

const longest = (prompts: readonly (readonly number[])[]): number => Math.max(...prompts.map((prompt) => prompt.length))

const makeReader = <S>(model: Seq2SeqLM<S>) =>
  jit((params: WeightsOf<S>, inputIds: NDArray, attentionMask: NDArray): Read => {
    const { encoder, attentionMask: mask } = model.startCache(params, { inputIds, attentionMask }, 1)
    return { encoder, attentionMask: mask }
  })

type Reader<S> = ReturnType<typeof makeReader<S>>

/** The compiled encoder of each model, for all texts. */
const readers = new WeakMap<object, unknown>()

/** Encodes texts, padded on the right to one of a few lengths. */
const readPrompts = <S>(model: Seq2SeqLM<S>, params: WeightsOf<S>, prompts: readonly (readonly number[])[]): Read => {
  const reader = (readers.get(model) ?? makeReader(model)) as Reader<S>
  readers.set(model, reader)
  const width = promptRoom(longest(prompts))
  const [ids, mask] = [new Int32Array(prompts.length * width), new Int32Array(prompts.length * width)]
  prompts.forEach((prompt, row) => {
    ids.set(prompt, row * width)
    mask.fill(1, row * width, row * width + prompt.length)
  })
  const table = (data: Int32Array<ArrayBuffer>): NDArray => np.reshape(np.array(data), [prompts.length, width])
  return reader(params, table(ids), table(mask))
}

/** The prefix of rows, and their block size. */
interface BeginOptions {
  readonly operation: string
  /** Capacity grows by this many tokens. */
  readonly block: number
  readonly prefix: Cache | undefined
}

/** The state before the first token: rows, the encoder's result, and the number of tokens of the first step. */
interface Beginning {
  readonly state: State
  /** Null if the rows begin with the prompt. */
  readonly read: Read | null
  readonly width: number
  /** The number of used positions of a row: those of the prefix, and of the prompt. */
  readonly taken: number
}

/** Prepares prompts for a model: rows begin with them, or they are encoded, and rows begin with the start token. */
export const begin = <S>(
  model: TextModel<S>,
  params: WeightsOf<S>,
  prompts: readonly (readonly number[])[],
  options: BeginOptions,
): Beginning => {
  const before = prefixLength(options.operation, options.prefix)
  if (isSeq2Seq(model)) {
    const rows = prompts.map(() => [model.decoderStartTokenId])
    const state = beginState(model, rows, 1, options)
    return { state, read: readPrompts(model, params, prompts), width: 1, taken: before + 1 }
  }
  const width = promptRoom(longest(prompts))
  return { state: beginState(model, prompts, width, options), read: null, width, taken: before + width }
}

/** Frees the memory at once. */
export const freeState = (state: State, read: Read | null): void => {
  for (const x of leaves({ state, read })) x.donate()
}

/** The same text with more capacity; the given state is consumed. */
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
  // The length is shared; everything else is new.
  for (const { key, value } of state.cache.layers) {
    key.donate()
    value.donate()
  }
  state.tokens.donate()
  return { cache, tokens }
}

/** Runs the model on the next tokens, and returns the scores after the last one, shape `[rows, vocabSize]`. */
export const seeTokens = <S>(
  model: TextModel<S>,
  params: WeightsOf<S>,
  { cache, tokens }: State,
  read: Read | null,
  count: number,
): readonly [logits: NDArray, cache: Cache] => {
  const next = (x: NDArray): NDArray => lax.dynamicSliceInDim(x, cache.length, count, 1)
  if (isSeq2Seq(model)) {
    const inputs = { decoderInputIds: next(tokens) }
    const written = model.apply(params, inputs, { cache: { decoder: cache, ...read! }, logitsToKeep: 1 })
    return [written.logits.at(':', 0).get(), written.cache!.decoder]
  }
  const attentionMask = np.notEqual(tokens, -1).astype('int32')
  // Positions count tokens but not padding, as `generate` in transformers does.
  const places = np.maximum(np.subtract(np.cumsum(attentionMask, { axis: 1 }), 1), 0)
  const output = model.apply(
    params,
    { inputIds: np.maximum(next(tokens), 0), attentionMask, positionIds: next(places) },
    { cache, logitsToKeep: 1 },
  )
  return [output.logits.at(':', 0).get(), output.cache!]
}

/** The text as processors see it: only tokens with scores, without the prefix's keys and values. */
export const seenText = ({ tokens }: State, vocabSize: number): NDArray =>
  np.where(np.logicalAnd(np.greaterEqual(tokens, 0), np.less(tokens, vocabSize)), tokens, -1)

/** Writes each row's next token, `ahead` positions after those that the model has seen. */
export const writeTokens = ({ cache, tokens }: State, next: NDArray, ahead: number): NDArray =>
  lax.dynamicUpdateSliceInDim(tokens, np.expandDims(next, 1), np.add(cache.length, ahead), 1)
