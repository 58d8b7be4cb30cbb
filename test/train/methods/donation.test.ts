/** What is trained may be given up to compiled steps: the base stays. */
import type { NDArray } from 'pullback'
import { jit, np, optim, random, tree } from 'pullback'
import type { ParamTree } from 'pullback/models'
import type { Adapter } from 'pullback/train'
import { bitfit, bottleneck, dora, fromArray, full, ia3, lora, makeStep, nextStage, prefixTuning, promptTuning, train, unfreeze, vera } from 'pullback/train' // prettier-ignore
import { describe, expect, test } from 'vitest'
import { llama } from '../support/tiny.ts'
import { tiny } from './support/tiny.ts'

const { model, params } = tiny('bert')
// Whatever model has a cache: of it a prefix wants the shape only.
const { cacheShape } = llama
const key = random.key(3)
const saved = { model, modulesToSave: ['classifier', 'pooler'] }

const begun: { readonly [name: string]: (base: ParamTree) => Adapter } = {
  lora: (base) => lora.init(key, base, { ...saved, rank: 2 }),
  pissa: (base) => lora.init(key, base, { ...saved, rank: 2, initLoraWeights: 'pissa' }),
  dora: (base) => dora.init(key, base, { ...saved, rank: 2 }),
  ia3: (base) => ia3.init(key, base, saved),
  vera: (base) => vera.init(key, base, { ...saved, rank: 4 }),
  promptTuning: (base) => promptTuning.init(key, base, { tokens: 2, from: 'vocabulary' }),
  prefixTuning: (base) => prefixTuning.init(key, base, { cacheShape, tokens: 2 }),
  bottleneck: (base) => bottleneck.init(key, base, { size: 2 }),
  full: (base) => full.init(key, base),
  bitfit: (base) => bitfit.init(key, base),
  unfreeze: (base) => unfreeze.init(key, base, { layers: 1, embeddings: true }),
  nextStage: (base) => nextStage(base, unfreeze.init(key, base, { layers: 0 }), { layers: 2 })[1],
}

const fresh = (): ParamTree => tree.map((x) => np.add(x as NDArray, 0), params)
const numbers = (x: unknown): readonly (readonly number[])[] =>
  tree.leaves(x).map((leaf) => [...((leaf as NDArray).dataSync() as Float32Array)])
const wanted = numbers(params)

const loss = (adapter: Adapter): NDArray =>
  tree.leaves(adapter).reduce<NDArray>((sum, x) => np.add(sum, np.sum(np.square(x))), np.array(0))

describe.each(Object.keys(begun))('%s', (name) => {
  test('an adapter that is given up leaves the base as it was', () => {
    const base = fresh()
    const adapter = begun[name]!(base)
    const half = jit((x: Adapter) => tree.map((leaf: NDArray) => np.multiply(leaf, 0.5), x), { donateArgnums: 0 })
    half(adapter)
    expect(() => np.add(tree.leaves(adapter)[0]!, 1)).toThrow('donated')
    expect(numbers(base)).toEqual(wanted)
  })

  test('after `train`, and after steps of one’s own that give up their state, base and adapter can be read', async () => {
    const base = fresh()
    const adapter = begun[name]!(base)
    const before = numbers(adapter)
    const { initState, step } = makeStep({ loss, optimizer: optim.adamw(0.1), ema: 0.9 })
    const own = (state: ReturnType<typeof initState>, batch: NDArray) => step(state, batch)
    const trained = await train(own, initState(adapter, { key }), fromArray([np.ones([1]), np.ones([1])]))()
    expect(trained._tag).toBe('Right')
    const run = jit(step, { donateArgnums: 0 })
    run(run(initState(adapter, { key }), np.ones([1]))[0], np.ones([1]))
    expect(numbers(adapter)).toEqual(before)
    expect(numbers(base)).toEqual(wanted)
    expect(random.uniform(key, []).shape).toEqual([])
  })
})
