/**
 * A repository of Hugging Face's hub as a folder. In Node its files are kept in the cache of Python's `huggingface_hub`, in the
 * same layout, so that either finds what the other fetched; in a browser they are read by range requests.
 */
import { accessError, attempt, fail, failPlatform, run } from '../errors.ts'
import type { Folder } from '../folder.ts'
import { nodeFiles, pathSource, withPlatform, writeFile } from '../node.ts'
import { encodeUtf8, environment, nodeModule } from '../platform.ts'
import type { ByteSource } from '../source.ts'
import { blobSource } from '../source.ts'
import { downloadTo } from './download.ts'
import type { HubFile, HubLibrary, HubOptions, Repository } from './repository.ts'
import { cacheDirectory, callOptions, hubLibrary, parseRepository } from './repository.ts'

export type { HubOptions } from './repository.ts'

/** A repository at one commit. */
interface Snapshot {
  readonly commit: string
  readonly files: ReadonlyMap<string, HubFile>
}

/** Turns what the library threw into a fault, with the status of the response if there was one. */
const hubFault = (source: string, error: unknown): never => {
  if (!(error instanceof Error) || !('statusCode' in error)) return failPlatform(source, error)
  const { message, ...rest } = accessError(source, error)
  const status = Number(error.statusCode)
  const hint =
    status === 401 || status === 403
      ? ' The repository is private or gated, or its name is wrong: give a token, or set HF_TOKEN.'
      : ''
  return fail({ ...rest, code: `HTTP ${status}`, message: message + hint })
}

const withHub = async <A>(source: string, f: () => Promise<A>): Promise<A> => {
  try {
    return await f()
  } catch (error) {
    return hubFault(source, error)
  }
}

/** Names in the cache come from the hub: only hexadecimal digits are accepted. */
const checkName = (source: string, name: unknown): string =>
  typeof name === 'string' && /^[0-9a-f]{40,64}$/.test(name)
    ? name
    : failPlatform(
        source,
        new Error(`the hub answered with ${JSON.stringify(name) ?? 'nothing'} in the place of a hash.`),
      )

const snapshotOf = async (
  library: HubLibrary,
  { name, revision }: Repository,
  source: string,
  options: HubOptions,
): Promise<Snapshot> =>
  withHub(source, async () => {
    const call = callOptions(options)
    const isCommit = /^[0-9a-f]{40}$/.test(revision)
    const { sha } = isCommit
      ? { sha: revision }
      : await library.modelInfo({ ...call, name, revision, additionalFields: ['sha'] })
    const commit = checkName(source, sha)
    const files = new Map<string, HubFile>()
    for await (const file of library.listFiles({ ...call, repo: name, revision: commit, recursive: true })) {
      if (file.type === 'file') files.set(file.path, file)
    }
    return { commit, files }
  })

/** The paths of one repository in the cache. */
const placesOf = (cache: string, { name, revision }: Repository) => {
  const { join } = nodeModule('node:path')!
  const root = join(cache, `models--${name.replaceAll('/', '--')}`)
  return {
    ref: join(root, 'refs', revision),
    blob: (etag: string): string => join(root, 'blobs', etag),
    file: (commit: string, path: string): string => join(root, 'snapshots', commit, path),
  }
}

const exists = (path: string): Promise<boolean> =>
  nodeFiles(path)
    .stat(path)
    .then(
      () => true,
      () => false,
    )

/** Points from the snapshot to the blob; copies where links are not allowed. */
const link = async (blob: string, pointer: string): Promise<void> => {
  const files = nodeFiles(pointer)
  const { dirname, relative } = nodeModule('node:path')!
  try {
    await files.symlink(relative(dirname(pointer), blob), pointer)
  } catch {
    if (!(await exists(pointer))) await files.copyFile(blob, pointer)
  }
}

/** The path of a file in the cache; it is downloaded if it is missing. */
const cachedFile = async (
  library: HubLibrary,
  repository: Repository,
  { commit, files }: Snapshot,
  path: string,
  cache: string,
  options: HubOptions,
): Promise<string> => {
  const file = files.get(path)!
  const source = `hf:${repository.name}/${path}`
  const places = placesOf(cache, repository)
  const pointer = places.file(commit, path)
  if (await exists(pointer)) return pointer
  const blob = places.blob(checkName(source, file.lfs?.oid ?? file.oid))
  const { dirname } = nodeModule('node:path')!
  const disk = nodeFiles(source)
  await withPlatform(source, async () => {
    await disk.mkdir(dirname(blob), { recursive: true })
    await disk.mkdir(dirname(pointer), { recursive: true })
  })
  if (!(await exists(blob))) {
    const content = await withHub(source, () =>
      library.downloadFile({ ...callOptions(options), repo: repository.name, revision: commit, path }),
    )
    if (content === null) return hubFault(source, new Error('the hub has it in its list, but does not give it.'))
    await downloadTo(blob, source, file, content, options)
  }
  await withPlatform(source, () => link(blob, pointer))
  return pointer
}

/** Records the commit of a branch or tag, for use without a network. */
const rememberRef = async (ref: string, commit: string): Promise<void> => {
  await nodeFiles(ref).mkdir(nodeModule('node:path')!.dirname(ref), { recursive: true })
  await writeFile(ref, [encodeUtf8(commit)])()
}

/** The cached snapshot of a repository, for use without a network. */
const offlineFolder = (text: string, cache: string, source: string): Folder => {
  const root = async (): Promise<string> => {
    const repository = parseRepository(text)
    const places = placesOf(cache, repository)
    if (/^[0-9a-f]{40}$/.test(repository.revision)) return places.file(repository.revision, '')
    const ref = pathSource(places.ref)
    const size = await ref.size()
    if (size._tag === 'Left') {
      return fail({
        _tag: 'Access',
        source,
        code: 'ENOENT',
        message: `${source}: HF_HUB_OFFLINE is set, and the cache ${cache} does not have it.`,
      })
    }
    const commit = String.fromCharCode(...(await run(ref.read(0, size.right)))).trim()
    return places.file(commit, '')
  }
  return {
    name: source,
    open: (name) =>
      attempt(async () => {
        const path = nodeModule('node:path')!.join(await root(), name)
        return (await exists(path)) ? pathSource(path) : null
      }),
    list: attempt(async () => {
      const path = await root()
      return withPlatform(source, () => nodeFiles(source).readdir(path))
    }),
  }
}

/** A repository as a folder: `owner/name@revision`. Its commit is looked up once. */
export const hubFolder = (text: string, options: HubOptions): Folder => {
  const source = `hf:${text}`
  const cache = cacheDirectory(options)
  const offline = ['1', 'ON', 'YES', 'TRUE'].includes(environment('HF_HUB_OFFLINE')?.toUpperCase() ?? '')
  if (offline && cache !== null) return offlineFolder(text, cache, source)
  let known: Promise<{ readonly library: HubLibrary; readonly snapshot: Snapshot }> | null = null
  const look = async () => {
    const repository = parseRepository(text)
    const library = await hubLibrary(source)
    const snapshot = await snapshotOf(library, repository, source, options)
    if (cache !== null) await withPlatform(source, () => rememberRef(placesOf(cache, repository).ref, snapshot.commit))
    return { library, snapshot }
  }
  const facts = () =>
    (known ??= look().catch((error: unknown) => {
      // A failure is not cached: the next file tries again.
      known = null
      throw error
    }))
  return {
    name: source,
    open: (name) =>
      attempt(async (): Promise<ByteSource | null> => {
        const { library, snapshot } = await facts()
        if (!snapshot.files.has(name)) return null
        const repository = parseRepository(text)
        if (cache !== null) return pathSource(await cachedFile(library, repository, snapshot, name, cache, options))
        const blob = await withHub(source, () =>
          library.downloadFile({
            ...callOptions(options),
            repo: repository.name,
            revision: snapshot.commit,
            path: name,
          }),
        )
        return blob === null ? null : blobSource(blob, `${source}/${name}`)
      }),
    list: attempt(async () => [...(await facts()).snapshot.files.keys()]),
  }
}
