/** Loading `--model`: a folder, or a GGUF file. */
import { decodeUtf8 } from '../core/utf8.ts'
import type { FolderLike, JsonRecord, ModelFiles } from '../io/index.ts'
import { openFolder, openGguf, readAll } from '../io/index.ts'
import type { AnyModel, ArchitectureName, LoadOptions, ParamTree } from '../models/index.ts'
import { loadGguf, loadModel } from '../models/index.ts'
import type { Tokenizer } from '../tokenizers/index.ts'
import type { Terminal } from './command.ts'
import { FailedError, orFail } from './command.ts'
import { progressBar } from './progress.ts'

export interface LoadedModel {
  readonly model: AnyModel
  readonly params: ParamTree
  readonly state: ParamTree | null
  readonly config: JsonRecord
  /** Null if it is one GGUF file. */
  readonly files: ModelFiles | null
  readonly path: string
}

interface Wanted {
  readonly architecture?: ArchitectureName | undefined
  readonly dtype?: NonNullable<LoadOptions['dtype']>
}

export const isGguf = (path: string): boolean => /\.gguf$/i.test(path)

/** Loads a model, with a progress bar. */
export const loadFrom = async (
  path: string,
  { architecture, dtype }: Wanted,
  terminal: Terminal,
): Promise<LoadedModel> => {
  const bar = progressBar(terminal, 'loading')
  const options = {
    ...(architecture === undefined ? {} : { architecture }),
    ...(dtype === undefined ? {} : { dtype }),
    onProgress: bar.update,
  }
  try {
    if (isGguf(path)) return { ...orFail(await loadGguf(path, options)()), state: null, files: null, path }
    const loaded = orFail(await loadModel(path, options)())
    return { ...loaded, config: loaded.files.config, path }
  } finally {
    bar.done()
  }
}

/** The tokenizers module, which needs its own packages. */
const tokenizers = async () => {
  try {
    return await import('../tokenizers/index.ts')
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND'
    if (!missing) throw error
    throw new FailedError(
      'texts need the packages @huggingface/tokenizers and @huggingface/jinja. Install them: npm install @huggingface/tokenizers @huggingface/jinja',
    )
  }
}

/** The tokenizer beside a model, or in its GGUF file. */
export const tokenizerOf = async ({ files, path }: LoadedModel): Promise<Tokenizer> => {
  const { loadTokenizer, tokenizerFromGguf } = await tokenizers()
  if (files === null) return orFail(tokenizerFromGguf(orFail(await openGguf(path)())))
  if (files.tokenizer === null) throw new FailedError(`${files.source}: there is no tokenizer.json`)
  const config = files.tokenizerConfig ?? {}
  return orFail(
    loadTokenizer({
      tokenizerJson: files.tokenizer,
      tokenizerConfig: { ...config, chat_template: config['chat_template'] ?? files.chatTemplate },
      generationConfig: files.generationConfig ?? {},
    }),
  )
}

/** Another file of the folder as JSON; an empty object if it is missing or not an object. */
export const jsonBeside = async (folder: FolderLike, name: string): Promise<JsonRecord> => {
  const file = orFail(await openFolder(folder).open(name)())
  if (file === null) return {}
  const bytes = orFail(await readAll(file)())
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? '')
    return typeof value === 'object' && value !== null ? (value as JsonRecord) : {}
  } catch {
    throw new FailedError(`${file.name}: is no JSON`)
  }
}
