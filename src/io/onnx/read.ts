/** Reading the initializers (weights) of ONNX models. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../../conversions/arguments.ts'
import type { IoError } from '../errors.ts'
import { attempt, malformed, missing, run, unsupported } from '../errors.ts'
import { nodeModule } from '../platform.ts'
import type { ByteSource, Readable } from '../source.ts'
import { aReadable, openSource } from '../source.ts'
import type { TensorFile } from '../tensors.ts'
import { withDoors } from '../tensors.ts'
import { readEntry, readTensorInfo, tensorArray } from './tensor.ts'
import type { OnnxInfo } from './tensor.ts'
import type { WireField } from './wire.ts'
import { WireReader } from './wire.ts'

/** Options of `openOnnx`. */
export interface OnnxOptions {
  /**
   * Opens the files of weights that are stored outside the model. By default, for models opened by path, the file of that name
   * beside it. Names that lead out of the directory are refused before this is called.
   */
  readonly external?: (location: string) => Readable
}

const MODEL = { graph: 7, metadata: 14 }
const GRAPH = { initializer: 5 }

interface Model {
  readonly tensors: ReadonlyMap<string, OnnxInfo>
  readonly metadata: ReadonlyMap<string, string>
}

const readModel = async (input: ByteSource, size: number): Promise<Model> => {
  const reader = new WireReader(input, size, 'onnx')
  const tensors = new Map<string, OnnxInfo>()
  const metadata = new Map<string, string>()
  let hasGraph = false
  for await (const field of reader.fields(0, size)) {
    if (field.type !== 'bytes') continue
    if (field.number === MODEL.metadata) metadata.set(...(await readEntry(reader, field)))
    if (field.number !== MODEL.graph) continue
    hasGraph = true
    for await (const inner of reader.fields(field.start, field.end)) {
      if (inner.number !== GRAPH.initializer || inner.type !== 'bytes') continue
      const info = await readTensorInfo(reader, inner, input.name)
      if (tensors.has(info.name)) reader.fault(inner.start, `the name '${info.name}' stands twice`)
      tensors.set(info.name, info)
    }
  }
  if (!hasGraph) malformed('onnx', input.name, size, 'there is no graph in it')
  return { tensors, metadata }
}

/** The file of weights beside a model. */
const beside =
  (from: Readable, source: string) =>
  (location: string): Readable => {
    const path = nodeModule('node:path')
    if (typeof from === 'string' && path !== undefined && !/^https?:/i.test(from))
      return path.join(path.dirname(from), location)
    return unsupported('onnx', source, 0, `its weights are in '${location}': say where that is by the option external`)
  }

const leadsOut = (location: string): boolean =>
  location === '' || /^([/\\]|[A-Za-z]:)/.test(location) || location.split(/[/\\]/).includes('..')

const externalBytes = async (
  info: OnnxInfo,
  resolve: (location: string) => Readable,
  source: string,
): Promise<Uint8Array> => {
  const location = info.external!.get('location') ?? ''
  if (leadsOut(location))
    malformed('onnx', source, info.offset, `weights in '${location}', outside of the model's directory`)
  const file = openSource(resolve(location))
  const offset = Number(info.external!.get('offset') ?? 0)
  const length = Number(info.external!.get('length') ?? (await run(file.size)) - offset)
  if (!Number.isSafeInteger(offset) || !Number.isSafeInteger(length)) {
    malformed('onnx', source, info.offset, `the offset or length of the weights of '${info.name}' is not a number`)
  }
  return run(file.read(offset, length))
}

const onnxOptions: must.OptionTable<OnnxOptions> = { external: must.func }
const openOnnxDoor = must.door('openOnnx', { from: aReadable, options: must.optionsOf(onnxOptions) })

/**
 * Opens an ONNX model as a file of tensors: the initializers of its graph. Its operations are not read.
 *
 * @returns an error if a field extends beyond its message, a name occurs twice, or a tensor lacks elements. * @param options -
 *   `external`: opens files of weights outside the model.
 * @example
 * ```ts
 * import { openOnnx, readTensors } from 'pullback/io'
 * // A model of one initializer, as the Python package writes it.
 * const bytes = Buffer.from('CA46FhIBZyoRCAIQASIIAACAPwAAAEBCAXdCAhAc', 'base64')
 * const file = await openOnnx(bytes)()
 * const arrays = file._tag === 'Right' ? await readTensors(file.right)() : file
 * arrays._tag === 'Right' && arrays.right['w'] // => [1. 2.]
 * ```
 */
export const openOnnx = (from: Readable, options: OnnxOptions = {}): TaskEither<IoError, TensorFile> => {
  openOnnxDoor(from, options)
  return attempt(async () => {
    const input = openSource(from)
    const { name: source } = input
    const { tensors, metadata } = await readModel(input, await run(input.size))
    const resolve = options.external ?? beside(from, source)
    const chunksOf = async (name: string) => {
      const info = tensors.get(name) ?? missing(source, name, tensors.keys())
      const place: WireField = { number: 0, type: 'bytes', value: 0n, start: 0, end: 0 }
      if (info.external !== null)
        return { info, chunks: [[place, await externalBytes(info, resolve, source)] as const] }
      const chunks = await Promise.all(
        info.fields.map(async (field) => [field, await run(input.read(field.start, field.end - field.start))] as const),
      )
      return { info, chunks: chunks.length === 0 ? [[place, new Uint8Array(0)] as const] : chunks }
    }
    return withDoors({
      format: 'onnx',
      source,
      tensors,
      metadata,
      readBytes: (name) => attempt(async () => (await chunksOf(name)).chunks.at(-1)![1]),
      read: (name, readOptions = {}) =>
        attempt(async () => {
          const { info, chunks } = await chunksOf(name)
          return tensorArray(info, chunks, source, readOptions)
        }),
    })
  })
}
