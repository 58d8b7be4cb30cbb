import * as fc from 'fast-check'
import { ArgumentError, np } from 'pullback'
import { describe, expect, test } from 'vitest'
import { endsIn, globExpression, isGlob } from '../../../src/train/globs.ts'
import { productTargets } from '../../../src/train/modelTypes.ts'
import { findTargets } from '../../../src/train/targets.ts'
import type { FindOptions, Targets } from '../../../src/train/targets.ts'
import { tiny } from './support/tiny.ts'

const { params, model } = tiny('bert')

const modules = (targets: Targets | undefined, options: Partial<FindOptions> = {}): readonly string[] =>
  findTargets('find', params, { targets, defaults: productTargets, ...options }).map(({ module }) => module)

const layers = (ends: readonly string[]): readonly string[] =>
  [0, 1].flatMap((i) => ends.map((end) => `bert.encoder.layer.${i}.${end}`))

describe('globs', () => {
  const matches = (glob: string, name: string): boolean => globExpression('glob', glob).test(name)

  test('parts, any number of parts, letters, alternatives and sets', () => {
    expect(matches('a.*.c', 'a.b.c')).toBe(true)
    expect(matches('a.*.c', 'a.b.b.c')).toBe(false)
    expect(matches('a.**.c', 'a.c')).toBe(true)
    expect(matches('a.**.c', 'a.b.b.c')).toBe(true)
    expect(matches('**.bias', 'bias')).toBe(true)
    expect(matches('**.bias', 'a.b.bias')).toBe(true)
    expect(matches('**.bias', 'a.nobias')).toBe(false)
    expect(matches('a.**', 'a')).toBe(true)
    expect(matches('a.**', 'ab')).toBe(false)
    expect(matches('**', 'a.b')).toBe(true)
    expect(matches('layer.{10,11}.?', 'layer.11.x')).toBe(true)
    expect(matches('layer.{10,11}.?', 'layer.12.x')).toBe(false)
    expect(matches('layer.[0-3]', 'layer.2')).toBe(true)
    expect(matches('layer.[!0-3]', 'layer.2')).toBe(false)
    expect(matches('[!a]', '.')).toBe(false)
    expect(matches('x.*_proj', 'x.q_proj')).toBe(true)
    expect(matches('{a.b,c}.d', 'a.b.d')).toBe(true)
    expect(matches('a+(b)', 'a+(b)')).toBe(true)
  })

  test('what does not close is an error', () => {
    for (const glob of ['a.{b', 'a.[b', '[]', '[b-a]']) {
      expect(() => globExpression('find', glob), glob).toThrow(ArgumentError)
    }
  })

  test('a text without signs means itself, and the ends of names', () => {
    const names = fc.array(fc.stringMatching(/^[a-z]{1,3}$/), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(names, fc.nat(3), (parts, from) => {
        const name = parts.join('.')
        expect(isGlob(name)).toBe(false)
        expect(matches(name, name)).toBe(true)
        expect(matches('**', name)).toBe(true)
        expect(matches(parts.map(() => '*').join('.'), name)).toBe(true)
        expect(matches(`**.${parts.slice(from % parts.length).join('.')}`, name)).toBe(true)
        expect(endsIn(name, parts.slice(from % parts.length).join('.'))).toBe(true)
        expect(endsIn(`x${name}`, name)).toBe(false)
      }),
    )
  })
})

describe('targets', () => {
  const queries = layers(['attention.self.query'])

  test('by the ends of names, globs, expressions, predicates', () => {
    expect(modules('query')).toEqual(queries)
    expect(modules(['query'])).toEqual(queries)
    expect(modules(['self.query', 'attention.self.query'])).toEqual(queries)
    expect(modules('bert.encoder.layer.*.attention.self.query')).toEqual(queries)
    expect(modules('**.query')).toEqual(queries)
    expect(modules(/query$/)).toEqual(queries)
    expect(modules(/QUERY$/gi)).toEqual(queries)
    expect(modules((module) => module.endsWith('.query'))).toEqual(queries)
    expect(modules(['query', '**.layer.1.**.dense'])).toEqual([
      queries[0],
      ...['attention.output.dense', 'attention.self.query', 'intermediate.dense', 'output.dense'].map(
        (end) => `bert.encoder.layer.1.${end}`,
      ),
    ])
    expect(modules((_, weight) => weight.shape[0] === 40)).toEqual(['bert.embeddings.word_embeddings'])
  })

  test('all linear layers but the head, and no table', () => {
    const dense = ['output.dense', 'self.key', 'self.query', 'self.value'].map((end) => `attention.${end}`)
    expect(modules('all-linear')).toEqual([
      ...layers([...dense, 'intermediate.dense', 'output.dense']),
      'bert.pooler.dense',
    ])
  })

  test("tables of a model of one's own are known by their names", () => {
    const weight = np.ones([4, 4])
    const all = (name: string): readonly string[] => {
      const own = { [name]: { weight }, dense: { weight } }
      return findTargets('find', own, { targets: 'all-linear', defaults: {} }).map(({ module }) => module)
    }
    const tables = [
      'embeddings',
      'embedding',
      'embed',
      'token_embedding',
      'tok_embeddings',
      'embed_positions',
      'pos_embed',
    ]
    for (const name of tables) expect(all(name), name).toEqual(['dense'])
    // Linear layers of real models: GPT-NeoX's head, ALBERT's step from small embeddings, a patch's projection.
    for (const name of ['embed_out', 'embedding_hidden_mapping_in', 'embeddings_projection', 'unembed']) {
      expect(all(name), name).toContain(name)
    }
  })

  test('by the type of the model', () => {
    expect(modules(undefined, { model })).toEqual(layers(['attention.self.query', 'attention.self.value']))
    expect(() => modules(undefined)).toThrow(/give the targets, as in/)
    expect(() => modules(undefined, { model: { type: 'rnn' } })).toThrow(/a 'rnn' are adapted is not known/)
    expect(() => modules(undefined, { model: { type: 'toString' } })).toThrow(ArgumentError)
  })

  test('what is saved whole is not adapted', () => {
    expect(modules('dense', { modulesToSave: ['encoder', 'classifier'] })).toEqual(['bert.pooler.dense'])
  })

  test('finetuning: a target that nothing has is an error with near names', () => {
    expect(() => modules('qurey')).toThrow(
      "find: no module is meant by 'qurey'. Did you mean 'query'? Names end in position_embeddings, token_type_embeddings, " +
        'word_embeddings, dense, key, query, value, classifier; a whole one is bert.encoder.layer.0.attention.self.query.',
    )
    expect(() => modules(['query', 'c_attn'])).toThrow(/no module is meant by 'c_attn'/)
    expect(() => modules(/x_proj/)).toThrow(ArgumentError)
    expect(() => modules(() => false)).toThrow(/no module is meant by the predicate/)
    expect(() => modules('LayerNorm')).toThrow(ArgumentError)
    expect(() => findTargets('find', { a: np.ones([3]) }, { targets: 'a', defaults: {} })).toThrow(/no matrices/)
  })

  test('a tree of one’s own may have weights by any name', () => {
    const own = {
      layers: [
        { w: np.ones([2, 3]), b: np.ones([2]) },
        { w: np.ones([2, 2]), b: np.ones([2]) },
      ],
    }
    const found = findTargets('find', own, { targets: 'layers.1.w', defaults: {} })
    expect(found.map(({ module, name }) => [module, name])).toEqual([['layers.1.w', 'layers.1.w']])
  })
})
