/** The parts of Node's process that are used, where there is one. */

/** A stream that text is written to. */
export interface TextStream {
  readonly isTTY?: boolean
  write(text: string): unknown
}

interface Process {
  readonly stderr?: TextStream
  readonly memoryUsage?: { rss(): number }
  on(signal: string, listener: () => void): unknown
  off(signal: string, listener: () => void): unknown
  exit(code: number): never
}

/** Node's process; undefined in browsers. */
export const nodeProcess = (): Process | undefined => (globalThis as unknown as { readonly process?: Process }).process

/** The resident memory of the process in bytes, or null if it is unknown. */
export const residentMemory = (): number | null => nodeProcess()?.memoryUsage?.rss() ?? null
