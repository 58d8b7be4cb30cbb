/** Modules run by jaxlib, in a process of Python that stays: where there is one that has it. */
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import type { Aval } from '../../../src/core/aval.ts'
import type { TypedArray } from '../../../src/core/dtype.ts'
import { allocate } from '../../../src/core/dtype.ts'
import type { Program } from '../../../src/ir/program.ts'

const script = join(import.meta.dirname, 'engine.py')

/** A Python, and where it finds packages besides its own. */
export interface Python {
  readonly command: string
  readonly env: NodeJS.ProcessEnv
}

const fetched = join(import.meta.dirname, '../../../.engines/python')

const hasJaxlib = ({ command, env }: Python): boolean =>
  spawnSync(command, ['-c', 'import jaxlib.mlir, ml_dtypes'], { env, stdio: 'ignore' }).status === 0

const own = process.env['PULLBACK_PYTHON']
const candidates: readonly Python[] = [
  ...(own === undefined ? [] : [{ command: own, env: process.env }]),
  { command: 'python3', env: { ...process.env, PYTHONPATH: fetched } },
  { command: 'python3', env: process.env },
]

/** A Python with jaxlib: `PULLBACK_PYTHON`, or `python3` with what scripts/fetch-engines.sh got; null if there is none. */
export const python: Python | null = candidates.find(hasJaxlib) ?? null

/** What a title says where there is none. */
export const skipped =
  python === null ? ' (skipped: no Python with jaxlib; run scripts/fetch-engines.sh, or set PULLBACK_PYTHON)' : ''

/** What runs modules. */
export interface Engine {
  /** The results of a module of this program; fails with what the engine says against it. */
  run(module: string, program: Program, inputs: readonly TypedArray[]): Promise<readonly TypedArray[]>
  close(): void
}

const bytesOf = (data: TypedArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

const fromBytes = ({ dtype, size }: Aval, bytes: Uint8Array): TypedArray => {
  const data = allocate(dtype, size)
  bytesOf(data).set(bytes)
  return data
}

/** Starts the process. */
export const startEngine = async ({ command, env }: Python): Promise<Engine> => {
  const child = spawn(command, [script], { env, stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async (): Promise<{ readonly error?: string; readonly outputs?: readonly string[] }> => {
    const line = await lines.next()
    if (line.done === true) throw new Error('the engine ended.')
    return JSON.parse(line.value) as object
  }
  await next()
  return {
    run: async (module, { inAvals, outAvals }, inputs) => {
      const arrays = inputs.map((data, i) => ({
        dtype: inAvals[i]!.dtype,
        shape: inAvals[i]!.shape,
        data: Buffer.from(bytesOf(data)).toString('base64'),
      }))
      child.stdin.write(`${JSON.stringify({ module, inputs: arrays })}\n`)
      const { error, outputs } = await next()
      if (error !== undefined) throw new Error(`${error}\n${module}`)
      return outputs!.map((text, i) => fromBytes(outAvals[i]!, Buffer.from(text, 'base64')))
    },
    close: () => {
      child.stdin.end()
    },
  }
}
