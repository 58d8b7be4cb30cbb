/** Downloading one file into a cache; after a broken connection, only the missing part is downloaded. */
import { fail } from '../errors.ts'
import { nodeFiles, withPlatform } from '../node.ts'
import type { Hash, NodeFiles } from '../platform.ts'
import { nodeModule } from '../platform.ts'
import type { HubBlob, HubFile, HubOptions } from './repository.ts'

/** The expected checksum of a file, and its hash function. */
const checksumOf = ({ lfs, oid, size }: HubFile): { readonly hash: Hash; readonly expected: string } | null => {
  const crypto = nodeModule('node:crypto')!
  if (lfs !== undefined) return { hash: crypto.createHash('sha256'), expected: lfs.oid }
  // Git's name of a blob (40 digits for SHA-1).
  if (oid?.length === 40) return { hash: crypto.createHash('sha1').update(`blob ${size}\0`), expected: oid }
  return null
}

const sizeOfFile = async (files: NodeFiles, path: string): Promise<number> =>
  files.stat(path).then(
    ({ size }) => size,
    () => 0,
  )

const CHUNK = 2 ** 22

/** Adds the bytes already on disk to the checksum. */
const hashFile = async (files: NodeFiles, path: string, size: number, hash: Hash): Promise<void> => {
  const handle = await files.open(path, 'r')
  try {
    const bytes = new Uint8Array(Math.min(CHUNK, size))
    for (let at = 0; at < size;) {
      const { bytesRead } = await handle.read(bytes, 0, Math.min(bytes.length, size - at), at)
      if (bytesRead === 0) return
      hash.update(bytes.subarray(0, bytesRead))
      at += bytesRead
    }
  } finally {
    await handle.close()
  }
}

/** Appends the rest of the blob to the file. */
const append = async (
  files: NodeFiles,
  path: string,
  rest: HubBlob,
  onChunk: (chunk: Uint8Array) => void,
): Promise<void> => {
  const handle = await files.open(path, 'a')
  try {
    const reader = rest.stream().getReader()
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      const chunk = next.value!
      for (let at = 0; at < chunk.length;) at += (await handle.write(chunk, at, chunk.length - at)).bytesWritten
      onChunk(chunk)
    }
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * Downloads a file to `target`, which appears only when it is complete and checked. An earlier partial download in
 * `target.incomplete` is resumed.
 */
export const downloadTo = async (
  target: string,
  source: string,
  file: HubFile,
  blob: HubBlob,
  { onProgress }: HubOptions,
): Promise<void> => {
  const files = nodeFiles(source)
  const draft = `${target}.incomplete`
  await withPlatform(source, async () => {
    const there = await sizeOfFile(files, draft)
    const total = file.lfs?.size ?? file.size
    if (there > total) await files.rm(draft, { force: true })
    let done = there > total ? 0 : there
    const checksum = checksumOf(file)
    if (checksum !== null && done > 0) await hashFile(files, draft, done, checksum.hash)
    onProgress?.({ name: file.path, bytes: done, total })
    if (done < total || total === 0) {
      await append(files, draft, blob.slice(done, total), (chunk) => {
        checksum?.hash.update(chunk)
        done += chunk.length
        onProgress?.({ name: file.path, bytes: done, total })
      })
    }
    const digest = checksum?.hash.digest('hex')
    if (done !== total || digest !== checksum?.expected) {
      // A shorter file can be resumed; a wrong one cannot.
      if (done >= total) await files.rm(draft, { force: true })
      fail({
        _tag: 'Access',
        source,
        code: done === total ? 'ECHECKSUM' : 'EOF',
        message:
          done === total
            ? `${source}: the content has the checksum ${digest}, not ${checksum?.expected}. It was thrown away; try again.`
            : `${source}: ${done} of ${total} bytes came. Try again: it goes on from there.`,
      })
    }
    await files.rename(draft, target)
  })
}
