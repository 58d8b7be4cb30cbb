/** Modules run by jaxlib, in a process of Python that stays: where there is one that has it. */
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import type { Aval } from '../../../src/core/aval.ts'
import type { TypedArray } from '../../../src/core/dtype.ts'
import { allocate } from '../../../src/core/dtype.ts'
import type { Program } from '../../../src/ir/program.ts'

const script = join(import.meta.dirname, 'engine.py')

/** A Python with jaxlib: `PULLBACK_PYTHON`, or `python3`; null if neither has it. */
export const python: string | null =
  [process.env['PULLBACK_PYTHON'] ?? '', 'python3'].find(
    (name) => name !== '' && spawnSync(name, ['-c', 'import jaxlib.mlir, ml_dtypes'], { stdio: 'ignore' }).status === 0,
  ) ?? null

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
export const startEngine = async (command: string): Promise<Engine> => {
  const child = spawn(command, [script], { stdio: ['pipe', 'pipe', 'inherit'] })
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
