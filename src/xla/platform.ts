/** What is asked of Node, and nothing else of it. Types are our own, as the library is compiled without those of Node. */

/** What is used of Node's file system. */
interface Files {
  readdir(path: string): Promise<readonly string[]>
  stat(path: string): Promise<{ isFile(): boolean; readonly size: number; readonly mtimeMs: number }>
}

interface NodeModules {
  'node:fs': { readonly promises: Files }
  'node:path': {
    join(...parts: readonly string[]): string
    resolve(path: string): string
    basename(path: string): string
  }
  'node:os': { cpus(): readonly { readonly model: string }[]; arch(): string }
  'node:child_process': {
    execFile(
      file: string,
      args: readonly string[],
      options: { readonly timeout: number },
      done: (error: unknown, stdout: string) => void,
    ): void
  }
}

interface Host {
  readonly process?: {
    readonly env?: { readonly [name: string]: string | undefined }
    readonly getBuiltinModule?: <N extends keyof NodeModules>(name: N) => NodeModules[N] | undefined
  }
}

const host = globalThis as unknown as Host

/** Node's own modules, without an import that a bundler for browsers would stumble on (Node 20.16 or later). */
export const nodeModule = <N extends keyof NodeModules>(name: N): NodeModules[N] | undefined =>
  host.process?.getBuiltinModule?.(name)

/** A variable of the environment, where there is one. */
export const environment = (name: string): string | undefined => host.process?.env?.[name]

/** What a program prints; null if it cannot be run, or fails. */
export const outputOf = (file: string, args: readonly string[]): Promise<string | null> =>
  new Promise((resolve) => {
    const processes = nodeModule('node:child_process')
    if (processes === undefined) {
      resolve(null)
      return
    }
    processes.execFile(file, args, { timeout: 10_000 }, (error, stdout) => {
      resolve(error === null ? stdout : null)
    })
  })

/** Names in a directory, in order; none if there is no such directory. */
export const namesIn = async (directory: string): Promise<readonly string[]> => {
  try {
    return [...((await nodeModule('node:fs')?.promises.readdir(directory)) ?? [])].sort()
  } catch {
    return []
  }
}

/** Whether there is a file at a path. */
export const isFile = async (path: string): Promise<boolean> => {
  try {
    return (await nodeModule('node:fs')?.promises.stat(path))?.isFile() === true
  } catch {
    return false
  }
}

/** Size and time of a file: another one has others. */
export const stampOf = async (path: string): Promise<string> => {
  const stat = await nodeModule('node:fs')?.promises.stat(path)
  return `${stat?.size} bytes of ${stat?.mtimeMs}`
}

/** What compiled code depends on, beside the plugin: another processor may not have its instructions. */
export const processor = (): string => {
  const os = nodeModule('node:os')
  return os === undefined ? '' : `${os.arch()}, ${os.cpus()[0]?.model ?? ''}`
}
