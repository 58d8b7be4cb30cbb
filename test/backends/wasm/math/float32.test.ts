/** Vector mathematics of float32, against the interpreter's functions in float64: special values, neighbours, dense sweeps. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import * as elementary from '../../../../src/backends/wasm/math/float32/elementary.ts'
import type { BinaryMath, MathName, UnaryMath } from '../../../../src/backends/wasm/math/functions.ts'
import { binary, functions, single, unary } from '../../../../src/backends/wasm/math/functions.ts'
import { Aval } from '../../../../src/core/aval.ts'
import type { TypedArray } from '../../../../src/core/dtype.ts'
import { primitives } from '../../../../src/primitives/all.ts'
import type { Elementwise } from '../support/lanes32.ts'
import { bitsOf, compile, errorOf, floatOf, hasRelaxed, ROOM } from '../support/lanes32.ts'

/** In which range points are densest: where results vary. */
const ranges: { readonly [N in UnaryMath]: readonly [low: number, high: number] } = {
  sign: [-2, 2],
  round: [-100, 100],
  exp: [-105, 90],
  exp2: [-152, 130],
  log: [0, 3],
  log1p: [-1, 3],
  expm1: [-20, 90],
  rsqrt: [0, 4],
  cbrt: [-8, 8],
  sin: [-420, 420],
  cos: [-420, 420],
  tan: [-420, 420],
  asin: [-1, 1],
  acos: [-1, 1],
  atan: [-8, 8],
  sinh: [-90, 90],
  cosh: [-90, 90],
  tanh: [-10, 10],
  asinh: [-8, 8],
  acosh: [1, 8],
  atanh: [-1, 1],
  logistic: [-105, 20],
  erf: [-4, 4],
  erfc: [-4, 10.2],
  erfInv: [-1, 1],
  lgamma: [-12, 12],
  digamma: [-12, 12],
}

const boundOf = (name: MathName): number => functions[name].float32.error

const unaryNames = Object.keys(unary) as UnaryMath[]
const binaryNames = Object.keys(binary) as BinaryMath[]
const compileUnary = (name: UnaryMath, relaxed = false): Elementwise =>
  compile((math, x) => math[name](x), [name], relaxed)
const compileBinary = (name: BinaryMath, relaxed = false): Elementwise =>
  compile((math, x, y) => math[name](x, y), [name], relaxed)

/** The interpreter's answers: exact operations in float32, others in float64, to be rounded. */
const interpret = (name: UnaryMath | BinaryMath, exact: boolean, ...operands: readonly Float32Array[]): TypedArray => {
  const aval = new Aval(exact ? 'float32' : 'float64', [operands[0]!.length])
  const evaluate = primitives[name].evaluate as unknown as (
    params: object,
    data: readonly TypedArray[],
    types: readonly Aval[],
    outputs: readonly Aval[],
  ) => readonly TypedArray[]
  const data = exact ? operands : operands.map((xs) => Float64Array.from(xs))
  return evaluate({}, data, [aval, aval], [aval])[0]!
}

/** Repeatable random numbers (G. Marsaglia, Xorshift RNGs, 2003). */
const createRandom = (): (() => number) => {
  let state = 0x9e3779b9
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

const generate = (count: number, f: (i: number) => number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => f(i))

/** Every sign and exponent, those of subnormals, infinities and NaN too, with random mantissas. */
const everyExponent = (each: number, random: () => number): Float32Array =>
  generate(512 * each, (i) => floatOf(((i % 512) << 23) | Math.floor(random() * 2 ** 23)))

/** Where methods change, poles and zeros are, results begin to overflow or to be subnormal. */
const places = [
  ...Array.from({ length: 277 }, (_, i) => 2 ** (i - 149)),
  ...Array.from({ length: 512 }, (_, i) => (i + 1) * (Math.PI / 2)),
  ...Array.from({ length: 64 }, (_, i) => i * Math.LN2),
  ...Array.from({ length: 40 }, (_, i) => i / 2),
  ...[2 ** 23 + 1, 1e6 * Math.PI, 400, 0.625, 9 / 16, 17.5, 9.02, 3.92, 10.06, 14.5, 16.6355, 88.72283, 89.41599],
  ...[87.33654, 103.2789, 103.97208, 126, 127.99999, 149, 150, 0.99663, 1 - 2 ** -24, 3.4028234663852886e38],
]

const neighbours = (x: number): readonly number[] => [-2, -1, 0, 1, 2].map((step) => floatOf(bitsOf(x) + step))

const specials: readonly number[] = [...places.flatMap(neighbours), 0, Infinity, NaN].flatMap((x) => [x, -x])

const everywhere = [...specials, ...everyExponent(200, createRandom())]

/** The special values, every exponent, and points in a range. A whole number of vectors. */
const pointsFor = (low: number, high: number): Float32Array => {
  const random = createRandom()
  const spread = generate(100_000 + (-everywhere.length & 3), () => low + (high - low) * random())
  const points = new Float32Array(everywhere.length + spread.length)
  points.set(everywhere)
  points.set(spread, everywhere.length)
  return points
}

/** Pairs of notable values, pairs of every exponent, pairs of moderate size. */
const createPairs = (): readonly [Float32Array, Float32Array] => {
  const random = createRandom()
  const notable = [0, 2 ** -149, 2 ** -126, 0.5, 1 - 2 ** -24, 1, 1.5, 2, 3, 4, 5, 16777215, 16777216, 1e10, 2 ** 127]
  const signed = [...notable, 3.4028234663852886e38, Infinity, NaN].flatMap((x) => [x, -x])
  const moderate = (): number => (random() - 0.5) * 2 ** Math.floor(random() * 24 - 12)
  const left = [signed.flatMap((x) => signed.map(() => x)), everyExponent(200, random), generate(120_000, moderate)]
  const right = [signed.flatMap(() => signed), everyExponent(200, random).toSorted(), generate(120_000, moderate)]
  return [Float32Array.from(left.flatMap((part) => [...part])), Float32Array.from(right.flatMap((part) => [...part]))]
}

const pairs = createPairs()
const powers = pointsFor(-2, 2)

/** Arguments, and the interpreter's answers, once for all variants. */
interface Case {
  readonly xs: Float32Array
  readonly wanted: TypedArray
}
const cases = new Map<UnaryMath, Case>()
const caseOf = (name: UnaryMath): Case => {
  const [low, high] = ranges[name]
  const known = cases.get(name)
  if (known !== undefined) return known
  const xs = pointsFor(low, high)
  const made = { xs, wanted: interpret(name, boundOf(name) === 0, xs) }
  cases.set(name, made)
  return made
}

const expectClose = (
  bound: number,
  got: Float32Array,
  wanted: TypedArray,
  describeArguments: (i: number) => string,
): void => {
  let worst = 0
  let at = 0
  for (let i = 0; i < got.length; i++) {
    const error = errorOf(got[i]!, Number(wanted[i]))
    if (error > worst) [worst, at] = [error, i]
  }
  expect(worst, `${describeArguments(at)}: ${got[at]}, not ${wanted[at]}`).toBeLessThanOrEqual(bound)
}

const expectSame = (got: Float32Array, wanted: Float32Array): void => {
  const at = got.findIndex((x, i) => !Object.is(x, wanted[i]))
  expect([at, got[at]]).toEqual([-1, undefined])
}

const variants = hasRelaxed ? [false, true] : [false]

describe.each(variants)('errors, relaxed SIMD: %s', (relaxed) => {
  it.each(unaryNames)('%s', (name) => {
    const { xs, wanted } = caseOf(name)
    expectClose(boundOf(name), compileUnary(name, relaxed)(xs), wanted, (i) => `${name}(${xs[i]})`)
  })

  it.each(binaryNames)('%s', (name) => {
    const bound = boundOf(name)
    const [xs, ys] = pairs
    const got = compileBinary(name, relaxed)(xs, ys)
    expectClose(bound, got, interpret(name, bound === 0, xs, ys), (i) => `${name}(${xs[i]}, ${ys[i]})`)
  })

  it('pow, where results are neither 0 nor infinite', () => {
    const random = createRandom()
    const xs = generate(200_000, () => 2 ** (random() * 270 - 140))
    const ys = xs.map((x) => (random() * 280 - 150) / Math.log2(x))
    expectClose(boundOf('pow'), compileBinary('pow', relaxed)(xs, ys), interpret('pow', false, xs, ys), (i) => {
      return `pow(${xs[i]}, ${ys[i]})`
    })
  })

  it('logaddexp, where the logarithm of the sum is nearly 0', () => {
    const random = createRandom()
    const xs = generate(20_000, () => -random() * 2)
    const ys = xs.map((x, i) => Math.log(-Math.expm1(x)) * (1 + ((i % 5) - 2) * 2 ** -20))
    const got = compileBinary('logaddexp', relaxed)(xs, ys)
    // Both come from float64 numbers near 1, whose last place is all that is known of a sum near 0.
    const wanted = interpret('logaddexp', false, xs, ys) as Float64Array
    const near = wanted.map((y, i) => (Math.abs(y - got[i]!) <= 2 ** -52 ? got[i]! : y))
    expectClose(boundOf('logaddexp'), got, near, (i) => `${xs[i]}, ${ys[i]}`)
  })

  it('rem, for quotients of all sizes', () => {
    const random = createRandom()
    const ys = generate(100_000, () => (random() - 0.5) * 2 ** (random() * 60 - 30))
    const xs = ys.map((y, i) => (i % 3 === 0 ? Math.round(random() * 1000) * y : y * 2 ** (random() * 80)))
    expectClose(0, compileBinary('rem', relaxed)(xs, ys), interpret('rem', true, xs, ys), (i) => `${xs[i]} % ${ys[i]}`)
  })

  it.each([-64, -7, -3, -2, -1, 0, 1, 2, 3, 4, 5, 10, 33, 1000, 123456])('integerPow to %i', (n) => {
    const xs = powers
    const got = compile((math, x) => math.integerPow(x, n), ['integerPow'], relaxed)(xs)
    expectClose(
      boundOf('integerPow'),
      got,
      Float64Array.from(xs, (x) => x ** n),
      (i) => `${xs[i]} ** ${n}`,
    )
  })
})

const all = (x: number): Float32Array => new Float32Array(4).fill(x)

describe('exact values', () => {
  it.each([
    ['exp', 0, 1],
    ['exp', -Infinity, 0],
    ['exp2', -149, 2 ** -149],
    ['exp2', 10, 1024],
    ['log', 1, 0],
    ['log1p', -0, -0],
    ['expm1', -0, -0],
    ['sin', -0, -0],
    ['cos', 0, 1],
    ['cos', 2 ** -100, 1],
    ['tan', -0, -0],
    ['tanh', -0, -0],
    ['tanh', 20, 1],
    ['tanh', 2 ** -149, 2 ** -149],
    ['sinh', 2 ** -149, 2 ** -149],
    ['cosh', 0, 1],
    ['logistic', 0, 0.5],
    ['logistic', 100, 1],
    ['erf', 5, 1],
    ['erfc', 0, 1],
    ['erfc', -5, 2],
    ['acos', 1, 0],
    ['atan', Infinity, Math.fround(Math.PI / 2)],
    ['cbrt', 27, 3],
  ] as const)('%s(%d) = %d', (name, x, y) => {
    for (const relaxed of variants) expect(compileUnary(name, relaxed)(all(x))).toEqual(all(y))
  })
})

/** Numbers of any bits, often such as take the rare ways. */
const anyFloat = fc.oneof(
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map(floatOf),
  fc.float({ noNaN: true, min: -500, max: 500 }),
  fc.constantFrom(0, -0, 1, -1, Infinity, -Infinity, NaN),
)
const vectors = fc.array(anyFloat, { minLength: 4, maxLength: 4 })
const rotated = (x: readonly number[]): Float32Array => Float32Array.of(x[1]!, x[2]!, x[3]!, x[0]!)

describe('laws', () => {
  it('lanes do not depend on each other', () => {
    const fs = [...unaryNames.map((name) => compileUnary(name)), ...binaryNames.map((name) => compileBinary(name))]
    fc.assert(
      fc.property(vectors, vectors, (x, y) => {
        for (const f of fs) {
          expectSame(f(rotated(x), rotated(y)), rotated([...f(Float32Array.from(x), Float32Array.from(y))]))
        }
      }),
      { numRuns: 200 },
    )
  })

  const odd: readonly UnaryMath[] = [
    ...(['sign', 'round', 'cbrt', 'sin', 'tan', 'asin', 'atan'] as const),
    ...(['sinh', 'tanh', 'asinh', 'atanh', 'erf', 'erfInv'] as const),
  ]
  it.each(odd)('%s is odd', (name) => {
    const xs = pointsFor(0, 10)
    const f = compileUnary(name)
    expectSame(
      f(xs.map((x) => -x)),
      f(xs).map((y) => -y),
    )
  })

  it.each(['cos', 'cosh'] as const)('%s is even', (name) => {
    const xs = pointsFor(0, 10)
    const f = compileUnary(name)
    expectSame(f(xs.map((x) => -x)), f(xs))
  })

  it.each(['sin', 'cos', 'tanh', 'erf'] as const)('|%s| is at most 1, also after rounding', (name) => {
    for (const relaxed of variants) {
      const ys = compileUnary(name, relaxed)(pointsFor(-10, 10))
      expect(ys.filter((y) => Math.abs(y) > 1)).toEqual(new Float32Array(0))
    }
  })

  it('a rare function is shared by all that need it', () => {
    const xs = pointsFor(0, 100)
    const twice = compile((math, x) => math.log(math.log(x)), ['log'])
    const once = compileUnary('log')
    expectSame(twice(xs), once(once(xs)))
  })

  it('the points fit', () => {
    expect(pointsFor(0, 1).length).toBeLessThanOrEqual(ROOM)
    expect(pointsFor(0, 1).length).toBeGreaterThanOrEqual(200_000)
  })
})

describe('what a row has to say', () => {
  it('names what it calls in JavaScript', () => {
    expect(single(elementary.rem, 0, 'rem').host).toEqual(['rem'])
    // @ts-expect-error It calls `%`.
    single(elementary.rem, 0)
  })
})
