/** The inputs of commands: a file of tensors, or the folder of a model. */
import type { JsonRecord, ModelFiles, TensorFile } from '../io/index.ts'
import { openModel, openTensors } from '../io/index.ts'
import { isDirectory } from './host.ts'
import { orFail } from './command.ts'

/** Weights, and their model if it is a folder. */
export interface Opened {
  readonly weights: TensorFile
  readonly files: ModelFiles | null
}

/** Whether a path is a folder: `hf:`, a URL that ends with a slash, a directory. */
const isFolder = async (path: string): Promise<boolean> =>
  /^hf:/i.test(path) || (/^https?:/i.test(path) ? path.endsWith('/') : isDirectory(path))

export const openWeights = async (path: string): Promise<Opened> => {
  if (!(await isFolder(path))) return { weights: orFail(await openTensors(path)()), files: null }
  const files = orFail(await openModel(path)())
  return { weights: files.weights, files }
}

/** The class of `transformers` that a configuration names, or its `model_type`. */
export const architectureOf = (config: JsonRecord): string | null => {
  const { architectures, model_type: type } = config
  const [name] = Array.isArray(architectures) ? (architectures as readonly unknown[]) : []
  if (typeof name === 'string') return name
  return typeof type === 'string' ? type : null
}
