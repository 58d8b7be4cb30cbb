/** Every family against `transformers` (record.py): outputs to 2e-5, all gradients to 1e-4 of the largest. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { jit, np, tree, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import { openTensors, readTensors } from 'pullback/io'
import * as models from 'pullback/models'
import { get, rightOf } from '../io/support/recorded.ts'

const data = resolve(import.meta.dirname, 'data')
const configOf = (family: string): unknown => JSON.parse(readFileSync(join(data, family, 'config.json'), 'utf8'))

interface Tensors {
  readonly [name: string]: NDArray
}

/** What a family computes from a case's inputs, as the recorded names have it. */
interface Subject {
  readonly params: unknown
  readonly run: (params: unknown, inputs: Tensors) => { readonly loss: NDArray; readonly outputs: Tensors }
}

const subject = async <S, I, O>(
  family: string,
  model: models.Model<S, I, O>,
  run: (output: O, inputs: Tensors) => { readonly loss: NDArray; readonly outputs: Tensors },
): Promise<Subject> => {
  const file = await get(openTensors(join(data, family, 'model.safetensors')))
  const params = await get(models.loadParams(model, file))
  return {
    params,
    run: (p, inputs) => {
      const named = {
        inputIds: inputs['input_ids'],
        attentionMask: inputs['attention_mask'],
        ...(inputs['token_type_ids'] === undefined ? {} : { tokenTypeIds: inputs['token_type_ids'] }),
        ...(inputs['position_ids'] === undefined ? {} : { positionIds: inputs['position_ids'] }),
      }
      return run(model.apply(p as models.ParamsOf<S>, named as I), inputs)
    },
  }
}

const states = (hidden: readonly NDArray[]): Tensors =>
  Object.fromEntries(hidden.map((h, i) => [`hidden_states.${i}`, h]))

/** The weighted sum that stands for a loss where a model has none. */
const weightedSum = (h: NDArray, mask: NDArray): NDArray => {
  const weights = np.sin(np.multiply(np.reshape(np.arange(h.size), h.shape), 0.7))
  return np.sum(np.multiply(np.multiply(h, weights), np.expandDims(mask, -1)))
}

const encoder = (out: models.HeadOutput, inputs: Tensors) => ({
  loss: models.crossEntropy(out.logits, inputs['labels']!),
  outputs: { logits: out.logits, ...states(out.hiddenStates) },
})

const causal = (out: models.CausalOutput, inputs: Tensors) => ({
  loss: models.nextTokenLoss(out.logits, inputs['labels']!),
  outputs: { logits: out.logits, ...states(out.hiddenStates) },
})

const llamaOf = (family: string): Promise<Subject> =>
  subject(family, models.llamaForCausalLM(rightOf(models.llamaConfig(configOf(family)))), causal)
const bertConfigOf = (family: string) => rightOf(models.bertConfig(configOf(family)))

const subjects: { readonly [family: string]: (family: string) => Promise<Subject> } = {
  bert: (f) =>
    subject(f, models.bert(bertConfigOf(f)), (out, inputs) => ({
      loss: weightedSum(out.lastHiddenState, inputs['attention_mask']!),
      outputs: {
        last_hidden_state: out.lastHiddenState,
        pooler_output: out.poolerOutput!,
        ...states(out.hiddenStates),
      },
    })),
  'bert-sequence': (f) => subject(f, models.bertForSequenceClassification(bertConfigOf(f)), encoder),
  'bert-token': (f) => subject(f, models.bertForTokenClassification(bertConfigOf(f)), encoder),
  'bert-masked': (f) => subject(f, models.bertForMaskedLM(bertConfigOf(f)), encoder),
  llama: llamaOf,
  'llama-tied': llamaOf,
  'llama-linear': llamaOf,
  'llama-dynamic': llamaOf,
  'llama-llama3': llamaOf,
  'llama-yarn': llamaOf,
  mistral: llamaOf,
  qwen2: llamaOf,
  qwen3: llamaOf,
}

const withPrefix = (tensors: Tensors, prefix: string): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, x]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), x]] : [])),
  )

const largest = (x: NDArray): number => (x.size === 0 ? 0 : np.max(np.abs(x)).item())
const difference = (x: NDArray, y: NDArray): number => largest(np.subtract(x, y))

/** Zeros at padding, which is noise everywhere. */
const attended = (x: NDArray, mask: NDArray): NDArray =>
  x.ndim === 3 && x.shape[1] === mask.shape[1] ? np.multiply(x, np.expandDims(mask.astype('float32'), -1)) : x

describe.each(Object.entries(subjects))('%s', (family, make) => {
  const cases = readdirSync(join(data, family))
    .filter((f) => f.endsWith('.safetensors') && f !== 'model.safetensors')
    .map((f) => f.replace('.safetensors', ''))

  test.each(cases)('padding: %s', async (name) => {
    const { params, run } = await make(family)
    const recorded = await get(readTensors(await get(openTensors(join(data, family, `${name}.safetensors`)))))
    const inputs = Object.fromEntries(
      Object.entries(withPrefix(recorded, 'input.')).map(([key, x]) => [key, x.astype('int32')]),
    )
    const mask = inputs['attention_mask']!
    const { loss, outputs } = jit((p: unknown) => run(p, inputs))(params)
    const expected = withPrefix(recorded, 'output.')
    for (const [key, y] of Object.entries({ ...outputs, loss })) {
      const [a, b] = [attended(y, mask), attended(expected[key]!, mask)]
      expect(difference(a, b), key).toBeLessThanOrEqual(2e-5 * Math.max(1, largest(b)))
    }
    const [, gradient] = jit(valueAndGrad((p: Tensors) => run(p, inputs).loss))(params as Tensors)
    const expectedGradients = withPrefix(recorded, 'grad.')
    const scale = Math.max(...Object.values(expectedGradients).map(largest))
    const found = new Map(tree.flattenWithPath(gradient)[0].map(([path, x]) => [path.join('.'), x]))
    for (const [key, g] of found) {
      const other = expectedGradients[key]
      expect(difference(g, other ?? np.zerosLike(g)), `gradient of ${key}`).toBeLessThanOrEqual(1e-4 * scale)
    }
    const extra = Object.keys(expectedGradients).filter((key) => !found.has(key))
    expect(extra).toEqual([])
  })
})
