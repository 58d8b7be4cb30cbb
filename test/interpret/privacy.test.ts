import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jit, np, optim, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { noiseMultiplierFor, privacySpent, renyiDivergence } from 'pullback/interpret'

interface Run {
  readonly sampleRate: number
  readonly noiseMultiplier: number
  readonly steps: number
  readonly delta: number
  readonly epsilon: number
  readonly order: number
  readonly divergences: readonly (readonly [order: number, divergence: number])[]
}

interface Tree {
  readonly b: number[][]
  readonly w: number[][][]
}

interface Aggregate {
  readonly clip: number
  readonly noise: number
  readonly gradients: Tree
  readonly steps: readonly { readonly b: number[]; readonly w: number[][] }[]
  readonly clipped: number
}

const recorded = JSON.parse(readFileSync(new URL('data/privacy.json', import.meta.url), 'utf8')) as {
  readonly runs: readonly Run[]
  readonly aggregates: readonly Aggregate[]
}

const close = (x: NDArray, wanted: readonly unknown[]): void => {
  expect(np.allclose(x, np.array(wanted as number[]), { rtol: 1e-5, atol: 1e-5 }).bool()).toBe(true)
}

describe('the accountant', () => {
  it.each(recorded.runs)(
    'finds the epsilon of dp-accounting: rate $sampleRate, noise $noiseMultiplier, $steps steps',
    ({ epsilon, order, divergences, delta, ...run }) => {
      const spent = privacySpent({ ...run, delta })
      expect(Math.abs(spent.epsilon - epsilon)).toBeLessThanOrEqual(1e-6 * epsilon + 1e-12)
      if (epsilon > 0) expect(spent.order).toBeCloseTo(order, 10)
      for (const [a, wanted] of divergences) {
        const given = renyiDivergence({ ...run, steps: 1 }, a)
        expect(Math.abs(given - wanted)).toBeLessThanOrEqual(1e-6 * wanted + 1e-13)
      }
    },
  )

  it('spends more by more steps, by more of the data, and by less noise', () => {
    const rates = fc.double({ min: 0.001, max: 0.9, noNaN: true })
    const noises = fc.double({ min: 0.5, max: 20, noNaN: true })
    fc.assert(
      fc.property(rates, noises, fc.integer({ min: 1, max: 1000 }), (sampleRate, noiseMultiplier, steps) => {
        const run = { sampleRate, noiseMultiplier, steps, delta: 1e-5, orders: [2, 3.5, 8, 32] }
        const { epsilon } = privacySpent(run)
        expect(privacySpent({ ...run, steps: 2 * steps }).epsilon).toBeGreaterThanOrEqual(epsilon)
        expect(privacySpent({ ...run, sampleRate: Math.min(1, 1.1 * sampleRate) }).epsilon).toBeGreaterThanOrEqual(epsilon * (1 - 1e-9)) // prettier-ignore
        expect(privacySpent({ ...run, noiseMultiplier: 1.1 * noiseMultiplier }).epsilon).toBeLessThanOrEqual(epsilon)
      }),
      { numRuns: 50 },
    )
  })

  it('spends nothing where nothing is read, and everything without noise', () => {
    const run = { sampleRate: 0.1, noiseMultiplier: 1, steps: 10, delta: 1e-5 }
    expect(privacySpent({ ...run, steps: 0 }).epsilon).toBe(0)
    expect(privacySpent({ ...run, sampleRate: 0 }).epsilon).toBe(0)
    expect(privacySpent({ ...run, noiseMultiplier: 0 }).epsilon).toBe(Infinity)
  })

  it('finds the noise that is just enough', () => {
    const run = { sampleRate: 0.02, steps: 500, delta: 1e-5 }
    for (const epsilon of [0.5, 3, 20]) {
      const noiseMultiplier = noiseMultiplierFor({ ...run, epsilon })
      expect(privacySpent({ ...run, noiseMultiplier }).epsilon).toBeLessThanOrEqual(epsilon)
      expect(privacySpent({ ...run, noiseMultiplier: 0.995 * noiseMultiplier }).epsilon).toBeGreaterThan(epsilon)
    }
  })

  it('says what it wants', () => {
    expect(() => privacySpent({ sampleRate: 1.5, noiseMultiplier: 1, steps: 1, delta: 1e-5 })).toThrow(/privacySpent: .*sampleRate/) // prettier-ignore
    expect(() => renyiDivergence({ sampleRate: 0.5, noiseMultiplier: 1, steps: 1 }, 1)).toThrow(/above 1/)
  })
})

describe('optim.dpAggregate', () => {
  it.each(recorded.aggregates)('gives the updates of optax: clip $clip, noise $noise', (golden) => {
    const gradients = { b: np.array(golden.gradients.b), w: np.array(golden.gradients.w) }
    const transformation = optim.dpAggregate(golden.clip, golden.noise, random.key(7))
    let state = transformation.init(null)
    for (const wanted of golden.steps) {
      const [updates, next] = transformation.update(gradients, state)
      close(updates.b, wanted.b)
      close(updates.w, wanted.w)
      state = next
    }
    const [, clipped] = optim.perExampleGlobalNormClip(gradients, golden.clip)
    expect(clipped.item()).toBe(golden.clipped)
  })

  it('bounds what one example can do to the sum', () => {
    const entries = fc.array(fc.float({ min: -1e6, max: 1e6, noNaN: true }), { minLength: 6, maxLength: 6 })
    fc.assert(
      fc.property(entries, entries, (mine, others) => {
        const both = { a: np.reshape(np.array([...others, ...mine]), [4, 3]) }
        const without = { a: np.reshape(np.array([...others, 0, 0, 0, ...mine.slice(3)]), [4, 3]) }
        const [[x], [y]] = [both, without].map((g) => optim.perExampleGlobalNormClip(g, 0.5)) as [
          readonly [{ a: NDArray }, NDArray],
          readonly [{ a: NDArray }, NDArray],
        ]
        expect(np.linalg.norm(np.subtract(x.a, y.a)).item()).toBeLessThanOrEqual(0.5 * (1 + 1e-5))
      }),
      { numRuns: 50 },
    )
  })

  it('divides by the size that is to be expected, under jit as without', () => {
    const gradients = { w: np.array([[1, 0], [0, 1], [3, 4]]) } // prettier-ignore
    const plain = optim.dpAggregate(1, 0, random.key(0))
    const expected = optim.dpAggregate(1, 0, random.key(0), { batchSize: 10 })
    const [{ w }] = plain.update(gradients, plain.init(null))
    close(w, [1.6 / 3, 1.8 / 3])
    const compiled = jit((g: { w: NDArray }) => expected.update(g, expected.init(null))[0])(gradients)
    close(compiled.w, [0.16, 0.18])
  })

  it('refuses leaves of different numbers of examples', () => {
    const transformation = optim.dpAggregate(1, 1, random.key(0))
    const state = transformation.init(null)
    expect(() => transformation.update({ a: np.ones([2, 3]), b: np.ones([3]) }, state)).toThrow(/one example each along axis 0/) // prettier-ignore
    expect(() => transformation.update({}, state)).toThrow(/no leaves/)
    expect(tree.leaves(transformation.update({ a: np.ones([2, 3]) }, state)[0]).length).toBe(1)
  })
})
