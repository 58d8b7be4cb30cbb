/** A ViT's modules have the names of transformers 4 in files of models, and of either version in adapters of PEFT. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { NDArray } from 'pullback'
import { np, random, tree } from 'pullback'
import { encodeSafetensors, openSafetensors, readTensors } from 'pullback/io'
import { loadModel, loadVariables } from 'pullback/models'
import { applyAdapter, encodeAdapter, loadAdapter, lora } from 'pullback/train'
import { describe, expect, test } from 'vitest'
import { get } from '../../io/support/recorded.ts'
import { difference } from './support/tiny.ts'

const data = resolve(import.meta.dirname, 'data')
const folder = resolve(import.meta.dirname, '../../models/data/vit-image')

const tensorsIn = async (source: Uint8Array | string) => get(readTensors(await get(openSafetensors(source))))

const five: readonly (readonly [RegExp, string])[] = [
  [/encoder\.layer\./, 'layers.'],
  [/attention\.attention\.query/, 'attention.q_proj'],
  [/attention\.attention\.key/, 'attention.k_proj'],
  [/attention\.attention\.value/, 'attention.v_proj'],
  [/attention\.output\.dense/, 'attention.o_proj'],
  [/intermediate\.dense/, 'mlp.fc1'],
  [/output\.dense/, 'mlp.fc2'],
]
const inFive = (name: string): string => five.reduce((text, [old, now]) => text.replace(old, now), name)

test('a file of a model in the names of transformers 5 has the same parameters', async () => {
  const { model, params } = await get(loadModel(folder))
  const tensors = await tensorsIn(join(folder, 'model.safetensors'))
  const renamed = Object.fromEntries(Object.entries(tensors).map(([name, x]) => [inFive(name), x]))
  expect(Object.keys(renamed)).toContain('vit.layers.1.attention.q_proj.weight')
  const again = await get(loadVariables(model, await get(openSafetensors(encodeSafetensors(renamed)))))
  expect(tree.structure(again.params).equals(tree.structure(params))).toBe(true)
  const leaves = tree.leaves(again.params)
  tree.leaves(params).forEach((x, i) => {
    expect(np.arrayEqual(x as NDArray, leaves[i]!).bool()).toBe(true)
  })
})

/** An adapter's files, with other target_modules. */
const respelled = (name: string, change: object): ReadonlyMap<string, Uint8Array> => {
  const read = (file: string) => readFileSync(join(data, name, file))
  const config = JSON.parse(read('adapter_config.json').toString()) as object
  return new Map<string, Uint8Array>([
    ['adapter_config.json', new TextEncoder().encode(JSON.stringify({ ...config, ...change }))],
    ['adapter_model.safetensors', new Uint8Array(read('adapter_model.safetensors'))],
  ])
}

describe.each([
  ['vit-five-lora', { target_modules: ['query', 'attention.output.dense', 'intermediate.dense'] }],
  ['vit-five-lora', { target_modules: String.raw`.*layer\.\d+\.(attention\.attention\.query|attention\.output\.dense|intermediate\.dense)` }], // prettier-ignore
  ['vit-four-lora', { target_modules: ['q_proj', 'o_proj', 'fc1'] }],
] as const)('%s with targets %j', (name, change) => {
  test('is the adapter of its tensors', async () => {
    const { model, params } = await get(loadModel(folder))
    const expected = await tensorsIn(join(data, name, 'expected.safetensors'))
    const adapter = await get(loadAdapter(respelled(name, change), params, { model }))
    const { logits } = model.apply(applyAdapter(params, adapter), { pixel_values: expected['input.pixel_values']! }) // prettier-ignore
    expect(difference(logits!, expected['tuned']!)).toBeLessThan(1e-5)
  })
})

test('adapters of both spellings have the same arrays here, and are mixed', async () => {
  const { params, model } = await get(loadModel(folder))
  const [a, b] = await Promise.all(
    ['vit-five-lora', 'vit-four-lora'].map((name) => get(lora.load(join(data, name), params, { model }))),
  )
  expect(Object.keys(a!.weights).sort()).toEqual(Object.keys(b!.weights).sort())
  const same = (x: NDArray | undefined, y: NDArray | undefined) => np.arrayEqual(x!, y!).bool()
  for (const module of Object.keys(a!.weights)) {
    expect(same(a!.weights[module]!['lora_A'], b!.weights[module]!['lora_A']), module).toBe(true)
  }
})

test.each([
  ['q_proj', 'vit.layers.0.attention.q_proj'],
  ['query', 'vit.encoder.layer.0.attention.attention.query'],
  ['layers.0.*.fc{1,2}', 'vit.layers.0.mlp.fc1'],
])('a fresh adapter is written in the spelling of its target %s, and read again', async (target, module) => {
  const { params, model } = await get(loadModel(folder))
  const adapter = lora.init(random.key(0), params, {
    targets: [target.includes('*') ? `vit.${target}` : target],
    rank: 2,
  })
  expect(Object.keys(adapter.weights).every((name) => name.includes('encoder.layer'))).toBe(true)
  const files = encodeAdapter(adapter)
  const names = Object.keys(await tensorsIn(files.get('adapter_model.safetensors')!))
  expect(names).toContain(`base_model.model.${module}.lora_A.weight`)
  const again = await get(lora.load(files, params, { model }))
  expect(Object.keys(again.weights)).toEqual(Object.keys(adapter.weights))
  expect(again.config.spelling).toBe(adapter.config.spelling)
})
