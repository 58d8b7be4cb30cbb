/**
 * finetuning.md §5, item 3: names of target modules that are not found, or silently none (peft #1206, #40, #758; petals #508;
 * LlamaFactory #6081). Here what matches nothing is an error, which says what is near and what there is.
 */
import { np, random } from 'pullback'
import { bitfit, bottleneck, decayMask, full, partition, promptTuning, select, unfreeze } from 'pullback/train'
import { expect, test } from 'vitest'
import { begun, bert, gpt2, llama } from '../support/tiny.ts'

const params = begun(bert)
const key = random.key(0)

test.each([
  ['bert.encoder.layers.*.**', /There is no layers; did you mean layer\?/],
  ['**.quary.*', /There is no quary; did you mean query\?/],
  ['q_proj.**', /no leaf fits 'q_proj\.\*\*'\..*Leaves are bert\.embeddings/],
  ['encoder.layer.0.**', /no leaf fits/],
])('a glob that matches nothing: %s', (glob, message) => {
  expect(() => select(params, glob)).toThrow(message)
  expect(() => partition(params, glob)).toThrow(message)
  expect(() => full.init(key, params, { except: glob })).toThrow(message)
  expect(() => bitfit.init(key, params, { head: glob })).toThrow(message)
  expect(() => decayMask(params, { except: glob })).toThrow(message)
})

test('one of several that matches nothing is enough', () => {
  expect(() => select(params, ['classifier.**', '**.atention.**'])).toThrow(/did you mean attention/)
  // To take away what is not there is a misspelling too.
  expect(() => select(params, ['**', '!**.embedings.**'])).toThrow(/did you mean embeddings/)
  expect(() => select(params, /q_proj/)).toThrow(/no leaf fits \/q_proj\//)
  expect(() => select(params, () => false)).toThrow(/no leaf passes the predicate/)
})

test('a layer beyond the last', () => {
  expect(() => select(params, '**.layer.{3..5}.**')).toThrow(/no leaf fits/)
})

test('methods do not train nothing', () => {
  expect(() => bottleneck.init(key, params, { modules: '**.down_proj' })).toThrow(/no leaf fits/)
  expect(() => bottleneck.init(key, { w: { weight: np.ones([2, 2]) } })).toThrow(/there is no place for houlsby/)
  expect(() => bitfit.init(key, begun(llama))).toThrow(/no leaf fits/)
  expect(() => promptTuning.init(key, params, { table: 'wte.weight' })).toThrow(/there is no table wte\.weight/)
  expect(() => unfreeze.init(key, {}, { layers: 0 })).toThrow(/no leaf is trained/)
})

test("GPT-2's c_proj, which lies the other way, is found and adapted", () => {
  const given = begun(gpt2)
  const adapter = bottleneck.init(key, given, { modules: '**.c_fc', size: 2 })
  expect(adapter.weights['transformer.h.0.mlp.c_fc']!['down_weight']!.shape).toEqual([2, 32])
})
