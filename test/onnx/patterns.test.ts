/** Groups of equations that are written as one operator: those, and none that only look like them. */
import type { NDArray } from 'pullback'
import { evalProgram, lax, makeProgram, nn, np, optimize, random, withDevice } from 'pullback'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Program } from '../../src/ir/program.ts'
import { modelBytes } from '../../src/onnx/module.ts'
import { stepsOf } from '../../src/onnx/patterns.ts'
import { toHost } from '../../src/trace/value.ts'
import type { Engine } from './support/engine.ts'
import { python, skipped, startEngine } from './support/engine.ts'

type Function = (x: NDArray) => NDArray

const gelu: Function = (x) => nn.gelu(x, { approximate: false })
const shifted: Function = (x) => np.subtract(x, np.max(x, { axis: 1, keepdims: true }))

/** Exponentials over what `over` makes of them. */
const quotient =
  (over: (powers: NDArray) => NDArray): Function =>
  (x) => {
    const powers = np.exp(shifted(x))
    return np.divide(powers, over(powers))
  }

const found: { readonly [name: string]: Function } = {
  'softmax of the last axis': (x) => nn.softmax(x),
  'softmax of the first axis': (x) => nn.softmax(x, { axis: 0 }),
  'softmax of what is computed': (x) => nn.softmax(np.multiply(x, 3)),
  'gelu, with the error function': gelu,
  'gelu of gelu': (x) => gelu(gelu(x)),
}

const alike: { readonly [name: string]: Function } = {
  'sums along another axis': quotient((e) => np.sum(e, { axis: 0, keepdims: true })),
  'sums repeated along another axis': quotient((e) => np.reshape(np.sum(e, { axis: 1 }), [1, 3])),
  'sums over all axes': quotient((e) => np.sum(e)),
  'sums of squares': quotient((e) => np.sum(np.square(e), { axis: 1, keepdims: true })),
  'the maximum of something else': (x) => {
    const powers = np.exp(np.subtract(x, np.max(np.negative(x), { axis: 1, keepdims: true })))
    return np.divide(powers, np.sum(powers, { axis: 1, keepdims: true }))
  },
  'erfc of another factor': (x) => np.multiply(np.multiply(0.5, x), lax.erfc(np.multiply(np.negative(x), 0.7))),
  'erfc of something else': (x) =>
    np.multiply(np.multiply(0.5, x), lax.erfc(np.multiply(np.negative(np.sin(x)), Math.SQRT1_2))),
  'half of something else': (x) =>
    np.multiply(np.multiply(0.6, x), lax.erfc(np.multiply(np.negative(x), Math.SQRT1_2))),
}

const x = random.normal(random.key(3), [3, 3])
const programOf = (f: Function): Program => optimize(makeProgram(f)(x))
const patternsOf = (f: Function): number => stepsOf(programOf(f)).filter(({ pattern }) => pattern !== null).length

it.each(Object.keys(found))('%s is one', (name) => {
  expect(patternsOf(found[name]!)).toBe(name === 'gelu of gelu' ? 2 : 1)
})

it.each(Object.keys(alike))('%s is none', (name) => {
  expect(patternsOf(alike[name]!)).toBe(0)
})

it('what a pattern does not need is not written, unless something else does', () => {
  const count = (f: Function): number => stepsOf(programOf(f)).length
  expect(count((y) => nn.softmax(y))).toBe(1)
  expect(count(gelu)).toBe(1)
  expect(count((y) => np.add(nn.softmax(y), np.max(y, { axis: -1, keepdims: true })))).toBeGreaterThan(3)
})

describe.skipIf(python === null)(`in onnxruntime${skipped}`, () => {
  let engine: Engine
  beforeAll(async () => {
    engine = await startEngine(python!)
  }, 60_000)
  afterAll(() => {
    engine.close()
  })

  it.each(Object.entries({ ...found, ...alike }))('%s', async (_, f) => {
    const program = programOf(f)
    const fed = { name: 'input0', dtype: x.dtype, shape: x.shape, data: toHost(x, 'test').data }
    const [got] = await engine.run(modelBytes(program), [fed], program.outAvals)
    const [wanted] = withDevice('interpreter', () => evalProgram(program, [x]))
    const differences = Array.from(wanted!.dataSync() as Float32Array, (y, i) =>
      Math.abs(y - (got as Float32Array)[i]!),
    )
    expect(Math.max(...differences)).toBeLessThan(1e-6)
  })
})
