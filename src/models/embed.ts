/** Vectors for texts, from an encoder. */
import { jit } from '../api/jit.ts'
import { ArgumentError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import type { EncoderInputs, EncoderOutput, RunOptions } from './encoder.ts'
import type { Abort } from './generation/abort.ts'
import { anAbort } from './generation/abort.ts'
import { breathe } from './generation/breathe.ts'
import type { Model } from './model.ts'
import { meanPooling, normalize } from './pooling.ts'
import type { ParamsOf } from './spec.ts'

/** The part of a tokenizer that is needed, as those of `pullback/tokenizers` have it. */
export interface EncoderTokenizer {
  encode(
    text: string,
    options?: { readonly truncation?: boolean; readonly maxLength?: number },
  ): { readonly ids: readonly number[]; readonly typeIds?: readonly number[] }
}

/** Options of `embed`. */
export interface EmbedOptions {
  readonly tokenizer: EncoderTokenizer
  /** The mean of the tokens (the default), the first token, or the pooler's output. */
  readonly pooling?: 'mean' | 'first' | 'pooler'
  /** Whether to normalise vectors to length 1; true by default. */
  readonly normalize?: boolean
  /** Texts are truncated to this many tokens; 512 by default. */
  readonly maxLength?: number
  /** Texts at a time; 32 by default. */
  readonly batchSize?: number
  /** Ends it with its reason. */
  readonly signal?: Abort
}

type Pooling = NonNullable<EmbedOptions['pooling']>
type Encoder<S> = Model<S, EncoderInputs, EncoderOutput, RunOptions>

const embedDoor = must.door('embed', {
  model: must.kind('an encoder', (x) => typeof x === 'object' && x !== null && 'apply' in x),
  params: must.anything,
  texts: must.listOf(must.string, 'a list of texts'),
  options: must.optionsOf<EmbedOptions>({
    tokenizer: must.required(must.kind('a tokenizer with encode', (x) => typeof x === 'object' && x !== null)),
    pooling: must.oneOf(['mean', 'first', 'pooler']),
    normalize: must.boolean,
    maxLength: must.count,
    batchSize: must.count,
    signal: anAbort,
  }),
})

/** Padded lengths, so that few programs are compiled: multiples of 8 up to 64, of 32 beyond. */
const roomFor = (length: number, maxLength: number): number => {
  const step = length <= 64 ? 8 : 32
  return Math.min(maxLength, Math.ceil(length / step) * step)
}

const makeRun = <S>(model: Encoder<S>) =>
  jit(
    (params: ParamsOf<S>, inputs: { readonly [name: string]: NDArray }, pooling: Pooling, unit: boolean): NDArray => {
      const attentionMask = inputs['attentionMask']!
      const { inputIds, tokenTypeIds } = inputs as { readonly inputIds: NDArray; readonly tokenTypeIds: NDArray }
      const output = model.apply(params, { inputIds, attentionMask, tokenTypeIds })
      const pooled = pool(output, attentionMask, pooling)
      return unit ? normalize(pooled) : pooled
    },
    { staticArgnums: [2, 3] },
  )

const pool = ({ lastHiddenState, poolerOutput }: EncoderOutput, mask: NDArray, pooling: Pooling): NDArray => {
  if (pooling === 'mean') return meanPooling(lastHiddenState, mask)
  if (pooling === 'first') return lastHiddenState.at(':', 0).get()
  if (poolerOutput !== null) return poolerOutput
  throw new ArgumentError("embed: this model has no pooler. { pooling: 'mean' } is what sentence encoders take.")
}

type Run<S> = ReturnType<typeof makeRun<S>>

/** The compiled function of each model, for all texts. */
const runs = new WeakMap<object, unknown>()

const runOf = <S>(model: Encoder<S>): Run<S> => {
  const run = runs.get(model) ?? makeRun(model)
  runs.set(model, run)
  return run as Run<S>
}

interface Encoded {
  readonly index: number
  readonly ids: readonly number[]
  readonly typeIds: readonly number[]
}

/** Rows of the same length, as inputs; a batch is filled up with rows of padding. */
const inputsOf = (rows: readonly Encoded[], batch: number, length: number) => {
  const table = (of: (row: Encoded) => readonly number[]): NDArray => {
    const data = new Int32Array(batch * length)
    rows.forEach((row, i) => {
      data.set(of(row), i * length)
    })
    return np.reshape(np.array(data), [batch, length])
  }
  return {
    inputIds: table(({ ids }) => ids),
    attentionMask: table(({ ids }) => ids.map(() => 1)),
    tokenTypeIds: table(({ typeIds }) => typeIds),
  }
}

/** Groups of at most `size` texts of the same padded length. */
const batchesOf = (encoded: readonly Encoded[], size: number, maxLength: number) => {
  const byRoom = new Map<number, Encoded[]>()
  for (const one of encoded) {
    const room = roomFor(one.ids.length, maxLength)
    byRoom.set(room, [...(byRoom.get(room) ?? []), one])
  }
  return [...byRoom].flatMap(([length, rows]) =>
    Array.from({ length: Math.ceil(rows.length / size) }, (_, i) => {
      const part = rows.slice(i * size, (i + 1) * size)
      // A power of two, so that the last batches have few sizes.
      return { length, rows: part, batch: Math.min(size, 2 ** Math.ceil(Math.log2(part.length))) }
    }),
  )
}

/**
 * One vector for each text. Texts of about the same length run together, in batches of few shapes, so that few programs are
 * compiled; the vector of a text does not depend on the others, up to rounding.
 *
 * @param model - an encoder: `bert(config)`.
 * @returns shape `[texts, hiddenSize]`, in the order of the texts.
 * @throws ArgumentError for options out of range, a text without tokens, a missing pooler. The signal's
 *   reason, when it is aborted.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { bert, bertConfig, embed } from 'pullback/models'
 * const config = bertConfig({ vocab_size: 128, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8 })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = bert(config.right)
 * const tokenizer = { encode: (text: string) => ({ ids: Array.from(text, (c) => c.charCodeAt(0)) }) }
 * const vectors = await embed(model, model.init(random.key(0)), ['one', 'another'], { tokenizer })
 * vectors.shape // => 2,8
 * ```
 */
export const embed = async <S>(
  model: Encoder<S>,
  params: ParamsOf<S>,
  texts: readonly string[],
  options: EmbedOptions,
): Promise<NDArray> => {
  embedDoor(model, params, texts, options)
  const { tokenizer, pooling = 'mean', normalize: unit = true, maxLength = 512, batchSize = 32, signal } = options
  const encoded = texts.map((text, index): Encoded => {
    const { ids, typeIds } = tokenizer.encode(text, { truncation: true, maxLength })
    if (ids.length === 0) throw new ArgumentError(`embed: text ${index} has no tokens. Leave it out.`)
    if (ids.length > maxLength) {
      throw new ArgumentError(
        `embed: the tokenizer gives ${ids.length} tokens of text ${index} where ${maxLength} are asked for.`,
      )
    }
    return { index, ids, typeIds: typeIds ?? ids.map(() => 0) }
  })
  if (encoded.length === 0) throw new ArgumentError('embed: there are no texts.')
  const run = runOf(model)
  const vectors: number[][] = []
  for (const { length, rows, batch } of batchesOf(encoded, batchSize, maxLength)) {
    signal?.throwIfAborted()
    const result = run(params, inputsOf(rows, batch, length), pooling, unit).toArray() as number[][]
    for (const [i, { index }] of rows.entries()) vectors[index] = result[i]!
    await breathe()
  }
  return np.array(vectors)
}
