/** finetuning trouble 8: packed samples attend to each other, and positions are not reset. Here they do not see each other, and count anew. */
import { describe, expect, test } from 'vitest'
import { grad, jit, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { emptyCache } from 'pullback/models'
import type { AnyModel, ArchitectureName, ParamTree } from 'pullback/models'
import { int32, largest, leafOf, tinyModel } from '../support.ts'

const encoders: readonly ArchitectureName[] = [
  'BertForMaskedLM',
  'RobertaForMaskedLM',
  'DistilBertForMaskedLM',
  'AlbertForMaskedLM',
]
const decoders: readonly ArchitectureName[] = [
  'GPT2LMHeadModel',
  'LlamaForCausalLM',
  'MistralForCausalLM',
  'Qwen3ForCausalLM',
  'GemmaForCausalLM',
  'Gemma2ForCausalLM',
  'Gemma3ForCausalLM',
]

/** No token is in two samples. */
const samples = [
  [5, 6, 7],
  [10, 11, 12, 13, 14, 15],
  [20, 21],
]
const begins = [0, 3, 9]
const row = [...samples.flat(), 3, 3, 3]
const segments = [1, 1, 1, 2, 2, 2, 2, 2, 2, 3, 3, 0, 0, 0]
const packed = { input_ids: int32([row]), segment_ids: int32([segments]) }

const table = /(word_embeddings|wte|embed_tokens)\.weight$/

/** The gradient, by the rows of the table of words, of something of one sample's last states. */
const wordGradient = (
  model: AnyModel,
  params: ParamTree,
  inputs: { readonly [k: string]: NDArray },
  sample: number,
) => {
  const [from, count] = [begins[sample]!, samples[sample]!.length]
  const weights = random.normal(random.key(3), [count, 16])
  const gradient = grad((p: ParamTree) => {
    const states = model.apply(p, inputs)['last_hidden_state']!
    return np.sum(np.multiply(states.at(0, np.slice(from, from + count)).get(), weights))
  })(params)
  return leafOf(gradient, table)
}

const rowsOf = (gradient: NDArray, ids: readonly number[]): number =>
  largest(np.take(gradient, np.array(ids, { dtype: 'int32' }), { axis: 0 }))

describe.each([...encoders, ...decoders])('%s', (name) => {
  const { model, params } = tinyModel(name)

  test('packed samples get the scores that they get alone', () => {
    const together = jit((p: ParamTree, inputs: typeof packed) => model.apply(p, inputs)['logits']!)(params, packed)
    samples.forEach((ids, i) => {
      const alone = model.apply(params, { input_ids: int32([ids]) })['logits']!
      const part = together.at(':', np.slice(begins[i], begins[i]! + ids.length)).get()
      expect(largest(np.subtract(part, alone))).toBeLessThan(2e-5 * Math.max(1, largest(alone)))
    })
  })

  test('no gradient of one sample reaches another, or padding: exactly 0', () => {
    const others = (i: number): readonly number[] => [...samples.flatMap((s, j) => (i === j ? [] : s)), 3]
    samples.forEach((own, i) => {
      const gradient = wordGradient(model, params, packed, i)
      expect(rowsOf(gradient, others(i))).toBe(0)
      expect(rowsOf(gradient, own)).toBeGreaterThan(0)
    })
  })

  test('positions that are given as packing gives them, from 0 in each sample, change nothing', () => {
    const position_ids = int32([[0, 1, 2, 0, 1, 2, 3, 4, 5, 0, 1, 0, 0, 0]])
    const [own, given] = [packed, { ...packed, position_ids }].map((inputs) => {
      return model.apply(params, inputs)['logits']!.at(0, np.slice(0, 11)).get()
    })
    expect(largest(np.subtract(given!, own!))).toBe(0)
  })

  test('without segments it would', () => {
    const { input_ids } = packed
    expect(rowsOf(wordGradient(model, params, { input_ids }, 1), samples[0]!)).toBeGreaterThan(0)
  })

  test('what is beside tokens has their shape', () => {
    const bad = { ...packed, segment_ids: int32([[1, 2]]) }
    expect(() => model.apply(params, bad)).toThrow(/segmentIds has shape \[1, 2\]/)
    const floats = { ...packed, segment_ids: np.ones([1, row.length]) }
    expect(() => model.apply(params, floats)).toThrow(/segmentIds are integers/)
  })
})

test('segments are for whole rows: not beside a cache', () => {
  const { model, params } = tinyModel('LlamaForCausalLM')
  const { decoder } = model
  const inputs = { inputIds: packed.input_ids, segmentIds: packed.segment_ids }
  expect(() => decoder!.apply(params, inputs, { cache: emptyCache(decoder!.cacheShape, 1, 20) })).toThrow(
    /segmentIds.*cache/,
  )
})
