/** Checkpoints since PyTorch 1.6: a zip archive of a pickle, and of a file for each storage. */
import { malformed } from '../errors.ts'
import type { ByteSource } from '../source.ts'
import type { ZipArchive, ZipEntry } from '../zip/read.ts'
import { openZip } from '../zip/read.ts'
import { readPickle } from './pickle.ts'
import type { Checkpoint } from './storage.ts'

const PICKLE = 'data.pkl'
const MAX_PICKLE = 2 ** 29

const findPickle = (archive: ZipArchive, source: string): ZipEntry => {
  const found = [...archive.entries.values()].filter((e) => e.name === PICKLE || e.name.endsWith(`/${PICKLE}`))
  const [entry] = found
  if (entry === undefined || found.length > 1)
    return malformed('pytorch', source, 0, `there must be one ${PICKLE} in it`)
  if (entry.size > MAX_PICKLE) malformed('pytorch', source, entry.header, `its pickle would take ${entry.size} bytes`)
  return entry
}

/** Reads the pickle of an archive; storages are read on demand. */
export const openArchive = async (input: ByteSource): Promise<Checkpoint> => {
  const archive = await openZip(input)
  const pickle = findPickle(archive, input.name)
  const prefix = pickle.name.slice(0, -PICKLE.length)
  const { value: root } = readPickle(await archive.read(pickle.name), input.name)
  const order = archive.entries.has(`${prefix}byteorder`) ? await archive.read(`${prefix}byteorder`) : new Uint8Array(0)
  return {
    root,
    isBig: String.fromCharCode(...order.subarray(0, 3)) === 'big',
    storages: (key) => {
      const entry = archive.entries.get(`${prefix}data/${key}`)
      return entry === undefined
        ? null
        : { bytes: entry.size, offset: entry.header, read: () => archive.read(entry.name) }
    },
  }
}
