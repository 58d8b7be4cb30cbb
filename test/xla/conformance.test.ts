/** XLA by PJRT against the interpreter: every operation, and random programs, with and without donation. */
import fc from 'fast-check'
import { evalProgram, withDevice } from 'pullback'
import { conforms, onDevice, operations, programs, samples } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { dataOf, programOf } from '../backends/wasm/support/samples.ts'
import { device, title } from './support/device.ts'

// A NaN has many bit patterns, and XLA's own formulas for these functions are good to 13 digits.
const coarse: readonly string[] = ['lgamma', 'digamma', 'atanh']
const among = operations.filter((op) => op !== 'bitcast' && !coarse.includes(op))
const RUNS = Number(process.env['PULLBACK_RUNS'] ?? 6)

describe.skipIf(device === null)(`XLA by PJRT${title}`, () => {
  it.each(among)(
    '%s',
    (op) => {
      const execute = onDevice(device!)
      for (const float of ['float32', 'float64'] as const) {
        const property = fc.property(samples(op, { float }), (sample) => {
          conforms(programOf(sample), dataOf(sample.operands), execute)
        })
        fc.assert(property, { numRuns: RUNS })
      }
    },
    120_000,
  )

  it.each(operations.filter((op) => coarse.includes(op)))('%s, to 13 digits', (op) => {
    const property = fc.property(samples(op, { float: 'float64' }), (sample) => {
      const program = programOf(sample)
      const [got] = onDevice(device!)(program, dataOf(sample.operands))
      const [wanted] = withDevice('interpreter', () => evalProgram(program, sample.operands))
      Array.from(got as Float64Array).forEach((x, i) => {
        const y = Number((wanted!.dataSync() as Float64Array)[i])
        expect(Object.is(x, y) || Math.abs(x - y) <= 1e-13 * Math.max(1, Math.abs(y)), `${x}, not ${y}`).toBe(true)
      })
    })
    fc.assert(property, { numRuns: RUNS })
  })

  it.each([false, true])(
    'random programs, donation %s',
    (donate) => {
      const execute = onDevice(device!, { donate })
      const property = fc.property(programs({ operations: among }), ({ program, inputs }) => {
        conforms(program, dataOf(inputs), execute)
      })
      fc.assert(property, { numRuns: 4 * RUNS })
    },
    240_000,
  )
})
