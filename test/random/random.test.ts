import { jit, lax, np, random, ShapeError, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const key = random.key(7)
const N = 20_000
const mean = (x: NDArray): number => np.mean(x).item()
const std = (x: NDArray): number => np.std(x).item()

describe('samplers have their moments', () => {
  // Means and standard deviations of N draws are within a few standard errors.
  it.each([
    ['uniform', random.uniform(key, [N]), 0.5, Math.sqrt(1 / 12)],
    ['normal', random.normal(key, [N]), 0, 1],
    ['gumbel', random.gumbel(key, [N]), 0.5772, Math.PI / Math.sqrt(6)],
    ['exponential', random.exponential(key, [N]), 1, 1],
    ['laplace', random.laplace(key, [N]), 0, Math.SQRT2],
    ['truncatedNormal', random.truncatedNormal(key, -2, 2, [N]), 0, 0.8796],
    ['bernoulli', np.astype(random.bernoulli(key, 0.3, [N]), 'float32'), 0.3, Math.sqrt(0.21)],
    ['randint', np.astype(random.randint(key, [N], 0, 10), 'float32'), 4.5, Math.sqrt(99 / 12)],
  ])('%s', (_, draws, expectedMean, expectedStd) => {
    expect(Math.abs(mean(draws) - expectedMean)).toBeLessThan((5 * expectedStd) / Math.sqrt(N))
    expect(Math.abs(std(draws) - expectedStd)).toBeLessThan((10 * expectedStd) / Math.sqrt(N))
  })

  it('categorical draws classes by their logits', () => {
    const logits = np.log(np.array([0.2, 0.5, 0.3]))
    const draws = random.categorical(key, logits, { shape: [N] })
    for (const [k, p] of [0.2, 0.5, 0.3].entries()) expect(mean(np.equal(draws, k))).toBeCloseTo(p, 1)
  })

  it('permutation keeps the elements, choice draws among them', () => {
    expect([...(random.permutation(key, 50).toArray() as number[])].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 50 }, (_, i) => i),
    )
    const few = random.choice(key, 10, [10], { replace: false }).toArray() as number[]
    expect(new Set(few).size).toBe(10)
  })

  it('orthogonal matrices are', () => {
    const q = random.orthogonal(key, 4)
    expect(np.allclose(np.matmul(q, np.transpose(q)), np.eye(4), { atol: 1e-5 }).bool()).toBe(true)
  })
})

describe('keys', () => {
  it('give the same bits each time, compiled too', () => {
    for (const draw of [random.bits, random.uniform]) {
      const f = (k: NDArray): NDArray => draw(k, [3, 2])
      expect(jit(f)(key).toArray()).toEqual(f(key).toArray())
    }
    const normal = (k: NDArray): NDArray => random.normal(k, [3, 2])
    assertClose('normal', jit(normal)(key), normal(key))
    expect(jit(normal)(key).toArray()).toEqual(jit(normal)(key).toArray())
  })

  it('split into an array that can be indexed and destructured', () => {
    for (const count of [0, 1, 2, 5, 300]) {
      const keys = random.split(key, count)
      expect([keys.shape, keys.dtype]).toEqual([[count, 2], 'uint32'])
      expect(keys.toArray()).toEqual(random.split(key, [count]).toArray())
      expect([...keys].map((k) => k.toArray())).toEqual(keys.toArray())
      for (let i = 0; i < count; i++) expect(keys[i]!.toArray()).toEqual(random.foldIn(key, i).toArray())
      expect(keys[count]).toBeUndefined()
    }
    expect(random.split(key).toArray()).toEqual(random.split(key, 2).toArray())
    expect(random.split(key, [2, 3]).shape).toEqual([2, 3, 2])
    expect(() => random.split(key, -1)).toThrow(ShapeError)
    expect(() => random.split(key, 1.5)).toThrow(ShapeError)
  })

  it('split and mapped over, as in JAX', () => {
    const normal = (k: NDArray): NDArray => random.normal(k, [3])
    const keys = random.split(key, 4)
    const each = np.stack([...keys].map(normal)).toArray()
    expect(vmap(normal)(keys).toArray()).toEqual(each)
    expect(jit(vmap(normal))(keys).toArray()).toEqual(jit(vmap(normal))(random.split(key, [4])).toArray())
    expect(lax.scan((_, k) => [null, normal(k)], null, keys)[1].toArray()).toEqual(each)
  })

  it('split where they are traced', () => {
    const draw = (k: NDArray): NDArray => {
      const [a, b] = random.split(k)
      const [c, d, e] = random.split(b, 3)
      return np.stack([a, c, d, e].map((k) => random.uniform(k, [2])))
    }
    const keys = random.split(key, 3)
    expect(jit(draw)(key).toArray()).toEqual(draw(key).toArray())
    expect(vmap(draw)(keys).toArray()).toEqual([...keys].map((k) => draw(k).toArray()))
    expect(jit(vmap(draw))(keys).toArray()).toEqual(vmap(draw)(keys).toArray())
    const [, scanned] = lax.scan((k, _) => [random.split(k)[0], random.split(k)[1]], key, null, { length: 3 })
    expect(scanned.shape).toEqual([3, 2])
  })

  // As in JAX, split(key)[i] is foldIn(key, i): do not do both with one key.
  it('split and fold into different ones', () => {
    const keys = [...random.split(key, 4), random.foldIn(key, 100), random.foldIn(key, 101), key]
    const texts = new Set(keys.map((k) => String(k)))
    expect(texts.size).toBe(keys.length)
  })
})
