/** Vectors of texts: of each its own, whatever stands beside it. */
import { join, resolve } from 'node:path'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ArgumentError, np } from 'pullback'
import type { NDArray } from 'pullback'
import { openTensors } from 'pullback/io'
import * as models from 'pullback/models'
import type { EmbedOptions } from 'pullback/models'
import { readFileSync } from 'node:fs'
import { get, rightOf } from '../io/support/recorded.ts'

const folder = resolve(import.meta.dirname, 'data/bert')
const open = async () => {
  const config = rightOf(models.bertConfig(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8'))))
  const model = models.bert(config)
  return [
    model,
    await get(models.loadParams(model, await get(openTensors(join(folder, 'model.safetensors'))))),
  ] as const
}

/** Letters are tokens; texts are cut as they are asked to be. */
const tokenizer: EmbedOptions['tokenizer'] = {
  encode: (text, { maxLength = Infinity } = {}) => {
    const ids = Array.from(text, (c) => c.charCodeAt(0) - 64).slice(0, maxLength)
    return { ids, typeIds: ids.map((id) => id % 2) }
  },
}

const texts = fc.array(
  fc
    .array(fc.integer({ min: 65, max: 120 }), { minLength: 1, maxLength: 19 })
    .map((codes) => String.fromCharCode(...codes)),
  { minLength: 1, maxLength: 7 },
)

const row = (x: NDArray, i: number): NDArray => x.at(i).get()

test('each text has its vector, in order, whatever the batch; it is the normalised mean', async () => {
  const [model, params] = await open()
  await fc.assert(
    fc.asyncProperty(texts, fc.integer({ min: 1, max: 4 }), async (list, batchSize) => {
      const together = await models.embed(model, params, list, { tokenizer, batchSize, maxLength: 20 })
      expect(together.shape).toEqual([list.length, 16])
      for (const [i, text] of list.entries()) {
        const { ids, typeIds } = tokenizer.encode(text)
        const { lastHiddenState } = model.apply(params, { inputIds: [[...ids]], tokenTypeIds: [[...typeIds!]] })
        const alone = models.normalize(np.mean(lastHiddenState, { axis: 1 }))
        expect(np.max(np.abs(np.subtract(row(together, i), row(alone, 0)))).item()).toBeLessThan(1e-6)
      }
    }),
    { numRuns: 12 },
  )
})

test('of the first token, of the pooler, and of any length', async () => {
  const [model, params] = await open()
  const { ids, typeIds } = tokenizer.encode('HELLO')
  const output = model.apply(params, { inputIds: [[...ids]], tokenTypeIds: [[...typeIds!]] })
  const options = { tokenizer, normalize: false }
  const first = await models.embed(model, params, ['HELLO', 'I'], { ...options, pooling: 'first' })
  expect(np.max(np.abs(np.subtract(row(first, 0), output.lastHiddenState.at(0, 0).get()))).item()).toBeLessThan(1e-5)
  const pooled = await models.embed(model, params, ['HELLO', 'I'], { ...options, pooling: 'pooler' })
  expect(np.max(np.abs(np.subtract(row(pooled, 0), row(output.poolerOutput!, 0)))).item()).toBeLessThan(1e-5)
})

test('long texts are cut off', async () => {
  const [model, params] = await open()
  const options = { tokenizer, maxLength: 5 }
  const [cut, short] = [
    await models.embed(model, params, ['HELLOTHERE'], options),
    await models.embed(model, params, ['HELLO'], options),
  ]
  expect(cut.toArray()).toEqual(short.toArray())
})

test('mistakes have names', async () => {
  const [model, params] = await open()
  const run = (list: readonly string[], options: object = {}) =>
    models.embed(model, params, list, { tokenizer, ...options })
  await expect(run([])).rejects.toThrow(/there are no texts/)
  await expect(run(['A', ''])).rejects.toThrow(/text 1 has no tokens/)
  await expect(run(['A'], { batchSize: 0 })).rejects.toThrow(/batchSize must be a whole number, 1 or above/)
  await expect(run(['A'], { pooling: 'max' })).rejects.toThrow(ArgumentError)
  await expect(run(['ABC'], { maxLength: 1, tokenizer: { encode: () => ({ ids: [5, 6] }) } })).rejects.toThrow(
    /gives 2 tokens of text 0 where 1 are asked for/,
  )
  const bare = models.bert(rightOf(models.bertConfig(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))), {
    pooler: false,
  })
  await expect(
    models.embed(bare, { ...params, pooler: null }, ['A'], { tokenizer, pooling: 'pooler' }),
  ).rejects.toThrow(/has no pooler/)
  const controller = new AbortController()
  controller.abort(new Error('enough'))
  await expect(run(['A'], { signal: controller.signal })).rejects.toThrow('enough')
})
