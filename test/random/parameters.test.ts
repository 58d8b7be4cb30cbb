/** Parameters that are out of range: an error where they are known, and what JAX gives where they are not. */
import type { ArrayLike, NDArray } from 'pullback'
import { ArgumentError, jit, np, random, vmap } from 'pullback'
import { describe, expect, test } from 'vitest'

const key = random.key(0)
const draws = [8]
const valuesIn = (x: NDArray): ReadonlySet<number> =>
  new Set(Array.from(x.dataSync() as Iterable<number | bigint>, Number))

describe('bounds with nothing between them', () => {
  test.each<[string, ArrayLike, ArrayLike, string]>([
    ['crossed', 2, -1, '2 and -1'],
    ['equal', 1, 1, '1 and 1'],
    ['far out', 9, 8, '9 and 8'],
    ['of arrays', np.array([[0], [3]]), np.array([1, 2, 4, 5, 6, 7, 8, 9]), '3 and 1'],
  ])('truncatedNormal: %s', (_, lower, upper, both) => {
    const shape = typeof lower === 'number' ? draws : [2, 8]
    const draw = () => random.truncatedNormal(key, lower, upper, shape)
    expect(draw).toThrow(ArgumentError)
    expect(draw).toThrow(`random.truncatedNormal: lower must be below upper, got ${both}`)
    expect(() => vmap((k: NDArray) => random.truncatedNormal(k, lower, upper, shape))(random.split(key, 3))).toThrow(
      both,
    )
  })

  test('inside of jit, where they are not known, truncatedNormal has the float before upper, as JAX has', () => {
    const drawn = jit((low: NDArray) => random.truncatedNormal(key, low, -1, draws))(np.array(2))
    expect(valuesIn(drawn)).toEqual(new Set([Math.fround(-1 - 2 ** -23)]))
  })

  test('uniform and randint have the lower one', () => {
    expect(valuesIn(random.uniform(key, draws, { minval: 1, maxval: -1 }))).toEqual(new Set([1]))
    expect(valuesIn(random.randint(key, draws, 5, 2))).toEqual(new Set([5]))
  })

  test('NaN gives NaN', () => {
    expect(valuesIn(random.uniform(key, draws, { minval: NaN }))).toEqual(new Set([NaN]))
    expect(valuesIn(random.truncatedNormal(key, NaN, 1, draws))).toEqual(new Set([NaN]))
  })
})

describe('probabilities', () => {
  test.each([
    [[-0.5, 0.5, 1], 'p must have finite numbers from 0 on, got -0.5'],
    [[NaN, 0.5, 0.5], 'got NaN'],
    [[1, Infinity, 1], 'got Infinity'],
    [[0, 0, 0], 'p is 0 everywhere'],
  ])('choice refuses %j, with replacement and without', (p, message) => {
    for (const replace of [true, false]) {
      const draw = () => random.choice(key, 3, [2], { p: np.array(p), replace })
      expect(draw).toThrow(ArgumentError)
      expect(draw).toThrow(message)
    }
  })

  test('choice takes weights as in proportion: those that add up to 1 draw the same', () => {
    const of = (...p: readonly number[]) => [...random.choice(key, 3, [50], { p: np.array(p) }).dataSync()]
    expect(of(2, 4, 2)).toEqual(of(0.25, 0.5, 0.25))
  })

  test.each([
    [1.5, 1],
    [1, 1],
    [0, 0],
    [-1, 0],
    [NaN, 0],
  ])('bernoulli of %d is always %d', (p, always) => {
    expect(valuesIn(random.bernoulli(key, p, draws))).toEqual(new Set([always]))
  })

  test.each([
    [[0, NaN, 0], 1],
    [[-Infinity, -Infinity, -Infinity], 0],
    [[0, Infinity, 0], 1],
  ])('categorical of %j draws %d, as JAX does', (logits, always) => {
    expect(valuesIn(random.categorical(key, np.array(logits), { shape: draws }))).toEqual(new Set([always]))
  })
})
