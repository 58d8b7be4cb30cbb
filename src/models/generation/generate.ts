/** Text from a decoder, token by token. */
import { jit } from '../../api/jit.ts'
import { ArgumentError } from '../../core/errors.ts'
import * as np from '../../numpy/index.ts'
import * as random from '../../random/index.ts'
import type { Key } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Cache } from '../cache.ts'
import { aCache } from '../doors.ts'
import type { WeightsOf } from '../spec.ts'
import type { Abort } from './abort.ts'
import { anAbort } from './abort.ts'
import { breathe } from './breathe.ts'
import type { LogitsProcessor, SamplingOptions } from './processors.ts'
import { processAll, samplingProcessors, scoreProcessors } from './processors.ts'
import type { Prompt, TextTokenizer } from './prompt.ts'
import { promptTokens } from './prompt.ts'
import type { Prefix, Read, State, TextModel } from './state.ts'
import {
  begin,
  freeState,
  growState,
  isTokens,
  prefixLength,
  roomFor,
  seenText,
  seeTokens,
  writeTokens,
} from './state.ts'
import type { Endings, Finish, StoppingRule } from './text.ts'
import { Row } from './text.ts'

/** Options of all generation functions. */
export interface CommonOptions {
  /** The maximal number of tokens after a prompt; 128 by default. */
  readonly maxNewTokens?: number
  /** Tokens that end a text; those of the tokenizer by default. */
  readonly eos?: number | readonly number[]
  /** For prompts of text, and for the text of tokens. */
  readonly tokenizer?: TextTokenizer
  /** Ends generation with its reason. */
  readonly signal?: Abort
  /**
   * A prefix of all rows, before their prompts: tokens, or keys and values, as from `promptTuning.prefix` and
   * `prefixTuning.prefix`. In an encoder-decoder, tokens precede the encoder's text, and keys and values the decoder's.
   */
  readonly prefix?: Prefix
  /** The cache grows by this many tokens, 256 by default; one program is compiled for each size. */
  readonly cacheBlock?: number
}

/** Options of `generate`. */
export interface GenerateOptions extends CommonOptions, SamplingOptions {
  /** The key for sampling tokens; without it, the likeliest token is taken. */
  readonly key?: Key
  /** Strings that end a row, and are not part of it; or rules, called after each token. */
  readonly stop?: string | readonly (string | StoppingRule)[]
}

/** One token of one row. */
export interface GeneratedToken {
  /** The index of its prompt. */
  readonly row: number
  readonly token: number
  /** The text that this token completes; '' while a character is incomplete, and without a tokenizer. */
  readonly text: string
  /** Why the row ends with this token, or null if it does not. */
  readonly finish: Finish | null
}

const tokenId = must.kind('a token or a list of tokens', (x) =>
  (Array.isArray(x) ? x : [x]).every((id) => Number.isSafeInteger(id) && id >= 0),
)

const aPrefix = must.kind('a list of tokens, or a cache', (x) =>
  Array.isArray(x) ? must.isListOf(x, must.natural.accepts) : aCache.accepts(x),
)

export const commonOptions: must.OptionTable<CommonOptions> = {
  maxNewTokens: must.count,
  eos: tokenId,
  tokenizer: must.kind('a tokenizer with encode and decodeStream', (x) => typeof x === 'object' && x !== null),
  signal: anAbort,
  prefix: aPrefix,
  cacheBlock: must.count,
}

export const aTextModel = must.kind(
  'a model that writes: a decoder with a head, or one that reads a text first',
  (x) => typeof x === 'object' && x !== null && 'cacheShape' in x,
  { hint: () => 'llamaForCausalLM(config) is one; modelOfConfig(json) has one as its writer.' },
)

const generateDoor = must.door('generate', {
  model: aTextModel,
  params: must.anything,
  prompt: must.anything,
  options: must.optionsOf<GenerateOptions>({
    ...commonOptions,
    key: must.kind('a random key', (x) => typeof x === 'object' && x !== null),
    stop: must.kind('a text, or a list of texts and rules', (x) => {
      const all: readonly unknown[] = Array.isArray(x) ? x : [x]
      return all.every((one) => (typeof one === 'string' && one !== '') || typeof one === 'function')
    }),
    temperature: must.kind('a number not below 0', (x) => typeof x === 'number' && x >= 0 && x < Infinity),
    topK: must.count,
    topP: must.kind('a number above 0 and not above 1', (x) => typeof x === 'number' && x > 0 && x <= 1),
    minP: must.fraction,
    repetitionPenalty: must.positive,
    processors: must.listOf(must.func, 'a list of functions'),
  }),
})

export const eosOf = ({ eos, tokenizer }: CommonOptions): readonly number[] =>
  eos === undefined ? (tokenizer?.eosIds ?? []) : typeof eos === 'number' ? [eos] : eos

const endingsOf = (options: GenerateOptions): Endings => {
  const given = options.stop === undefined ? [] : typeof options.stop === 'string' ? [options.stop] : options.stop
  const stops = given.filter((one) => typeof one === 'string')
  if (stops.length > 0 && options.tokenizer === undefined) {
    throw new ArgumentError('generate: stop is a text, which needs { tokenizer }. Rules are asked of tokens, too.')
  }
  return { eos: eosOf(options), stops, rules: given.filter((one) => typeof one === 'function') }
}

/** Drops undefined options. */
const withoutUndefined = <T extends object>(options: T): { readonly [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never

/** The key of a compiled step: equal numbers and identical functions make equal plans. */
interface Plan extends Omit<SamplingOptions, 'processors'> {
  /** The number of tokens in the step. */
  readonly count: number
  /** Whether rows begin with what is not a text. */
  readonly prefixed: boolean
  readonly processors: readonly LogitsProcessor[]
}

const planOf = (options: GenerateOptions, isSampled: boolean): Omit<Plan, 'count'> => {
  const { repetitionPenalty, processors = [], temperature, topK, topP, minP } = options
  const prefixed = options.prefix !== undefined
  return withoutUndefined({
    prefixed,
    repetitionPenalty,
    processors,
    ...(isSampled ? { temperature, topK, topP, minP } : {}),
  })
}

interface StepResult {
  readonly state: State
  /** Each row's next token, int32 of shape `[rows]`. */
  readonly next: NDArray
}

const makeStep = <S>(model: TextModel<S>) =>
  jit(
    (params: WeightsOf<S>, state: State, read: Read | null, key: Key | null, plan: Plan): StepResult => {
      const [logits, cache] = seeTokens(model, params, state, read, plan.count)
      const text = plan.prefixed ? seenText(state, logits.shape[1]!) : state.tokens
      const scores = processAll(scoreProcessors(plan), logits, text)
      const sampled = (k: Key): NDArray => random.categorical(k, processAll(samplingProcessors(plan), scores, text))
      const next = (key === null ? np.argmax(scores, { axis: 1 }) : sampled(key)).astype('int32')
      return { state: { cache, tokens: writeTokens(state, next, plan.count) }, next }
    },
    { staticArgnums: [4], donateArgnums: [1] },
  )

type Step<S> = ReturnType<typeof makeStep<S>>

/** The compiled step of each model, for all texts. */
const steps = new WeakMap<object, unknown>()

const stepOf = <S>(model: TextModel<S>): Step<S> => {
  const step = steps.get(model) ?? makeStep(model)
  steps.set(model, step)
  return step as Step<S>
}

/** Whether tokens are sampled; if not, options that only concern sampling are refused. */
const isSampled = ({ key, temperature, topK, topP, minP }: GenerateOptions): boolean => {
  const asked = Object.entries({ temperature, topK, topP, minP }).filter(([, x]) => x !== undefined && x !== 0)
  if (key === undefined && asked.length > 0) {
    const names = asked.map(([name]) => name).join(', ')
    throw new ArgumentError(`generate: ${names} is for sampling, which needs { key: random.key(0) }.`)
  }
  return key !== undefined && temperature !== 0
}

/** The maximal number of new tokens of a row: limited by the options and by the model's positions. */
export const mostTokens = (asked: number, prompt: readonly number[], maxPositions: number | null): number =>
  maxPositions === null ? asked : Math.min(asked, maxPositions - prompt.length + 1)

/** Prompts with the tokens of their prefix, and its keys and values. */
interface Begun {
  readonly prompts: readonly (readonly number[])[]
  readonly prefix: Cache | undefined
  /** The positions left after the keys and values of the prefix; null if there is no limit. */
  readonly maxPositions: number | null
}

/** The rows of prompts, with their prefix. */
export const beginPrompts = (
  operation: string,
  { maxPositions }: Pick<TextModel, 'maxPositions'>,
  prompt: Prompt,
  { tokenizer, prefix }: CommonOptions,
): Begun => {
  const left = maxPositions === null ? null : maxPositions - prefixLength(operation, prefix)
  const prompts = promptTokens(operation, prompt, tokenizer, left)
  if (prefix === undefined || !isTokens(prefix)) return { prompts, prefix, maxPositions: left }
  return { prompts: prompts.map((tokens) => [...prefix, ...tokens]), prefix: undefined, maxPositions }
}

/** Everything that is prepared before the first token. */
interface Job<S> {
  readonly model: TextModel<S>
  readonly params: WeightsOf<S>
  readonly begun: Begun
  readonly options: GenerateOptions
  readonly rows: readonly Row[]
  readonly isSampled: boolean
}

async function* run<S>({
  model,
  params,
  begun,
  options,
  rows,
  isSampled,
}: Job<S>): AsyncGenerator<GeneratedToken, void, void> {
  const { key, signal, cacheBlock = 256 } = options
  const step = stepOf(model)
  const plan = planOf(options, isSampled)
  signal?.throwIfAborted()
  const { prompts, prefix } = begun
  const beginning = begin(model, params, prompts, { operation: 'generate', block: cacheBlock, prefix })
  const { read } = beginning
  let { state } = beginning
  let [count, written] = [beginning.width, beginning.taken]
  try {
    for (let i = 0; rows.some((row) => row.finish === null); i++) {
      signal?.throwIfAborted()
      const room = state.tokens.shape[1]!
      if (written + 1 > room) state = growState(state, roomFor(written + 1, cacheBlock))
      const drawn = isSampled ? random.foldIn(key!, i) : null
      const result = step(params, state, read, drawn, { ...plan, count })
      const { next } = result
      state = result.state
      const tokens = next.dataSync('int32')
      next.donate()
      ;[count, written] = [1, written + 1]
      for (const [index, row] of rows.entries()) {
        if (row.finish !== null) continue
        const token = tokens[index]!
        yield { row: index, token, ...row.push(token) }
      }
      await breathe()
    }
  } finally {
    freeState(state, read)
  }
}

/**
 * Continues a text, token by token; an encoder-decoder (T5) reads the prompt and writes a new text. Tokens are computed lazily:
 * the model runs only as far as the result is consumed, and leaving the loop frees all memory. Several prompts run side by
 * side, and each row equals its result alone, up to rounding (sampled rows share one key, but draw different numbers).
 *
 * A step is compiled for each model, once for each combination of options, and again when the cache grows; prompts are padded
 * on the left to one of a few lengths, and encoder texts on the right.
 *
 * @param prompt - a text or a list of tokens, or a list of those.
 * @throws ArgumentError for an empty prompt, or one longer than the model has positions; for a text without a tokenizer; for options
 *   out of range, and sampling options without a key. The signal's reason, when it is aborted.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { generate, llamaConfig, llamaForCausalLM } from 'pullback/models'
 * const config = llamaConfig({ vocab_size: 9, hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 2 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = llamaForCausalLM(config.right)
 * const tokens: number[] = []
 * for await (const { token } of generate(model, model.init(random.key(0)), [1, 2, 3], { maxNewTokens: 4 })) tokens.push(token)
 * tokens.length // => 4
 * ```
 */
export const generate = <S>(
  model: TextModel<S>,
  params: WeightsOf<S>,
  prompt: Prompt,
  options: GenerateOptions = {},
): AsyncGenerator<GeneratedToken, void, void> => {
  generateDoor(model, params, prompt, options)
  const begun = beginPrompts('generate', model, prompt, options)
  const endings = endingsOf(options)
  const rows = begun.prompts.map((tokens) => {
    const stream = options.tokenizer?.decodeStream({ skipSpecialTokens: true }) ?? null
    return new Row(stream, endings, mostTokens(options.maxNewTokens ?? 128, tokens, begun.maxPositions))
  })
  return run({ model, params, begun, options, rows, isSampled: isSampled(options) })
}

/** A finished row. */
export interface GeneratedText {
  readonly tokens: readonly number[]
  readonly text: string
  readonly finish: Finish | null
}

const collectDoor = must.door('collect', {
  generated: must.kind(
    'what generate gave',
    (x) => typeof (x as Partial<AsyncIterable<unknown>> | null | undefined)?.[Symbol.asyncIterator] === 'function',
  ),
})

/**
 * Collects all rows of a generation until they have ended.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { collect, generate, gpt2Config, gpt2LMHeadModel } from 'pullback/models'
 * const config = gpt2Config({ vocab_size: 9, n_embd: 8, n_layer: 1, n_head: 2, n_positions: 16 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = gpt2LMHeadModel(config.right)
 * const rows = await collect(generate(model, model.init(random.key(0)), [[1, 2], [3]], { maxNewTokens: 5 }))
 * rows.map((row) => row.tokens.length) // => 5,5
 * ```
 */
export const collect = async (generated: AsyncIterable<GeneratedToken>): Promise<readonly GeneratedText[]> => {
  collectDoor(generated)
  const rows: { tokens: number[]; text: string; finish: Finish | null }[] = []
  for await (const { row, token, text, finish } of generated) {
    const known = (rows[row] ??= { tokens: [], text: '', finish: null })
    known.tokens.push(token)
    known.text += text
    known.finish = finish
  }
  return rows
}
