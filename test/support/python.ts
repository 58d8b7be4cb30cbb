/** Engines that Python has: a process that stays, to which arrays and programs go, and from which results come. */
import { spawn, spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Aval } from '../../src/core/aval.ts'
import type { TypedArray } from '../../src/core/dtype.ts'
import { allocate } from '../../src/core/dtype.ts'

/** A Python, and where it finds packages besides its own. */
export interface Python {
  readonly command: string
  readonly env: NodeJS.ProcessEnv
}

const fetched = join(import.meta.dirname, '../../.engines/python')

const own = process.env['PULLBACK_PYTHON']
const candidates: readonly Python[] = [
  ...(own === undefined ? [] : [{ command: own, env: process.env }]),
  { command: 'python3', env: { ...process.env, PYTHONPATH: fetched } },
  { command: 'python3', env: process.env },
]

/** A Python with these modules: `PULLBACK_PYTHON`, or `python3` with what scripts/fetch-engines.sh got; null if there is none. */
export const pythonWith = (...modules: readonly string[]): Python | null =>
  candidates.find(
    ({ command, env }) =>
      spawnSync(command, ['-c', `import ${modules.join(', ')}`], { env, stdio: 'ignore' }).status === 0,
  ) ?? null

/** What a title says where there is none. */
export const skippedWithout = (python: Python | null, what: string): string =>
  python === null ? ` (skipped: no Python with ${what}; run scripts/fetch-engines.sh, or set PULLBACK_PYTHON)` : ''

const bytesOf = (data: TypedArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

/** Bytes as a line of text has them. */
export const base64 = (data: TypedArray): string => Buffer.from(bytesOf(data)).toString('base64')

/** The elements of such text. */
export const elementsOf = ({ dtype, size }: Pick<Aval, 'dtype' | 'size'>, text: string): TypedArray => {
  const data = allocate(dtype, size)
  bytesOf(data).set(Buffer.from(text, 'base64'))
  return data
}

/** What answers questions one after the other. */
export interface Conversation {
  /** The results, as text; fails with what the engine says against the question. */
  ask(question: object): Promise<readonly string[]>
  close(): void
}

/** Starts the process, of a script that answers each line of JSON by one, after a first line that says that it is there. */
export const converse = async ({ command, env }: Python, script: string): Promise<Conversation> => {
  const child = spawn(command, [script], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  // Of a process that has ended; what it was asked fails by the line that is missing.
  child.stdin.on('error', () => undefined)
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<{ readonly error?: string; readonly outputs?: readonly string[] }> => {
    const line = await lines.next()
    if (line.done === true) throw new Error('the engine ended.')
    return JSON.parse(line.value) as object
  }
  await next()
  return {
    ask: async (question) => {
      child.stdin.write(`${JSON.stringify(question)}\n`)
      const { error, outputs } = await next()
      if (error !== undefined) throw new Error(error)
      return outputs!
    },
    close: () => {
      child.stdin.end()
    },
  }
}
