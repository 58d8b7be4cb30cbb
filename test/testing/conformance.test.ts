/** What `conforms` accepts from a back end, and what it does not. */
import * as fc from 'fast-check'
import type { NDArray, Program } from 'pullback'
import { makeProgram, np, parseProgram } from 'pullback'
import { conforms, programs } from 'pullback/testing'
import { expect, it } from 'vitest'
import { run } from '../../src/backends/interpreter/interpreter.ts'
import type { TypedArray } from '../../src/core/dtype.ts'

const parsed = (text: string): Program => {
  const result = parseProgram(text)
  if (result._tag === 'Left') throw new Error(result.left.message)
  return result.right
}

it('accepts the interpreter', () => {
  const property = fc.property(programs(), ({ program, inputs }) => {
    conforms(
      program,
      inputs.map((x) => x.dataSync()),
      run,
    )
  })
  fc.assert(property, { numRuns: 50 })
})

const x = Float32Array.of(0.3, 0.7, 1.1)
const exponential = makeProgram((a: NDArray) => np.exp(a))(np.array(x))
const doubled = makeProgram((a: NDArray) => np.multiply(a, 2))(np.array(x))

/** Off by some units in the last place of 1. */
const off =
  (units: number) =>
  (program: Program, inputs: readonly TypedArray[]): readonly TypedArray[] =>
    run(program, inputs).map((data) => (data as Float32Array).map((v) => v * (1 + units * 2 ** -23)))

it('allows for rounding', () => {
  conforms(exponential, [x], off(2))
  for (const [program, units] of [
    [exponential, 60],
    [doubled, 10],
  ] as const) {
    expect(() => {
      conforms(program, [x], off(units))
    }).toThrow(/element 0 is/)
  }
})

it('allows for what the program makes of rounding', () => {
  // Near its pole, atanh makes 600 units of one.
  const steep = makeProgram((a: NDArray) => np.arctanh(np.sin(a)))(np.array(0.5))
  conforms(steep, [Float32Array.of(-1.6122001)], () => [Float32Array.of(-3.8773634)])
  expect(() => {
    conforms(steep, [Float32Array.of(-1.6122001)], () => [Float32Array.of(-3.88)])
  }).toThrow(/element 0 is/)
})

it('allows for nothing in integers', () => {
  const program = parsed('program(a: i32[2]) {\n  b: i32[2] = neg a\n  return b\n}')
  expect(() => {
    conforms(program, [Int32Array.of(5, 6)], () => [Int32Array.of(-5, -7)])
  }).toThrow('result 0, i32[2]: element 1 is -7, on the interpreter -6')
})

it('asks for all elements', () => {
  expect(() => {
    conforms(exponential, [x], () => [new Float32Array(2)])
  }).toThrow('result 0 has 2 elements, not 3')
})

it('leaves the bits of NaNs open, and those of numbers not', () => {
  const program = parsed('program(a: f32[2]) {\n  b: i32[2] = bitcast[dtype="int32"] a\n  return b\n}')
  const point = [Float32Array.of(NaN, 1)]
  conforms(program, point, () => [Int32Array.of(-1, 0x3f800000)])
  expect(() => {
    conforms(program, point, () => [Int32Array.of(-1, 0x3f800001)])
  }).toThrow('element 1 is 1065353217, on the interpreter 1065353216')
  // Results of 16 bits are handed over as bits.
  const halves = parsed('program(a: f32[2]) {\n  b: f16[2] = cast[dtype="float16", weak=false] a\n  return b\n}')
  conforms(halves, point, () => [Uint16Array.of(0xfe01, 0x3c00)])
  expect(() => {
    conforms(halves, point, () => [Uint16Array.of(0xfe01, 0x3c01)])
  }).toThrow('element 1 is 1.0009765625, on the interpreter 1')
})
