/** Names of repositories on Hugging Face's hub, and the parts of `@huggingface/hub` that find and fetch their files. */
import { fail } from '../errors.ts'
import type { BlobLike, Fetch } from '../platform.ts'
import { environment, nodeModule } from '../platform.ts'
import type { Progress } from '../tensors.ts'

/** Options of reading from the hub. */
export interface HubOptions {
  /** An access token; by default the environment variable `HF_TOKEN`. */
  readonly token?: string
  /**
   * The cache directory, with the layout of Python's `huggingface_hub`; by default `HF_HUB_CACHE`, or `hub` in `HF_HOME`. Node
   * only.
   */
  readonly cacheDir?: string
  /** The URL of another hub. */
  readonly hubUrl?: string
  /** The platform's `fetch` by default. */
  readonly fetch?: Fetch
  /** Called while a file is downloaded. */
  readonly onProgress?: (progress: Progress) => void
}

/** `owner/name` at a branch, a tag or a commit. */
export interface Repository {
  readonly name: string
  readonly revision: string
}

/** `owner/name@revision`, or a fault. The revision is `main` if it is left out. */
export const parseRepository = (text: string): Repository => {
  const match = /^([\w.-]+(?:\/[\w.-]+)?)(?:@([\w./-]+))?$/.exec(text)
  if (match === null || /(^|[/@])\.\.?([/@]|$)/.test(text)) {
    return fail({
      _tag: 'Access',
      source: `hf:${text}`,
      code: 'EINVAL',
      message: `hf:${text}: a repository is written hf:owner/name or hf:owner/name@revision.`,
    })
  }
  return { name: match[1]!, revision: match[2] ?? 'main' }
}

/** A file of a repository, as the hub lists it. */
export interface HubFile {
  readonly type: string
  readonly path: string
  readonly size: number
  /** Git's name of the blob: SHA-1 of its header and content. */
  readonly oid?: string
  /** Of large files: SHA-256 of the content. */
  readonly lfs?: { readonly oid: string; readonly size: number }
}

/** The options of each call. */
interface Call {
  readonly hubUrl?: string
  readonly accessToken?: string
  readonly fetch?: Fetch
}

/** A blob that fetches only the parts that are read. */
export interface HubBlob extends BlobLike {
  slice(start: number, end?: number): HubBlob
  stream(): { getReader(): { read(): Promise<{ readonly done: boolean; readonly value?: Uint8Array }> } }
}

/** The parts of `@huggingface/hub` that are used. */
export interface HubLibrary {
  modelInfo(
    call: Call & { readonly name: string; readonly revision: string; readonly additionalFields: readonly ['sha'] },
  ): Promise<{ readonly sha?: string }>
  listFiles(
    call: Call & { readonly repo: string; readonly revision: string; readonly recursive: boolean },
  ): AsyncIterable<HubFile>
  downloadFile(
    call: Call & { readonly repo: string; readonly revision: string; readonly path: string },
  ): Promise<HubBlob | null>
}

/** The library, loaded when it is first needed, or the fault that it is not installed. */
export const hubLibrary = async (source: string): Promise<HubLibrary> => {
  const name = '@huggingface/hub'
  try {
    return (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as HubLibrary
  } catch {
    return fail({
      _tag: 'Access',
      source,
      code: 'ERR_MODULE_NOT_FOUND',
      message: `${source}: the package ${name} is needed to read from the hub. Install it: npm install ${name}`,
    })
  }
}

/** The options that every call of the library takes. */
export const callOptions = ({ token = environment('HF_TOKEN'), hubUrl, fetch }: HubOptions): Call => ({
  ...(token === undefined || token === '' ? {} : { accessToken: token }),
  ...(hubUrl === undefined ? {} : { hubUrl }),
  ...(fetch === undefined ? {} : { fetch }),
})

/** The folder of the cache, or null where there are no files. */
export const cacheDirectory = ({ cacheDir }: HubOptions): string | null => {
  const path = nodeModule('node:path')
  if (path === undefined) return null
  const home = (): string =>
    environment('HF_HOME') ??
    path.join(environment('XDG_CACHE_HOME') ?? path.join(nodeModule('node:os')!.homedir(), '.cache'), 'huggingface')
  return cacheDir ?? environment('HF_HUB_CACHE') ?? path.join(home(), 'hub')
}
