import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { NDArray } from 'pullback'
import { ArgumentError, np, random, tree } from 'pullback'
import { encodeSafetensors, openSafetensors, readTensors } from 'pullback/io'
import type { NamedTensors } from 'pullback/io'
import { loadModel } from 'pullback/models'
import type { ParamTree } from 'pullback/models'
import type { Adapter, AdapterError, LoadAdapterOptions, LoraConfig, PeftConfig } from 'pullback/train'
import { applyAdapter, dora, encodeAdapter, loadAdapter, lora, mergeAdapter, saveAdapter } from 'pullback/train'
import { afterAll, describe, expect, test } from 'vitest'
import { get, leftOf } from '../../io/support/recorded.ts'
import { familyOf } from './support/families.ts'
import { difference } from './support/tiny.ts'

const data = resolve(import.meta.dirname, 'data')
const models = resolve(import.meta.dirname, '../../models/data')

/** All tensors of a file by name. */
const tensorsOf = async (path: string): Promise<{ readonly [name: string]: NDArray }> =>
  get(readTensors(await get(openSafetensors(path))))

const cases = readdirSync(data).filter((name) => name !== 'bert-combined')

const recorded = async (name: string) => {
  const { model, params, state } = await get(loadModel(join(models, familyOf(name))))
  const tensors = await tensorsOf(join(data, name, 'expected.safetensors'))
  const given = Object.entries(tensors).flatMap(([key, x]) =>
    key.startsWith('input.') ? [[key.slice('input.'.length), x] as const] : [],
  )
  const inputs = Object.fromEntries(given)
  const logits = (p: unknown): NDArray => model.apply(p as ParamTree, inputs, { state })['logits']!
  return { model, params, logits, expected: tensors }
}

/** Adapters that change a table or the head tied to it, and not both: merged they are not an array. */
const parted = ['masked-decoder', 'masked-head', 'tied-head', 'tied-dora', 'tied-table', 'gemma3-lora']

const beganAsPart = (name: string): boolean => name.endsWith('pissa') || name.endsWith('olora')

const optionsOf = (name: string, model: LoadAdapterOptions['model']): LoadAdapterOptions => ({
  ...(model === undefined ? {} : { model }),
  ...(beganAsPart(name) ? { residual: true } : {}),
})

const folders: string[] = []
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'adapter-'))
  folders.push(folder)
  return folder
}
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

test('there are recorded adapters', () => {
  expect(cases.length).toBeGreaterThanOrEqual(22)
})

describe.each(cases.filter((name) => name.includes('lora') || /biases|tokens/.test(name)))('%s', (name) => {
  test('half of it and half of it are the whole, unless something is trained that has no sum', async () => {
    const { model, params, logits } = await recorded(name)
    const adapter = (await get(
      loadAdapter(join(data, name), params, optionsOf(name, model)),
    )) as unknown as Adapter<LoraConfig>
    const base = beganAsPart(name) ? lora.residual(params, adapter) : params
    const twice = () => lora.combine([adapter, adapter], { weights: [0.5, 0.5], combination: 'cat' })
    const { bias, loraBias, tokens = {} } = adapter.config
    const hasMore = bias !== undefined || loraBias === true || Object.keys(tokens).length > 0
    if (hasMore || Object.keys(adapter.saved).length > 0) {
      expect(twice).toThrow(/no sum/)
    } else {
      expect(difference(logits(lora.apply(base, twice())), logits(lora.apply(base, adapter)))).toBeLessThan(1e-5)
    }
  })
})

describe.each(cases)('%s, as PEFT writes it', (name) => {
  test('gives the logits of transformers and PEFT, applied and merged', async () => {
    const { model, params, logits, expected } = await recorded(name)
    const adapter = await get(loadAdapter(join(data, name), params, optionsOf(name, model)))
    const base = beganAsPart(name) ? lora.residual(params, adapter as Adapter<LoraConfig>) : params
    expect(difference(logits(params), expected['plain']!)).toBeLessThan(1e-5)
    expect(difference(expected['tuned']!, expected['plain']!)).toBeGreaterThan(1e-3)
    expect(difference(logits(applyAdapter(base, adapter)), expected['tuned']!)).toBeLessThan(1e-5)
    if (parted.includes(name)) {
      expect(() => mergeAdapter(base, adapter)).toThrow(ArgumentError)
      return
    }
    // Merged by PEFT the head has its bias again, without which the adapter was trained.
    const hasIdle = 'idleBiases' in adapter.config
    if (hasIdle) expect(difference(expected['merged']!, expected['tuned']!)).toBeGreaterThan(1e-2)
    // Merging tied tables PEFT adds to the shared weight twice: transformers #45127.
    const merged = name === 'llama-tied' || hasIdle ? expected['tuned']! : expected['merged']!
    expect(difference(logits(mergeAdapter(base, adapter)), merged)).toBeLessThan(1e-5)
  })

  test('is the same after it has been written and read', async () => {
    const { model, params } = await recorded(name)
    const adapter = await get(loadAdapter(join(data, name), params, optionsOf(name, model)))
    const folder = join(newFolder(), 'new', 'folder')
    await get(saveAdapter(folder, adapter, { baseModel: 'somewhere', taskType: 'SEQ_CLS' }))
    expect(readdirSync(folder).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
    const again = await get(loadAdapter(folder, params, optionsOf(name, model)))
    expect(again.config).toEqual(adapter.config)
    expect(tree.structure(again).equals(tree.structure(adapter))).toBe(true)
    tree.map(
      (x: NDArray, y: NDArray) => {
        expect(np.arrayEqual(x, y).bool()).toBe(true)
      },
      again,
      adapter,
    )
    const ours = await tensorsOf(join(folder, 'adapter_model.safetensors'))
    const theirs = await tensorsOf(join(data, name, 'adapter_model.safetensors'))
    const own = Object.keys(theirs).filter((key) => !/base_layer|modules_to_save|original_module/.test(key))
    expect(Object.keys(ours).filter((key) => !key.includes('vera_A') && !key.includes('vera_B'))).toEqual(
      expect.arrayContaining(own.filter((key) => !key.includes('vera_A') && !key.includes('vera_B'))),
    )
    for (const key of own) expect(np.arrayEqual(ours[key]!, theirs[key]!).bool(), key).toBe(true)
  })
})

test.each([
  ['linear', 'linear'],
  ['cat', 'cat'],
  ['svd', 'svd'],
  ['ties', 'ties'],
  ['magnitudePrune', 'magnitude_prune'],
  ['tiesSvd', 'ties_svd'],
  ['magnitudePruneSvd', 'magnitude_prune_svd'],
] as const)('two adapters combined by %s are what add_weighted_adapter makes', async (combination, name) => {
  const { model, params, logits, expected } = await recorded('bert-combined')
  const [one, two] = await Promise.all(
    ['bert-first', 'bert-lora-other'].map((folder) => get(lora.load(join(data, folder), params, { model }))),
  )
  const settings = { weights: [0.7, -0.4], density: 0.6, majoritySign: 'frequency' } as const
  const both = lora.combine([one!, two!], { ...settings, combination })
  expect(difference(logits(lora.apply(params, both)), expected[name]!)).toBeLessThan(1e-5)
})

test('adapters of DoRA are not combined: their magnitudes have no sum', async () => {
  const { model, params } = await recorded('bert-dora')
  const adapter = await get(dora.load(join(data, 'bert-dora'), params, { model }))
  const options = { weights: [0.5, 0.5], combination: 'cat' } as const
  expect(() => lora.combine([adapter, adapter], options)).toThrow(/the magnitudes of DoRA.*no sum/)
})

test('a kernel of a grouped convolution, whose B has a part of the rank, is refused by its shape', async () => {
  const { params } = await recorded('resnet-lora')
  const given = await files('resnet-lora')
  const name = Object.keys(given.tensors).find((key) => key.endsWith('lora_B.weight'))!
  const [outputs, rank] = given.tensors[name]!.shape as readonly [number, number]
  const grouped = { ...given.tensors, [name]: np.ones([outputs, rank / 2, 1, 1]) }
  const error = leftOf(await loadAdapter(folderOf(given.config, grouped), params)())
  expect(error.message).toContain(
    `lora_B.weight [${outputs}, ${rank / 2}, 1, 1] instead of [${outputs}, ${rank}, 1, 1]`,
  )
})

// What does not fit.

const files = async (name: string): Promise<{ config: Record<string, unknown>; tensors: Record<string, NDArray> }> => ({
  config: JSON.parse(readFileSync(join(data, name, 'adapter_config.json'), 'utf8')) as Record<string, unknown>,
  tensors: { ...(await tensorsOf(join(data, name, 'adapter_model.safetensors'))) },
})

const folderOf = (config: object, tensors: NamedTensors): ReadonlyMap<string, Uint8Array> =>
  new Map([
    ['adapter_config.json', new TextEncoder().encode(JSON.stringify(config))],
    ['adapter_model.safetensors', encodeSafetensors(tensors)],
  ])

describe('what does not fit is a Left that names it', () => {
  const prefix = 'base_model.model.bert.encoder.layer.0.attention.self.query'

  const refused = async (
    change: (given: Awaited<ReturnType<typeof files>>) => void,
    name = 'bert-first',
  ): Promise<AdapterError> => {
    const { params, model } = await recorded(name)
    const given = await files(name)
    change(given)
    const error = leftOf(await loadAdapter(folderOf(given.config, given.tensors), params, { model })())
    if (error._tag !== 'AdapterError') throw new Error(error.message)
    return error
  }

  test('keys missing, left over, and of other shapes', async () => {
    const missing = await refused((given) => {
      given.tensors = Object.fromEntries(
        Object.entries(given.tensors).filter(([key]) => key !== `${prefix}.lora_A.weight`),
      )
    })
    expect(missing.missing).toEqual(['bert.encoder.layer.0.attention.self.query.lora_A'])
    expect(missing.message).toContain('it lacks bert.encoder.layer.0.attention.self.query.lora_A')
    const left = await refused(({ tensors }) => (tensors['base_model.model.lm_head.lora_A.weight'] = np.ones([2, 16])))
    expect(left.unexpected).toEqual(['base_model.model.lm_head.lora_A.weight'])
    const shape = await refused(({ tensors }) => (tensors[`${prefix}.lora_A.weight`] = np.ones([3, 16])))
    expect(shape.message).toContain(`${prefix}.lora_A.weight [3, 16] instead of [2, 16]`)
    const integers = await refused(
      ({ tensors }) => (tensors[`${prefix}.lora_A.weight`] = np.ones([2, 16], { dtype: 'int32' })),
    )
    expect(integers.message).toContain('must be of floats')
    const rank = await refused(({ config }) => (config['r'] = 3))
    expect(rank.unexpected).toHaveLength(8)
  })

  test('a magnitude without use_dora, and use_dora without one', async () => {
    const name = 'gpt2-dora'
    const without = await refused(({ config }) => (config['use_dora'] = false), name)
    expect(without.unexpected[0]).toContain('lora_magnitude_vector')
    const asked = await refused(({ config }) => (config['use_dora'] = true))
    expect(asked.missing).toHaveLength(4)
  })

  test.each([
    ['bias', 'all'],
    ['lora_bias', true],
    ['layer_replication', [[0, 1]]],
    ['trainable_token_indices', [1, 2]],
    ['alora_invocation_tokens', [1]],
    ['use_qalora', true],
    ['target_parameters', ['x']],
    ['a_key_of_tomorrow', 3],
    ['init_lora_weights', 'pissa_niter_4'],
    ['init_lora_weights', 'pissa'],
    ['init_lora_weights', 'loftq'],
    ['peft_type', 'LOHA'],
    ['peft_type', 5],
    ['r', 0],
    ['r', 2.5],
    ['r', '2'],
    ['lora_alpha', -1],
    ['lora_dropout', 1],
    ['use_rslora', 'yes'],
    ['target_modules', null],
    ['target_modules', 'qurey'],
    ['target_modules', ['qurey']],
    ['target_modules', '(a+)+$'],
    ['target_modules', '(?=x)'],
    ['target_modules', '.*.*.*.*query'],
    ['target_modules', [3]],
    ['modules_to_save', 'classifier'],
    ['modules_to_save', ['classifier']],
    ['rank_pattern', { '(.*)*': 2 }],
    ['rank_pattern', { query: 0 }],
    ['alpha_pattern', [1]],
    ['layers_to_transform', 'all'],
  ])('a configuration with %s: %j', async (key, value) => {
    const error = await refused(({ config }) => (config[key] = value))
    expect(error.message.length).toBeGreaterThan(20)
  })

  test('of what is missing it says so', async () => {
    const { params } = await recorded('bert-first')
    const none = leftOf(await loadAdapter(new Map(), params)())
    expect(none).toMatchObject({ _tag: 'AdapterError', missing: ['adapter_config.json'] })
    const { config } = await files('bert-first')
    const only = new Map([['adapter_config.json', new TextEncoder().encode(JSON.stringify(config))]])
    expect(leftOf(await loadAdapter(only, params)())).toMatchObject({ missing: ['adapter_model.safetensors'] })
    const broken = new Map([['adapter_config.json', new TextEncoder().encode('{')]])
    expect(leftOf(await loadAdapter(broken, params)())).toMatchObject({ _tag: 'Malformed' })
    expect(leftOf(await loadAdapter('/nowhere/at/all', params)())).toMatchObject({ missing: ['adapter_config.json'] })
  })

  test('an adapter of another method', async () => {
    const { params } = await recorded('bert-first')
    expect(leftOf(await dora.load(join(data, 'bert-first'), params)()).message).toContain(
      'an adapter of lora, not of dora',
    )
    expect(leftOf(await lora.load(join(data, 'bert-ia3'), params)()).message).toContain(
      'an adapter of ia3, not of lora',
    )
  })

  test('an adapter of another model', async () => {
    const { params } = await recorded('llama-lora')
    expect(leftOf(await loadAdapter(join(data, 'bert-first'), params)()).message).toContain('mean no module')
  })

  test('projections that are not those of the seed', async () => {
    const error = await refused(({ config }) => (config['projection_prng_key'] = 8), 'bert-vera')
    expect(error.message).toContain('is not what PyTorch draws from projection_prng_key')
  })

  test('the head of a tied table, which the configuration does not mean', async () => {
    const error = await refused(({ config }) => {
      config['ensure_weight_tying'] = false
      config['target_modules'] = ['embed_tokens', 'q_proj']
    }, 'llama-tied')
    expect(error.unexpected).toContain('base_model.model.lm_head.lora_A.weight')
  })
})

describe('older styles of keys are read where they mean one thing', () => {
  const renamed = async (name: string, rename: (key: string) => string): Promise<Adapter<PeftConfig>> => {
    const { params, model } = await recorded(name)
    const { config, tensors } = await files(name)
    const others = Object.fromEntries(Object.entries(tensors).map(([key, x]) => [rename(key), x]))
    return get(loadAdapter(folderOf(config, others), params, { model }))
  }

  test.each([
    ['the name of the adapter in it', (key: string) => key.replace(/(lora_[AB])\./, '$1.default.')],
    ['without the prefix', (key: string) => key.replace('base_model.model.', '')],
    ['modules_to_save with a name', (key: string) => key.replace('classifier.', 'classifier.modules_to_save.default.')],
    ['modules_to_save without', (key: string) => key.replace('classifier.', 'classifier.modules_to_save.')],
  ])('%s', async (_, rename) => {
    const adapter = await renamed('bert-lora', rename)
    const plain = await renamed('bert-lora', (key) => key)
    expect(tree.equal(adapter, plain)).toBe(true)
  })

  test('a magnitude as a weight', async () => {
    const adapter = await renamed('gpt2-dora', (key) => key.replace(/magnitude_vector$/, 'magnitude_vector.weight'))
    expect(tree.equal(adapter, await renamed('gpt2-dora', (key) => key))).toBe(true)
  })

  test('two adapters in one file are refused', async () => {
    const { params, model } = await recorded('bert-first')
    const { config, tensors } = await files('bert-first')
    const [[key, x]] = Object.entries(tensors) as [[string, NDArray]]
    const both = { ...tensors, [key.replace('.weight', '.other.weight')]: x }
    const error = leftOf(await loadAdapter(folderOf(config, both), params, { model })())
    expect(error.message).toContain('the file has several adapters')
  })
})

test('half-precision files give float32 adapters', async () => {
  const { params, model } = await recorded('bert-first')
  const { config, tensors } = await files('bert-first')
  const halves = Object.fromEntries(Object.entries(tensors).map(([key, x]) => [key, np.astype(x, 'bfloat16')]))
  const adapter = await get(loadAdapter(folderOf(config, halves), params, { model }))
  expect(tree.leaves(adapter.weights).map((x) => x.dtype)).toEqual(tree.leaves(adapter.weights).map(() => 'float32'))
})

test('rows that are trained whole have no share', async () => {
  const { model, params } = await recorded('bert-tokens')
  const adapter = (await get(
    loadAdapter(join(data, 'bert-tokens'), params, optionsOf('bert-tokens', model)),
  )) as unknown as Adapter<LoraConfig>
  expect(() => lora.apply(params, [adapter], { weights: [0.5] })).toThrow(/trained whole, and take no part of a weight/)
})

test('files are made without a disk', async () => {
  const params = { query: { weight: random.normal(random.key(0), [4, 4]) } }
  const adapter = lora.init(random.key(1), params, { targets: '**.query', rank: 2, fanInFanOut: true })
  expect(() => lora.init(random.key(1), params, { targets: '*.query' })).toThrow(ArgumentError)
  const read = await get(lora.load(encodeAdapter(adapter), params))
  expect(read.config).toEqual(adapter.config)
  expect(read.config.fanInFanOut).toEqual(['query'])
})

test('a directory that cannot be written is an AccessError', async () => {
  const params = { query: { weight: np.ones([4, 4]) } }
  const adapter = lora.init(random.key(1), params, { targets: 'query' })
  const file = join(newFolder(), 'file')
  await get(lora.save(file, adapter))
  const error = leftOf(await lora.save(join(file, 'adapter_config.json'), adapter)())
  expect(error._tag).toBe('Access')
})
