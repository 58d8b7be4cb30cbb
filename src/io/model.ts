/** The folder of a model, as `save_pretrained` writes it and the hub stores it, as one value. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { IoError } from './errors.ts'
import { attempt, fail, malformed, run } from './errors.ts'
import type { Folder, FolderLike, FolderOptions } from './folder.ts'
import { folderDoor, openFile, openFolder } from './folder.ts'
import { openTensors } from './open.ts'
import { decodeUtf8 } from './platform.ts'
import { openShards } from './shards.ts'
import { readAll } from './source.ts'
import type { TensorFile } from './tensors.ts'

/** A JSON object. */
export interface JsonRecord {
  readonly [key: string]: unknown
}

/** The contents of a model's folder. Missing files are null. */
export interface ModelFiles {
  readonly source: string
  /** `config.json`. */
  readonly config: JsonRecord
  /** `model.safetensors` or `pytorch_model.bin`, in one file or in several with an index. */
  readonly weights: TensorFile
  /** `tokenizer.json`. */
  readonly tokenizer: JsonRecord | null
  /** `tokenizer_config.json`. */
  readonly tokenizerConfig: JsonRecord | null
  /** `generation_config.json`. */
  readonly generationConfig: JsonRecord | null
  /** `preprocessor_config.json`: how pictures become inputs. */
  readonly preprocessorConfig: JsonRecord | null
  /** `chat_template.jinja`; older files have it in `tokenizerConfig`. */
  readonly chatTemplate: string | null
}

/** Files of weights, in the order in which they are looked for. */
const weightFiles = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
] as const

const textOf = async (folder: Folder, name: string): Promise<string | null> => {
  const file = await run(folder.open(name))
  if (file === null) return null
  return decodeUtf8(await run(readAll(file))) ?? malformed('json', file.name, 0, 'it is not UTF-8')
}

/** The position of the error of JSON.parse, if the engine reports it. */
const placeOf = (message: string): number => Number(/position (\d+)/.exec(message)?.[1] ?? 0)

const parseObject = (text: string, source: string): JsonRecord => {
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    return malformed('json', source, placeOf(message), message)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return malformed('json', source, 0, 'it is not an object')
  return value as JsonRecord
}

const objectOf = async (folder: Folder, name: string): Promise<JsonRecord | null> => {
  const text = await textOf(folder, name)
  return text === null ? null : parseObject(text, `${folder.name}/${name}`)
}

/** A file of a folder that contains a JSON object; null if there is no such file. */
export const readJsonFile = (folder: Folder, name: string): TaskEither<IoError, JsonRecord | null> =>
  attempt(() => objectOf(folder, name))

const weightsOf = async (folder: Folder): Promise<TensorFile> => {
  for (const name of weightFiles) {
    const file = await run(folder.open(name))
    if (file === null) continue
    return name.endsWith('.index.json')
      ? openShards(folder, name, (shard) => run(openTensors(shard)))
      : run(openTensors(file))
  }
  // Any other weight file of the folder, if it is unambiguous.
  const names = (await run(folder.list)) ?? []
  const others = names.filter((name) => /\.(safetensors|gguf|npz|pth|pt)$/.test(name))
  if (others.length === 1) return run(openTensors(await run(openFile(folder, others[0]!))))
  return fail({
    _tag: 'Access',
    source: folder.name,
    code: 'ENOENT',
    message: `${folder.name}: there are no weights: none of ${weightFiles.join(', ')}${others.length === 0 ? '' : `, and which of ${others.join(', ')} is meant is not clear`}.`,
  })
}

const openModelDoor = folderDoor('openModel')

/**
 * Opens the folder of a model: the path of a directory, a URL, `hf:owner/name@revision` (with the package `@huggingface/hub`),
 * or files by name. Text files are read and parsed; of weights, only the headers are read.
 *
 * @example
 * ```ts
 * import { encodeSafetensors, openModel } from 'pullback/io'
 * const files = new Map([
 *   ['config.json', new TextEncoder().encode('{"model_type": "bert"}')],
 *   ['model.safetensors', encodeSafetensors({ 'pooler.dense.bias': [0, 0] })],
 * ])
 * const model = await openModel(files)()
 * model._tag === 'Right' && model.right.config['model_type'] // => bert
 * ```
 */
export const openModel = (from: FolderLike, options: FolderOptions = {}): TaskEither<IoError, ModelFiles> => {
  openModelDoor(from, options)
  return attempt(async () => {
    const folder = openFolder(from, options)
    const config = await objectOf(folder, 'config.json')
    return {
      source: folder.name,
      config:
        config ??
        fail({
          _tag: 'Access',
          source: folder.name,
          code: 'ENOENT',
          message: `${folder.name}: there is no config.json.`,
        }),
      weights: await weightsOf(folder),
      tokenizer: await objectOf(folder, 'tokenizer.json'),
      tokenizerConfig: await objectOf(folder, 'tokenizer_config.json'),
      generationConfig: await objectOf(folder, 'generation_config.json'),
      preprocessorConfig: await objectOf(folder, 'preprocessor_config.json'),
      chatTemplate: await textOf(folder, 'chat_template.jinja'),
    }
  })
}
