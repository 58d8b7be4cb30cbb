/** Converts a state to files of tensors, and back. */
import { Aval } from '../../core/aval.ts'
import { ArgumentError } from '../../core/errors.ts'
import type { Path } from '../../core/path.ts'
import { flatten, leafPaths, unflatten } from '../../core/tree.ts'
import { keystr } from '../../core/path.ts'
import type { ByteSource, TensorFile } from '../../io/index.ts'
import { openSafetensors } from '../../io/index.ts'
import { chunksOf } from '../../io/safetensors/write.ts'
import { asArray, isArrayLeaf } from '../../runtime/installArrays.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import { fromHost, NDArray, toHost } from '../../trace/value.ts'
import { fail, run } from '../attempt.ts'

/** A manifest's record of a leaf: where an array is, or a plain value. */
export interface LeafRecord {
  /** As JS property accesses: `.params.layers[0].weight`; unique for each leaf. */
  readonly path: string
  readonly file?: string
  /** Whether the array is weakly typed. */
  readonly weak?: boolean
  readonly value?: string
}

/** A state, encoded. */
interface EncodedState {
  readonly structure: string
  readonly leaves: readonly LeafRecord[]
  /** Each as pieces, which share the arrays' memory where possible. */
  readonly files: ReadonlyMap<string, readonly Uint8Array[]>
}

/** Reserved file names on Windows, with any extension. */
const reserved = /^(con|prn|aux|nul|com\d|lpt\d)$/i

/** The file for a key of the state: named by the key, if that is a valid file name. */
const fileOf = ([key]: Path, isPlain: boolean): string =>
  isPlain && typeof key === 'string' && /^[A-Za-z]\w{0,63}$/.test(key) && !reserved.test(key)
    ? `${key}.safetensors`
    : 'state.safetensors'

/** Whether no two keys differ only in case: some file systems ignore case. */
const areDistinct = (paths: readonly Path[]): boolean => {
  const keys = new Set(paths.map(([key]) => key))
  return new Set([...keys].map((key) => String(key).toLowerCase())).size === keys.size && !keys.has('state')
}

/** Numbers and booleans are stored as the arrays that they become in the first step. */
const isNumeric = (leaf: unknown): leaf is ArrayLike => isArrayLeaf(leaf)

const nameIn = (path: string): string => (path === '' ? 'value' : path)

/** The files of a state. */
export const encodeState = (operation: string, state: unknown): EncodedState => {
  const { leaves: values, treedef } = flatten(state)
  const paths = leafPaths(treedef)
  const isPlain = areDistinct(paths)
  const tensors = new Map<string, { [name: string]: NDArray }>()
  const leaves = values.map((leaf, i): LeafRecord => {
    const path = keystr(paths[i]!)
    if (typeof leaf === 'string') return { path, value: leaf }
    if (!isNumeric(leaf)) {
      throw new ArgumentError(
        `${operation}: state${path} is a ${typeof leaf}; what is kept are arrays, numbers, booleans and strings. ` +
          'Take the rest out with tree.partition.',
      )
    }
    const array = asArray(leaf)
    const file = fileOf(paths[i]!, isPlain)
    if (!tensors.has(file)) tensors.set(file, {})
    tensors.get(file)![nameIn(path)] = array
    return { path, file, ...(array.aval.weak ? { weak: true } : {}) }
  })
  const files = new Map([...tensors].map(([file, arrays]) => [file, chunksOf(arrays)] as const))
  return { structure: treedef.toString(), leaves, files }
}

type Decoded = ReadonlyMap<string, { readonly value: unknown }>

/** All leaves by path, from files with valid checksums, read one tensor at a time. */
export const decodeLeaves = async (
  leaves: readonly LeafRecord[],
  files: ReadonlyMap<string, ByteSource>,
): Promise<Decoded> => {
  const opened = new Map<string, TensorFile>()
  for (const [name, source] of files) opened.set(name, await run(openSafetensors(source)))
  const found = new Map<string, { readonly value: unknown }>()
  for (const { path, file, weak = false, value } of leaves) {
    const tensors = file === undefined ? undefined : opened.get(file)
    if (tensors === undefined) found.set(path, { value })
    else {
      const array = await run(tensors.read(nameIn(path)))
      found.set(path, { value: weak ? weakened(array) : array })
    }
  }
  return found
}

const weakened = (array: NDArray): NDArray => {
  const { aval, data } = toHost(array, 'loadCheckpoint')
  return fromHost(new Aval(aval.dtype, aval.shape, true), data)
}

/** The difference between two leaves, for a message; null if they are of the same kind. */
const difference = (like: unknown, value: unknown): string | null => {
  if (!isNumeric(like) || !(value instanceof NDArray)) {
    return typeof like === typeof value && !isNumeric(like)
      ? null
      : `is ${describe(value)} there, and ${describe(like)} here`
  }
  const wanted = asArray(like).aval
  const isSame = wanted.dtype === value.dtype && wanted.shape.join() === value.shape.join()
  return isSame ? null : `is ${describe(value)} there, and ${describe(asArray(like))} here`
}

const describe = (x: unknown): string => (x instanceof NDArray ? `${x.dtype}[${x.shape.join(', ')}]` : `a ${typeof x}`)

const some = (names: readonly string[]): string =>
  names.slice(0, 3).join(', ') + (names.length > 3 ? ` and ${names.length - 3} more` : '')

/** The leaves in the structure of `like`; an error that names what differs. */
export const stateLike = <S>(source: string, found: Decoded, like: S): S => {
  const { leaves, treedef } = flatten(like)
  const paths = leafPaths(treedef).map(keystr)
  const wanted = new Set(paths)
  const faults = [
    ...paths.filter((path) => !found.has(path)).map((path) => `state${path} is missing`),
    ...[...found.keys()].filter((path) => !wanted.has(path)).map((path) => `state${path} has no place here`),
    ...paths.flatMap((path, i) => {
      const why = found.has(path) ? difference(leaves[i], found.get(path)!.value) : null
      return why === null ? [] : [`state${path} ${why}`]
    }),
  ]
  if (faults.length > 0) {
    fail({
      _tag: 'CheckpointError',
      reason: 'mismatch',
      path: source,
      message: `${source}: a checkpoint of another state: ${some(faults)}. Was the model, the method or the optimizer another?`,
    })
  }
  return unflatten(
    treedef,
    paths.map((path) => found.get(path)!.value),
  ) as S
}
