/** Prompt tuning: trained embedding rows, beyond the table, precede the text. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import type { FolderLike, IoError } from '../../io/index.ts'
import * as np from '../../numpy/index.ts'
import { normal, randint } from '../../random/index.ts'
import { aKey } from '../../random/keys.ts'
import type { Key } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { Adapter } from '../adapter.ts'
import type { AdapterConfig } from '../adapter.ts'
import type { AdapterError } from '../errors.ts'
import type { ModelLike } from '../modelTypes.ts'
import type { NamedTree, ParamLeaf } from '../leaves.ts'
import { nameLeaves, replaceLeaves, typeOf, withLeaves } from '../leaves.ts'
import { aSelection } from '../select.ts'
import { aFolder, countOf, loadAdapterFolder, wordOf } from './adapterFolder.ts'
import { ExtendedTable } from './extendedTable.ts'
import { asWeight } from './modules.ts'
import type { PromptSaveOptions } from './promptFiles.ts'
import { partsOf, promptSaveOptions, readPrompt, savePrompt } from './promptFiles.ts'
import { changeInputs, columnsBefore, labelsBefore, readsAndWrites, textInputs, tokensOf } from './virtualTokens.ts'
import type { Tuned } from './settings.ts'
import { aModel } from './settings.ts'
import type { HeadOptions } from './wholeLeaves.ts'
import { anAdapterOf, savedHead } from './wholeLeaves.ts'

/** The settings of prompt tuning. */
export interface PromptConfig extends AdapterConfig {
  readonly method: 'prompt'
  /** The embedding table of the virtual tokens, `model.embed_tokens.weight`. */
  readonly table: string
  /** The number of rows of the table: the virtual tokens come after them. */
  readonly vocabSize: number
  /** The number of trained rows that precede a text: the first ones. PEFT's files for T5 have more, which are unused. */
  readonly tokens: number
  /** The model's scale of embeddings: √features in a Gemma, and 1 elsewhere. Virtual tokens are not scaled. */
  readonly scale: number
}

/** Options of `promptTuning.init`. */
export interface PromptOptions extends HeadOptions {
  /** The number of virtual tokens; 20 by default. */
  readonly tokens?: number
  /**
   * The initialisation: `normal`, with standard deviation 1 as in PEFT (the default); `vocabulary`, random rows of the table;
   * or the rows of these tokens, repeated if necessary.
   */
  readonly from?: 'normal' | 'vocabulary' | readonly number[]
  /** The name of the embedding table; found automatically in the supported families. */
  readonly table?: string
  /** The model of the parameters: a Gemma scales the embeddings that it looks up, but virtual tokens must not be scaled. */
  readonly model?: ModelLike
}

/** Options of `promptTuning.load`. */
type PromptLoadOptions = Pick<PromptOptions, 'table' | 'model'>

/** Names of token embedding tables. */
const tables = /(^|\.)(word_embeddings|embed_tokens|wte|shared)\.weight$/

const tableOf = (
  operation: string,
  { names, leaves }: NamedTree,
  asked: string | undefined,
): readonly [string, ParamLeaf] => {
  const name = asked ?? names.find((n) => tables.test(n))
  const leaf = name === undefined ? undefined : leaves[names.indexOf(name)]
  if (name !== undefined && leaf?.shape.length === 2) return [name, leaf]
  throw new ArgumentError(
    `${operation}: ${asked === undefined ? 'no table of embeddings is found' : `there is no table ${asked}`}. ` +
      "Say which it is: { table: 'embeddings.weight' }.",
  )
}

const aBeginning = must.kind("'normal', 'vocabulary', or a list of tokens", (x) => {
  return (
    x === 'normal' ||
    x === 'vocabulary' ||
    (must.isListOf(x, must.natural.accepts) && (x as readonly number[]).length > 0)
  )
})

const adapterCheck = anAdapterOf('prompt')
const initDoor = must.door('promptTuning.init', {
  key: aKey,
  params: must.anything,
  options: must.optionsOf<PromptOptions>({
    tokens: must.count,
    from: aBeginning,
    table: must.string,
    model: aModel,
    head: aSelection,
  }),
})
const applyDoor = must.door('promptTuning.apply', { params: must.anything, adapter: adapterCheck })
const mergeDoor = must.door('promptTuning.merge', { params: must.anything, adapter: adapterCheck })
const saveDoor = must.door('promptTuning.save', {
  path: must.string,
  adapter: adapterCheck,
  options: promptSaveOptions,
})
const loadDoor = must.door('promptTuning.load', {
  from: aFolder,
  params: must.anything,
  options: must.optionsOf<PromptLoadOptions>({ table: must.string, model: aModel }),
})
const prefixDoor = must.door('promptTuning.prefix', { adapter: adapterCheck })
const widenDoor = must.door('promptTuning.widen', { adapter: adapterCheck, inputs: textInputs })

/** The model's scale of embeddings. */
const scaleOf = (model: ModelLike | undefined, features: number): number =>
  model?.type.startsWith('gemma') === true ? Math.sqrt(features) : 1

const init = (key: Key, params: unknown, options: PromptOptions = {}): Adapter<PromptConfig> => {
  initDoor(key, params, options)
  const { tokens = 20, from = 'normal', head } = options
  const tree = nameLeaves('promptTuning.init', params)
  const [table, leaf] = tableOf('promptTuning.init', tree, options.table)
  const [vocabSize, features] = leaf.shape as readonly [number, number]
  const { dtype } = typeOf(leaf)
  const scale = scaleOf(options.model, features)
  const rows = (ids: ArrayLike): NDArray =>
    np.multiply(np.take(asWeight('promptTuning.init', table, leaf), ids, { axis: 0 }), scale).astype(dtype)
  const begin = (): NDArray => {
    if (from === 'normal') return normal(key, [tokens, features], { dtype })
    if (from === 'vocabulary') return rows(randint(key, [tokens], 0, vocabSize))
    return rows(
      np.array(
        Array.from({ length: tokens }, (_, i) => from[i % from.length]!),
        { dtype: 'int32' },
      ),
    )
  }
  const config: PromptConfig = { method: 'prompt', table, vocabSize, tokens, scale }
  return new Adapter(config, { prompt_encoder: { embedding: begin() } }, savedHead('promptTuning.init', tree, head))
}

/** The trained rows, `[tokens, features]`. */
const promptOf = ({ weights }: Pick<Adapter, 'weights'>): NDArray => weights['prompt_encoder']!['embedding']!

/**
 * The parameters with the rows of the adapter beyond the table. With `twice` the table's own rows follow once more: see
 * `ExtendedTable`.
 *
 * @throws ShapeError for parameters with another vocabulary size or number of features.
 */
export const extend = <P>(
  operation: string,
  params: P,
  { config, weights, saved }: Adapter<PromptConfig>,
  twice: boolean,
): Tuned<P> => {
  const tree = nameLeaves(operation, replaceLeaves(operation, params, saved))
  const [name, leaf] = tableOf(operation, tree, config.table)
  const prompt = promptOf({ weights }).at(np.slice(0, config.tokens)).get()
  if (leaf.shape[0] !== config.vocabSize || leaf.shape[1] !== prompt.shape[1]) {
    throw new ShapeError(
      `${operation}: ${name} has shape [${leaf.shape.join()}], the adapter is for [${config.vocabSize},${prompt.shape[1]}].`,
    )
  }
  const rows = config.scale === 1 ? prompt : np.divide(prompt, config.scale)
  const extended = new ExtendedTable(asWeight(operation, name, leaf), rows, twice)
  return withLeaves(
    tree,
    tree.leaves.map((x, i) => (tree.names[i] === name ? extended : x)),
  )
}

const apply = <P>(params: P, adapter: Adapter<PromptConfig>): Tuned<P> => {
  applyDoor(params, adapter)
  return extend('promptTuning.apply', params, adapter, false)
}

const merge = (params: unknown, adapter: Adapter<PromptConfig>): never => {
  mergeDoor(params, adapter)
  throw new ArgumentError(
    'promptTuning.merge: virtual tokens are inputs, and nothing of the model. Keep them beside it, and use apply and widen.',
  )
}

/** The ids of the virtual tokens. */
const idsOf = ({ config }: Adapter<PromptConfig>): readonly number[] =>
  Array.from({ length: config.tokens }, (_, i) => config.vocabSize + i)

const prefix = (adapter: Adapter<PromptConfig>): readonly number[] => {
  prefixDoor(adapter)
  return idsOf(adapter)
}

const widen = <B extends object>(adapter: Adapter<PromptConfig>, inputs: B): B => {
  widenDoor(adapter, inputs)
  const { tokens: count, table } = adapter.config
  const ids = tokensOf('promptTuning.widen', inputs)
  const [batch, length] = ids.shape as readonly [number, number]
  const virtual = np.broadcastTo(np.array(idsOf(adapter), { dtype: 'int32' }), [batch, count])
  return changeInputs(inputs, {
    ids: (x) => np.concatenate([virtual, x.astype('int32')], { axis: 1 }),
    mask: (x) => columnsBefore(count, 1, x),
    types: (x) => columnsBefore(count, 0, x),
    positions: (x) => {
      const own = np.broadcastTo(np.arange(count), [x.shape[0]!, count])
      return np.concatenate([own.astype(x.dtype), np.add(x, count)], { axis: 1 })
    },
    ...(readsAndWrites([table]) ? {} : { labels: labelsBefore(count, length) }),
  })
}

const save = (
  path: string,
  adapter: Adapter<PromptConfig>,
  options: PromptSaveOptions = {},
): TaskEither<IoError, void> => {
  saveDoor(path, adapter, options)
  const prompt = promptOf(adapter)
  const { tokens, table } = adapter.config
  const config = {
    peft_type: 'PROMPT_TUNING',
    num_virtual_tokens: tokens,
    num_transformer_submodules: prompt.shape[0]! / tokens,
    token_dim: prompt.shape[1]!,
    prompt_tuning_init: 'RANDOM',
  }
  return savePrompt(path, config, prompt, adapter.saved, {
    ...(readsAndWrites([table]) ? { taskType: 'SEQ_2_SEQ_LM' } : {}),
    ...options,
  })
}

const load = (
  from: FolderLike,
  params: unknown,
  options: PromptLoadOptions = {},
): TaskEither<IoError | AdapterError, Adapter<PromptConfig>> => {
  loadDoor(from, params, options)
  const tree = nameLeaves('promptTuning.load', params)
  const [table, { shape }] = tableOf('promptTuning.load', tree, options.table)
  return loadAdapterFolder(from, (files) => {
    wordOf(files, 'peft_type', ['PROMPT_TUNING', 'P_TUNING'])
    const [tokens, features] = [countOf(files, 'num_virtual_tokens'), shape[1]!]
    const { embeddings, saved } = readPrompt(files, tree, [tokens * partsOf(files), features])
    const scale = scaleOf(options.model, features)
    const config: PromptConfig = { method: 'prompt', table, vocabSize: shape[0]!, tokens, scale }
    return new Adapter(config, { prompt_encoder: { embedding: embeddings } }, saved)
  })
}

/**
 * Prompt tuning: Lester, Al-Rfou and Constant, "The Power of Scale for Parameter-Efficient Prompt Tuning" (2021). Virtual
 * tokens are rows after those of the embedding table. `widen` puts their ids before the text, and extends the mask, the
 * positions and, with -100, the labels of tokens. Outputs for each token begin with those of the virtual tokens. Rows of logits
 * keep their length. An encoder-decoder (T5) has the virtual tokens before the text that it reads. `prefix` returns their ids,
 * for `generate`.
 *
 * Files have PEFT's format. Those of p-tuning (Liu et al., "GPT Understands, Too", 2021) are read as well: they have the
 * embeddings of the virtual tokens, already computed by the prompt encoder.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { promptTuning } from 'pullback/train'
 * const params = { embed_tokens: { weight: np.ones([9, 2]) } }
 * const adapter = promptTuning.init(random.key(0), params, { tokens: 3 })
 * const batch = { input_ids: np.array([[4, 5]], { dtype: 'int32' }), attention_mask: np.array([[1, 0]], { dtype: 'int32' }) }
 * const { input_ids, attention_mask } = promptTuning.widen(adapter, batch)
 * input_ids // => [[ 9 10 11  4  5]]
 * attention_mask // => [[1 1 1 1 0]]
 * const table = promptTuning.apply(params, adapter).embed_tokens.weight
 * np.take(table, input_ids, { axis: 0 }).shape // => 1,5,2
 * ```
 */
export const promptTuning = { init, apply, merge, widen, prefix, save, load } as const
