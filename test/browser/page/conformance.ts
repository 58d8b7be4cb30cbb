/** The WebAssembly back end means what the interpreter means, in this browser too. */
import * as fc from 'fast-check'
import { optimize } from 'pullback'
import type { Execute, RandomProgram, Sample } from 'pullback/testing'
import { conforms, onDevice, programs, samples } from 'pullback/testing'
import { compile } from '../../../src/backends/wasm/compile.ts'
import { WasmDevice } from '../../../src/backends/wasm/device.ts'
import { dataOf, programOf } from '../../backends/wasm/support/samples.ts'
import '../../support/seed.ts'

/** All ranges are cut as finely as can be, so that threads, where there are any, meet on small arrays. */
const finest = (): WasmDevice =>
  new WasmDevice((program, features) => compile(program, features, { finest: true }), {
    threads: 2,
    startAfter: 0,
    guards: true,
  })

let device: WasmDevice | undefined
const execute: Execute = (program, inputs) => onDevice((device ??= finest()))(program, inputs)

const checkSample = (sample: Sample): void => {
  conforms(programOf(sample), dataOf(sample.operands), execute)
}

const checkProgram = ({ program, inputs }: RandomProgram): void => {
  conforms(optimize(program), dataOf(inputs), execute)
}

/** Samples of an operation in both floats. Throws what differs. */
export const checkOperation = ({ op, runs }: { readonly op: Sample['op']; readonly runs: number }): void => {
  for (const float of ['float32', 'float64'] as const) {
    fc.assert(fc.property(samples(op, { float }), checkSample), { numRuns: runs, includeErrorInReport: true })
  }
}

/** Random programs, others in each round. Throws what differs. */
export const checkPrograms = ({ runs, round }: { readonly runs: number; readonly round: number }): void => {
  const { seed } = fc.readConfigureGlobal()
  if (seed === undefined) throw new Error('the bundle lacks the seed, so that each run would draw other programs')
  fc.assert(fc.property(programs(), checkProgram), {
    numRuns: runs,
    includeErrorInReport: true,
    seed: seed + round,
  })
}
