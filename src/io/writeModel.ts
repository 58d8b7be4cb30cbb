/** Writing the folder of a model, as `transformers` reads it. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { bitsOf } from '../core/dtype.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { IoError } from './errors.ts'
import { attempt, failPlatform, run } from './errors.ts'
import type { JsonRecord } from './model.ts'
import { nodeFiles, withPlatform, writeFile } from './node.ts'
import { encodeUtf8, nodeModule } from './platform.ts'
import type { NamedTensors } from './safetensors/write.ts'
import { namedTensors, writeSafetensors } from './safetensors/write.ts'

/** The contents of a model's folder. What is null or left out is not written. */
export interface ModelContents {
  readonly config: JsonRecord
  readonly weights: NamedTensors
  readonly tokenizer?: JsonRecord | null
  readonly tokenizerConfig?: JsonRecord | null
  readonly generationConfig?: JsonRecord | null
  readonly preprocessorConfig?: JsonRecord | null
  readonly chatTemplate?: string | null
  /** Ignored, so that the result of `openModel` may be spread in here. */
  readonly source?: string
}

/** Options of `writeModel`. */
export interface WriteModelOptions {
  /** If the weights take more bytes than this, they are split into several files with an index; 5 GB by default. */
  readonly maxShardBytes?: number
}

const bytesOf = (tensor: NamedTensors[string]): number => {
  if (typeof tensor === 'object' && 'bytes' in tensor && 'dtype' in tensor) return tensor.bytes.length
  const { size, dtype } = asArray(tensor)
  return size * Math.ceil(bitsOf(dtype) / 8)
}

/** Groups tensors, in order, into shards of at most `most` bytes; a larger tensor has its own shard. */
const shardsOf = (weights: NamedTensors, most: number): readonly NamedTensors[] => {
  const shards: NamedTensors[string][][] = []
  const names: string[][] = []
  let size = Infinity
  for (const [name, tensor] of Object.entries(weights)) {
    const bytes = bytesOf(tensor)
    if (size + bytes > most) {
      shards.push([])
      names.push([])
      size = 0
    }
    shards.at(-1)!.push(tensor)
    names.at(-1)!.push(name)
    size += bytes
  }
  return shards.map((tensors, i) => Object.fromEntries(tensors.map((tensor, j) => [names[i]![j]!, tensor])))
}

/** Whether a file contains weights: old ones could be found before those just written, or be left unused. */
const isWeights = (name: string): boolean =>
  /^(model(-\d{5}-of-\d{5})?\.safetensors|model\.safetensors\.index\.json|pytorch_model.*\.bin(\.index\.json)?)$/.test(
    name,
  )

/** Keys of configurations whose numbers `transformers` only accepts as floats: it refuses 1 where Python writes 1.0. */
const floats = [
  'attn_logit_softcapping',
  'final_logit_softcapping',
  'initializer_factor',
  'initializer_range',
  'layer_norm_eps',
  'layer_norm_epsilon',
  'rms_norm_eps',
]

/** Matches integers of those keys, to add a decimal point. */
const wholeFloats = new RegExp(`("(?:${floats.join('|')})": -?\\d+)(?=[,\\n])`, 'g')

const configText = (config: JsonRecord): readonly Uint8Array[] => [
  encodeUtf8(`${JSON.stringify(config, null, 2).replace(wholeFloats, '$1.0')}\n`),
]

const json = (value: unknown): readonly Uint8Array[] => [encodeUtf8(`${JSON.stringify(value, null, 2)}\n`)]

const writeWeights = async (
  at: (name: string) => string,
  weights: NamedTensors,
  most: number,
): Promise<ReadonlySet<string>> => {
  const shards = shardsOf(weights, most)
  if (shards.length <= 1) {
    await run(writeSafetensors(at('model.safetensors'), weights))
    return new Set(['model.safetensors'])
  }
  const number = (i: number): string => String(i).padStart(5, '0')
  const files = shards.map((_, i) => `model-${number(i + 1)}-of-${number(shards.length)}.safetensors`)
  for (const [i, shard] of shards.entries()) await run(writeSafetensors(at(files[i]!), shard))
  const index = {
    metadata: { total_size: Object.values(weights).reduce<number>((sum, tensor) => sum + bytesOf(tensor), 0) },
    weight_map: Object.fromEntries(shards.flatMap((shard, i) => Object.keys(shard).map((name) => [name, files[i]!]))),
  }
  await run(writeFile(at('model.safetensors.index.json'), json(index)))
  return new Set([...files, 'model.safetensors.index.json'])
}

const anObject = must.kind('an object, to be written as JSON', (x) => typeof x === 'object' && x !== null)
/** A check for each part of a folder. */
export const contentsTable: must.OptionTable<ModelContents> = {
  config: must.required(anObject),
  weights: must.required(namedTensors),
  tokenizer: must.nullable(anObject),
  tokenizerConfig: must.nullable(anObject),
  generationConfig: must.nullable(anObject),
  preprocessorConfig: must.nullable(anObject),
  chatTemplate: must.nullable(must.string),
  source: must.string,
}
/** A check for each option. */
export const writeModelTable: must.OptionTable<WriteModelOptions> = { maxShardBytes: must.positive }
const modelContents = must.optionsOf(contentsTable)
const writeModelDoor = must.door('writeModel', {
  path: must.string,
  contents: must.required({ ...modelContents, wanted: 'what the folder is to have: { config, weights }' }),
  options: must.optionsOf(writeModelTable),
})

/**
 * Writes the folder of a model: weights as safetensors, and the text files. Each file is written atomically, `config.json`
 * last, so that a folder with a configuration has its weights. Weights of another model in the folder are removed.
 *
 * @param path - of the directory, which is made if it does not exist.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { mkdtempSync, readdirSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { writeModel } from 'pullback/io'
 * const path = join(mkdtempSync(join(tmpdir(), 'pullback-')), 'model')
 * const weights = { 'layer.0.bias': np.zeros([100]), 'layer.1.bias': np.zeros([100]) }
 * await writeModel(path, { config: { model_type: 'bert' }, weights }, { maxShardBytes: 500 })()
 * readdirSync(path).length // => 4
 * ```
 */
export const writeModel = (
  path: string,
  contents: ModelContents,
  options: WriteModelOptions = {},
): TaskEither<IoError, void> => {
  writeModelDoor(path, contents, options)
  const { maxShardBytes = 5e9 } = options
  return attempt(async () => {
    const files = nodeFiles(path)
    const { join } = nodeModule('node:path')!
    const at = (name: string): string => join(path, name)
    await withPlatform(path, () => files.mkdir(path, { recursive: true }))
    // From here until the end, the folder has no model.
    await withPlatform(path, () => files.rm(at('config.json'), { force: true }))
    const written = await writeWeights(at, contents.weights, maxShardBytes)
    try {
      const stale = (await files.readdir(path)).filter((name) => isWeights(name) && !written.has(name))
      for (const name of stale) await files.rm(at(name), { force: true })
    } catch (error) {
      failPlatform(path, error)
    }
    const texts = [
      ['tokenizer.json', contents.tokenizer ?? null],
      ['tokenizer_config.json', contents.tokenizerConfig ?? null],
      ['generation_config.json', contents.generationConfig ?? null],
      ['preprocessor_config.json', contents.preprocessorConfig ?? null],
    ] as const
    for (const [name, value] of texts) if (value !== null) await run(writeFile(at(name), json(value)))
    const { chatTemplate = null } = contents
    if (chatTemplate !== null) await run(writeFile(at('chat_template.jinja'), [encodeUtf8(chatTemplate)]))
    await run(writeFile(at('config.json'), configText(contents.config)))
  })
}
