/** Models whose family is known only from their files: loading a folder, and writing one that `transformers` reads. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { flattenWithPath } from '../api/tree.ts'
import { ArgumentError } from '../core/errors.ts'
import type {
  FolderLike,
  FolderOptions,
  IoError,
  JsonRecord,
  ModelContents,
  ModelFiles,
  WriteModelOptions,
} from '../io/index.ts'
import { openModel, writeModel } from '../io/index.ts'
import { NDArray } from '../trace/value.ts'
import type { AnyModel, ArchitectureName, ParamTree } from './architectures.ts'
import { modelOfConfig } from './architectures.ts'
import type { ConfigError } from './config.ts'
import type { LoadError, LoadOptions } from './load.ts'
import { loadParams } from './load.ts'

/** A model with its parameters, and the files that it came from. */
export interface Pretrained {
  readonly model: AnyModel
  readonly params: ParamTree
  readonly files: ModelFiles
}

/** Options of `loadModel`. */
export interface LoadModelOptions extends LoadOptions, FolderOptions {
  /** Another head than the configuration's own. What the file does not have of it is made by `fresh`. */
  readonly architecture?: ArchitectureName
}

/**
 * Loads the model of a folder, strictly: see `loadParams`.
 *
 * @param from - a directory, an address, `hf:owner/name@revision`, or files by name: see `openModel` of `pullback/io`.
 */
export const loadModel =
  (from: FolderLike, options: LoadModelOptions = {}): TaskEither<LoadError | ConfigError, Pretrained> =>
  async () => {
    const files = await openModel(from, options)()
    if (files._tag === 'Left') return files
    const model = modelOfConfig(files.right.config, options.architecture)
    if (model._tag === 'Left') return model
    const params = await loadParams(model.right, files.right.weights, options)()
    if (params._tag === 'Left') return params
    return { _tag: 'Right', right: { model: model.right, params: params.right, files: files.right } }
  }

/** What `saveModel` writes. */
export interface SavedModel extends Omit<ModelContents, 'weights'> {
  /** The class of `transformers` that reads it, `BertForSequenceClassification`: it is written into the configuration. */
  readonly architecture?: string
  /** A tree whose paths are the parameters' names. */
  readonly params: unknown
}

/** Parameters by the names that their paths are. */
export const namedParams = (params: unknown): ReadonlyMap<string, NDArray> =>
  new Map(
    flattenWithPath(params)[0].map(([path, leaf]) => {
      if (leaf instanceof NDArray) return [path.join('.'), leaf]
      throw new ArgumentError(`saveModel: params.${path.join('.')} is no array.`)
    }),
  )

/** The configuration with the architecture and the dtype of what is written. */
const configOf = ({ config, architecture }: SavedModel, weights: ReadonlyMap<string, NDArray>): JsonRecord => {
  const [first] = weights.values()
  return {
    // The key of older versions.
    ...Object.fromEntries(Object.entries(config).filter(([key]) => key !== 'torch_dtype')),
    ...(architecture === undefined ? {} : { architectures: [architecture] }),
    ...(first === undefined ? {} : { dtype: first.dtype }),
  }
}

/**
 * Writes a folder that `transformers` loads, and `loadModel`: weights under the parameters' names, and the configuration.
 *
 * @throws ArgumentError if a leaf of the parameters is no array.
 */
export const saveModel = (
  path: string,
  saved: SavedModel,
  options: WriteModelOptions = {},
): TaskEither<IoError, void> => {
  const weights = namedParams(saved.params)
  return writeModel(path, { ...saved, config: configOf(saved, weights), weights: Object.fromEntries(weights) }, options)
}
