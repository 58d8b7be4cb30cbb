/** How adapters become one: what PEFT's recorded results do not show. */
import * as fc from 'fast-check'
import { np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { lora } from 'pullback/train'
import type { LoraConfig } from 'pullback/train'
import { describe, expect, it } from 'vitest'
import { Adapter } from '../../../src/train/adapter.ts'
import { mergedArrays } from '../../../src/train/methods/merging.ts'
import '../../support/seed.ts'

const key = random.key(0)
const settings = { density: 1, majoritySign: 'total' } as const

describe('arrays merged', () => {
  const x = np.array([1, -5, 2, 0.5])
  const y = np.array([-3, -1, 4, 0])

  it('keep the greatest, of equal ones as many as there is room for', () => {
    const rule = { prune: 'magnitude', elect: false } as const
    expect(mergedArrays([x], [2], rule, { ...settings, density: 0.5 }, key).toArray()).toEqual([0, -10, 4, 0])
    const same = mergedArrays([np.ones([5])], [1], rule, { ...settings, density: 0.4 }, key)
    expect(np.sum(same).item()).toBe(2)
  })

  it('take the mean of those whose sign prevails', () => {
    const rule = { prune: 'none', elect: true } as const
    expect(mergedArrays([x, y], [1, 1], rule, settings, key).toArray()).toEqual([-3, -3, 3, 0.5])
    const votes = [np.array([-9]), np.array([1]), np.array([2])]
    expect(mergedArrays(votes, [1, 1, 1], rule, settings, key).toArray()).toEqual([-9])
    const byCount = { ...settings, majoritySign: 'frequency' } as const
    expect(mergedArrays(votes, [1, 1, 1], rule, byCount, key).toArray()).toEqual([1.5])
  })

  it('keep a random share, scaled to the same expectation, by the key alone', () => {
    const rule = { prune: 'random', elect: false } as const
    const draw = (k: number): NDArray =>
      mergedArrays([np.ones([20_000])], [1], rule, { ...settings, density: 0.3 }, random.key(k))
    expect(draw(1).toArray()).toEqual(draw(1).toArray())
    expect(draw(1).toArray()).not.toEqual(draw(2).toArray())
    expect([...new Set(draw(1).toArray() as number[])].sort()).toEqual([0, Math.fround(1 / 0.3)])
    expect(Math.abs(np.mean(draw(1)).item() - 1)).toBeLessThan(0.05)
  })
})

describe('adapters combined', () => {
  const params = { a: { weight: random.normal(key, [6, 4]) }, b: { weight: random.normal(random.key(1), [3, 6]) } }
  const trained = (seed: number, rank: number): Adapter<LoraConfig> => {
    const adapter = lora.init(random.key(seed), params, { targets: ['a', 'b'], rank })
    return lora.combine([adapter, randomised(seed, adapter)], { weights: [0, 1], combination: 'svd', rank })
  }
  const randomised = (seed: number, { config, weights, saved }: Adapter<LoraConfig>): Adapter<LoraConfig> =>
    new Adapter(
      config,
      Object.fromEntries(
        Object.entries(weights).map(([module, arrays]) => [
          module,
          Object.fromEntries(Object.entries(arrays).map(([n, w]) => [n, random.normal(random.key(seed + 9), w.shape)])),
        ]),
      ),
      saved,
    )
  const added = (adapter: Adapter<LoraConfig>): readonly NDArray[] => {
    const merged = lora.merge(params, adapter)
    return [np.subtract(merged.a.weight, params.a.weight), np.subtract(merged.b.weight, params.b.weight)]
  }

  it('by svd at a full rank add what the adapters add, whatever their ranks', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -2, max: 2 }), { minLength: 2, maxLength: 2 }), (weights) => {
        const adapters = [trained(1, 1), trained(2, 2)]
        const exact = added(lora.combine(adapters, { weights, combination: 'cat' }))
        const full = added(lora.combine(adapters, { weights, combination: 'svd', rank: 8 }))
        full.forEach((x, i) => {
          expect(np.max(np.abs(np.subtract(x, exact[i]!))).item()).toBeLessThan(1e-4)
        })
      }),
      { numRuns: 10 },
    )
  })

  it.each(['ties', 'magnitudePrune', 'dareLinear', 'dareTies'] as const)('by %s of everything as without', (name) => {
    const pair = [trained(1, 2), trained(2, 2)]
    const options = { weights: [0.5, 0.25], density: 1, key } as const
    const [whole, plain] = [`${name}Svd`, name].map((combination) =>
      lora.combine(pair, { ...options, combination: combination as 'dareTies' | 'dareTiesSvd', rank: 4 }),
    )
    expect([whole!.config.rank, plain!.config.rank]).toEqual([4, 2])
    if (name.includes('ies')) return
    const linear = added(lora.combine(pair, { weights: [0.5, 0.25], combination: 'linear' }))
    added(plain!).forEach((x, i) => {
      expect(np.max(np.abs(np.subtract(x, linear[i]!))).item()).toBeLessThan(1e-6)
    })
  })

  it('say what is missing', () => {
    const pair = [trained(1, 2), trained(2, 2)]
    const combine = (options: object) => () => lora.combine(pair, { weights: [1, 1], ...options } as never)
    expect(combine({ combination: 'ties' })).toThrow(/density/)
    expect(combine({ combination: 'dareLinear', density: 0.5 })).toThrow(/key/)
    expect(combine({ combination: 'dareLinear', density: 0, key })).toThrow(/above 0/)
    expect(combine({ combination: 'svd', rank: 0 })).toThrow(/1 or above/)
    expect(() =>
      lora.combine([trained(1, 1), trained(2, 2)], { weights: [1, 1], combination: 'ties', density: 1 }),
    ).toThrow(/'ties' adds factors/)
  })
})
