/** What callers get wrong: named errors where it is known, NaN where only a traced value would tell. */
import { describe, expect, test } from 'vitest'
import { ArgumentError, DTypeError, IndexError, jit, np, random, ShapeError } from 'pullback'
import type { ArrayLike, NDArray } from 'pullback'
import {
  architectureNames,
  crossEntropy,
  emptyCache,
  llamaConfig,
  llamaForCausalLM,
  meanPooling,
  modelOfConfig,
  nextTokenLoss,
  t5Config,
  t5ForConditionalGeneration,
} from 'pullback/models'
import type { AnyModel, ArchitectureName, CacheShape, Seq2SeqCache } from 'pullback/models'
import { rightOf } from '../io/support/recorded.ts'

const small = {
  vocab_size: 11,
  hidden_size: 4,
  embedding_size: 4,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 4,
  max_position_embeddings: 6,
  pad_token_id: 0,
}

const encoders: readonly ArchitectureName[] = ['BertModel', 'RobertaModel', 'DistilBertModel', 'AlbertModel']

const modelOf = (architecture: ArchitectureName): AnyModel => rightOf(modelOfConfig(small, architecture))

const run = (architecture: ArchitectureName, inputs: { readonly [name: string]: ArrayLike }) => {
  const model = modelOf(architecture)
  const arrays = Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, np.array(x, { dtype: 'int32' })]))
  return model.apply(model.init(random.key(0)), arrays)
}

describe.each(encoders)('%s', (architecture) => {
  test('a token beyond the vocabulary is an IndexError', () => {
    expect(() => run(architecture, { input_ids: [[1, 11]] })).toThrow(IndexError)
    expect(() => run(architecture, { input_ids: [[1, 11]] })).toThrow(
      /inputIds: 11 is not one of 11, which are 0 to 10/,
    )
    expect(() => run(architecture, { input_ids: [[1, -1]] })).toThrow(IndexError)
  })

  test('a token beyond the vocabulary is an IndexError inside of jit, as far as it is known', () => {
    const model = modelOf(architecture)
    const params = model.init(random.key(0))
    for (const dtype of ['int32', 'int64'] as const) {
      const ids = np.array([[1, 11]], { dtype })
      const f = jit((x: NDArray) => np.multiply(model.apply(params, { input_ids: ids })['last_hidden_state']!, x))
      expect(() => f(np.array(1))).toThrow(IndexError)
    }
  })

  test.each([11, -1])('a traced token %i gives NaN at its place', (id) => {
    const model = modelOf(architecture)
    const params = model.init(random.key(0))
    const f = jit((ids: NDArray) => model.apply(params, { input_ids: ids })['hidden_states.0']!)
    const states = f(np.array([[1, id]], { dtype: 'int32' }))
    expect([...np.all(np.isnan(states), { axis: -1 }).astype('int32').dataSync()]).toEqual([0, 1])
  })

  test('a longer sequence than there are positions is an ArgumentError', () => {
    const ids = [[1, 2, 3, 4, 5, 6, 7]]
    expect(() => run(architecture, { input_ids: ids })).toThrow(ArgumentError)
    expect(() => run(architecture, { input_ids: ids })).toThrow(
      /7 tokens are more than the [56] that the model has positions/,
    )
  })

  test('a position beyond the table is an IndexError', () => {
    expect(() => run(architecture, { input_ids: [[1, 2]], position_ids: [[0, 6]] })).toThrow(
      /positionIds: 6 is not one of 6/,
    )
  })

  test.each(['attention_mask', 'token_type_ids', 'position_ids'])('%s of another shape is a ShapeError', (name) => {
    if (!modelOf(architecture).inputs.includes(name)) return
    for (const other of [
      [[1]],
      [[0, 1, 1]],
      [
        [0, 1],
        [0, 1],
      ],
      [0, 1],
    ]) {
      expect(() => run(architecture, { input_ids: [[1, 2]], [name]: other })).toThrow(ShapeError)
    }
  })
})

test('a token type beyond the table is an IndexError', () => {
  expect(() => run('BertModel', { input_ids: [[1, 2]], token_type_ids: [[0, 2]] })).toThrow(
    /tokenTypeIds: 2 is not one of 2/,
  )
})

describe('every model of text names itself and its input', () => {
  const sizes = {
    ...small,
    ...{ dim: 4, n_layers: 1, n_heads: 2, hidden_dim: 4, d_model: 4, d_kv: 2, d_ff: 4, num_layers: 1, num_heads: 2 },
    ...{ n_embd: 4, n_layer: 1, n_head: 2, n_positions: 6, head_dim: 2, num_key_value_heads: 1, image_size: 4, patch_size: 2 },
  } // prettier-ignore
  const readers = architectureNames
    .map((name) => rightOf(modelOfConfig(sizes, name)))
    .filter(({ inputs }) => inputs.includes('input_ids'))
  const good = { input_ids: [[1, 2]], decoder_input_ids: [[1, 2, 3]] }
  const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

  const apply = (model: AnyModel, changed: { readonly [name: string]: NDArray }): unknown => {
    const known = Object.entries(good).filter(([name]) => model.inputs.includes(name))
    const arrays = Object.fromEntries(known.map(([name, ids]) => [name, np.array(ids, { dtype: 'int32' })]))
    return model.apply(model.init(random.key(0)), { ...arrays, ...changed })
  }

  const others = [[], [1], [2], [1, 1], [1, 4], [2, 2], [3, 3], [1, 2, 1]]
  const isTurned = ({ type }: AnyModel): boolean => /llama|mistral|qwen|gemma/.test(type)
  const cases = readers.map((model) => [model.architecture, model] as const)

  test.each(cases)('%s: an id that is not a row', (_, model) => {
    for (const name of ['input_ids', 'decoder_input_ids', 'token_type_ids', 'position_ids']) {
      // A rotation is for any position.
      if (!model.inputs.includes(name) || (name === 'position_ids' && isTurned(model))) continue
      const length = name.startsWith('decoder') ? 3 : 2
      for (const id of [99, -1]) {
        const bad = np.full([1, length], id, { dtype: 'int32' })
        expect(() => apply(model, { [name]: bad })).toThrow(IndexError)
        expect(() => apply(model, { [name]: bad })).toThrow(`${model.type}: ${camel(name)}: ${id} is not one of `)
      }
    }
  })

  test.each(cases)('%s: shapes other than the tokens’', (_, model) => {
    for (const name of ['attention_mask', 'token_type_ids', 'position_ids', 'decoder_attention_mask']) {
      if (!model.inputs.includes(name)) continue
      for (const shape of others) {
        const bad = np.ones(shape, { dtype: 'int32' })
        expect(() => apply(model, { [name]: bad })).toThrow(ShapeError)
        expect(() => apply(model, { [name]: bad })).toThrow(`${model.type}: ${camel(name)} `)
      }
    }
  })

  test.each(cases)('%s: ids of floats where integers are asked for', (_, model) => {
    if (!model.inputs.includes('position_ids')) return
    const bad = np.zeros([1, 2])
    expect(() => apply(model, { position_ids: bad })).toThrow(DTypeError)
    expect(() => apply(model, { position_ids: bad })).toThrow(`${model.type}: positionIds are integers`)
  })
})

describe('a cache of another model', () => {
  const model = llamaForCausalLM(rightOf(llamaConfig({ ...small, num_hidden_layers: 2, head_dim: 2 })))
  const params = model.init(random.key(0))
  const { cacheShape } = model
  const step = (shape: CacheShape, batch: number) => () =>
    model.apply(params, { inputIds: [[1, 2]] }, { cache: emptyCache(shape, batch, 4) })

  test.each([
    ['too few layers', { ...cacheShape, numHiddenLayers: 1 }, 1, /llama: the cache has 1 layers, and the model 2/],
    ['no layers', { ...cacheShape, numHiddenLayers: 0 }, 1, /llama: the cache has 0 layers/],
    ['too many', { ...cacheShape, numHiddenLayers: 3 }, 1, /llama: the cache has 3 layers/],
    ['more heads', { ...cacheShape, numKeyValueHeads: 4 }, 1, /llama: layer 0 of the cache has shape \[1, 4, 4, 2\]/],
    ['wider heads', { ...cacheShape, headDim: 4 }, 1, /llama: layer 0 of the cache has shape \[1, 4, 2, 4\]/],
    ['more sequences', cacheShape, 2, /llama: layer 0 of the cache has shape \[2, 4, 2, 2\]/],
  ] as const)('%s', (_, shape, batch, message) => {
    expect(step(shape, batch)).toThrow(ShapeError)
    expect(step(shape, batch)).toThrow(message)
    expect(step(cacheShape, 1)).not.toThrow()
  })

  test('T5: too few layers of either kind', () => {
    const config = { ...small, d_model: 4, d_kv: 2, d_ff: 4, num_layers: 1, num_decoder_layers: 2, num_heads: 2 }
    const t5 = t5ForConditionalGeneration(rightOf(t5Config(config)))
    const weights = t5.init(random.key(0))
    const cache = t5.startCache(weights, { inputIds: [[1, 2]] }, 4)
    const at = (broken: Seq2SeqCache) => () => t5.apply(weights, { decoderInputIds: [[0]] }, { cache: broken })
    const { decoder, encoder } = cache
    expect(at({ ...cache, decoder: { ...decoder, layers: decoder.layers.slice(1) } })).toThrow(
      /t5: the cache has 1 layers/,
    )
    expect(at({ ...cache, encoder: encoder.slice(1) })).toThrow(
      /t5: the cache has keys and values of what is read for 1/,
    )
    expect(at(cache)).not.toThrow()
  })
})

describe('crossEntropy', () => {
  const logits = np.zeros([2, 3])

  test('labels that are not classes are an IndexError', () => {
    expect(() => crossEntropy(logits, [0, 3])).toThrow(/labels: 3 is not one of 3/)
    expect(() => crossEntropy(logits, [0, -1])).toThrow(IndexError)
  })

  test('traced labels that are not classes make it NaN; -100 does not count', () => {
    const f = jit((labels: NDArray) => crossEntropy(logits, labels))
    const at = (...labels: readonly number[]) => f(np.array(labels, { dtype: 'int32' })).item()
    expect([at(0, 3), at(0, -1)]).toEqual([NaN, NaN])
    expect(at(0, -100)).toBeCloseTo(Math.log(3), 6)
  })

  test('labels that are not integers are a DTypeError: nothing is cut off', () => {
    expect(() => crossEntropy(logits, [0.5, 1])).toThrow(DTypeError)
    expect(() => crossEntropy(logits, [NaN, 1])).toThrow(/crossEntropy: labels are integers of 32 bits, got NaN/)
    expect(() => crossEntropy(logits, np.array([0, 1]))).toThrow(/crossEntropy: labels are integers, got f32/)
    expect(() => nextTokenLoss(np.zeros([1, 2, 3]), [[0, 1.5]])).toThrow(/nextTokenLoss: labels/)
    expect(() => jit((labels: NDArray) => crossEntropy(logits, labels))(np.array([0, 1]))).toThrow(DTypeError)
    expect(crossEntropy(logits, [0, 1]).item()).toBeCloseTo(Math.log(3), 6)
    expect(crossEntropy(logits, np.array([0, 1], { dtype: 'uint8' })).item()).toBeCloseTo(Math.log(3), 6)
  })

  test('labels of another shape are a ShapeError', () => {
    expect(() => crossEntropy(logits, [0, 1, 2])).toThrow(ShapeError)
    expect(() => crossEntropy(logits, [[0], [1]])).toThrow(ShapeError)
  })
})

test('meanPooling: a mask of another shape is a ShapeError', () => {
  expect(meanPooling(np.ones([2, 3, 4]), [[1, 0, 0]]).shape).toEqual([2, 4])
  for (const mask of [[[1], [1]], [[1, 1, 1, 1]], [1, 1, 1]]) {
    expect(() => meanPooling(np.ones([2, 3, 4]), mask)).toThrow(ShapeError)
  }
})
