/** What `conforms` accepts from a back end, and what it does not. */
import * as fc from 'fast-check'
import type { NDArray, Program } from 'pullback'
import { grad, jvp, makeProgram, np, optimize, parseProgram, random } from 'pullback'
import { conforms, onDevice, programs, wasmDevice } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { run } from '../../src/backends/reference/reference.ts'
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

it('allows for roundings where nothing else is left of what cancels', () => {
  const device = wasmDevice({ threads: 1 })
  const constants: readonly ((x: NDArray) => NDArray)[] = [
    (a) => np.add(np.square(np.sin(a)), np.square(np.cos(a))),
    (a) => np.multiply(np.exp(a), np.exp(np.negative(a))),
    (a) => np.divide(np.sin(a), np.sin(a)),
  ]
  for (const f of constants) {
    for (const dtype of ['float32', 'float64'] as const) {
      const point = random.normal(random.key(1), [400], { dtype })
      const tangent = optimize(makeProgram((a: NDArray) => jvp(f, [a], [a])[1])(point))
      conforms(tangent, [point.dataSync()], onDevice(device))
      const [first] = run(tangent, [point.dataSync()])
      expect(() => {
        conforms(tangent, [point.dataSync()], () => [(first as Float64Array).map((t) => t + 1e-4)])
      }).toThrow(/on the interpreter/)
    }
  }
  device.dispose()
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

it.each([0x7e00, 0xfe00])('leaves the bits of NaNs open that are computed: from %i', (bits) => {
  const program = parsed(
    'program(a: f16[]) {\n  b: f16[] = pow a a\n  c: u16[] = bitcast[dtype="uint16"] b\n  return c\n}',
  )
  for (const got of [0x7e00, 0xfe00]) conforms(program, [Uint16Array.of(bits)], () => [Uint16Array.of(got)])
})

/** Sums as a compiled program may make them: in float32, one term after the other. */
const inSingle = (terms: number, term: (i: number) => number): number => {
  let sum = 0
  for (let i = 0; i < terms; i++) sum = Math.fround(sum + Math.fround(term(i)))
  return sum
}

const wave = (length: number, phase: number, offset: number): Float32Array =>
  Float32Array.from({ length }, (_, i) => Math.sin(12.9898 * (i + 1) * (phase + 1)) + offset)

describe('sums of many terms', () => {
  const product = makeProgram((a: NDArray, b: NDArray) => np.matmul(a, b))
  const rows = 40

  it.each([
    [64, 0],
    [256, 0],
    [256, 1.5],
    [4096, 0],
    [4096, 1.5],
  ])('may be made in another order: %i, about %f', (n, offset) => {
    const [a, b] = [wave(rows * n, 1, offset), wave(rows * n, 2, offset)]
    const program = product(np.reshape(np.array(a), [rows, n]), np.reshape(np.array(b), [n, rows]))
    const execute = (from: (i: number, n: number) => number) => () => [
      Float32Array.from({ length: rows * rows }, (_, e) => {
        const [i, j] = [Math.floor(e / rows), e % rows]
        return inSingle(n, (k) => a[i * n + from(k, n)]! * b[from(k, n) * rows + j]!)
      }),
    ]
    conforms(program, [a, b], execute((k) => k)) // prettier-ignore
    conforms(program, [a, b], execute((k, n) => n - 1 - k)) // prettier-ignore
  })

  it('are what a device makes of products of matrices, and of their gradients', () => {
    const device = wasmDevice()
    const loss = (a: NDArray, b: NDArray): NDArray => np.sum(np.square(np.tanh(np.matmul(a, b))))
    const [a, b] = [wave(60 * 512, 1, 0), wave(512 * 50, 2, 0)]
    const program = makeProgram(grad(loss))(np.reshape(np.array(a), [60, 512]), np.reshape(np.array(b), [512, 50]))
    conforms(program, [a, b], onDevice(device))
    device.dispose()
  })

  it('are held to what rounding explains', () => {
    const n = 256
    const [a, b] = [wave(n, 1, 1.5), wave(n, 2, 1.5)]
    const program = product(np.reshape(np.array(a), [1, n]), np.reshape(np.array(b), [n, 1]))
    for (const error of [1e-4, -1e-4, 1e-5]) {
      const wrong = (...args: Parameters<typeof run>): readonly TypedArray[] =>
        run(...args).map((data) => (data as Float32Array).map((v) => v * (1 + error)))
      expect(() => {
        conforms(program, [a, b], wrong)
      }).toThrow(/element 0 is/)
    }
    // Terms of both signs: the sum is small beside them, and the error of one forgotten term is not.
    const [c, d] = [wave(n, 1, 0), wave(n, 2, 0)]
    expect(() => {
      conforms(program, [c, d], () => [Float32Array.of(inSingle(n - 1, (k) => c[k]! * d[k]!))])
    }).toThrow(/element 0 is/)
  })

  it('are exact where they are short: no unit more than before', () => {
    const sum = makeProgram((a: NDArray) => np.sum(a))(np.ones([8]))
    const ones = new Float32Array(8).fill(1)
    expect(() => {
      conforms(sum, [ones], off(60))
    }).toThrow(/element 0 is/)
  })

  it('of scattered updates count what meets at one place', () => {
    const places = np.array(new Int32Array(3000).map((_, i) => (i % 3 === 0 ? 1 : 0)))
    const scattered = makeProgram((x: NDArray) => np.zeros([3]).at(places).add(x))(np.ones([3000]))
    const x = wave(3000, 1, 1.5)
    const at = (place: number): number => inSingle(3000, (i) => ((i % 3 === 0 ? 1 : 0) === place ? x[i]! : 0))
    conforms(scattered, [x], () => [Float32Array.of(at(0), at(1), 0)])
    expect(() => {
      conforms(scattered, [x], () => [Float32Array.of(at(0), at(1) * (1 + 1e-4), 0)])
    }).toThrow(/element 1 is/)
    expect(() => {
      conforms(scattered, [x], () => [Float32Array.of(at(0), at(1), 1e-20)])
    }).toThrow(/element 2 is/)
  })
})
