/** Fingerprints of weights, exact to the last bit. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { flatten, leafPaths } from '../../core/tree.ts'
import { keystr } from '../../core/path.ts'
import { encodeUtf8 } from '../../io/platform.ts'
import { openSource } from '../../io/source.ts'
import type { Readable } from '../../io/source.ts'
import { aReadable } from '../../io/source.ts'
import { bytesOfElements } from '../../io/tensors.ts'
import { asArray, isArrayLeaf } from '../../runtime/installArrays.ts'
import * as must from '../../conversions/arguments.ts'
import { toHost } from '../../trace/value.ts'
import { attempt, run } from '../attempt.ts'
import type { TrainError } from '../errors.ts'
import { sha256 } from './sha256.ts'

const door = must.door('fingerprint', { params: must.anything })
const fileDoor = must.door('fileFingerprint', { from: aReadable })

/**
 * The fingerprint of a tree of arrays: the SHA-256 of a line for each, with its path, dtype, shape and the SHA-256 of its elements.
 * Leaves that are not arrays count by what they print.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { fingerprint } from 'pullback/train'
 * const a = await fingerprint({ w: np.array([1, 2]) })()
 * const b = await fingerprint({ w: np.array([1, 2]) })()
 * const c = await fingerprint({ w: np.array([1, 3]) })()
 * a._tag === 'Right' && b._tag === 'Right' && a.right === b.right // => true
 * a._tag === 'Right' && c._tag === 'Right' && a.right === c.right // => false
 * ```
 */
export const fingerprint = (params: unknown): TaskEither<TrainError, string> => {
  door(params)
  return attempt(async () => {
    const { leaves, treedef } = flatten(params)
    const paths = leafPaths(treedef)
    const lines: string[] = []
    for (const [i, leaf] of leaves.entries()) {
      const path = keystr(paths[i]!)
      if (isArrayLeaf(leaf)) {
        const { aval, data } = toHost(asArray(leaf), 'fingerprint')
        lines.push(
          `${path} ${aval.dtype}[${aval.shape.join()}] ${await sha256(bytesOfElements(data), `params${path}`)}`,
        )
      } else lines.push(`${path} ${String(leaf)}`)
    }
    return `sha256:${await sha256(encodeUtf8(lines.join('\n')), 'params')}`
  })
}

/** The number of bytes in memory at once. */
const CHUNK = 2 ** 24

/**
 * The fingerprint of a file of weights, without parsing it: the SHA-256 of the SHA-256 of each 16 MiB of it.
 *
 * @example
 * ```ts
 * import { fileFingerprint } from 'pullback/train'
 * const [a, b] = [await fileFingerprint(Uint8Array.of(1, 2, 3))(), await fileFingerprint(Uint8Array.of(1, 2, 4))()]
 * a._tag === 'Right' && a.right.startsWith('sha256-16M:') // => true
 * a._tag === 'Right' && b._tag === 'Right' && a.right === b.right // => false
 * ```
 */
export const fileFingerprint = (from: Readable): TaskEither<TrainError, string> => {
  fileDoor(from)
  return attempt(async () => {
    const source = openSource(from)
    const size = await run(source.size)
    const sums: string[] = []
    for (let at = 0; at < size; at += CHUNK) {
      sums.push(await sha256(await run(source.read(at, Math.min(CHUNK, size - at))), source.name))
    }
    return `sha256-16M:${await sha256(encodeUtf8(`${size}\n${sums.join('\n')}`), source.name)}`
  })
}
