/** Models run by onnxruntime, in a process of Python that stays: where there is one that has it. */
import { spawn, spawnSync } from 'node:child_process'
import { createInterface } from 'node:readline'
import { join } from 'node:path'
import type { Aval } from '../../../src/core/aval.ts'
import type { DType, TypedArray } from '../../../src/core/dtype.ts'
import { allocate } from '../../../src/core/dtype.ts'
import type { Shape } from '../../../src/core/shape.ts'

const script = join(import.meta.dirname, 'engine.py')

/** A Python with onnxruntime: `PULLBACK_PYTHON`, or `python3`; null if neither has it. */
export const python: string | null =
  [process.env['PULLBACK_PYTHON'] ?? '', 'python3'].find(
    (name) => name !== '' && spawnSync(name, ['-c', 'import onnx, onnxruntime'], { stdio: 'ignore' }).status === 0,
  ) ?? null

/** Said in the names of tests where there is none. */
export const title = python === null ? ' (skipped: no Python with onnx and onnxruntime; set PULLBACK_PYTHON)' : ''

/** An array given to a model. */
export interface Fed {
  readonly name: string
  readonly dtype: DType
  readonly shape: Shape
  readonly data: TypedArray
}

/** What checks and runs models. */
export interface Engine {
  /** The results of a model; fails with what the checker or the engine says against it. */
  run(
    model: Uint8Array,
    inputs: readonly Fed[],
    results: readonly Pick<Aval, 'dtype' | 'size'>[],
  ): Promise<readonly TypedArray[]>
  close(): void
}

const bytesOf = (data: TypedArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)

const fromBytes = ({ dtype, size }: Pick<Aval, 'dtype' | 'size'>, bytes: Uint8Array): TypedArray => {
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
    run: async (model, inputs, results) => {
      const arrays = inputs.map((x) => ({ ...x, data: Buffer.from(bytesOf(x.data)).toString('base64') }))
      child.stdin.write(`${JSON.stringify({ model: Buffer.from(model).toString('base64'), inputs: arrays })}\n`)
      const { error, outputs } = await next()
      if (error !== undefined) throw new Error(error)
      return outputs!.map((text, i) => fromBytes(results[i]!, Buffer.from(text, 'base64')))
    },
    close: () => {
      child.stdin.end()
    },
  }
}
