/** `pullback convert`: weights in another format or dtype, or quantised. */
import type { DType } from '../core/dtype.ts'
import { isFloat } from '../core/dtype.ts'
import type { QuantizedArray } from '../api/quantized.ts'
import { readTensors, writeGguf, writeModel, writeNpz, writeSafetensors } from '../io/index.ts'
import { quantize, saveModel } from '../models/index.ts'
import { writableKinds } from '../models/quantizeBlocks.ts'
import type { NDArray } from '../trace/value.ts'
import type { Command, Given, Terminal } from './command.ts'
import { orFail, UsageError, wordOption } from './command.ts'
import { isGguf, loadFrom } from './model.ts'
import { progressBar } from './progress.ts'
import { bytesText, grouped } from './table.ts'
import type { Opened } from './weights.ts'
import { architectureOf, openWeights } from './weights.ts'

interface Arrays {
  readonly [name: string]: NDArray
}

const floats = ['float32', 'float16', 'bfloat16', 'float64'] as const

const cast = (arrays: Arrays, dtype: DType | undefined): Arrays =>
  dtype === undefined
    ? arrays
    : Object.fromEntries(
        Object.entries(arrays).map(([name, x]) => [name, isFloat(x.dtype) ? x.astype(dtype) : x] as const),
      )

/** Writes arrays in the format that the name ends with. */
const writeFile = async (path: string, arrays: Arrays): Promise<void> => {
  orFail(await (path.endsWith('.npz') ? writeNpz(path, arrays) : writeSafetensors(path, arrays))())
}

const writeBlocks = async (
  path: string,
  arrays: { readonly [name: string]: NDArray | QuantizedArray },
  { files, weights }: Opened,
): Promise<void> => {
  const named = files === null ? weights.metadata.get('general.architecture') : files.config['model_type']
  const metadata = typeof named === 'string' ? { 'general.architecture': named } : {}
  orFail(await writeGguf(path, arrays, { metadata })())
}

/** Writes a folder with the same text files, and weights of that dtype. */
const writeFolder = async (
  path: string,
  arrays: Arrays,
  { files }: Opened,
  dtype: DType | undefined,
): Promise<void> => {
  if (files === null) {
    throw new UsageError(`'${path}' is no .safetensors, .npz or .gguf, and only the folder of a model becomes a folder`)
  }
  const config =
    dtype === undefined
      ? files.config
      : { ...Object.fromEntries(Object.entries(files.config).filter(([key]) => key !== 'torch_dtype')), dtype }
  orFail(await writeModel(path, { ...files, config, weights: arrays })())
}

/** Writes a model's folder from a GGUF file, under Hugging Face's names. The tokenizer is not converted. */
const folderOfGguf = async (from: string, to: string, dtype: DType | undefined, terminal: Terminal): Promise<void> => {
  const { model, params, config } = await loadFrom(from, dtype === undefined ? {} : { dtype }, terminal)
  orFail(await saveModel(to, { config, params, architecture: model.architecture })())
}

/** Prints what is in the file or folder that was written. */
const report = async (path: string, given: Given, { out }: Terminal): Promise<void> => {
  const { weights, files } = await openWeights(path)
  const bytes = [...weights.tensors.values()].reduce((sum, t) => sum + t.bytes, 0)
  const architecture = files === null ? null : architectureOf(files.config)
  const written = { path, format: weights.format, architecture, tensors: weights.tensors.size, bytes }
  const text = `${path}: ${grouped(written.tensors)} tensors, ${bytesText(bytes)}\n`
  out(given.flag('json') ? `${JSON.stringify(written, null, 2)}\n` : text)
}

const run = async (given: Given, terminal: Terminal): Promise<void> => {
  const [from, to] = given.words as readonly [string, string]
  const dtype = wordOption(given, 'dtype', floats)
  const kind = wordOption(given, 'quantize', writableKinds)
  if (dtype !== undefined && kind !== undefined) throw new UsageError('--dtype and --quantize exclude each other')
  if (kind !== undefined && !to.endsWith('.gguf'))
    throw new UsageError(`--quantize writes GGUF: OUT must end with .gguf, not '${to}'`)
  if (isGguf(from) && !/\.(safetensors|npz|gguf)$/.test(to)) {
    await folderOfGguf(from, to, dtype, terminal)
    await report(to, given, terminal)
    return
  }
  const opened = await openWeights(from)
  const bar = progressBar(terminal, 'reading')
  const read = orFail(await readTensors(opened.weights, { onProgress: bar.update })())
  bar.done()
  const arrays = cast(read, dtype)
  if (to.endsWith('.gguf')) await writeBlocks(to, kind === undefined ? arrays : quantize(arrays, { kind }), opened)
  else if (/\.(safetensors|npz)$/.test(to)) await writeFile(to, arrays)
  else await writeFolder(to, arrays, opened, dtype)
  await report(to, given, terminal)
}

export const convert: Command = {
  name: 'convert',
  usage: 'IN OUT',
  summary: 'Writes weights as .safetensors, .npz or .gguf, or the folder of a model anew.',
  options: {
    dtype: { type: 'string', value: 'D', help: `the dtype of floats: ${floats.join(', ')}; as they are by default` },
    quantize: { type: 'string', value: 'K', help: `matrices in blocks, into .gguf: ${writableKinds.join(', ')}` },
    json: { type: 'boolean', help: 'what was written, as JSON' },
  },
  words: [2, 2],
  run,
}
