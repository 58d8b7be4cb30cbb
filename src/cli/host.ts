/** What is asked of Node by the command line. It is compiled without Node's types, as the library is. */

interface Stream {
  readonly isTTY?: boolean
  write(text: string): boolean
}

interface Process {
  readonly argv: readonly string[]
  readonly stdout: Stream & { on(event: 'error', listener: (error: { readonly code?: string }) => void): void }
  readonly stderr: Stream
  exitCode: number
  exit(code: number): never
  getBuiltinModule<N extends keyof Modules>(name: N): Modules[N]
}

/** One option as `parseArgs` wants it. */
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
  'node:fs': { readonly promises: { stat(path: string): Promise<{ isDirectory(): boolean }> } }
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
