/** Makes missing directories. */
import type { NodeFiles } from '../backends/wasm/platform.ts'

interface Tools {
  readonly fs: Pick<NodeFiles, 'mkdirSync' | 'statSync'>
  readonly path: { dirname(path: string): string }
}

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

export const isMissing = (error: unknown): boolean => codeOf(error) === 'ENOENT'

/** Whether there is a directory; throws if there is something else, or if it cannot be reached. */
const isThere = (path: string, { fs }: Tools): boolean => {
  try {
    if (fs.statSync(path).isDirectory()) return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
  throw new Error(`${path} is not a directory`)
}

const make = (path: string, tools: Tools): void => {
  try {
    tools.fs.mkdirSync(path)
  } catch (error) {
    // Another process was faster, or it is a dangling link.
    if (codeOf(error) !== 'EEXIST' || !isThere(path, tools)) throw error
  }
}

/**
 * Makes a directory, given by its absolute path, and its missing parents; returns null, or why that is not possible. It makes
 * them one by one: the platform's recursive call retries forever where a directory cannot be made although its parent exists,
 * as in /proc.
 */
export const makeDirectory = (path: string, tools: Tools): string | null => {
  const missing: string[] = []
  try {
    for (let at = path; !isThere(at, tools); at = tools.path.dirname(at)) {
      // Only the root has no parent, and it always exists.
      if (missing.at(-1) === at) return `${at} is not there`
      missing.push(at)
    }
    for (const at of missing.reverse()) make(at, tools)
    return null
  } catch (error) {
    return messageOf(error)
  }
}
