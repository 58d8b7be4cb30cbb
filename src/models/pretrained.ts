/** Models whose family is known only from their files: loading a folder, and writing one that `transformers` reads. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { isQuantized } from '../api/quantized.ts'
import { flattenWithPath } from '../api/tree.ts'
import { ArgumentError } from '../core/errors.ts'
import type {
  FolderLike,
  FolderOptions,
  IoError,
  JsonRecord,
  ModelContents,
  ModelFiles,
  NamedTensors,
  WriteModelOptions,
} from '../io/index.ts'
import { openModel, writeModel } from '../io/index.ts'
import { aFolder, folderTable } from '../io/folder.ts'
import { contentsTable, writeModelTable } from '../io/writeModel.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'
import type { AnyModel, ParamTree } from './architectureKinds.ts'
import type { ArchitectureName } from './architectures.ts'
import { anArchitecture, modelOfConfig } from './architectures.ts'
import type { ConfigError } from './config.ts'
import type { LoadError, LoadOptions } from './load.ts'
import { loadTable } from './load.ts'
import { loadVariables } from './variables.ts'

/** A model with its parameters, and the files that it came from. */
export interface Pretrained {
  readonly model: AnyModel
  readonly params: ParamTree
  /** Running statistics of batch norms, by the same names; null if the model has none. */
  readonly state: ParamTree | null
  readonly files: ModelFiles
}

/** Options of `loadModel`. */
export interface LoadModelOptions extends LoadOptions, FolderOptions {
  /** Another head than the configuration's own. `fresh` initialises what the file does not have. */
  readonly architecture?: ArchitectureName
}

const loadModelDoor = must.door('loadModel', {
  from: aFolder,
  options: must.optionsOf<LoadModelOptions>({ ...folderTable, ...loadTable, architecture: anArchitecture }),
})

/** The options that are in a table. */
const only = <T extends object>(table: must.OptionTable<T>, options: T): T =>
  Object.fromEntries(Object.entries(options).filter(([key]) => Object.hasOwn(table, key))) as T

/**
 * Loads the model of a folder, strictly: see `loadParams`.
 *
 * @param from - a directory, a URL, `hf:owner/name@revision`, or files by name: see `openModel` of `pullback/io`.
 * @returns an error for an invalid configuration, or one that lists all differences between the weights and the model.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { encodeSafetensors } from 'pullback/io'
 * import { loadModel } from 'pullback/models'
 * const encoder = new TextEncoder()
 * const config = { model_type: 'gpt2', vocab_size: 10, n_embd: 4, n_head: 2, n_layer: 0 }
 * const files = new Map([
 *   ['config.json', encoder.encode(JSON.stringify(config))],
 *   ['model.safetensors', encodeSafetensors({
 *     'wte.weight': np.ones([10, 4]),
 *     'wpe.weight': np.ones([1024, 4]),
 *     'ln_f.weight': np.ones([4]),
 *     'ln_f.bias': np.zeros([4]),
 *   })],
 * ])
 * // Or a directory, an address, `hf:owner/name`.
 * const loaded = await loadModel(files, { architecture: 'GPT2Model' })()
 * loaded._tag === 'Right' && loaded.right.model.type // => gpt2
 * ```
 */
export const loadModel = (
  from: FolderLike,
  options: LoadModelOptions = {},
): TaskEither<LoadError | ConfigError, Pretrained> => {
  loadModelDoor(from, options)
  const forFolder: FolderOptions = only(folderTable, options)
  const forWeights: LoadOptions = only(loadTable, options)
  return async () => {
    const files = await openModel(from, forFolder)()
    if (files._tag === 'Left') return files
    const model = modelOfConfig(files.right.config, options.architecture)
    if (model._tag === 'Left') return model
    const loaded = await loadVariables(model.right, files.right.weights, forWeights)()
    if (loaded._tag === 'Left') return loaded
    return { _tag: 'Right', right: { model: model.right, ...loaded.right, files: files.right } }
  }
}

/** What `saveModel` writes. */
export interface SavedModel extends Omit<ModelContents, 'weights'> {
  /** The class of `transformers` that reads it, `BertForSequenceClassification`: it is written into the configuration. */
  readonly architecture?: string
  /** A tree whose paths are the parameters' names. */
  readonly params: unknown
  /** Running statistics, which go into the same file. */
  readonly state?: unknown
}

/** Arrays named by their paths. */
const namedArrays = (tree: unknown): ReadonlyMap<string, NDArray> =>
  new Map(
    flattenWithPath(tree, isQuantized)[0].map(([path, leaf]) => {
      const name = path.join('.')
      if (leaf instanceof NDArray) return [name, leaf]
      throw new ArgumentError(
        isQuantized(leaf)
          ? `saveModel: ${name} is ${String(leaf)}, which safetensors does not have. Expand it with dequantize().`
          : `saveModel: ${name} is not an array.`,
      )
    }),
  )

/** The configuration with the architecture and the dtype of what is written. */
const configOf = (
  config: JsonRecord,
  architecture: string | undefined,
  weights: ReadonlyMap<string, NDArray>,
): JsonRecord => {
  const [first] = weights.values()
  return {
    // The key of older versions.
    ...Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'torch_dtype')),
    ...(architecture === undefined ? {} : { architectures: [architecture] }),
    ...(first === undefined ? {} : { dtype: first.dtype }),
  }
}

const savedModel: must.OptionTable<SavedModel & Pick<ModelFiles, 'weights'>> = {
  ...contentsTable,
  architecture: must.string,
  params: must.required(must.anything),
  state: must.anything,
  // The `files` of `loadModel` may be passed on as they are.
  weights: must.anything,
}

const saveModelDoor = must.door('saveModel', {
  path: must.string,
  saved: must.optionsOf(savedModel, 'field'),
  options: must.optionsOf(writeModelTable),
})

/**
 * PyTorch counts batches beside running statistics, in an integer that is unused if the momentum is a number; `transformers`
 * warns if it is missing.
 */
const batchCountsOf = (state: ReadonlyMap<string, NDArray>): NamedTensors =>
  Object.fromEntries(
    [...state.keys()].flatMap((name) =>
      name.endsWith('.running_var')
        ? [[name.replace(/running_var$/, 'num_batches_tracked'), { dtype: 'I64', shape: [], bytes: new Uint8Array(8) }]]
        : [],
    ),
  )

/**
 * Writes a folder that `transformers` loads, and `loadModel`: weights under the parameters' names, and the configuration.
 *
 * @throws ArgumentError if a leaf of the parameters is not an array.
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { mkdtempSync, readdirSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { gpt2, gpt2Config, saveModel } from 'pullback/models'
 * const json = { model_type: 'gpt2', vocab_size: 10, n_embd: 4, n_head: 2, n_layer: 1 }
 * const config = gpt2Config(json)
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const path = mkdtempSync(join(tmpdir(), 'pullback-'))
 * await saveModel(path, { config: json, params: gpt2(config.right).init(random.key(0)) })()
 * readdirSync(path).sort() // => config.json,model.safetensors
 * ```
 */
export const saveModel = (
  path: string,
  saved: SavedModel,
  options: WriteModelOptions = {},
): TaskEither<IoError, void> => {
  saveModelDoor(path, saved, options)
  const { params, state = null, architecture, ...contents } = saved
  const statistics = namedArrays(state)
  const arrays = new Map([...namedArrays(params), ...statistics])
  const config = configOf(contents.config, architecture, arrays)
  const weights = { ...Object.fromEntries(arrays), ...batchCountsOf(statistics) }
  return writeModel(path, { ...contents, config, weights }, options)
}
