/** Modules run by jaxlib, where there is a Python that has it. */
import { join } from 'node:path'
import type { TypedArray } from '../../../src/core/dtype.ts'
import type { Program } from '../../../src/ir/program.ts'
import type { Python } from '../../support/python.ts'
import { base64, converse, elementsOf, pythonWith, skippedWithout } from '../../support/python.ts'

const script = join(import.meta.dirname, 'engine.py')

export const python = pythonWith('jaxlib.mlir', 'ml_dtypes')
export const skipped = skippedWithout(python, 'jaxlib')

/** What runs modules. */
export interface Engine {
  /** The results of a module of this program; fails with what the engine says against it. */
  run(module: string, program: Program, inputs: readonly TypedArray[]): Promise<readonly TypedArray[]>
  close(): void
}

/** Starts the process. */
export const startEngine = async (python: Python): Promise<Engine> => {
  const { ask, close } = await converse(python, script)
  return {
    run: async (module, { inAvals, outAvals }, inputs) => {
      const arrays = inputs.map((data, i) => ({
        dtype: inAvals[i]!.dtype,
        shape: inAvals[i]!.shape,
        data: base64(data),
      }))
      try {
        return (await ask({ module, inputs: arrays })).map((text, i) => elementsOf(outAvals[i]!, text))
      } catch (error) {
        throw new Error(`${error instanceof Error ? error.message : String(error)}\n${module}`, { cause: error })
      }
    },
    close,
  }
}
