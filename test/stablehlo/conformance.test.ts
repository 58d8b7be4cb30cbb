/** Every operation as StableHLO, run by the engine that JAX runs on, against the interpreter. */
import fc from 'fast-check'
import type { NDArray } from 'pullback'
import { evalProgram, lax, makeProgram, np, withDevice } from 'pullback'
import { conformsAsync, operations, programs, samples } from 'pullback/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { dtypes, isInteger } from '../../src/core/dtype.ts'
import { moduleText } from '../../src/stablehlo/module.ts'
import { dataOf, programOf } from '../backends/wasm/support/samples.ts'
import type { Engine } from './support/engine.ts'
import { python, skipped, startEngine } from './support/engine.ts'

// A NaN has many bit patterns, and XLA's own formulas for these functions, which are all there is to ask for, are good to 13 digits.
const coarse: readonly string[] = ['lgamma', 'digamma', 'atanh']
const among = operations.filter((op) => op !== 'callback' && op !== 'bitcast' && !coarse.includes(op))
const RUNS = Number(process.env['PULLBACK_RUNS'] ?? 12)
const PROGRAMS = Number(process.env['PULLBACK_RUNS'] ?? 200)

describe.skipIf(python === null)(`StableHLO in jaxlib${skipped}`, () => {
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

  it.each(operations.filter((op) => coarse.includes(op)))('%s, to 13 digits', async (op) => {
    await fc.assert(
      fc.asyncProperty(samples(op, { float: 'float64' }), async (sample) => {
        const program = programOf(sample)
        const [got] = await execute(program, dataOf(sample.operands))
        const [wanted] = withDevice('interpreter', () => evalProgram(program, sample.operands))
        Array.from(got as Float64Array).forEach((x, i) => {
          const y = Number((wanted!.dataSync() as Float64Array)[i])
          expect(Object.is(x, y) || Math.abs(x - y) <= 1e-13 * Math.max(1, Math.abs(y)), `${x}, not ${y}`).toBe(true)
        })
      }),
      { numRuns: RUNS },
    )
  })

  it('integers that are constants are divided by 0, and raised to negative powers, as they are elsewhere', async () => {
    const [xs, ys] = [[0, 5, -7, 1, -1, -1, 3, 2], [0, 0, 0, -5, -3, -2, -1, 40]] // prettier-ignore
    for (const dtype of dtypes.filter((name) => isInteger(name))) {
      const [x, y] = [xs, ys].map((values) => np.array(values).astype('int64').astype(dtype)) as [NDArray, NDArray]
      const program = makeProgram(() => [lax.div(x, y), lax.rem(x, y), lax.pow(x, y)])()
      await conformsAsync(program, [], execute)
    }
  })

  it('random programs', async () => {
    await fc.assert(
      fc.asyncProperty(programs({ operations: among }), async ({ program, inputs }) => {
        await conformsAsync(program, dataOf(inputs), execute)
      }),
      { numRuns: PROGRAMS },
    )
  }, 600_000)
})
