/** The manifest of a checkpoint: its contents, with a checksum of every file and of itself. */
import type { JsonRecord } from '../../io/index.ts'
import { decodeUtf8, encodeUtf8 } from '../../io/platform.ts'
import { fail } from '../attempt.ts'
import type { CheckpointError } from '../errors.ts'
import type { Position } from '../stream.ts'
import type { LeafRecord } from './leaves.ts'
import { sha256 } from './sha256.ts'

/** The name of the manifest, which is written last. */
export const MANIFEST = 'checkpoint.json'

/** The version that is written. */
const VERSION = 1

/** The record of a file. */
interface FileRecord {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
}

/** The contents of the manifest. */
export interface Manifest {
  readonly step: number
  readonly position: Position
  readonly metrics: { readonly [name: string]: number }
  readonly config: JsonRecord | null
  readonly base: string | null
  readonly hooks: { readonly [name: string]: Position }
  readonly structure: string
  readonly leaves: readonly LeafRecord[]
  readonly files: readonly FileRecord[]
}

/** The error of a damaged checkpoint. */
export const damaged = (path: string, what: string): CheckpointError => ({
  _tag: 'CheckpointError',
  reason: 'damaged',
  path,
  message: `${path}: damaged: ${what}.`,
})

const text = (value: unknown): string => `${JSON.stringify(value, null, 1)}\n`

/** Numbers that JSON does not have. */
const written = (metrics: Manifest['metrics']) =>
  Object.fromEntries(Object.entries(metrics).map(([name, x]) => [name, Number.isFinite(x) ? x : String(x)]))

/** The bytes of a manifest. */
export const encodeManifest = async (manifest: Manifest): Promise<Uint8Array> => {
  const body = {
    format: 'pullback-checkpoint',
    version: VERSION,
    ...manifest,
    metrics: written(manifest.metrics),
  }
  // Parsed and written once, because that changes the order of integer-like keys and the form of numbers; afterwards it is
  // stable.
  const canonical = JSON.parse(text(body)) as JsonRecord
  return encodeUtf8(text({ ...canonical, checksum: await sha256(encodeUtf8(text(canonical)), MANIFEST) }))
}

const parsed = (path: string, bytes: Uint8Array): { readonly [key: string]: unknown } => {
  try {
    const value: unknown = JSON.parse(decodeUtf8(bytes) ?? '')
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonRecord
  } catch {
    // Said below.
  }
  return fail(damaged(path, `${MANIFEST} is not JSON, or was cut off`))
}

/** The manifest in the bytes. Its checksum shows that it is complete. */
export const decodeManifest = async (path: string, bytes: Uint8Array): Promise<Manifest> => {
  const { checksum, ...body } = parsed(path, bytes)
  const sum = await sha256(encodeUtf8(text(body)), path)
  const isAsWritten = decodeUtf8(bytes) === text({ ...body, checksum })
  if (sum !== checksum || !isAsWritten) fail(damaged(path, `the checksum of ${MANIFEST} is not that of its text`))
  const { format, version } = body
  if (format !== 'pullback-checkpoint') fail(damaged(path, `${MANIFEST} is of the format ${String(format)}`))
  if (version !== VERSION) {
    fail({
      _tag: 'CheckpointError',
      reason: 'version',
      path,
      message: `${path}: format version ${String(version)}; this version of Pullback reads ${VERSION}.`,
    })
  }
  const manifest = body as unknown as Omit<Manifest, 'metrics'> & { readonly metrics: JsonRecord }
  const metrics = Object.fromEntries(Object.entries(manifest.metrics).map(([name, x]) => [name, Number(x)]))
  return { ...manifest, metrics }
}
