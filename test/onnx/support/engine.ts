/** Models checked and run by onnxruntime, where there is a Python that has it. */
import { join } from 'node:path'
import type { Aval } from '../../../src/core/aval.ts'
import type { DType, TypedArray } from '../../../src/core/dtype.ts'
import type { Shape } from '../../../src/core/shape.ts'
import type { Python } from '../../support/python.ts'
import { base64, converse, elementsOf, pythonWith, skippedWithout } from '../../support/python.ts'

const script = join(import.meta.dirname, 'engine.py')

export const python = pythonWith('onnx', 'onnxruntime')
export const skipped = skippedWithout(python, 'onnx and onnxruntime')

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

/** Starts the process. */
export const startEngine = async (python: Python): Promise<Engine> => {
  const { ask, close } = await converse(python, script)
  return {
    run: async (model, inputs, results) => {
      const arrays = inputs.map(({ name, dtype, shape, data }) => ({ name, dtype, shape, data: base64(data) }))
      const outputs = await ask({ model: base64(model), inputs: arrays })
      return outputs.map((text, i) => elementsOf(results[i]!, text))
    },
    close,
  }
}
