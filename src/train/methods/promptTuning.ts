/** Prompt tuning: rows that are trained, beyond the table of embeddings, stand before the text. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { isLinearOperator, LinearOperator } from '../../api/linearOperator.ts'
import type { DType } from '../../core/dtype.ts'
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import type { Shape } from '../../core/shape.ts'
import { registerPytreeNode } from '../../core/registration.ts'
import type { FolderLike, IoError } from '../../io/index.ts'
import type { Weight } from '../../models/layers.ts'
import * as np from '../../numpy/index.ts'
import { normal, randint } from '../../random/index.ts'
import { aKey } from '../../random/keys.ts'
import type { Key } from '../../random/keys.ts'
import * as must from '../../surface/arguments.ts'
import type { ArrayLike, NDArray, TakeOptions } from '../../trace/value.ts'
import { Adapter } from '../adapter.ts'
import type { AdapterConfig } from '../adapter.ts'
import type { AdapterError } from '../errors.ts'
import type { NamedTree, ParamLeaf } from '../leaves.ts'
import { nameLeaves, replaceLeaves, typeOf, withLeaves } from '../leaves.ts'
import { aSelection } from '../select.ts'
import { aFolder, countOf, loadAdapterFolder, wordOf } from './adapterFolder.ts'
import { asWeight } from './modules.ts'
import type { PromptSaveOptions } from './promptFiles.ts'
import { promptSaveOptions, readPrompt, savePrompt } from './promptFiles.ts'
import { changeInputs, columnsBefore, labelsBefore, textInputs, tokensOf } from './virtualTokens.ts'
import type { Tuned } from './settings.ts'
import type { HeadOptions } from './wholeLeaves.ts'
import { anAdapterOf, savedHead } from './wholeLeaves.ts'

/** The settings of prompt tuning. */
export interface PromptConfig extends AdapterConfig {
  readonly method: 'prompt'
  /** The table that has the virtual tokens, `model.embed_tokens.weight`. */
  readonly table: string
  /** How many rows the table has: the virtual tokens are the next ones. */
  readonly vocabSize: number
}

/** Options of `promptTuning.init`. */
export interface PromptOptions extends HeadOptions {
  /** How many virtual tokens; 20 by default. */
  readonly tokens?: number
  /**
   * How they begin: `normal`, with standard deviation 1 as in PEFT (the default); `vocabulary`, as rows of the table drawn at random; or
   * as the rows of these tokens, repeated as often as need be.
   */
  readonly from?: 'normal' | 'vocabulary' | readonly number[]
  /** The table of embeddings, by name; found by its name in the families that there are. */
  readonly table?: string
}

/** Tables of embeddings of tokens. */
const tables = /(^|\.)(word_embeddings|embed_tokens|wte|shared)\.weight$/

/** A table with rows beyond those of its matrix; products know nothing of them, so that a head that is tied to it stays as it is. */
class ExtendedTable extends LinearOperator {
  readonly base: Weight
  readonly more: NDArray

  constructor(base: Weight, more: NDArray) {
    super()
    this.base = base
    this.more = more
  }

  get shape(): Shape {
    return this.base.shape
  }

  get dtype(): DType {
    return typeOf(this.base).dtype
  }

  override get rowCount(): number {
    return this.#own + this.more.shape[0]!
  }

  get #own(): number {
    return isLinearOperator(this.base) ? this.base.rowCount : this.base.shape[0]!
  }

  multiply(x: NDArray, transposed: boolean): NDArray {
    return transposed ? np.einsum('...i,oi->...o', x, this.base) : np.matmul(x, this.base)
  }

  dense(): NDArray {
    if (isLinearOperator(this.base)) return this.base.dense()
    return 'dequantize' in this.base ? this.base.dequantize() : this.base
  }

  override rows(indices: ArrayLike, options: TakeOptions = {}): NDArray {
    const ids = np.asarray(indices)
    const own = this.#own
    const words = np.take(this.base, np.minimum(ids, own - 1), { ...options, axis: 0 })
    const virtual = np.take(this.more, np.maximum(np.subtract(ids, own), 0), { ...options, axis: 0 })
    return np.where(np.expandDims(np.less(ids, own), -1), words, virtual.astype(words.dtype))
  }
}

registerPytreeNode<ExtendedTable>(
  ExtendedTable,
  ({ base, more }) => ({ children: [base, more], keys: ['base', 'more'] }),
  (_, [base, more]) => new ExtendedTable(base as Weight, more as NDArray),
)

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
  options: must.optionsOf<Pick<PromptOptions, 'table'>>({ table: must.string }),
})
const widenDoor = must.door('promptTuning.widen', { adapter: adapterCheck, inputs: textInputs })

const init = (key: Key, params: unknown, options: PromptOptions = {}): Adapter<PromptConfig> => {
  initDoor(key, params, options)
  const { tokens = 20, from = 'normal', head } = options
  const tree = nameLeaves('promptTuning.init', params)
  const [table, leaf] = tableOf('promptTuning.init', tree, options.table)
  const [vocabSize, features] = leaf.shape as readonly [number, number]
  const { dtype } = typeOf(leaf)
  const rows = (ids: ArrayLike): NDArray =>
    np.take(asWeight('promptTuning.init', table, leaf), ids, { axis: 0 }).astype(dtype)
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
  const config: PromptConfig = { method: 'prompt', table, vocabSize }
  return new Adapter(config, { prompt_encoder: { embedding: begin() } }, savedHead('promptTuning.init', tree, head))
}

/** The virtual tokens, shape `[tokens, features]`. */
const promptOf = (adapter: Adapter<PromptConfig>): NDArray => adapter.weights['prompt_encoder']!['embedding']!

const apply = <P>(params: P, adapter: Adapter<PromptConfig>): Tuned<P> => {
  applyDoor(params, adapter)
  const { config, saved } = adapter
  const tree = nameLeaves('promptTuning.apply', replaceLeaves('promptTuning.apply', params, saved))
  const [name, leaf] = tableOf('promptTuning.apply', tree, config.table)
  const prompt = promptOf(adapter)
  if (leaf.shape[0] !== config.vocabSize || leaf.shape[1] !== prompt.shape[1]) {
    throw new ShapeError(
      `promptTuning.apply: ${name} has shape [${leaf.shape.join()}], the adapter is for [${config.vocabSize},${prompt.shape[1]}].`,
    )
  }
  const extended = new ExtendedTable(asWeight('promptTuning.apply', name, leaf), prompt)
  return withLeaves(
    tree,
    tree.leaves.map((x, i) => (tree.names[i] === name ? extended : x)),
  )
}

const merge = (params: unknown, adapter: Adapter<PromptConfig>): never => {
  mergeDoor(params, adapter)
  throw new ArgumentError(
    'promptTuning.merge: virtual tokens are inputs, and nothing of the model. Keep them beside it, and use apply and widen.',
  )
}

const widen = <B extends object>(adapter: Adapter<PromptConfig>, inputs: B): B => {
  widenDoor(adapter, inputs)
  const count = promptOf(adapter).shape[0]!
  const ids = tokensOf('promptTuning.widen', inputs)
  const [batch, length] = ids.shape as readonly [number, number]
  const virtual = np.broadcastTo(np.add(np.arange(count), adapter.config.vocabSize), [batch, count])
  return changeInputs(inputs, {
    ids: (x) => np.concatenate([virtual.astype('int32'), x.astype('int32')], { axis: 1 }),
    mask: (x) => columnsBefore(count, 1, x),
    types: (x) => columnsBefore(count, 0, x),
    positions: (x) => {
      const own = np.broadcastTo(np.arange(count), [x.shape[0]!, count])
      return np.concatenate([own.astype(x.dtype), np.add(x, count)], { axis: 1 })
    },
    labels: labelsBefore(count, length),
  })
}

const save = (
  path: string,
  adapter: Adapter<PromptConfig>,
  options: PromptSaveOptions = {},
): TaskEither<IoError, void> => {
  saveDoor(path, adapter, options)
  const prompt = promptOf(adapter)
  const config = {
    peft_type: 'PROMPT_TUNING',
    num_virtual_tokens: prompt.shape[0]!,
    token_dim: prompt.shape[1]!,
    prompt_tuning_init: 'RANDOM',
  }
  return savePrompt(path, config, prompt, adapter.saved, options)
}

const load = (
  from: FolderLike,
  params: unknown,
  options: Pick<PromptOptions, 'table'> = {},
): TaskEither<IoError | AdapterError, Adapter<PromptConfig>> => {
  loadDoor(from, params, options)
  const tree = nameLeaves('promptTuning.load', params)
  const [table, { shape }] = tableOf('promptTuning.load', tree, options.table)
  return loadAdapterFolder(from, (files) => {
    wordOf(files, 'peft_type', ['PROMPT_TUNING'])
    const { embeddings, saved } = readPrompt(files, tree, [countOf(files, 'num_virtual_tokens'), shape[1]!])
    const config: PromptConfig = { method: 'prompt', table, vocabSize: shape[0]! }
    return new Adapter(config, { prompt_encoder: { embedding: embeddings } }, saved)
  })
}

/**
 * Prompt tuning: Lester, Al-Rfou and Constant, "The Power of Scale for Parameter-Efficient Prompt Tuning" (2021). Virtual tokens are rows
 * beyond the table of embeddings; `widen` puts their ids before the text, in the mask, the positions, and with -100 in the labels of
 * tokens. All that the model gives for each token has so many places more at its beginning. Rows of logits stay as long as they were.
 *
 * Files are those of PEFT.
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
export const promptTuning = { init, apply, merge, widen, save, load } as const
