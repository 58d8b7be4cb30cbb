/** NumPy's `.npz`: a zip archive of `.npy` files, stored or deflated. */
import { joinBytes } from '../../core/bytes.ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import * as must from '../../conversions/arguments.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { IoError } from '../errors.ts'
import { attempt, malformed, missing, run } from '../errors.ts'
import { writeFile } from '../node.ts'
import type { Readable } from '../source.ts'
import { openDoor, openSource } from '../source.ts'
import type { TensorFile, TensorInfo } from '../tensors.ts'
import { withDoors } from '../tensors.ts'
import type { ZipArchive, ZipEntry } from '../zip/read.ts'
import { openZip } from '../zip/read.ts'
import { zipChunks } from '../zip/write.ts'
import type { NpyHeader } from './header.ts'
import { npyArray, npyBytes, npyChunks, readNpyHeader } from './npy.ts'

interface Member extends TensorInfo {
  readonly entry: string
  readonly header: NpyHeader
}

const memberOf = async (archive: ZipArchive, entry: ZipEntry, read: Read, source: string): Promise<Member> => {
  const name = entry.name.replace(/\.npy$/, '')
  const start = await archive.dataStart(entry)
  // A deflated entry has to be inflated for its header; a stored one is read in place.
  const whole = entry.isStored ? null : await archive.read(entry.name)
  const part = (offset: number, length: number): Promise<Uint8Array> =>
    whole === null ? read(start + offset, length) : Promise.resolve(whole.slice(offset, offset + length))
  const header = await readNpyHeader(part, entry.size, `${source}, ${entry.name}`, start)
  const bytes = npyBytes(header, source, start)
  const { shape, descr: dtype, dataStart } = header
  return { name, dtype, shape, offset: start + dataStart, bytes, entry: entry.name, header }
}

type Read = (offset: number, length: number) => Promise<Uint8Array>

const openNpzDoor = openDoor('openNpz')

/**
 * Opens a `.npz` file; its arrays have the names under which they were saved.
 *
 * @returns an error if the archive is damaged, or one of its files is not `.npy`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { encodeNpz, openNpz } from 'pullback/io'
 * const file = await openNpz(encodeNpz({ images: np.zeros([10, 28, 28]), labels: np.arange(10) }))()
 * file._tag === 'Right' && [...file.right.tensors.keys()] // => images,labels
 * file._tag === 'Right' && file.right.tensors.get('images')!.dtype // => <f4
 * // Only what is read is decoded.
 * const labels = file._tag === 'Right' ? await file.right.read('labels')() : file
 * labels._tag === 'Right' && labels.right // => [0 1 2 3 4 5 6 7 8 9]
 * ```
 */
export const openNpz = (from: Readable): TaskEither<IoError, TensorFile> => {
  openNpzDoor(from)
  return attempt(async () => {
    const input = openSource(from)
    const { name: source } = input
    const archive = await openZip(input)
    const tensors = new Map<string, Member>()
    const read: Read = (offset, length) => run(input.read(offset, length))
    for (const entry of archive.entries.values()) {
      const member = await memberOf(archive, entry, read, source)
      if (tensors.has(member.name)) malformed('npz', source, entry.header, `the name '${member.name}' stands twice`)
      tensors.set(member.name, member)
    }
    const elements = async (name: string) => {
      const member = tensors.get(name) ?? missing(source, name, tensors.keys())
      return { member, bytes: (await archive.read(member.entry)).slice(member.header.dataStart) }
    }
    return withDoors({
      format: 'npz',
      source,
      tensors,
      metadata: new Map(),
      readBytes: (name) => attempt(async () => (await elements(name)).bytes),
      read: (name, options = {}) =>
        attempt(async () => {
          const { member, bytes } = await elements(name)
          return npyArray(member.header, bytes, source, member.offset, options)
        }),
    })
  })
}

const entriesOf = (arrays: { readonly [name: string]: ArrayLike }) =>
  Object.entries(arrays).map(([name, x]) => [`${name}.npy`, npyChunks(x)] as const)

const arrays = must.recordOf(must.arrayLike, 'an object of arrays by their names')
const encodeNpzDoor = must.door('encodeNpz', { arrays })
const writeNpzDoor = must.door('writeNpz', { path: must.string, arrays })

/**
 * Arrays by name as the bytes of a `.npz` file, stored without compression.
 *
 * @example
 * ```ts
 * import { encodeNpz, openNpz, readTensors } from 'pullback/io'
 * const file = await openNpz(encodeNpz({ x: [1, 2], y: [3] }))()
 * const arrays = file._tag === 'Right' ? await readTensors(file.right)() : file
 * arrays._tag === 'Right' && arrays.right['x'] // => [1. 2.]
 * ```
 */
export const encodeNpz = (arrays: { readonly [name: string]: ArrayLike }): Uint8Array => {
  encodeNpzDoor(arrays)
  return joinBytes(zipChunks(entriesOf(arrays)))
}

/**
 * Writes a `.npz` file atomically.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { openNpz, writeNpz } from 'pullback/io'
 * const path = join(mkdtempSync(join(tmpdir(), 'pullback-')), 'data.npz')
 * await writeNpz(path, { train: np.ones([8, 2]), test: np.ones([2, 2]) })()
 * // In Python: np.load('data.npz')['train']
 * const file = await openNpz(path)()
 * file._tag === 'Right' && [...file.right.tensors.keys()] // => train,test
 * ```
 */
export const writeNpz = (path: string, arrays: { readonly [name: string]: ArrayLike }): TaskEither<IoError, void> => {
  writeNpzDoor(path, arrays)
  return writeFile(path, zipChunks(entriesOf(arrays)))
}
