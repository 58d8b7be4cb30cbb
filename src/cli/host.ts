/** The parts of Node that the command line uses. It is compiled without Node's types, like the library. */

interface Stream {
  readonly isTTY?: boolean
  write(text: string): boolean
}

interface Process {
  readonly argv: readonly string[]
  readonly platform: string
  readonly stdout: Stream & { on(event: 'error', listener: (error: { readonly code?: string }) => void): void }
  readonly stderr: Stream
  exitCode: number
  exit(code: number): never
  getBuiltinModule<N extends keyof Modules>(name: N): Modules[N]
}

/** One option, as `parseArgs` takes it. */
interface ParseOption {
  readonly type: 'string' | 'boolean'
}

interface Modules {
  'node:util': {
    parseArgs(config: {
      readonly args: readonly string[]
      readonly options: { readonly [name: string]: ParseOption }
      readonly allowPositionals: true
      readonly strict: true
    }): {
      readonly values: { readonly [name: string]: string | boolean | undefined }
      readonly positionals: readonly string[]
    }
  }
  'node:fs': {
    readonly promises: {
      stat(path: string): Promise<{ isDirectory(): boolean }>
      realpath(path: string): Promise<string>
      rm(path: string, options: { readonly force: boolean; readonly recursive?: boolean }): Promise<void>
    }
  }
  'node:crypto': {
    createHash(algorithm: 'sha256'): { update(text: string): { digest(encoding: 'hex'): string } }
  }
  'node:net': {
    createServer(): Server
    connect(address: string): Socket
  }
}

/** A server that listens at an address. */
export interface Server {
  on(event: 'error', listener: (error: { readonly code?: string }) => void): void
  listen(address: string, listener: () => void): void
  unref(): void
  close(): void
}

interface Socket {
  on(event: 'connect' | 'error', listener: () => void): void
  destroy(): void
}

const host = globalThis as unknown as { readonly process: Process }

/** Node's process. */
export const node = host.process

export const parseArgs: Modules['node:util']['parseArgs'] = (config) =>
  node.getBuiltinModule('node:util').parseArgs(config)

export const isDirectory = (path: string): Promise<boolean> =>
  node
    .getBuiltinModule('node:fs')
    .promises.stat(path)
    .then(
      (stat) => stat.isDirectory(),
      () => false,
    )

/** A short name for an existing directory, independent of the path. */
export const directoryId = async (path: string): Promise<string> => {
  const real = await node.getBuiltinModule('node:fs').promises.realpath(path)
  return node.getBuiltinModule('node:crypto').createHash('sha256').update(real).digest('hex').slice(0, 32)
}

/** Removes a file, or a directory with all that is in it. */
export const removeAll = (path: string): Promise<void> =>
  node.getBuiltinModule('node:fs').promises.rm(path, { force: true, recursive: true })
