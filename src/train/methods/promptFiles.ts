/** PEFT's files of virtual tokens: `prompt_embeddings`, and modules that are also trained. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { Shape } from '../../core/shape.ts'
import { show } from '../../core/show.ts'
import type { IoError, JsonRecord } from '../../io/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import type { NamedTree } from '../leaves.ts'
import { typeOf } from '../leaves.ts'
import type { AdapterFiles } from './adapterFolder.ts'
import { refuse, takeTensors, wordsOf, writeAdapterFolder } from './adapterFolder.ts'

/** PEFT's task types. */
const taskTypes = ['SEQ_CLS', 'CAUSAL_LM', 'TOKEN_CLS', 'QUESTION_ANS', 'FEATURE_EXTRACTION', 'SEQ_2_SEQ_LM'] as const

/** Options of saving for PEFT. */
export interface PromptSaveOptions {
  /**
   * The task type, from which PEFT chooses its class: by default `SEQ_CLS` if a head was trained, `SEQ_2_SEQ_LM` for an
   * encoder-decoder, else `CAUSAL_LM`.
   */
  readonly taskType?: (typeof taskTypes)[number]
  /** The name or path of the model, for PEFT to find it. */
  readonly baseModel?: string
}

/** A check for these. */
export const promptSaveOptions = must.optionsOf<PromptSaveOptions>({
  taskType: must.oneOf(taskTypes),
  baseModel: must.string,
})

const EMBEDDINGS = 'prompt_embeddings'

/** If only inputs change, PEFT has no wrapper model between itself and the base. */
const PREFIX = 'base_model.'

/** Modules of leaves: their names without the last part. */
const modulesOf = (names: readonly string[]): readonly string[] => [
  ...new Set(names.map((name) => name.slice(0, Math.max(0, name.lastIndexOf('.'))))),
]

/** Tensors of a file, by name. */
export const embeddingsFile = (
  embeddings: NDArray,
  saved: { readonly [name: string]: NDArray },
): { readonly [name: string]: NDArray } => ({
  [EMBEDDINGS]: embeddings,
  ...Object.fromEntries(Object.entries(saved).map(([name, x]) => [PREFIX + name, x])),
})

/** Writes virtual tokens as PEFT does. */
export const savePrompt = (
  path: string,
  config: JsonRecord,
  embeddings: NDArray,
  saved: { readonly [name: string]: NDArray },
  options: PromptSaveOptions,
): TaskEither<IoError, void> => {
  const names = Object.keys(saved)
  const { taskType = names.length > 0 ? 'SEQ_CLS' : 'CAUSAL_LM', baseModel = null } = options
  const common: JsonRecord = {
    task_type: taskType,
    base_model_name_or_path: baseModel,
    inference_mode: true,
    modules_to_save: names.length === 0 ? null : modulesOf(names),
  }
  const settings = { num_transformer_submodules: 1, ...config, ...common }
  return writeAdapterFolder(path, settings, embeddingsFile(embeddings, saved))
}

/** The number of model parts with virtual tokens in the files: 2 for an encoder-decoder. */
export const partsOf = (files: AdapterFiles): number => {
  const parts = files.config['num_transformer_submodules'] ?? 1
  if (parts === 1 || parts === 2) return parts
  return refuse(files.source, `num_transformer_submodules in adapter_config.json must be 1 or 2, got ${show(parts)}.`)
}

/** Leaves of modules that a configuration lists, by whole names or suffixes. */
const shapesOfModules = (tree: NamedTree, modules: readonly string[]): ReadonlyMap<string, Shape> =>
  new Map(
    tree.names.flatMap((name, i) =>
      modules.some((module) => `.${name}`.includes(`.${module}.`)) ? [[name, typeOf(tree.leaves[i]!).shape]] : [],
    ),
  )

/** Reads a PEFT file: the virtual tokens, of the given shape, and other trained leaves. */
export const readPrompt = (
  files: AdapterFiles,
  tree: NamedTree,
  shape: Shape,
): { readonly embeddings: NDArray; readonly saved: { readonly [name: string]: NDArray } } => {
  const besides = shapesOfModules(tree, wordsOf(files, 'modules_to_save'))
  const wanted = new Map([[EMBEDDINGS, shape], ...[...besides].map(([name, s]) => [PREFIX + name, s] as const)])
  const tensors = takeTensors(files, wanted)
  return {
    embeddings: tensors.get(EMBEDDINGS)!,
    saved: Object.fromEntries([...besides.keys()].map((name) => [name, tensors.get(PREFIX + name)!])),
  }
}
