/**
 * Checkpoints that survive crashes: a directory for each step, `step-000120`, which is written under a temporary name, flushed
 * and renamed. Whenever the process stops, a directory of that name is complete, or its checksums show that it is not.
 */
import { joinBytes } from '../../core/bytes.ts'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { ByteSource, IoError, JsonRecord } from '../../io/index.ts'
import * as must from '../../conversions/arguments.ts'
import { attempt, fail, run } from '../attempt.ts'
import type { CheckpointError, TrainError } from '../errors.ts'
import type { Position } from '../stream.ts'
import { decodeLeaves, encodeState, stateLike } from './leaves.ts'
import type { Manifest } from './manifest.ts'
import { damaged, decodeManifest, encodeManifest, MANIFEST } from './manifest.ts'
import { digestOf } from './sha256.ts'
import type { FileStore } from './store.ts'
import { aStore, nodeStore } from './store.ts'

/** Everything that a run needs to resume. */
export interface Checkpoint<S> {
  /** The number of completed steps. */
  readonly step: number
  /** The state of the step: trained parameters, optimizer state, keys, counters. Not the frozen base. */
  readonly state: S
  /** The place of the next batch in the data. */
  readonly position: Position
  /** Scalars of that step, which determine the best checkpoint. */
  readonly metrics?: { readonly [name: string]: number }
  /** The configuration of the run. */
  readonly config?: JsonRecord | null
  /** The fingerprint of the frozen base: see `fingerprint`. */
  readonly base?: string | null
  /** The memory of hooks, by name. */
  readonly hooks?: { readonly [name: string]: Position }
}

/** Which checkpoints to keep: those selected by either option; all, if neither is given. */
export interface KeepOptions {
  /** The number of newest ones to keep. */
  readonly keepLast?: number
  /** The best ones to keep, by a metric. */
  readonly keepBest?: {
    readonly metric: string
    /** Whether the smallest or the largest value is best; `'min'` by default. */
    readonly mode?: 'min' | 'max'
    /** 1 by default. */
    readonly count?: number
  }
}

/** Where files are stored. */
export interface StoreOptions {
  /** Node's files by default. */
  readonly store?: FileStore
}

/** Options of `saveCheckpoint`. */
export interface SaveOptions extends KeepOptions, StoreOptions {}

/** Options of `loadCheckpoint` and `latestCheckpoint`. */
export interface LoadOptions extends StoreOptions {
  /** The fingerprint of the base that will be used: a checkpoint of another base is an error. */
  readonly base?: string
}

/** The result of `latestCheckpoint`. */
export interface Found<S> {
  /** The newest intact checkpoint; null if there are no checkpoints. */
  readonly checkpoint: Checkpoint<S> | null
  /** Its directory. */
  readonly path: string | null
  /** Newer ones that are damaged, and why. */
  readonly passedOver: readonly CheckpointError[]
}

const stepName = /^step-(\d{1,15})$/
/** The prefix of directories that are being written or removed; a killed process leaves them behind. */
const DRAFT = '.draft-'

/** The name of a step's directory. */
const nameOfStep = (step: number): string => `step-${String(step).padStart(6, '0')}`

const isRecord = must.kind('an object', (x) => typeof x === 'object' && x !== null && !Array.isArray(x))
const numbersByName = must.recordOf(must.number, 'an object of numbers')
const checkpointTable: must.OptionTable<Checkpoint<unknown>> = {
  step: must.required(must.natural),
  state: must.required(must.anything),
  position: must.anything,
  metrics: numbersByName,
  config: must.nullable(isRecord),
  base: must.nullable(must.string),
  hooks: isRecord,
}
/** A check for each option of what to keep. */
export const keepTable: must.OptionTable<KeepOptions> = {
  keepLast: must.count,
  keepBest: must.optionsOf<NonNullable<KeepOptions['keepBest']>>({
    metric: must.required(must.string),
    mode: must.oneOf(['min', 'max']),
    count: must.count,
  }),
}
const saveDoor = must.door('saveCheckpoint', {
  directory: must.string,
  checkpoint: must.required(must.optionsOf(checkpointTable, 'part')),
  options: must.optionsOf<SaveOptions>({ ...keepTable, store: aStore }),
})
const loadOptions = must.optionsOf<LoadOptions>({ store: aStore, base: must.string })
const loadDoor = must.door('loadCheckpoint', { path: must.string, like: must.anything, options: loadOptions })
const latestDoor = must.door('latestCheckpoint', { directory: must.string, like: must.anything, options: loadOptions })
const pruneDoor = must.door('pruneCheckpoints', {
  directory: must.string,
  options: must.optionsOf<SaveOptions>({ ...keepTable, store: aStore }),
})

let drafts = 0
const freshDraft = (directory: string, name: string): string =>
  `${directory}/${DRAFT}${name}-${Date.now().toString(36)}-${drafts++}`

/** The steps that have a directory, newest first. */
const stepsIn = (names: readonly string[]): readonly { readonly step: number; readonly name: string }[] =>
  names
    .flatMap((name) => {
      const match = stepName.exec(name)
      return match === null ? [] : [{ step: Number(match[1]), name }]
    })
    .sort((a, b) => b.step - a.step)

/** The number of bytes read or written at once, unless a tensor has more. */
const PIECE = 2 ** 24

/** Joins small chunks, to make few calls. */
function* pieces(chunks: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = []
  let size = 0
  for (const chunk of chunks) {
    if (size > 0 && size + chunk.length > PIECE) {
      yield joinBytes(small)
      small = []
      size = 0
    }
    small.push(chunk)
    size += chunk.length
  }
  yield joinBytes(small)
}

/** Writes a file piece by piece, and flushes it; returns its size and checksum. */
const writeFile = async (store: FileStore, path: string, chunks: readonly Uint8Array[]) => {
  const digest = digestOf(path)
  let bytes = 0
  for (const piece of pieces(chunks)) {
    await run(bytes === 0 ? store.write(path, piece) : store.append(path, piece))
    digest.add(piece)
    bytes += piece.length
  }
  // Appending does not flush.
  if (bytes > PIECE) await run(store.flush(path))
  return { bytes, sha256: await digest.sum() }
}

const writeFiles = async (store: FileStore, path: string, checkpoint: Checkpoint<unknown>): Promise<void> => {
  const { step, state, position, metrics = {}, config = null, base = null, hooks = {} } = checkpoint
  const { structure, leaves, files } = encodeState('saveCheckpoint', state)
  await run(store.makeDirectory(path))
  const records = []
  for (const [name, chunks] of files) records.push({ name, ...(await writeFile(store, `${path}/${name}`, chunks)) })
  const manifest = { step, position, metrics, config, base, hooks, structure, leaves, files: records }
  await run(store.write(`${path}/${MANIFEST}`, await encodeManifest(manifest)))
  await run(store.flushDirectory(path))
}

/** Renames a directory out of the way atomically, then removes it. */
const discard = async (store: FileStore, directory: string, name: string): Promise<void> => {
  const draft = freshDraft(directory, name)
  await run(store.rename(`${directory}/${name}`, draft))
  await run(store.remove(draft))
}

/**
 * Writes a checkpoint as `directory/step-000120`, for step 120. Arrays go into safetensors files, one for each key of the
 * state, named by their paths; everything else goes into `checkpoint.json`, which is written last, with the checksums of the
 * files. If something fails, older checkpoints are unchanged. A directory is for one run: leftovers of killed writers are
 * removed.
 *
 * @param directory - is made if it does not exist.
 * @returns the path of the checkpoint; an error such as `ENOSPC`, `EROFS` or `EACCES` if it could not be written.
 * @throws ArgumentError for a state with leaves that are not arrays, numbers, booleans or strings.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { latestCheckpoint, memoryStore, saveCheckpoint } from 'pullback/train'
 * const store = memoryStore()
 * const state = { params: { w: np.array([1, 2]) }, count: np.array(3) }
 * await saveCheckpoint('run', { step: 3, state, position: null }, { store, keepLast: 2 })()
 * const found = await latestCheckpoint('run', state, { store })()
 * found._tag === 'Right' && found.right.path // => run/step-000003
 * found._tag === 'Right' && found.right.checkpoint?.state.params.w // => [1. 2.]
 * ```
 */
export const saveCheckpoint = <S>(
  directory: string,
  checkpoint: Checkpoint<S>,
  options: SaveOptions = {},
): TaskEither<TrainError, string> => {
  saveDoor(directory, checkpoint, options)
  const { store = nodeStore, ...keep } = options
  return attempt(async () => {
    const name = nameOfStep(checkpoint.step)
    const path = `${directory}/${name}`
    await run(store.makeDirectory(directory))
    const draft = freshDraft(directory, name)
    try {
      await writeFiles(store, draft, checkpoint)
      const names = (await run(store.list(directory))) ?? []
      // A checkpoint of this step already exists if a run resumed from an earlier one.
      if (names.includes(name)) await discard(store, directory, name)
      await run(store.rename(draft, path))
    } catch (error) {
      await store.remove(draft)()
      throw error
    }
    await run(store.flushDirectory(directory))
    await prune(directory, store, keep, checkpoint.step)
    return path
  })
}

const readManifest = async (store: FileStore, path: string): Promise<Manifest> => {
  const bytes = await store.read(`${path}/${MANIFEST}`)()
  return decodeManifest(path, bytes._tag === 'Right' ? bytes.right : fail(unreadable(path, MANIFEST, bytes.left)))
}

/** The error of a file that should exist. */
const unreadable = (path: string, name: string, { message }: IoError): CheckpointError =>
  damaged(path, `${name} cannot be read: ${message}`)

/** Checks all checksums of a checkpoint's files, reading a piece at a time. */
const checkedFiles = async (
  store: FileStore,
  path: string,
  { files }: Manifest,
): Promise<ReadonlyMap<string, ByteSource>> => {
  const sources = new Map<string, ByteSource>()
  for (const { name, bytes: size, sha256: sum } of files) {
    const source = store.source(`${path}/${name}`)
    const read = async <A>(task: TaskEither<IoError, A>): Promise<A> => {
      const result = await task()
      return result._tag === 'Right' ? result.right : fail(unreadable(path, name, result.left))
    }
    const found = await read(source.size)
    if (found !== size) fail(damaged(path, `${name} has ${found} bytes, and had ${size} when it was written`))
    const digest = digestOf(path)
    for (let at = 0; at < size; at += PIECE) digest.add(await read(source.read(at, Math.min(PIECE, size - at))))
    if ((await digest.sum()) !== sum) fail(damaged(path, `the checksum of ${name} is not that of its bytes`))
    sources.set(name, source)
  }
  return sources
}

const checkBase = (path: string, wanted: string | undefined, base: string | null): void => {
  if (wanted === undefined || base === null || base === wanted) return
  fail({
    _tag: 'CheckpointError',
    reason: 'mismatch',
    path,
    message: `${path}: what is trained here belongs to a base of fingerprint ${base}, and the base at hand has ${wanted}.`,
  })
}

const load = async <S>(path: string, like: S, { store = nodeStore, base }: LoadOptions): Promise<Checkpoint<S>> => {
  const manifest = await readManifest(store, path)
  const files = await checkedFiles(store, path, manifest)
  checkBase(path, base, manifest.base)
  const state = stateLike(path, await decodeLeaves(manifest.leaves, files), like)
  const { step, position, metrics, config, hooks } = manifest
  return { step, state, position, metrics, config, base: manifest.base, hooks }
}

/**
 * Reads one checkpoint. Nothing of it is used before all checksums are right.
 *
 * @param path - of its directory, `.../step-000120`.
 * @param like - a state of the same structure, shapes and dtypes, such as the initial state of the run.
 * @returns a `CheckpointError` for files that are missing, truncated or altered (`damaged`), for another state or base
 *   (`mismatch`), or for a later format (`version`).
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { loadCheckpoint, memoryStore, saveCheckpoint } from 'pullback/train'
 * const store = memoryStore()
 * const state = { w: np.array([1, 2]) }
 * const path = await saveCheckpoint('run', { step: 7, state, position: null }, { store })()
 * if (path._tag === 'Left') throw new Error(path.left.message)
 * const loaded = await loadCheckpoint(path.right, { w: np.zeros([2]) }, { store })()
 * loaded._tag === 'Right' && loaded.right.state.w // => [1. 2.]
 * // Of another shape.
 * const other = await loadCheckpoint(path.right, { w: np.zeros([3]) }, { store })()
 * other._tag === 'Left' && other.left._tag // => CheckpointError
 * ```
 */
export const loadCheckpoint = <S>(
  path: string,
  like: S,
  options: LoadOptions = {},
): TaskEither<TrainError, Checkpoint<S>> => {
  loadDoor(path, like, options)
  return attempt(() => load(path, like, options))
}

/**
 * Reads the newest intact checkpoint, and lists damaged newer ones. If there are no checkpoints yet, the result is null. If
 * there are some but none is intact, that is an error; so is an intact one of another state.
 *
 * @param directory - the run's directory of checkpoints.
 * @param like - a state of the same structure, shapes and dtypes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { latestCheckpoint, memoryStore, saveCheckpoint } from 'pullback/train'
 * const store = memoryStore()
 * const fresh = np.array(0)
 * const none = await latestCheckpoint('run', fresh, { store })()
 * none._tag === 'Right' && none.right.checkpoint // => null
 * for (const step of [1, 2]) await saveCheckpoint('run', { step, state: np.array(step), position: null }, { store })()
 * const found = await latestCheckpoint('run', fresh, { store })()
 * found._tag === 'Right' && found.right.checkpoint?.step // => 2
 * ```
 */
export const latestCheckpoint = <S>(
  directory: string,
  like: S,
  options: LoadOptions = {},
): TaskEither<TrainError, Found<S>> => {
  latestDoor(directory, like, options)
  const { store = nodeStore } = options
  return attempt(async () => {
    const passedOver: CheckpointError[] = []
    for (const { name } of stepsIn((await run(store.list(directory))) ?? [])) {
      const path = `${directory}/${name}`
      const result = await loadCheckpoint(path, like, options)()
      if (result._tag === 'Right') return { checkpoint: result.right, path, passedOver }
      if (result.left._tag !== 'CheckpointError' || result.left.reason !== 'damaged') fail(result.left)
      else passedOver.push(result.left)
    }
    if (passedOver.length === 0) return { checkpoint: null, path: null, passedOver }
    return fail({
      _tag: 'CheckpointError',
      reason: 'missing',
      path: directory,
      message:
        `${directory}: none of ${passedOver.length} checkpoints is whole: ` +
        `${passedOver.map((error) => error.message).join(' ')} Remove them to begin anew.`,
    })
  })
}

/** The checkpoints selected by `keepBest` and `keepLast`, newest first; the newest is always kept. */
const kept = (known: readonly Manifest[], { keepLast = 0, keepBest }: KeepOptions): ReadonlySet<number> => {
  const best = (): readonly Manifest[] => {
    if (keepBest === undefined) return []
    const { metric, mode = 'min', count = 1 } = keepBest
    const sign = mode === 'min' ? 1 : -1
    return known
      .filter(({ metrics }) => Number.isFinite(metrics[metric]))
      .sort((a, b) => sign * (a.metrics[metric]! - b.metrics[metric]!) || b.step - a.step)
      .slice(0, count)
  }
  return new Set([...known.slice(0, Math.max(keepLast, 1)), ...best()].map(({ step }) => step))
}

/** The manifest of a step, or null if it is damaged: such a checkpoint is kept, as evidence, but not counted. */
const manifestOf = async (store: FileStore, path: string): Promise<Manifest | null> => {
  const result = await attempt(() => readManifest(store, path))()
  return result._tag === 'Right' ? result.right : null
}

/** The readable checkpoints of a directory, newest first. */
const manifestsIn = async (
  store: FileStore,
  directory: string,
  names: readonly string[],
): Promise<readonly Manifest[]> => {
  const known: Manifest[] = []
  for (const { name } of stepsIn(names)) {
    const manifest = await manifestOf(store, `${directory}/${name}`)
    if (manifest !== null) known.push(manifest)
  }
  return known
}

/** `newest` is the current step of the run: later checkpoints are from another run, and do not count. */
const prune = async (
  directory: string,
  store: FileStore,
  keep: KeepOptions,
  newest = Infinity,
): Promise<readonly string[]> => {
  const names = (await run(store.list(directory))) ?? []
  for (const name of names) if (name.startsWith(DRAFT)) await run(store.remove(`${directory}/${name}`))
  if (keep.keepLast === undefined && keep.keepBest === undefined) return []
  const known = (await manifestsIn(store, directory, names)).filter(({ step }) => step <= newest)
  const stays = kept(known, keep)
  const goes = known.map(({ step }) => step).filter((step) => !stays.has(step))
  for (const step of goes) await discard(store, directory, nameOfStep(step))
  return goes.map((step) => `${directory}/${nameOfStep(step)}`)
}

/**
 * Prepares a directory for a run that resumes from a step: it removes later checkpoints, since those steps are repeated, and
 * the old ones would be taken for the newest. For a run that starts at 0 they are an error, as another run would be lost.
 *
 * @internal
 */
export const takeBack = (directory: string, begun: number, store: FileStore): TaskEither<TrainError, void> =>
  attempt(async () => {
    await run(store.makeDirectory(directory))
    const names = (await run(store.list(directory))) ?? []
    const later = (await manifestsIn(store, directory, names)).filter(({ step }) => step > begun)
    if (begun === 0 && later.length > 0) {
      fail({
        _tag: 'CheckpointError',
        reason: 'mismatch',
        path: directory,
        message:
          `${directory}: has checkpoints of a run already, the last of step ${later[0]!.step}, and this one begins anew. ` +
          'Go on from them, { from: (await latestCheckpoint(...)).checkpoint }, remove them, or choose another directory.',
      })
    }
    for (const { step } of later) await discard(store, directory, nameOfStep(step))
  })

/**
 * Removes checkpoints that neither `keepLast` nor `keepBest` selects, but never the newest, nor damaged ones. * * @returns the
 * paths of the removed ones.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { memoryStore, pruneCheckpoints, saveCheckpoint } from 'pullback/train'
 * const store = memoryStore()
 * for (const [step, loss] of [[1, 0.2], [2, 0.9], [3, 0.5]] as const) {
 *   await saveCheckpoint('run', { step, state: np.array(step), position: null, metrics: { loss } }, { store })()
 * }
 * // Step 1 is the best and 3 the newest.
 * const removed = await pruneCheckpoints('run', { store, keepLast: 1, keepBest: { metric: 'loss' } })()
 * removed._tag === 'Right' && removed.right // => run/step-000002
 * ```
 */
export const pruneCheckpoints = (
  directory: string,
  options: SaveOptions,
): TaskEither<TrainError, readonly string[]> => {
  pruneDoor(directory, options)
  const { store = nodeStore, ...keep } = options
  return attempt(() => prune(directory, store, keep))
}
