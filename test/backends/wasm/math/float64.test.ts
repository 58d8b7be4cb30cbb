/**
 * Vector mathematics of float64, against true values from mpmath, JavaScript's Math within the sum of both errors, and the
 * interpreter where values are special.
 */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { BinaryMath, MathName, UnaryMath } from '../../../../src/backends/wasm/math/functions.ts'
import {
  binary as binaryFunctions,
  functions,
  unary as unaryFunctions,
} from '../../../../src/backends/wasm/math/functions.ts'
import { Aval } from '../../../../src/core/aval.ts'
import type { TypedArray } from '../../../../src/core/dtype.ts'
import { primitives } from '../../../../src/primitives/all.ts'
import { digamma, lgamma } from '../../../../src/primitives/logGamma.ts'
import type { Elementwise } from '../support/lanes64.ts'
import { bitsOf, compile, errorOf, floatOf, lastPlace, recorded } from '../support/lanes64.ts'

const boundOf = (name: MathName): number => functions[name].float64.error

const unaryNames = Object.keys(unaryFunctions) as UnaryMath[]
const binaryNames = Object.keys(binaryFunctions) as BinaryMath[]
/** Functions that round. */
const names = unaryNames.filter((name) => boundOf(name) > 0)
const unary = (name: UnaryMath, relaxed = false): Elementwise => compile((math, x) => math[name](x), relaxed)
const binary = (name: BinaryMath, relaxed = false): Elementwise => compile((math, x, y) => math[name](x, y), relaxed)

/** The greatest error, and the arguments that have it. */
const worst = (errors: readonly number[], describeArguments: (i: number) => string): [number, string] => {
  const at = errors.reduce((most, e, i) => (e <= errors[most]! ? most : i), 0)
  return [errors[at]!, describeArguments(at)]
}

const expectWithin = (bound: number, [error, where]: [number, string]): void => {
  expect(error, `error at ${where}`).toBeLessThanOrEqual(bound)
}

/** Last places that errors are counted in at least, of functions with zeros that are not round numbers. */
const besideOf: { readonly [N in UnaryMath]?: (x: number) => number } = {
  lgamma: (x) => lastPlace(x < 0 ? Math.max(1, Math.abs(lgamma(-x))) : x > 1 && x < 2 ? 1 / 8 : 0),
  digamma: (x) => lastPlace(Math.max(1, Math.abs(digamma(Math.abs(x))))),
}

describe.each([false, true])('true values, relaxed SIMD: %s', (relaxed) => {
  it.each(names)('%s', (name) => {
    const { xs, nearest, remainders } = recorded(name, 1)
    const errors = [...unary(name, relaxed)(xs)].map((z, i) => {
      const unit = Math.max(lastPlace(nearest[i]!), besideOf[name]?.(xs[i]!) ?? 0)
      return errorOf(z, nearest[i]!, (remainders[i]! * lastPlace(nearest[i]!)) / unit, unit)
    })
    expectWithin(
      boundOf(name),
      worst(errors, (i) => String(xs[i])),
    )
  })

  it.each(['pow', 'atan2'] as const)('%s', (name) => {
    const { xs, ys, nearest, remainders } = recorded(name, 2)
    const errors = [...binary(name, relaxed)(xs, ys)].map((z, i) => errorOf(z, nearest[i]!, remainders[i]!))
    expectWithin(
      boundOf(name),
      worst(errors, (i) => `${xs[i]}, ${ys[i]}`),
    )
  })

  // Operands near -0.7 cancel against the logarithm: the error is small beside that, not beside the result.
  it('logaddexp', () => {
    const { xs, ys, nearest, remainders } = recorded('logaddexp', 2)
    const errors = [...binary('logaddexp', relaxed)(xs, ys)].map((z, i) => {
      const unit = Math.max(lastPlace(nearest[i]!), 2 ** -53)
      return errorOf(z, nearest[i]!, (remainders[i]! * lastPlace(nearest[i]!)) / unit, unit)
    })
    expectWithin(
      boundOf('logaddexp'),
      worst(errors, (i) => `${xs[i]}, ${ys[i]}`),
    )
  })
})

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

describe('sweeps', () => {
  const count = 60_000
  /** Half of the points spread evenly, half in magnitude, from 2^-40 to the end. */
  const points = (low: number, high: number): number[] => {
    const random = createRandom()
    const end = Math.log2(Math.max(Math.abs(low), high))
    return Array.from({ length: count }, (_, i) => {
      const x = low + (high - low) * random()
      return i % 2 === 0 ? x : Math.min(Math.sign(x) * 2 ** (random() * (end + 40) - 40), high)
    })
  }

  // Errors of V8's functions, and ranges. For fdlibm, on which they are built: V. Innocente and P. Zimmermann, Accuracy of
  // Mathematical Functions in Single, Double, Extended Double and Quadruple Precision (2023).
  it.each([
    ['exp', 1, -708, 709],
    ['expm1', 1, -60, 709],
    ['sinh', 2, -709, 709],
    ['cosh', 2, -709, 709],
    ['tanh', 2.5, -25, 25],
    ['log', 1, 1e-300, 1e300],
    ['log', 1, 0.5, 2],
    ['log1p', 1, -0.9999, 4],
    ['asinh', 2, -1e9, 1e9],
    ['acosh', 2.5, 1, 1e9],
    ['atanh', 2, -0.999, 0.999],
    ['sin', 1, -1e6, 1e6],
    ['cos', 1, -1e6, 1e6],
    ['tan', 1, -1e6, 1e6],
    ['asin', 1, -1, 1],
    ['acos', 1, -1, 1],
    ['atan', 1, -100, 100],
    ['cbrt', 1, -1e9, 1e9],
  ] as const)('%s, within %d more of Math.%s', (name, ofMath, low, high) => {
    const xs = points(low, high).filter((x) => x >= low)
    const errors = [...unary(name)(xs)].map((z, i) => errorOf(z, Math[name](xs[i]!), 0))
    // Neighbouring binades may count in different units.
    expectWithin(
      2 * (boundOf(name) + ofMath),
      worst(errors, (i) => String(xs[i])),
    )
  })

  // V8's pow is wrong in the last eight bits, so that powers are compared with what is known of them.
  it.each([
    ['0.5', 0.5, Math.sqrt],
    ['1', 1, (x: number) => x],
    ['2', 2, (x: number) => x * x],
    ['-1', -1, (x: number) => 1 / x],
  ] as const)('pow(x, %s)', (_, exponent, known) => {
    const xs = points(1e-150, 1e150).filter((x) => x > 0)
    const errors = [
      ...binary('pow')(
        xs,
        xs.map(() => exponent),
      ),
    ].map((z, i) => errorOf(z, known(xs[i]!), 0))
    expectWithin(
      2 * (boundOf('pow') + 0.5),
      worst(errors, (i) => String(xs[i])),
    )
  })

  it('powers of 2 are exact', () => {
    const exponents = Array.from({ length: 2098 }, (_, i) => i - 1074)
    const expected = exponents.map((n) => 2 ** n)
    expect([
      ...binary('pow')(
        exponents.map(() => 2),
        exponents,
      ),
    ]).toEqual(expected)
    expect([...unary('exp2')(exponents)]).toEqual(expected)
  })

  it('rem is exact, for quotients of all sizes', () => {
    const random = createRandom()
    const bounded = (power: number): number => (random() - 0.5) * 2 ** power
    const ys = Array.from({ length: count }, () => bounded(random() * 40 - 20))
    const xs = ys.map((y, i) => (i % 3 === 0 ? Math.round(bounded(20)) * y : bounded(random() * 80 - 20)))
    const results = binary('rem')(xs, ys)
    expect(xs.findIndex((x, i) => !Object.is(results[i], x % ys[i]!))).toBe(-1)
  })

  /** x^n exactly, as a quotient of integers over 2^shift; the error of `y` in its last places. */
  const errorOfPower = (y: number, x: number, n: number): number => {
    const unit = lastPlace(x)
    const mantissa = BigInt(Math.abs(x / unit)) ** BigInt(Math.abs(n))
    // x^n = ± m^n 2^(e n) where x = m 2^e, y = Y 2^f
    const difference = Math.log2(unit) * n - Math.log2(lastPlace(y))
    const guard = 4096n
    const scaled = BigInt(Math.abs(y / lastPlace(y))) * guard
    const shift = BigInt(Math.abs(difference))
    const power = n >= 0 ? mantissa : 1n
    const divisor = n >= 0 ? 1n : mantissa
    const exact = difference >= 0 ? ((power * guard) << shift) / divisor : (power * guard) / (divisor << shift)
    const remaining = scaled > exact ? scaled - exact : exact - scaled
    return Number(remaining) / Number(guard)
  }

  it.each([-7, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 8, 11])('integerPow to %i', (n) => {
    const random = createRandom()
    const xs = Array.from({ length: 4000 }, () => (random() - 0.5) * 2 ** (random() * 40 - 20))
    const results = [...compile((math, x) => math.integerPow(x, n))(xs)]
    const errors = results.map((y, i) => errorOfPower(y, xs[i]!, n))
    expectWithin(
      boundOf('integerPow'),
      worst(errors, (i) => String(xs[i])),
    )
    expect(results.map(Math.sign)).toEqual(xs.map((x) => (n % 2 === 0 ? 1 : Math.sign(x))))
  })
})

const specials = [
  0,
  1,
  0.5,
  1.5,
  2,
  3,
  0.75,
  2.5,
  25,
  710,
  746,
  1025,
  2 ** 20,
  2 ** 21,
  1e17,
  2 ** 53,
  2 ** 53 - 1,
  2 ** 512,
  1e300,
  1e308,
  1 - 2 ** -53,
  1 + 2 ** -52,
  2 ** -27,
  2 ** -30,
  1e-200,
  2 ** -1022,
  2 ** -1023,
  Number.MIN_VALUE,
  Number.MAX_VALUE,
  Infinity,
  NaN,
].flatMap((x) => [x, -x])

/** The interpreter's answer. */
const interpret = (name: UnaryMath | BinaryMath, ...operands: readonly (readonly number[])[]): Float64Array => {
  const aval = new Aval('float64', [operands[0]!.length])
  const { evaluate } = primitives[name]
  const run = evaluate as unknown as (
    params: object,
    data: readonly TypedArray[],
    types: readonly Aval[],
    outputs: readonly Aval[],
  ) => readonly TypedArray[]
  const data = operands.map((xs) => Float64Array.from(xs))
  return run({}, data, [aval, aval], [aval])[0] as Float64Array
}

/** The same special value, or close: how close numbers are is what other tests are about, and V8's pow is not very. */
const agrees = (value: number, expected: number): boolean =>
  Object.is(value, expected) ||
  (Number.isFinite(expected) && expected !== 0 && Math.abs(value - expected) <= 1e-11 * Math.abs(expected) + 2 ** -1073)

/** Where a step of the interpreter's formula vanishes, but not the true value. */
const interpreterUnderflows = (name: string, x: number): boolean =>
  (name === 'logistic' && x < -709) || (name === 'erfInv' && Math.abs(x) === Number.MIN_VALUE)

describe('special values are the interpreter’s', () => {
  it.each(unaryNames)('%s', (name) => {
    const expected = interpret(name, specials)
    const values = unary(name)(specials)
    const wrong = specials.filter((x, i) => !agrees(values[i]!, expected[i]!) && !interpreterUnderflows(name, x))
    expect(wrong).toEqual([])
  })

  it.each(binaryNames)('%s', (name) => {
    const pairs = specials.flatMap((x) => specials.map((y) => [x, y] as const))
    const [xs, ys] = [pairs.map(([x]) => x), pairs.map(([, y]) => y)]
    const expected = interpret(name, xs, ys)
    const values = binary(name)(xs, ys)
    const wrong = pairs.filter((_, i) => !agrees(values[i]!, expected[i]!))
    expect(wrong).toEqual([])
  })

  it.each([-4, -3, -2, -1, 0, 1, 2, 3, 4, 5, 6, 7])('integerPow to %i', (n) => {
    const values = compile((math, x) => math.integerPow(x, n))(specials)
    const wrong = specials.filter((x, i) => !agrees(values[i]!, x ** n))
    expect(wrong).toEqual([])
  })
})

describe('properties', () => {
  const anyFloat = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(floatOf)

  // Where an array is cut into ranges must not show: neither lane, nor what the other one holds, changes a result.
  it('a lane does not depend on the other one', () => {
    const functions = [
      ...names.map((name) => unary(name)),
      ...(['pow', 'atan2', 'rem'] as const).map((name) => binary(name)),
    ]
    const wild = fc.oneof(anyFloat, fc.constantFrom(...specials), fc.double({ min: -30, max: 30 }))
    fc.assert(
      fc.property(wild, wild, wild, wild, (a, b, c, d) => {
        for (const f of functions) {
          const [alone] = f([a, a], [b, b])
          const [first] = f([a, c], [b, d])
          const [, second] = f([c, a], [d, b])
          expect([bitsOf(first!), bitsOf(second!)]).toEqual([bitsOf(alone!), bitsOf(alone!)])
        }
      }),
      { numRuns: 300 },
    )
  })

  it.each(['nextafter', 'max', 'min', 'rem'] as const)('%s is the interpreter’s', (name) => {
    const f = binary(name)
    fc.assert(
      fc.property(anyFloat, anyFloat, (x, y) => {
        expect(f([x], [y])[0]).toBe(interpret(name, [x], [y])[0])
      }),
      { numRuns: 500 },
    )
  })

  it.each(['sinh', 'tanh', 'asinh', 'atanh', 'sin', 'tan', 'asin', 'atan', 'erf', 'erfInv', 'cbrt'] as const)(
    '%s is odd',
    (name) => {
      const f = unary(name)
      fc.assert(
        fc.property(anyFloat, (x) => {
          expect(f([-x])[0]).toBe(-f([x])[0]!)
        }),
      )
    },
  )
})
