/** Prefix tuning: trained keys and values in the cache of a decoder, before the text. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { isFloat } from '../../core/dtype.ts'
import type { DType } from '../../core/dtype.ts'
import { ArgumentError } from '../../core/errors.ts'
import type { FolderLike, IoError } from '../../io/index.ts'
import type { Cache, CacheShape } from '../../models/cache.ts'
import { applyLinear } from '../../models/layers.ts'
import * as np from '../../numpy/index.ts'
import { normal, split, uniform } from '../../random/index.ts'
import { aKey } from '../../random/keys.ts'
import type { Key } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import { Adapter } from '../adapter.ts'
import type { AdapterConfig } from '../adapter.ts'
import type { AdapterError } from '../errors.ts'
import { nameLeaves, replaceLeaves, typeOf } from '../leaves.ts'
import { aSelection } from '../select.ts'
import { aFolder, countOf, loadAdapterFolder, refuse, wordOf } from './adapterFolder.ts'
import type { PromptSaveOptions } from './promptFiles.ts'
import { partsOf, promptSaveOptions, readPrompt, savePrompt } from './promptFiles.ts'
import { changeInputs, columnsBefore, readsAndWrites, textInputs, tokensOf, writtenOf } from './virtualTokens.ts'
import type { HeadOptions } from './wholeLeaves.ts'
import { anAdapterOf, savedHead } from './wholeLeaves.ts'

/** The settings of prefix tuning: the cache that the prefix is for. */
export interface PrefixConfig extends AdapterConfig, CacheShape {
  readonly method: 'prefix'
  /** Whether the model is an encoder-decoder: the prefix then precedes the decoder's text. */
  readonly writes: boolean
}

/** Options of `prefixTuning.init`. */
export interface PrefixOptions extends HeadOptions {
  /** The size of the cache: `model.cacheShape`. */
  readonly cacheShape: CacheShape
  /** The number of virtual tokens; 20 by default. */
  readonly tokens?: number
  /**
   * Computes keys and values from embeddings by a tanh layer of this many features, which trains more stably: PEFT's
   * `prefix_projection`, with this `encoder_hidden_size`. 0 by default, without a projection.
   */
  readonly projection?: number
}

/** The inputs and the cache for a run of a model. For an encoder-decoder the cache is the option `prefix`. */
export interface Prefixed<B> {
  readonly inputs: B
  /** The prefix, with room for the text: an option of the run. */
  readonly cache: Cache
}

/** Options of `prefixTuning.widen`. */
export interface PrefixWidenOptions {
  /** Additional capacity of the cache, in tokens, for generation. */
  readonly room?: number
  /** The dtype of the cache; the adapter's own by default. */
  readonly dtype?: DType
}

const cacheShapeCheck = must.kind('the cacheShape of a model', (x) => {
  const { numHiddenLayers, numKeyValueHeads, headDim } = (x ?? {}) as Partial<CacheShape>
  return [numHiddenLayers, numKeyValueHeads, headDim].every((n) => must.times.accepts(n) && n !== 0)
})

const adapterCheck = anAdapterOf('prefix')
const initDoor = must.door('prefixTuning.init', {
  key: aKey,
  params: must.anything,
  options: must.required(
    must.optionsOf<PrefixOptions>({
      cacheShape: must.required(cacheShapeCheck),
      tokens: must.count,
      projection: must.times,
      head: aSelection,
    }),
  ),
})
const applyDoor = must.door('prefixTuning.apply', { params: must.anything, adapter: adapterCheck })
const mergeDoor = must.door('prefixTuning.merge', { params: must.anything, adapter: adapterCheck })
const prefixDoor = must.door('prefixTuning.prefix', { adapter: adapterCheck })
const widenDoor = must.door('prefixTuning.widen', {
  adapter: adapterCheck,
  inputs: textInputs,
  options: must.optionsOf<PrefixWidenOptions>({
    room: must.times,
    dtype: must.kind('a dtype of floats', (x) => must.dtype.accepts(x) && isFloat(x as DType)),
  }),
})
const saveDoor = must.door('prefixTuning.save', {
  path: must.string,
  adapter: adapterCheck,
  options: promptSaveOptions,
})
const loadDoor = must.door('prefixTuning.load', {
  from: aFolder,
  params: must.anything,
  options: must.required(
    must.optionsOf<Pick<PrefixOptions, 'cacheShape'>>({ cacheShape: must.required(cacheShapeCheck) }),
  ),
})

/** Features of a token's keys, or values, in one layer. */
const widthOf = ({ numKeyValueHeads, headDim }: CacheShape): number => numKeyValueHeads * headDim

/** PyTorch's initialisation of linear layers: uniform up to 1 / sqrt(inputs). */
const linearOf = (
  key: Key,
  outputs: number,
  inputs: number,
  dtype: DType,
): readonly [weight: NDArray, bias: NDArray] => {
  const [forWeight, forBias] = split(key, 2)
  const bound = 1 / Math.sqrt(inputs)
  const within = { minval: -bound, maxval: bound, dtype }
  return [uniform(forWeight, [outputs, inputs], within), uniform(forBias, [outputs], within)]
}

const init = (key: Key, params: unknown, options: PrefixOptions): Adapter<PrefixConfig> => {
  initDoor(key, params, options)
  const { cacheShape, tokens = 20, projection = 0, head } = options
  const { numHiddenLayers, numKeyValueHeads, headDim } = cacheShape
  const tree = nameLeaves('prefixTuning.init', params)
  const first = tree.leaves.map((leaf) => typeOf(leaf).dtype).find(isFloat)
  const dtype = first ?? 'float32'
  const width = widthOf(cacheShape)
  const all = 2 * numHiddenLayers * width
  const [forEmbedding, forFirst, forSecond] = split(key, 3)
  const embedding = normal(forEmbedding, [tokens, projection === 0 ? all : width], { dtype })
  const writes = readsAndWrites(tree.names)
  const config: PrefixConfig = { method: 'prefix', numHiddenLayers, numKeyValueHeads, headDim, writes }
  const saved = savedHead('prefixTuning.init', tree, head)
  if (projection === 0) return new Adapter(config, { prompt_encoder: { embedding } }, saved)
  const [firstWeight, firstBias] = linearOf(forFirst, projection, width, dtype)
  const [secondWeight, secondBias] = linearOf(forSecond, all, projection, dtype)
  const layers = {
    embedding,
    'transform.0.weight': firstWeight,
    'transform.0.bias': firstBias,
    'transform.2.weight': secondWeight,
    'transform.2.bias': secondBias,
  }
  return new Adapter(config, { prompt_encoder: layers }, saved)
}

/** Keys and values of all layers, `[tokens, 2 · layers · heads · headDim]`. */
const prefixOf = (adapter: Adapter<PrefixConfig>): NDArray => {
  const given = adapter.weights['prompt_encoder']!
  const { embedding } = given
  const layer = (number: 0 | 2, x: NDArray): NDArray =>
    applyLinear({ weight: given[`transform.${number}.weight`]!, bias: given[`transform.${number}.bias`]! }, x)
  return given['transform.0.weight'] === undefined ? embedding! : layer(2, np.tanh(layer(0, embedding!)))
}

const apply = <P>(params: P, adapter: Adapter<PrefixConfig>): P => {
  applyDoor(params, adapter)
  return replaceLeaves('prefixTuning.apply', params, adapter.saved)
}

const merge = (params: unknown, adapter: Adapter<PrefixConfig>): never => {
  mergeDoor(params, adapter)
  throw new ArgumentError(
    'prefixTuning.merge: keys and values of a prefix are not part of the model. Keep them beside it, and use widen.',
  )
}

const cacheOf = (adapter: Adapter<PrefixConfig>, batch: number, room: number, dtype: DType | undefined): Cache => {
  const { numHiddenLayers, numKeyValueHeads, headDim, writes } = adapter.config
  const prefix = prefixOf(adapter)
  const count = prefix.shape[0]!
  // For each layer the keys, then the values.
  const parts = np.reshape(prefix, [count, numHiddenLayers, 2, numKeyValueHeads, headDim])
  const part = (layer: number, which: 0 | 1): NDArray => {
    const one = np.expandDims(parts.at(':', layer, which).get(), 0).astype(dtype ?? prefix.dtype)
    const all = np.broadcastTo(one, [batch, count, numKeyValueHeads, headDim])
    const none = [0, 0] as const
    return np.pad(all, [none, [0, room], none, none])
  }
  // PEFT leaves room for cross-attention keys and values between those of self-attention, so its layers take every other pair,
  // modulo their number: of six 0, 2, 4, 0, 2, 4.
  const pairOf = (layer: number): number => (writes ? (2 * layer) % numHiddenLayers : layer)
  return {
    layers: Array.from({ length: numHiddenLayers }, (_, i) => ({ key: part(pairOf(i), 0), value: part(pairOf(i), 1) })),
    length: np.array(count, { dtype: 'int32' }),
  }
}

const widen = <B extends object>(
  adapter: Adapter<PrefixConfig>,
  inputs: B,
  options: PrefixWidenOptions = {},
): Prefixed<B> => {
  widenDoor(adapter, inputs, options)
  const { room = 0, dtype } = options
  const { writes } = adapter.config
  const text = writes ? writtenOf('prefixTuning.widen', inputs) : tokensOf('prefixTuning.widen', inputs)
  const [batch, length] = text.shape as readonly [number, number]
  const cache = cacheOf(adapter, batch, length + room, dtype)
  const count = adapter.weights['prompt_encoder']!['embedding']!.shape[0]!
  const mask = (x: NDArray): NDArray => columnsBefore(count, 1, x)
  const widened = changeInputs(inputs, writes ? { writtenMask: mask } : { mask, positions: (x) => np.add(x, count) })
  return { inputs: widened, cache }
}

const prefix = (adapter: Adapter<PrefixConfig>): Cache => {
  prefixDoor(adapter)
  return cacheOf(adapter, 1, 0, undefined)
}

const save = (
  path: string,
  adapter: Adapter<PrefixConfig>,
  options: PromptSaveOptions = {},
): TaskEither<IoError, void> => {
  saveDoor(path, adapter, options)
  const both = prefixOf(adapter)
  const { numHiddenLayers, numKeyValueHeads, writes } = adapter.config
  const config = {
    peft_type: 'PREFIX_TUNING',
    num_virtual_tokens: both.shape[0]!,
    num_transformer_submodules: writes ? 2 : 1,
    token_dim: widthOf(adapter.config),
    num_layers: numHiddenLayers,
    num_attention_heads: numKeyValueHeads,
    encoder_hidden_size: widthOf(adapter.config),
    prefix_projection: false,
  }
  return savePrompt(path, config, both, adapter.saved, { ...(writes ? { taskType: 'SEQ_2_SEQ_LM' } : {}), ...options })
}

const load = (
  from: FolderLike,
  params: unknown,
  options: Pick<PrefixOptions, 'cacheShape'>,
): TaskEither<IoError | AdapterError, Adapter<PrefixConfig>> => {
  loadDoor(from, params, options)
  const { numHiddenLayers, numKeyValueHeads, headDim } = options.cacheShape
  const tree = nameLeaves('prefixTuning.load', params)
  return loadAdapterFolder(from, (files) => {
    wordOf(files, 'peft_type', ['PREFIX_TUNING'])
    const layers = countOf(files, 'num_layers')
    if (layers !== numHiddenLayers) refuse(files.source, `num_layers is ${layers}, the model has ${numHiddenLayers}.`)
    const heads = countOf(files, 'num_attention_heads')
    if (heads !== numKeyValueHeads) {
      refuse(files.source, `num_attention_heads is ${heads}, the model has ${numKeyValueHeads} of keys and values.`)
    }
    const writes = readsAndWrites(tree.names)
    const parts = writes ? 2 : 1
    if (partsOf(files) !== parts) {
      refuse(files.source, `num_transformer_submodules must be ${parts} for this model, got ${partsOf(files)}.`)
    }
    const width = 2 * numHiddenLayers * widthOf(options.cacheShape)
    const { embeddings, saved } = readPrompt(files, tree, [countOf(files, 'num_virtual_tokens'), width])
    const config: PrefixConfig = { method: 'prefix', numHiddenLayers, numKeyValueHeads, headDim, writes }
    return new Adapter(config, { prompt_encoder: { embedding: embeddings } }, saved)
  })
}

/**
 * Prefix tuning: Li and Liang, "Prefix-Tuning: Optimizing Continuous Prompts for Generation" (2021), for decoders with a cache.
 * `widen` returns the inputs, whose mask and positions account for the prefix, and the cache, which is an option of the run.
 * The outputs of the model are no longer than before. In an encoder-decoder (T5) the prefix comes before the generated tokens,
 * as in PEFT. `prefix` returns the prefix alone, for `generate`.
 *
 * Files have PEFT's format. As in PEFT, saving evaluates the projection once, so a loaded adapter has none.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { llamaConfig, llamaForCausalLM } from 'pullback/models'
 * import { prefixTuning } from 'pullback/train'
 * const sizes = { hidden_size: 8, intermediate_size: 8, num_hidden_layers: 2, num_attention_heads: 2, vocab_size: 9 }
 * const config = llamaConfig(sizes)
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = llamaForCausalLM(config.right)
 * const params = model.init(random.key(0))
 * const adapter = prefixTuning.init(random.key(1), params, { cacheShape: model.cacheShape, tokens: 3 })
 * const { inputs, cache } = prefixTuning.widen(adapter, { inputIds: [[1, 2]] })
 * model.apply(params, inputs, { cache }).logits.shape // => 1,2,9
 * ```
 */
export const prefixTuning = { init, apply, merge, widen, prefix, save, load } as const
