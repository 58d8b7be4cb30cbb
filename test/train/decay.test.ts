import type { NDArray } from 'pullback'
import { ArgumentError, np, optim, tree } from 'pullback'
import { t5Config, t5ForConditionalGeneration } from 'pullback/models'
import { decayMask, layerwiseDecay, partition, scaleLeaves } from 'pullback/train'
import { describe, expect, test } from 'vitest'
import { begun, bert, close, gpt2, llama } from './support/tiny.ts'

const notDecayed = (params: unknown): readonly string[] =>
  tree
    .flattenWithPath(decayMask(params) as never)[0]
    .flatMap(([path, is]) => ((is as unknown) === true ? [] : [path.join('.')]))

const t5 = (): unknown => {
  const config = t5Config({ vocab_size: 9, d_model: 4, d_kv: 2, d_ff: 4, num_layers: 1, num_heads: 2 })
  if (config._tag === 'Left') throw new Error(config.left.message)
  return t5ForConditionalGeneration(config.right).init(np.array([0, 0], { dtype: 'uint32' }))
}

describe('what is not decayed', () => {
  test.each([
    ['bert', () => begun(bert)],
    ['llama', () => begun(llama)],
    ['gpt2', () => begun(gpt2)],
    ['t5', t5],
  ])('%s: biases and the scales of norms, and nothing else', (_, make) => {
    const params = make()
    const all = tree.flattenWithPath(params as never)[0] as readonly (readonly [readonly unknown[], NDArray])[]
    const thin = all.filter(([, x]) => x.ndim === 1).map(([path]) => path.join('.'))
    const tables = all.map(([path]) => path.join('.')).filter((name) => name.includes('relative_attention_bias'))
    // In these families all that has one axis is a bias or a norm.
    expect([...notDecayed(params)].sort()).toEqual([...thin, ...tables].sort())
  })

  test('leaves that are excepted', () => {
    const mask = decayMask(begun(bert), { except: '**.embeddings.**' })
    expect(mask.bert.embeddings.word_embeddings.weight).toBe(false)
    expect(mask.classifier.weight).toBe(true)
    expect(() => decayMask(begun(bert), { except: '**.embedding.**' })).toThrow(/did you mean embeddings/)
  })

  test('as the mask of an optimizer: biases stay where they are', () => {
    const params = { dense: { weight: np.ones([2]), bias: np.ones([2]) } }
    const optimizer = optim.adamw(1, { weightDecay: 0.5, mask: decayMask(params) })
    const [updates] = optimizer.update(tree.map(np.zerosLike, params), optimizer.init(params), params)
    expect(updates.dense.weight.toArray()).toEqual([-0.5, -0.5])
    expect(np.abs(updates.dense.bias).toArray()).toEqual([0, 0])
  })
})

describe('layer-wise decay', () => {
  const params = begun(bert)
  const gradients = tree.map((x) => np.add(np.square(x), 0.1), params)

  test('embeddings are the lowest, layers in their order, the pooler and the head the highest', () => {
    const factors = layerwiseDecay(params, { decay: 0.5 })
    expect(factors.classifier.weight).toBe(1)
    expect(factors.bert.pooler?.dense.bias).toBe(1)
    expect([0, 1, 2].map((i) => factors.bert.encoder.layer[i]!.output.dense.weight)).toEqual([0.125, 0.25, 0.5])
    expect(factors.bert.embeddings.LayerNorm.weight).toBe(0.0625)
  })

  test('two depths are two optimizers with two rates', () => {
    const [decay, rate] = [0.3, 0.01]
    const isHead = (name: string): boolean => name.startsWith('classifier')
    const factors = layerwiseDecay(params, { decay, depthOf: (name) => (isHead(name) ? 1 : 0) })
    const make = (learningRate: number) => optim.adamw(learningRate, { weightDecay: 0.1 })
    const scaled = optim.chain(make(rate), scaleLeaves(factors))
    const byHand = optim.multiTransform({ body: make(decay * rate), head: make(rate) }, (path) =>
      isHead(path.join('.')) ? 'head' : 'body',
    )
    let [one, other] = [params, params]
    let [first, second] = [scaled.init(params), byHand.init(params)]
    for (let step = 0; step < 3; step++) {
      const [u, next] = scaled.update(gradients, first, one)
      const [v, after] = byHand.update(gradients, second, other)
      ;[one, other, first, second] = [optim.applyUpdates(one, u), optim.applyUpdates(other, v), next, after]
    }
    const wanted = tree.leaves(other)
    tree.leaves(one).forEach((x, i) => {
      close(`leaf ${i}`, x, wanted[i]!, 1e-6)
    })
    expect(tree.leaves(one).some((x, i) => !np.allclose(x, tree.leaves(params)[i]!).bool())).toBe(true)
  })

  test('factors of the whole tree serve what is trained of it', () => {
    const factors = layerwiseDecay(params, { decay: 0.5 })
    const [trained] = partition(params, 'bert.encoder.layer.2.output.dense.bias')
    const optimizer = optim.chain(optim.sgd(1), scaleLeaves(factors))
    const [updates] = optimizer.update(trained, optimizer.init(trained))
    const [got] = tree.leaves(updates as never)
    close('half', got!, np.multiply(params.bert.encoder.layer[2]!.output.dense.bias!, -0.5))
  })

  test('mistakes', () => {
    expect(() => layerwiseDecay(params, { decay: 0.5, depthOf: () => 0.5 })).toThrow(ArgumentError)
    expect(() => layerwiseDecay(params, { decay: 0 })).toThrow(ArgumentError)
    const optimizer = scaleLeaves({ a: 1 })
    expect(() => optimizer.update({ b: np.ones([1]) }, null)).toThrow(/no factor for the leaf at \.b/)
  })
})
