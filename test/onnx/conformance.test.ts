/** Every operation as ONNX, run by onnxruntime, against the interpreter. */
import fc from 'fast-check'
import { conformsAsync, operations, programs, samples } from 'pullback/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { TypedArray } from '../../src/core/dtype.ts'
import type { Program } from '../../src/ir/program.ts'
import { modelBytes } from '../../src/onnx/module.ts'
import { dataOf, programOf } from '../backends/wasm/support/samples.ts'
import type { Engine } from './support/engine.ts'
import { python, skipped, startEngine } from './support/engine.ts'

const among = operations.filter((op) => op !== 'callback')
const RUNS = Number(process.env['PULLBACK_RUNS'] ?? 12)

describe.skipIf(python === null)(`ONNX in onnxruntime${skipped}`, () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await startEngine(python!)
  }, 60_000)
  afterAll(() => {
    engine.close()
  })
  const execute = (program: Program, inputs: readonly TypedArray[]): Promise<readonly TypedArray[]> =>
    engine.run(
      modelBytes(program),
      inputs.map((data, i) => ({
        name: `input${i}`,
        dtype: program.inAvals[i]!.dtype,
        shape: program.inAvals[i]!.shape,
        data,
      })),
      program.outAvals,
    )

  it.each(among)(
    '%s',
    async (op) => {
      for (const float of ['float32', 'float64', 'float16', 'bfloat16'] as const) {
        await fc.assert(
          fc.asyncProperty(samples(op, { float }), async (sample) => {
            await conformsAsync(programOf(sample), dataOf(sample.operands), execute)
          }),
          { numRuns: RUNS },
        )
      }
    },
    240_000,
  )

  it('random programs', async () => {
    await fc.assert(
      fc.asyncProperty(programs({ operations: among }), async ({ program, inputs }) => {
        await conformsAsync(program, dataOf(inputs), execute)
      }),
      { numRuns: 4 * RUNS },
    )
  }, 240_000)
})
