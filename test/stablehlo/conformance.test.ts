/** Every operation as StableHLO, run by the engine that JAX runs on, against the interpreter. */
import fc from 'fast-check'
import { conformsAsync, operations, programs, samples } from 'pullback/testing'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { moduleText } from '../../src/stablehlo/module.ts'
import { dataOf, programOf } from '../backends/support/samples.ts'
import type { Engine } from './support/engine.ts'
import { python, startEngine } from './support/engine.ts'

const title = python === null ? ' (skipped: no Python with jaxlib; set PULLBACK_PYTHON)' : ''
const among = operations.filter((op) => op !== 'callback' && op !== 'bitcast')
const RUNS = Number(process.env['PULLBACK_RUNS'] ?? 12)

describe.skipIf(python === null)(`StableHLO in jaxlib${title}`, () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await startEngine(python!)
  }, 60_000)
  afterAll(() => {
    engine.close()
  })
  const execute = (program: Parameters<Engine['run']>[1], inputs: Parameters<Engine['run']>[2]) =>
    engine.run(moduleText(program), program, inputs)

  it.each(among)(
    '%s',
    async (op) => {
      for (const float of ['float32', 'float64'] as const) {
        await fc.assert(
          fc.asyncProperty(samples(op, { float }), async (sample) => {
            await conformsAsync(programOf(sample), dataOf(sample.operands), execute)
          }),
          { numRuns: RUNS },
        )
      }
    },
    120_000,
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
