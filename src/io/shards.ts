/**
 * Tensors that are spread over several files, and their index: `model.safetensors.index.json`, or
 * `pytorch_model.bin.index.json`, as `transformers` writes them.
 */
import { attempt, malformed, missing, run } from './errors.ts'
import type { Folder } from './folder.ts'
import { leadsOut, openFile } from './folder.ts'
import type { JsonNode, JsonObject } from './json.ts'
import { isObject, readJson } from './json.ts'
import type { ByteSource } from './source.ts'
import { readAll } from './source.ts'
import type { TensorFile, TensorInfo } from './tensors.ts'
import { withDoors } from './tensors.ts'

/** Opens one of the files. */
type OpenShard = (source: ByteSource) => Promise<TensorFile>

const weightMap = (root: JsonNode, source: string): JsonObject => {
  const map = isObject(root.value) ? root.value.members.get('weight_map') : undefined
  return map !== undefined && isObject(map.value)
    ? map.value
    : malformed('index', source, map?.at ?? root.at, 'it has no weight_map, an object from tensors to files')
}

/** The tensors of each file, by the index. */
const plannedOf = (map: JsonObject, source: string): ReadonlyMap<string, ReadonlySet<string>> => {
  const planned = new Map<string, Set<string>>()
  for (const [tensor, { value, at }] of map.members) {
    if (typeof value !== 'string' || leadsOut(value))
      return malformed(
        'index',
        source,
        at,
        `'${tensor}' is in ${JSON.stringify(value)}, which is not a file of the folder`,
      )
    planned.set(value, (planned.get(value) ?? new Set()).add(tensor))
  }
  return planned
}

/** Other metadata of the index, such as `total_size`. */
const metadataOf = (root: JsonNode): ReadonlyMap<string, unknown> => {
  const metadata = isObject(root.value) ? root.value.members.get('metadata') : undefined
  if (metadata === undefined || !isObject(metadata.value)) return new Map()
  return new Map([...metadata.value.members].map(([key, { value }]) => [key, value]))
}

/**
 * Opens an index and all files that it names, as one file of tensors. The files must contain exactly the tensors that the index
 * lists.
 */
export const openShards = async (folder: Folder, index: string, open: OpenShard): Promise<TensorFile> => {
  const input = await run(openFile(folder, index))
  const { name: source } = input
  const root = readJson(await run(readAll(input)), 'index', source)
  const planned = plannedOf(weightMap(root, source), source)
  const files = new Map<string, TensorFile>()
  const tensors = new Map<string, TensorInfo>()
  for (const [name, wanted] of planned) {
    const file = await open(await run(openFile(folder, name)))
    const absent = [...wanted].find((tensor) => !file.tensors.has(tensor))
    if (absent !== undefined) malformed('index', source, 0, `'${absent}' is not in ${name}`)
    for (const [tensor, info] of file.tensors) {
      if (!wanted.has(tensor)) malformed('index', source, 0, `${name} has '${tensor}', which is not said of it`)
      tensors.set(tensor, info)
      files.set(tensor, file)
    }
  }
  const fileOf = (name: string): TensorFile => files.get(name) ?? missing(source, name, tensors.keys())
  return withDoors({
    format: [...files.values()][0]?.format ?? 'safetensors',
    source,
    tensors,
    metadata: metadataOf(root),
    read: (name, options) => attempt(() => run(fileOf(name).read(name, options))),
    readBytes: (name) => attempt(() => run(fileOf(name).readBytes(name))),
  })
}
