/** Every family against `transformers` (record.py): outputs to 2e-5, all gradients to 1e-4 of the largest. */
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { grad, jit, np, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { openTensors, readTensors } from 'pullback/io'
import * as models from 'pullback/models'
import { get, rightOf } from '../io/support/recorded.ts'

const data = resolve(import.meta.dirname, 'data')
const configOf = (family: string): unknown => JSON.parse(readFileSync(join(data, family, 'config.json'), 'utf8'))

interface Tensors {
  readonly [name: string]: NDArray
}

/** The weighted sum that stands for a loss where a model has none. */
const weightedSum = (h: NDArray, mask: NDArray | undefined): NDArray => {
  const weights = np.sin(np.multiply(np.reshape(np.arange(h.size), h.shape), 0.7))
  const weighted = np.multiply(h, weights)
  return np.sum(mask === undefined ? weighted : np.multiply(weighted, np.expandDims(mask, -1)))
}

const lossOf = (outputs: Tensors, inputs: Tensors): NDArray => {
  const mask = inputs['decoder_attention_mask'] ?? inputs['attention_mask']
  return outputs['loss'] ?? weightedSum(outputs['last_hidden_state']!, mask)
}

/** Names that `transformers` has for outputs, where ours are others. */
const ours: { readonly [name: string]: string } = { pooler_output: 'pooled' }

const withPrefix = (tensors: Tensors, prefix: string): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, x]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), x]] : [])),
  )

const largest = (x: NDArray): number => (x.size === 0 ? 0 : np.max(np.abs(x)).item())
const difference = (x: NDArray, y: NDArray): number => largest(np.subtract(x, y))

/** Zeros at padding, which is noise everywhere. What is read and what is written have different lengths, which tell the mask. */
const attended = (x: NDArray, masks: readonly NDArray[]): NDArray => {
  const mask = x.ndim === 3 ? masks.find((m) => m.shape[1] === x.shape[1]) : undefined
  return mask === undefined ? x : np.multiply(x, np.expandDims(mask.astype('float32'), -1))
}

const families = readdirSync(data)

test('every architecture is recorded', () => {
  const recorded = new Set(families.map((family) => rightOf(models.modelOfConfig(configOf(family))).architecture))
  expect(models.architectureNames.filter((name) => !recorded.has(name))).toEqual([])
})

describe.each(families)('%s', (family) => {
  const cases = readdirSync(join(data, family))
    .filter((f) => f.endsWith('.safetensors') && f !== 'model.safetensors')
    .map((f) => f.replace('.safetensors', ''))

  test.each(cases)('case: %s', async (name) => {
    const { model, params, state } = await get(models.loadModel(join(data, family)))
    const options = { state, training: name === 'training', interpolatePosEncoding: name === 'interpolated' }
    const recorded = await get(readTensors(await get(openTensors(join(data, family, `${name}.safetensors`)))))
    const inputs = withPrefix(recorded, 'input.')
    const masks = [inputs['attention_mask'], inputs['decoder_attention_mask']].filter((m) => m !== undefined)
    const outputs = jit((p: models.ParamTree): Tensors => {
      const found = model.apply(p, inputs, options)
      return { ...found, loss: lossOf(found, inputs) }
    })(params)
    for (const [key, expected] of Object.entries(withPrefix(recorded, 'output.'))) {
      const found = outputs[ours[key] ?? key]
      expect(found, key).toBeDefined()
      const [a, b] = [attended(found!, masks), attended(expected, masks)]
      expect(difference(a, b), key).toBeLessThanOrEqual(2e-5 * Math.max(1, largest(b)))
    }
    const gradient = jit(grad((p: models.ParamTree) => lossOf(model.apply(p, inputs, options), inputs)))(params)
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
