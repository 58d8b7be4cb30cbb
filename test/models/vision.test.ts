/** Models of images: what is refused, and state that goes to files and back. Values are compared in families.test.ts. */
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ArgumentError, np, random, ShapeError, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { bytesSource, encodeSafetensors, openSafetensors, openTensors } from 'pullback/io'
import * as models from 'pullback/models'
import { get, leftOf, rightOf } from '../io/support/recorded.ts'

const file = (family: string) => get(openTensors(resolve(import.meta.dirname, 'data', family, 'model.safetensors')))
const key = random.key(0)

const vit = models.vit(
  rightOf(
    models.vitConfig({ hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, image_size: 8, patch_size: 4 }),
  ),
)
const resnet = models.resnetForImageClassification(
  rightOf(models.resnetConfig({ embedding_size: 4, hidden_sizes: [8], depths: [1], num_labels: 3 })),
)

describe('images of the wrong kind', () => {
  const params = vit.init(key)
  test.each([
    ['no batch', np.zeros([3, 8, 8])],
    ['channels last', np.zeros([1, 8, 8, 3])],
    ['another size', np.zeros([1, 3, 8, 12])],
    ['integers', np.zeros([1, 3, 8, 8], { dtype: 'uint8' })],
  ])('%s', (_, pixelValues) => {
    expect(() => vit.apply(params, { pixelValues })).toThrow(ArgumentError)
    expect(() => vit.apply(params, { pixelValues })).toThrow(/vit: pixelValues are floats of shape \[batch, 3, 8, 8\]/)
  })

  test('any size may be asked for', () => {
    const pixelValues = np.ones([2, 3, 8, 12])
    expect(vit.apply(params, { pixelValues }, { interpolatePosEncoding: true }).lastHiddenState.shape).toEqual([
      2, 7, 8,
    ])
  })

  test('a network of convolutions takes any size, and no other channels', () => {
    const state = resnet.initState()
    expect(resnet.apply(resnet.init(key), { pixelValues: np.ones([1, 3, 9, 40]) }, { state }).logits.shape).toEqual([
      1, 3,
    ])
    expect(() => resnet.apply(resnet.init(key), { pixelValues: np.ones([1, 1, 9, 9]) }, { state })).toThrow(
      /\[batch, 3, height, width\]/,
    )
  })
})

describe('configurations', () => {
  test.each([
    [{ hidden_sizes: [8, 16], depths: [1] }, 'depths'],
    [{ hidden_sizes: [], depths: [] }, 'hidden_sizes'],
    [{ hidden_sizes: [8, 1.5], depths: [1, 1] }, 'hidden_sizes'],
    [{ hidden_sizes: [2], depths: [1] }, 'hidden_sizes'],
    [{ layer_type: 'wide' }, 'layer_type'],
  ])('resnet %j', (json, wrong) => {
    expect(leftOf(models.resnetConfig(json)).key).toBe(wrong)
  })

  test.each([
    [{ image_size: [8, 8, 8] }, 'image_size'],
    [{ patch_size: 0 }, 'patch_size'],
    [{ image_size: 8 }, 'patch_size'],
    [{ hidden_size: 10, num_attention_heads: 4 }, 'hidden_size'],
  ])('vit %j', (json, wrong) => {
    expect(leftOf(models.vitConfig(json)).key).toBe(wrong)
  })
})

describe('EfficientNet-Lite', () => {
  test.each([[[]], [[[1, 3, 1, 1]]], [[[1, 3, 0, 1, 8]]], [3]])('stages %j', (stages) => {
    expect(leftOf(models.efficientNetLiteConfig({ stages })).key).toBe('stages')
  })

  test('drops features and whole blocks with a key, and only then', () => {
    const json = { stem_size: 4, head_size: 8, num_labels: 3, stages: [[3, 3, 1, 2, 4]], dropout_rate: 0.5 }
    const logits = (rates: object, options: object): NDArray => {
      const model = models.efficientNetLite(rightOf(models.efficientNetLiteConfig({ ...json, ...rates })))
      const state = model.initState()
      return model.apply(model.init(key), { pixelValues: np.ones([2, 3, 8, 8]) }, { state, ...options }).logits
    }
    const same = (x: NDArray, y: NDArray): boolean => np.arrayEqual(x, y).bool()
    const plain = logits({}, {})
    expect(same(logits({}, { key }), logits({}, { key }))).toBe(true)
    expect(same(logits({ drop_connect_rate: 0 }, { key }), plain)).toBe(false)
    expect(same(logits({ dropout_rate: 0, drop_connect_rate: 0.9 }, { key }), plain)).toBe(false)
    expect(same(logits({ dropout_rate: 0, drop_connect_rate: 0 }, { key }), plain)).toBe(true)
  })
})

describe('state', () => {
  const pixelValues = random.normal(key, [4, 3, 16, 16])

  test('a run without it says where it comes from', () => {
    const any = rightOf(
      models.modelOfConfig({ architectures: ['ResNetModel'], embedding_size: 4, hidden_sizes: [8], depths: [1] }),
    )
    expect(() => any.apply(any.init(key), { pixel_values: pixelValues })).toThrow(/resnet has state.*initState/)
  })

  test('evaluation leaves it as it is, and training moves it toward the batch', () => {
    const [params, state] = [resnet.init(key), resnet.initState()]
    expect(resnet.apply(params, { pixelValues }, { state }).state).toEqual(state)
    const named = (s: models.StateOfModel<typeof resnet>) => s.resnet.embedder.embedder.normalization.running_var
    let trained = state
    for (let i = 0; i < 200; i++)
      trained = resnet.apply(params, { pixelValues }, { state: trained, training: true }).state
    // Of one batch over and over, it is that batch's own.
    const once = resnet.apply(params, { pixelValues }, { state, training: true })
    const unbiased = np.divide(np.subtract(named(once.state), 0.9), 0.1)
    expect(np.max(np.abs(np.subtract(named(trained), unbiased))).item()).toBeLessThan(1e-4)
  })

  test('one element has no variance', () => {
    const [params, state] = [resnet.init(key), resnet.initState()]
    const run = () => resnet.apply(params, { pixelValues: np.ones([1, 3, 2, 2]) }, { state, training: true })
    expect(run).toThrow(ShapeError)
    expect(run).toThrow(/more than one element/)
  })

  test('comes from files with the parameters and goes back under the same names', async () => {
    const model = rightOf(
      models.modelOfConfig({
        architectures: ['ResNetModel'],
        embedding_size: 6,
        hidden_sizes: [6, 10],
        depths: [2, 1],
        layer_type: 'basic',
      }),
    )
    const original = await file('resnet')
    const variables = await get(models.loadVariables(model, original))
    const named = models.namedVariables(variables)
    const kept = [...original.tensors.keys()].filter((name) => !name.endsWith('num_batches_tracked'))
    expect(Object.keys(named).toSorted()).toEqual(kept.toSorted())
    const written = await get(openSafetensors(bytesSource(encodeSafetensors(named))))
    const [again] = tree.flatten(await get(models.loadVariables(model, written)))
    tree.flatten(variables)[0].forEach((x, i) => {
      expect(np.arrayEqual(x, again[i]!).bool()).toBe(true)
    })
  })

  test('is asked for as strictly as parameters are', async () => {
    const model = models.resnet(rightOf(models.resnetConfig({ embedding_size: 4, hidden_sizes: [8], depths: [1] })))
    const params = await get(
      openSafetensors(bytesSource(encodeSafetensors(models.namedVariables({ params: model.init(key), state: null })))),
    )
    const error = leftOf(await models.loadVariables(model, params)())
    expect(error._tag === 'Mismatch' && error.missing).toContain('embedder.embedder.normalization.running_mean')
    expect(() => models.loadParams(model, params)).toThrow(/loadVariables/)
  })

  test('is null where a model has none', async () => {
    const model = rightOf(
      models.modelOfConfig({
        architectures: ['ViTModel'],
        hidden_size: 16,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        intermediate_size: 24,
        image_size: 12,
        patch_size: 4,
        pooler_output_size: 10,
      }),
    )
    expect((await get(models.loadVariables(model, await file('vit')))).state).toBe(null)
    expect(model.initState()).toBe(null)
  })

  test('trains by name, too', () => {
    const model = rightOf(
      models.modelOfConfig({ architectures: ['ResNetModel'], embedding_size: 4, hidden_sizes: [8], depths: [1] }),
    )
    const state = model.initState()
    const outputs = model.apply(model.init(key), { pixel_values: pixelValues }, { state, training: true })
    const next = models.nextState(model, outputs)
    expect(tree.structure(next)).toEqual(tree.structure(state))
    expect(model.apply(model.init(key), { pixel_values: pixelValues }, { state: next })).not.toHaveProperty(
      'state.embedder',
    )
  })
})
