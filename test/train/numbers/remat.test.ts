/** `remat` of models: the same derivatives, from less that is kept. */
import { describe, expect, test } from 'vitest'
import { checkpointPolicies, explain, grad, jit, np, random, savedResiduals, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import type { ArchitectureName, ParamTree } from 'pullback/models'
import { int32, tinyModel, treeDifference } from '../support.ts'

const text = { input_ids: int32([[5, 6, 7, 8, 9, 10]]) }
const targets = { labels: int32([[4, 5, 6]]) }

const cases: readonly (readonly [ArchitectureName, { readonly [name: string]: NDArray }])[] = [
  ['BertForMaskedLM', text],
  ['RobertaForMaskedLM', text],
  ['DistilBertForMaskedLM', text],
  ['AlbertForMaskedLM', text],
  ['GPT2LMHeadModel', text],
  ['LlamaForCausalLM', text],
  ['Gemma2ForCausalLM', text],
  ['T5ForConditionalGeneration', { ...text, ...targets }],
  ['ViTForImageClassification', { pixel_values: random.normal(random.key(1), [1, 1, 8, 8]) }],
]

const { dotsSaveable } = checkpointPolicies

describe.each(cases)('%s', (name, inputs) => {
  const { model, params } = tinyModel(name)
  const loss =
    (options: object) =>
    (p: ParamTree): NDArray =>
      np.mean(np.square(model.apply(p, inputs, { key: random.key(5), ...options })['logits']!))

  test('the value and the gradient are those without, dropout included', () => {
    const [value, plain] = valueAndGrad(loss({}))(params)
    const agrees = (again: NDArray, gradient: unknown): void => {
      expect(again.item()).toBeCloseTo(value.item(), 4)
      expect(treeDifference(gradient, plain)).toBeLessThan(1e-5)
    }
    agrees(...jit(valueAndGrad(loss({ remat: true })))(params))
    agrees(...valueAndGrad(loss({ remat: dotsSaveable }))(params))
  })

  test('less is kept: with true the least, with a policy something between', () => {
    const bytes = (options: object): number =>
      savedResiduals(loss(options), params).reduce((sum, { aval }) => sum + aval.size, 0)
    const [plain, dots, least] = [bytes({}), bytes({ remat: dotsSaveable }), bytes({ remat: true })]
    expect(least).toBeLessThan(dots)
    expect(dots).toBeLessThan(plain)
  })
})

test('explain shows the saving: the peak of a deep model', () => {
  const deep = { num_hidden_layers: 6, max_position_embeddings: 64 }
  const { model, params } = tinyModel('LlamaForCausalLM', deep)
  const inputs = { input_ids: np.remainder(np.arange(256), 32).reshape([4, 64]) }
  const peak = (remat: boolean): number => {
    const step = jit(grad((p: ParamTree) => np.mean(np.square(model.apply(p, inputs, { remat })['logits']!))))
    return explain(step, params).livePeak
  }
  expect(peak(true)).toBeLessThan(0.5 * peak(false))
})

test('a run that is not a run: remat is checked', () => {
  const { model, params } = tinyModel('BertForMaskedLM')
  const wrong = { remat: 'yes' } as unknown as object
  expect(() => model.apply(params, text, wrong)).toThrow(/remat must be true or false, or a policy/)
})
