import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { jit, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { attentionRollout } from 'pullback/interpret'
import { openTensors } from 'pullback/io'
import { loadModel } from 'pullback/models'
import { get } from '../io/support/recorded.ts'

const here = import.meta.dirname
const models = resolve(here, '../models/data')

const all = async (path: string): Promise<Readonly<Record<string, NDArray>>> => {
  const file = await get(openTensors(path))
  const arrays = await Promise.all(
    [...file.tensors.keys()].map(async (name) => [name, await get(file.read(name))] as const),
  )
  return Object.fromEntries(arrays)
}

const families = [
  'bert',
  'distilbert',
  'roberta',
  'albert-groups',
  'gpt2',
  'llama',
  'gemma2',
  'gemma3',
  'qwen3',
  't5',
  'vit',
]

describe('weights of attention', () => {
  it.each(families)('are those of transformers: %s', async (family) => {
    const recorded = await all(resolve(here, 'data/attentions.safetensors'))
    const names = Object.keys(recorded).filter((name) => name.startsWith(`${family}.`))
    expect(names.length).toBeGreaterThan(0)
    const [, which] = names[0]!.split('.') as [string, string]
    const tensors = await all(resolve(models, family, `${which}.safetensors`))
    const inputs: Record<string, NDArray> = {}
    const { model, params } = await get(loadModel(resolve(models, family)))
    for (const [name, x] of Object.entries(tensors)) {
      const key = name.replace(/^input\./, '')
      if (name.startsWith('input.') && model.inputs.includes(key) && (key !== 'labels' || family === 't5'))
        inputs[key] = x
    }
    const out = model.apply(params, inputs, { attentions: true })
    const given = Object.keys(out).filter((name) => name.includes('attentions'))
    expect(given.map((name) => `${family}.${which}.${name}`).sort()).toEqual(names.sort())
    for (const name of given) {
      const wanted = recorded[`${family}.${which}.${name}`]!
      expect(out[name]!.shape).toEqual(wanted.shape)
      expect(np.allclose(out[name]!, wanted, { atol: 2e-5, rtol: 1e-4 }).bool()).toBe(true)
    }
    const plain = model.apply(params, inputs)
    expect(Object.keys(plain).some((name) => name.includes('attentions'))).toBe(false)
    // Asking changes nothing, and works under jit.
    const compiled = jit((p: typeof params) => model.apply(p, inputs, { attentions: true }))(params)
    expect(np.allclose(compiled['last_hidden_state']!, plain['last_hidden_state']!, { atol: 1e-4 }).bool()).toBe(true)
    expect(np.allclose(compiled[given[0]!]!, out[given[0]!]!, { atol: 1e-4 }).bool()).toBe(true)
  })
})

describe('attentionRollout', () => {
  it('is the product by hand', () => {
    const a = [[0.2, 0.8], [0.5, 0.5]] // prettier-ignore
    const b = [[0.9, 0.1], [0.3, 0.7]] // prettier-ignore
    // (I + b) / 2 · (I + a) / 2
    const [A, B] = [[0.6, 0.4, 0.25, 0.75], [0.95, 0.05, 0.15, 0.85]] as const
    const wanted = [
      [B[0] * A[0] + B[1] * A[2], B[0] * A[1] + B[1] * A[3]],
      [B[2] * A[0] + B[3] * A[2], B[2] * A[1] + B[3] * A[3]],
    ]
    const rolled = attentionRollout([np.array([[a]]), np.array([[b]])])
    expect(np.allclose(rolled, np.array([wanted]), { atol: 1e-6 }).bool()).toBe(true)
  }) // prettier-ignore

  it('has rows that sum to 1, whatever is made of heads', () => {
    const draw = (seed: number): NDArray => {
      const x = random.uniform(random.key(seed), [2, 3, 5, 5])
      return np.divide(x, np.sum(x, { axis: -1, keepdims: true }))
    }
    for (const heads of ['mean', 'max', 'min'] as const) {
      const rolled = attentionRollout([draw(0), draw(1), draw(2)], { heads, residual: 0.3 })
      expect(rolled.shape).toEqual([2, 5, 5])
      expect(np.allclose(np.sum(rolled, { axis: -1 }), 1).bool()).toBe(true)
    }
  })

  it('says what it wants', () => {
    expect(() => attentionRollout([])).toThrow(/no layers/)
    expect(() => attentionRollout([np.ones([1, 2, 3, 4])])).toThrow(/length, length/)
    expect(() => attentionRollout([np.ones([1, 2, 3, 3]), np.ones([1, 2, 4, 4])])).toThrow(/in all layers/)
  })
})
