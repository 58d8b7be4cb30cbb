/** XLA by PJRT against the interpreter: every operation and its gradient, random programs, their gradients and batches. */
import fc from 'fast-check'
import type { Program } from 'pullback'
import { evalProgram, optimize, withDevice } from 'pullback'
import type { Execute, RandomProgram } from 'pullback/testing'
import { LawError, conforms, onDevice, operations, primitiveLaws, programs, samples } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { run } from '../../src/backends/reference/reference.ts'
import type { Aval } from '../../src/core/aval.ts'
import { decode } from '../../src/core/convert.ts'
import type { TypedArray } from '../../src/core/dtype.ts'
import { epsilonOf, isFloat, isHalf } from '../../src/core/dtype.ts'
import { batchOf, gradientOf, gradientOfProgram } from '../backends/support/derived.ts'
import { dataOf, programOf } from '../backends/wasm/support/samples.ts'
import { device, title } from './support/device.ts'

// XLA's own formulas for these functions are good to 13 digits.
const coarse: readonly string[] = ['lgamma', 'digamma', 'atanh']
// A NaN has many bit patterns, of which XLA may give another one.
const among = operations.filter((op) => op !== 'bitcast' && !coarse.includes(op))
const RUNS = Number(process.env['PULLBACK_RUNS'] ?? 3)
const PROGRAMS = Number(process.env['PULLBACK_PROGRAMS'] ?? 200)

const numbersOf = (data: TypedArray, { dtype }: Aval): readonly number[] =>
  Array.from<number | bigint, number>(decode(dtype, data), Number)

/**
 * As `conforms`, but XLA may round a product and a sum of it once (a fused multiply-add), which matters where they nearly cancel: as in the
 * cotangents of `gradientOf`. Then results are to be as near as their dtype's roundings of 1.
 */
const conformsFused = (program: Program, inputs: readonly TypedArray[], execute: Execute): void => {
  try {
    conforms(program, inputs, execute)
  } catch (error) {
    if (!(error instanceof LawError)) throw error
    const [got, wanted] = [execute(program, inputs), run(program, inputs)]
    program.outAvals.forEach((aval, k) => {
      const bound = isFloat(aval.dtype) ? 16 * epsilonOf(aval.dtype) : 0
      const values = numbersOf(got[k]!, aval)
      numbersOf(wanted[k]!, aval).forEach((y, i) => {
        const isNear = Object.is(values[i], y) || Math.abs(values[i]! - y) <= bound * Math.max(1, Math.abs(y))
        if (!isNear) throw error
      })
    })
  }
}

describe.skipIf(device === null)(`XLA by PJRT${title}`, () => {
  it.each(among)(
    '%s',
    (op) => {
      const execute = onDevice(device!)
      for (const float of ['float32', 'float64', 'bfloat16', 'float16'] as const) {
        // Functions of 16 bits are a unit off here and there.
        const compare = isHalf(float) ? conformsFused : conforms
        const property = fc.property(samples(op, { float }), (sample) => {
          compare(programOf(sample), dataOf(sample.operands), execute)
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

  it.each(among.filter((op) => op !== 'callback' && op !== 'customLinear'))(
    'the gradient of %s',
    (op) => {
      const execute = onDevice(device!)
      const property = fc.property(samples(op, { smooth: true }), (sample) => {
        const { f, point } = primitiveLaws.asFloatFunction(sample)
        const program = gradientOf(f, point)
        if (program !== null) conformsFused(program, dataOf(point), execute)
      })
      fc.assert(property, { numRuns: RUNS })
    },
    120_000,
  )

  const check = (runs: number, derive: (random: RandomProgram) => RandomProgram | null, donate: boolean): void => {
    const execute = onDevice(device!, { donate })
    const property = fc.property(programs({ operations: among.filter((op) => op !== 'callback') }), (random) => {
      const derived = derive(random)
      if (derived !== null) conformsFused(derived.program, dataOf(derived.inputs), execute)
    })
    fc.assert(property, { numRuns: runs })
  }

  it.each([false, true])(
    `${PROGRAMS / 2} random programs, donation %s`,
    (donate) => {
      check(PROGRAMS / 2, ({ program, inputs }) => ({ program: optimize(program), inputs }), donate)
    },
    600_000,
  )

  it(`gradients of ${PROGRAMS / 4} random programs`, () => {
    check(PROGRAMS / 4, gradientOfProgram, false)
  }, 600_000)

  it(`${PROGRAMS / 4} random programs over batches`, () => {
    check(PROGRAMS / 4, batchOf, true)
  }, 600_000)
})
