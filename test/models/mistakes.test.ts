/** What callers get wrong: named errors where it is known, NaN where only a traced value would tell. */
import { describe, expect, test } from 'vitest'
import { ArgumentError, IndexError, jit, np, random, ShapeError } from 'pullback'
import type { ArrayLike, NDArray } from 'pullback'
import { crossEntropy, meanPooling, modelOfConfig } from 'pullback/models'
import type { AnyModel, ArchitectureName } from 'pullback/models'
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

describe('crossEntropy', () => {
  const logits = np.zeros([2, 3])

  test('labels that are no classes are an IndexError', () => {
    expect(() => crossEntropy(logits, [0, 3])).toThrow(/labels: 3 is not one of 3/)
    expect(() => crossEntropy(logits, [0, -1])).toThrow(IndexError)
  })

  test('traced labels that are no classes make it NaN; -100 does not count', () => {
    const f = jit((labels: NDArray) => crossEntropy(logits, labels))
    const at = (...labels: readonly number[]) => f(np.array(labels, { dtype: 'int32' })).item()
    expect([at(0, 3), at(0, -1)]).toEqual([NaN, NaN])
    expect(at(0, -100)).toBeCloseTo(Math.log(3), 6)
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
