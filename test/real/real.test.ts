/**
 * Two real models against transformers (record.py). Their files come by scripts/fetch-models.sh; PULLBACK_MODELS names another folder
 * than .models. Without them the tests are skipped, and their names say why.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { grad, jit, np, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { collect, generate, loadGguf, loadModel, meanPooling, normalize } from 'pullback/models'
import type { NamedArrays, ParamTree } from 'pullback/models'
import { get } from '../io/support/recorded.ts'

const folder = process.env['PULLBACK_MODELS'] ?? resolve(import.meta.dirname, '../../.models')

/** The first file of that name in the folder, or null. */
const find = (name: RegExp, at = folder): string | null => {
  if (!existsSync(at)) return null
  for (const entry of readdirSync(at)) {
    const path = join(at, entry)
    if (statSync(path).isDirectory()) {
      const found = find(name, path)
      if (found !== null) return found
    } else if (name.test(entry)) return path
  }
  return null
}

interface Sample {
  readonly shape: readonly number[]
  readonly places: readonly number[]
  readonly values: readonly number[]
}

const recorded = <T>(name: string): T =>
  JSON.parse(readFileSync(join(import.meta.dirname, 'data', `${name}.json`), 'utf8')) as T

/** The largest difference at the places of a sample. */
const difference = (x: NDArray, { shape, places, values }: Sample): number => {
  expect(x.shape).toEqual(shape)
  const data = x.dataSync('float32')
  return Math.max(...places.map((place, i) => Math.abs(data[place]! - values[i]!)))
}

const skipped = (path: string | null): string =>
  path === null ? ' (skipped: its files are not there; scripts/fetch-models.sh gets them)' : ''

const smollm2 = find(/^SmolLM2-135M.*\.gguf$/)

describe(`SmolLM2-135M-Instruct, from 4 bits${skipped(smollm2)}`, () => {
  const { cases } = recorded<{
    readonly cases: readonly {
      readonly prompt: string
      readonly ids: readonly number[]
      readonly hidden: readonly Sample[]
      readonly logits: Sample
      readonly tokens: readonly number[]
    }[]
  }>('smollm2')

  test.skipIf(smollm2 === null)(
    `hidden states to 2e-5 of the largest, logits to 3e-4, and 32 tokens of 8 prompts${skipped(smollm2)}`,
    async () => {
      const { model, params } = await get(loadGguf(smollm2!))
      const run = jit((p: ParamTree, ids: NDArray) => model.apply(p, { input_ids: ids }))
      for (const { prompt, ids, hidden, logits } of cases) {
        const found = run(params, np.array([ids], { dtype: 'int32' }))
        expect(difference(found['logits']!, logits), prompt).toBeLessThan(3e-4)
        // Every sixth, and the last.
        const states = [0, 6, 12, 18, 24, 30, 30].map((i) => found[`hidden_states.${i}`]!)
        hidden.forEach((sample, i) => {
          const largest = np.max(np.abs(states[i]!)).item()
          expect(difference(states[i]!, sample), `${prompt} ${i}`).toBeLessThan(2e-5 * Math.max(1, largest))
        })
      }
      const options = { maxNewTokens: 32, eos: [] }
      const prompts = cases.map(({ ids }) => ids)
      const rows = await collect(generate(model.decoder!, params, prompts, options))
      expect(rows.map(({ tokens }) => tokens)).toEqual(cases.map(({ tokens }) => tokens))
      const [alone] = await collect(generate(model.decoder!, params, prompts[0]!, options))
      expect(alone!.tokens).toEqual(cases[0]!.tokens)
    },
    600_000,
  )
})

const minilm = find(/^model\.safetensors$/)

describe(`all-MiniLM-L6-v2${skipped(minilm)}`, () => {
  const expected = recorded<{
    readonly inputs: { readonly [name: string]: number[][] }
    readonly hidden: readonly Sample[]
    readonly sentence: Sample
    readonly loss: number
    readonly largest: number
    readonly gradients: { readonly [name: string]: Sample }
  }>('minilm')

  test.skipIf(minilm === null)(
    `hidden states to 2e-5, gradients of a loss of pairs to 1e-4 of the largest${skipped(minilm)}`,
    async () => {
      const { model, params } = await get(loadModel(resolve(minilm!, '..')))
      const inputs: NamedArrays = Object.fromEntries(
        Object.entries(expected.inputs).map(([name, rows]) => [name, np.array(rows, { dtype: 'int32' })]),
      )
      const mask = inputs['attention_mask']!
      const sentencesOf = (states: NDArray): NDArray => normalize(meanPooling(states, mask))
      const found = jit((p: ParamTree) => model.apply(p, inputs))(params)
      expected.hidden.forEach((sample, i) => {
        const seen = np.multiply(found[`hidden_states.${i}`]!, np.expandDims(mask, -1))
        expect(difference(seen, sample), `hidden state ${i}`).toBeLessThan(2e-5)
      })
      expect(difference(sentencesOf(found['last_hidden_state']!), expected.sentence)).toBeLessThan(2e-6)
      const lossOf = (p: ParamTree): NDArray => {
        const pairs = np.reshape(sentencesOf(model.apply(p, inputs)['last_hidden_state']!), [3, 2, -1])
        const cosines = np.sum(np.multiply(pairs.at(':', 0).get(), pairs.at(':', 1).get()), { axis: -1 })
        return np.mean(np.square(np.subtract(cosines, np.array([1, 0, 1]))))
      }
      expect(Math.abs(jit(lossOf)(params).item() - expected.loss)).toBeLessThan(1e-6)
      const gradients = tree.flattenWithPath(jit(grad(lossOf))(params))[0]
      for (const [path, gradient] of gradients) {
        const name = path.join('.')
        const sample = expected.gradients[name]
        const off = sample === undefined ? np.max(np.abs(gradient)).item() : difference(gradient, sample)
        expect(off, name).toBeLessThan(1e-4 * expected.largest)
      }
    },
    600_000,
  )
})
