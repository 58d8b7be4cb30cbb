/** Truncated normal draws far out, tested by their distribution function; and the bounds of integers. */
import { ArgumentError, jit, lax, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

/** What lies above x. */
const survival = (x: readonly number[]): number[] => {
  const tails = lax.erfc(np.array(x.map((v) => v / Math.SQRT2), { dtype: 'float64' })) // prettier-ignore
  return [...np.multiply(0.5, tails).dataSync('float64')]
}

const count = 20_000
/** Kolmogorov's statistic √n·sup|F - Fₙ|, which is above 1.95 once in a thousand times. */
const kolmogorov = (draws: NDArray, lower: number, upper: number): number => {
  // In the upper half, where what lies above has all its digits.
  const flip = upper <= 0
  const [a, b] = flip ? [-upper, -lower] : [lower, upper]
  const sorted = [...draws.dataSync()].map((v) => (flip ? -Number(v) : Number(v))).sort((x, y) => x - y)
  const [ofA, ofB] = survival([a, b])
  const distances = survival(sorted).map((s, i) => {
    const f = (ofA! - s) / (ofA! - ofB!)
    return Math.max(f - i / count, (i + 1) / count - f)
  })
  return Math.sqrt(count) * Math.max(...distances)
}

const intervals = [
  [-2, 2],
  [0.5, Infinity],
  [-2.5, -1],
  [3, 4],
  [-3.5, -3],
  [5.5, Infinity],
  [-Infinity, -6],
  [-8, -7],
  [7, 7.001],
  [10, 11],
  [20, Infinity],
  [-30, -20],
] as const

describe.each(['float32', 'float64'] as const)('truncatedNormal (%s)', (dtype) => {
  it.each(intervals)('on (%s, %s) has its distribution', (lower, upper) => {
    const draws = random.truncatedNormal(random.key(7), lower, upper, [count], { dtype })
    expect(kolmogorov(draws, lower, upper)).toBeLessThan(1.95)
    expect(np.min(draws).item()).toBeGreaterThan(lower)
    expect(np.max(draws).item()).toBeLessThan(upper)
    const compiled = jit((k: NDArray) => random.truncatedNormal(k, lower, upper, [count], { dtype }))(random.key(7))
    assertClose('compiled', compiled, draws, { rtol: dtype === 'float32' ? 1e-6 : 1e-12 })
  })

  it('with arrays for bounds draws in each interval as with numbers', () => {
    const [lower, upper] = [intervals.map(([a]) => a), intervals.map(([, b]) => b)]
    const shape = [count, intervals.length]
    const bounds = [np.array(lower, { dtype }), np.array(upper, { dtype })] as const
    const draws = random.truncatedNormal(random.key(3), ...bounds, shape, { dtype })
    intervals.forEach(([a, b], i) => {
      expect(kolmogorov(draws.at(':', i).get(), a, b)).toBeLessThan(1.95)
    })
  })
})

it('truncatedNormal draws 16-bit floats from tails too', () => {
  for (const dtype of ['float16', 'bfloat16'] as const) {
    const draws = random.truncatedNormal(random.key(1), -Infinity, -5.5, [2000], { dtype }).astype('float32')
    const mean = np.mean(draws).item()
    // φ(5.5) / (1 - Φ(5.5))
    expect(Math.abs(mean + 5.671)).toBeLessThan(0.02)
  }
})

describe('randint', () => {
  const draw = (low: number | NDArray, high: number | NDArray, dtype: 'int32' | 'uint32' = 'int32'): NDArray =>
    random.randint(random.key(0), [1000], low, high, { dtype })

  it('takes all bounds that the dtype holds, and one more above', () => {
    expect(draw(-(2 ** 31), 2 ** 31).shape).toEqual([1000])
    expect(np.max(draw(2 ** 32 - 2, 2 ** 32, 'uint32')).item()).toBe(2 ** 32 - 1)
    expect(np.min(draw(-5, -4)).item()).toBe(-5)
    expect(draw(np.array(0, { dtype: 'int32' }), np.array(3, { dtype: 'uint32' })).shape).toEqual([1000])
  })

  it('throws for others', () => {
    expect(() => draw(0, 2 ** 31 + 1)).toThrow(ArgumentError)
    expect(() => draw(0, 2 ** 31 + 1)).toThrow(
      'random.randint: maxval 2147483649 is no int32, which goes from -2147483648 to 2147483647; maxval itself is not drawn, and may be one more.',
    )
    expect(() => draw(2 ** 31, 2 ** 31)).toThrow('minval 2147483648 is no int32')
    expect(() => draw(-(2 ** 31) - 1, 0)).toThrow('minval -2147483649 is no int32')
    expect(() => draw(-1, 5, 'uint32')).toThrow('minval -1 is no uint32, which goes from 0 to 4294967295.')
    expect(() => draw(0, 2 ** 32 + 1, 'uint32')).toThrow(ArgumentError)
    expect(() => draw(0, Infinity)).toThrow(ArgumentError)
    expect(() => draw(NaN, 3)).toThrow(ArgumentError)
    expect(() => draw(0, 2.5)).toThrow(ArgumentError)
    expect(() => draw(np.array(-1, { dtype: 'int32' }), 5, 'uint32')).toThrow(ArgumentError)
    expect(() => draw(0, np.array(2 ** 31, { dtype: 'uint32' }))).not.toThrow()
  })
})
