/** The WebAssembly back end means what the interpreter means: every operation, random programs, values and gradients. */
import * as fc from 'fast-check'
import type { NDArray } from 'pullback'
import { evalProgram, jvp, makeProgram, optimize } from 'pullback'
import type { Execute, RandomProgram } from 'pullback/testing'
import { conforms, onDevice, operations, primitiveLaws, programs, samples } from 'pullback/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { compile } from '../../../src/backends/wasm/compile.ts'
import { WasmDevice } from '../../../src/backends/wasm/device.ts'
import { hasRelaxedSimd } from '../../../src/backends/wasm/platform.ts'
import { isFloat } from '../../../src/core/dtype.ts'
import { batchOf, gradientOf, gradientOfProgram } from '../support/derived.ts'
import { dataOf, programOf } from './support/samples.ts'

/** With guards around all memory, and all ranges cut as finely as can be, so that threads meet on small arrays. */
const deviceWith = (threads: number, relaxed: boolean, wide = false): WasmDevice =>
  new WasmDevice((program, features) => compile(program, features, { finest: true }), {
    threads,
    relaxed,
    wide,
    startAfter: 0,
    guards: true,
    small: 0,
  })

const configurations = [
  ['one thread', deviceWith(1, false)],
  ['two threads', deviceWith(2, false)],
  ...(hasRelaxedSimd() ? [['one thread, relaxed SIMD, joined vectors', deviceWith(1, true, true)] as const] : []),
] as const

afterAll(() => {
  for (const [, device] of configurations) device.dispose()
})

describe.each(configurations)('on %s', (_, device) => {
  const execute = onDevice(device)

  it.each(operations)('%s', (op) => {
    for (const float of ['float32', 'float64', 'float16', 'bfloat16'] as const) {
      const property = fc.property(samples(op, { float }), (sample) => {
        conforms(programOf(sample), dataOf(sample.operands), execute)
      })
      fc.assert(property, { numRuns: 25 })
    }
  })

  it.each(operations.filter((op) => op !== 'callback' && op !== 'customLinear'))('the gradient of %s', (op) => {
    for (const float of ['float32', 'bfloat16'] as const) {
      const property = fc.property(samples(op, { float, smooth: true }), (sample) => {
        const { f, point } = primitiveLaws.asFloatFunction(sample)
        const program = gradientOf(f, point)
        if (program !== null) conforms(program, dataOf(point), execute)
      })
      fc.assert(property, { numRuns: 10 })
    }
  })
})

describe('random programs', () => {
  const runs = Number(process.env['PULLBACK_PROGRAMS'] ?? 2000)
  const [single, double] = configurations.map(([, device]): Execute => (program, inputs) => {
    const results = onDevice(device)(program, inputs)
    expect(onDevice(device, { donate: true })(program, inputs)).toEqual(results)
    return results
  })

  // A NaN has many bit patterns, of which either back end may give another one.
  const among = operations.filter((op) => op !== 'bitcast' && op !== 'callback')

  const values = ({ program, inputs }: RandomProgram): void => {
    conforms(optimize(program), dataOf(inputs), double!)
  }

  it(`${runs} of them have the interpreter's values`, () => {
    fc.assert(fc.property(programs({ operations: among }), values), { numRuns: runs })
  }, 600_000)

  // Lines longer than vectors, tiles and units of ranges, and extents beside them.
  const larger = {
    operations: among,
    extents: [4, 5, 7, 8, 15, 16, 17, 31, 33, 64, 100, 257, 1000, 1, 2, 3],
    maxSize: 10_000,
    maxEquations: 8,
  }

  it(`${runs / 8} larger ones have the interpreter's values`, () => {
    fc.assert(fc.property(programs(larger), values), { numRuns: runs / 8 })
  }, 600_000)

  const gradients = (random: RandomProgram): void => {
    const gradient = gradientOfProgram(random)
    if (gradient !== null) conforms(gradient.program, dataOf(gradient.inputs), single!)
  }

  // With what test/ir/programs.test.ts says of the interpreter, so are batches and derivatives of compiled programs right.
  const batches = (random: RandomProgram): void => {
    const batch = batchOf(random)
    if (batch !== null) conforms(batch.program, dataOf(batch.inputs), double!)
  }

  const tangents = ({ program, inputs }: RandomProgram): void => {
    if (inputs.length === 0) return
    const f = (...xs: NDArray[]): readonly NDArray[] => evalProgram(program, xs).filter((y) => isFloat(y.dtype))
    const push = makeProgram((...xs: NDArray[]) => jvp(f, xs, xs)[1])(...inputs)
    conforms(optimize(push), dataOf(inputs), single!)
  }

  it(`${runs / 4} of them have the interpreter's values on batches`, () => {
    fc.assert(fc.property(programs({ operations: among }), batches), { numRuns: runs / 4 })
  }, 600_000)

  it(`${runs / 4} of them have the interpreter's tangents`, () => {
    const floats = programs({ operations: among, dtypes: ['float64', 'float32', 'bfloat16', 'float16'] })
    fc.assert(fc.property(floats, tangents), { numRuns: runs / 4 })
  }, 600_000)

  it(`${runs / 4} of them have the interpreter's gradients`, () => {
    fc.assert(fc.property(programs({ operations: among }), gradients), { numRuns: runs / 4 })
  }, 600_000)
})
