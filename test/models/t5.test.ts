/** T5 beyond recorded values: buckets of distances, writing step by step, what callers get wrong. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ArgumentError, IndexError, jit, np, random, ShapeError } from 'pullback'
import type { NDArray } from 'pullback'
import { openTensors } from 'pullback/io'
import { loadParams, modelOfConfig, t5Config, t5Encoder, t5ForConditionalGeneration } from 'pullback/models'
import type { ParamsOfModel, Seq2SeqCache } from 'pullback/models'
import { bucketsOfDistances } from '../../src/models/relative.ts'
import { get, rightOf } from '../io/support/recorded.ts'

interface Buckets {
  readonly count: number
  readonly furthest: number
  readonly begin: readonly (readonly [bucket: number, distance: number])[]
}

const recorded = JSON.parse(readFileSync(resolve(import.meta.dirname, 'buckets.json'), 'utf8')) as readonly Buckets[]

test.each(recorded)('$count buckets of distances to $furthest are those of PyTorch', ({ count, furthest, begin }) => {
  const buckets = [...bucketsOfDistances({ numBuckets: count, maxDistance: furthest })]
  const found = buckets.flatMap((b, i) => (i > 0 && buckets[i - 1] === b ? [] : [[b, i]]))
  expect(buckets.length).toBe(furthest + 1)
  expect(found).toEqual(begin)
})

const data = resolve(import.meta.dirname, 'data')

const load = async (family: string) => {
  const config: unknown = JSON.parse(readFileSync(join(data, family, 'config.json'), 'utf8'))
  const model = t5ForConditionalGeneration(rightOf(t5Config(config)))
  return {
    model,
    params: await get(loadParams(model, await get(openTensors(join(data, family, 'model.safetensors'))))),
  }
}

const int = (x: readonly (readonly number[])[]): NDArray => np.array(x, { dtype: 'int32' })
const difference = (x: NDArray, y: NDArray): number => np.max(np.abs(np.subtract(x, y))).item()

const inputIds = int([
  [5, 6, 7, 8, 1],
  [9, 3, 1, 0, 0],
])
const attentionMask = int([
  [1, 1, 1, 1, 1],
  [1, 1, 1, 0, 0],
])
const decoderInputIds = int([
  [0, 11, 12, 13, 14, 15],
  [0, 21, 22, 23, 24, 25],
])
const decoderAttentionMask = int([
  [1, 1, 1, 1, 1, 1],
  [0, 0, 1, 1, 1, 1],
])
const columns = (x: NDArray, from: number, to: number): NDArray => x.at(':', np.slice(from, to)).get()

describe.each(['t5-lm', 't5-lm-untied'])('writing step by step with %s', (family) => {
  test('gives what all at once gives, one compiled step for all tokens', async () => {
    const { model, params } = await load(family)
    const whole = model.apply(params, { inputIds, attentionMask, decoderInputIds })
    let traces = 0
    const step = jit((p: ParamsOfModel<typeof model>, ids: NDArray, cache: Seq2SeqCache) => {
      traces++
      const { logits, cache: next } = model.apply(p, { decoderInputIds: ids }, { cache })
      return [logits, next!] as const
    })
    let cache = jit((p: ParamsOfModel<typeof model>) => model.startCache(p, { inputIds, attentionMask }, 9))(params)
    for (let i = 0; i < 6; i++) {
      const [logits, next] = step(params, columns(decoderInputIds, i, i + 1), cache)
      expect(difference(logits, columns(whole.logits, i, i + 1))).toBeLessThan(2e-5)
      cache = next
    }
    expect(cache.decoder.length.item()).toBe(6)
    expect(traces).toBe(1)
  })

  test('takes several tokens at a time, padding on the left, and keeps the last scores only', async () => {
    const { model, params } = await load(family)
    const whole = model.apply(params, { inputIds, attentionMask, decoderInputIds, decoderAttentionMask })
    const start = model.startCache(params, { inputIds, attentionMask }, 6)
    const first = model.apply(
      params,
      { decoderInputIds: columns(decoderInputIds, 0, 4), decoderAttentionMask: columns(decoderAttentionMask, 0, 4) },
      { cache: start, logitsToKeep: 1 },
    )
    expect(first.logits.shape).toEqual([2, 1, 61])
    expect(difference(first.logits, columns(whole.logits, 3, 4))).toBeLessThan(2e-5)
    const second = model.apply(
      params,
      { decoderInputIds: columns(decoderInputIds, 4, 6), decoderAttentionMask },
      { cache: first.cache! },
    )
    expect(difference(second.logits, columns(whole.logits, 4, 6))).toBeLessThan(2e-5)
  })
})

test('labels are shifted right, after the start token, and do not count as tokens where they are -100', async () => {
  const { model, params } = await load('t5-lm')
  const given = model.apply(params, { inputIds, decoderInputIds: int([[0, 7, 8, 0], [0, 9, 0, 0]]) }) // prettier-ignore
  const shifted = model.apply(params, { inputIds, labels: int([[7, 8, -100, 4], [9, -100, -100, -100]]) }) // prettier-ignore
  expect(difference(given.logits, shifted.logits)).toBe(0)
})

test('the encoder alone gives what the whole model reads, from the same file', async () => {
  const { model, params } = await load('t5-lm')
  const config: unknown = JSON.parse(readFileSync(join(data, 't5-lm', 'config.json'), 'utf8'))
  const encoder = t5Encoder(rightOf(t5Config(config)))
  const own = await get(loadParams(encoder, await get(openTensors(join(data, 't5-lm', 'model.safetensors')))))
  const { encoderLastHiddenState } = model.apply(params, { inputIds, attentionMask, decoderInputIds })
  expect(difference(encoder.apply(own, { inputIds, attentionMask }).lastHiddenState, encoderLastHiddenState!)).toBe(0)
})

test('fresh weights have the standard deviations of transformers', () => {
  const model = t5ForConditionalGeneration(
    rightOf(t5Config({ vocab_size: 400, d_model: 128, d_ff: 256, num_layers: 1, tie_word_embeddings: false })),
  )
  const params = model.init(random.key(0))
  const { SelfAttention } = params.encoder.block[0]!.layer[0]
  const { DenseReluDense } = params.encoder.block[0]!.layer[1]
  const stds = [
    params.shared,
    params.lm_head!,
    SelfAttention.q,
    SelfAttention.k,
    SelfAttention.o,
    DenseReluDense.wi!,
    DenseReluDense.wo,
  ]
  const expected = [
    1,
    1,
    1 / Math.sqrt(128 * 64),
    1 / Math.sqrt(128),
    1 / Math.sqrt(512),
    1 / Math.sqrt(128),
    1 / Math.sqrt(256),
  ]
  stds.forEach(({ weight }, i) => {
    expect(Math.abs(np.std(weight).item() / expected[i]! - 1)).toBeLessThan(0.02)
  })
})

describe('dropout', () => {
  const small = { vocab_size: 11, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 1, num_heads: 2 }
  const logits = (rate: number, key?: NDArray) => {
    const model = t5ForConditionalGeneration(rightOf(t5Config({ ...small, dropout_rate: rate })))
    const inputs = { inputIds: [[1, 2, 3]], labels: [[4, 5]] }
    return model.apply(model.init(random.key(0)), inputs, key === undefined ? {} : { key }).logits
  }

  test('is none without a key, and none at rate 0', () => {
    expect(difference(logits(0.5), logits(0, random.key(1)))).toBe(0)
    expect(difference(logits(0.5), logits(0.5, random.key(1)))).toBeGreaterThan(0)
  })
})

describe('mistakes', () => {
  const small = { vocab_size: 11, d_model: 8, d_kv: 4, d_ff: 8, num_layers: 1, num_heads: 2 }
  const model = t5ForConditionalGeneration(rightOf(t5Config(small)))
  const params = model.init(random.key(0))

  test('tokens beyond the vocabulary are an IndexError, on either side', () => {
    expect(() => model.apply(params, { inputIds: [[11]], labels: [[1]] })).toThrow(/t5: inputIds: 11/)
    expect(() => model.apply(params, { inputIds: [[1]], decoderInputIds: [[-1]] })).toThrow(IndexError)
  })

  test('nothing to read or nothing to write is an ArgumentError', () => {
    expect(() => model.apply(params, { inputIds: [[1]] })).toThrow(/decoderInputIds, or by labels/)
    expect(() => model.apply(params, { labels: [[1]] })).toThrow(/inputIds are needed/)
  })

  test('masks of another shape are a ShapeError', () => {
    expect(() => model.apply(params, { inputIds: [[1, 2]], attentionMask: [[1]], labels: [[1]] })).toThrow(ShapeError)
    for (const decoderAttentionMask of [
      [[1]],
      [[1, 1, 1]],
      [
        [1, 1],
        [1, 1],
      ],
    ]) {
      const inputs = { inputIds: [[1]], decoderInputIds: [[0, 2]], decoderAttentionMask }
      expect(() => model.apply(params, inputs)).toThrow(ShapeError)
    }
  })

  test('a full cache, and a cache beside what is read, are an ArgumentError', () => {
    const cache = model.startCache(params, { inputIds: [[1]] }, 2)
    const { cache: full } = model.apply(params, { decoderInputIds: [[0, 1]] }, { cache })
    expect(() => model.apply(params, { decoderInputIds: [[1]] }, { cache: full! })).toThrow(
      /room for 2 tokens, of which 2/,
    )
    expect(() => model.apply(params, { inputIds: [[1]], decoderInputIds: [[1]] }, { cache })).toThrow(ArgumentError)
  })

  test.each([
    [{ feed_forward_proj: 'gated-none' }, 'feed_forward_proj'],
    [{ is_decoder: true }, 'is_decoder'],
    [{ relative_attention_num_buckets: 2 }, 'relative_attention_num_buckets'],
    [{ relative_attention_max_distance: 16 }, 'relative_attention_max_distance'],
  ])('%j is an error that names its key', (config, key) => {
    const result = modelOfConfig({ model_type: 't5', ...config })
    expect(result._tag === 'Left' && result.left.key).toBe(key)
  })

  test('version 1.1 has a head of its own, whichever way its file says so', () => {
    for (const config of [
      { tie_word_embeddings: false },
      { tie_word_embeddings: true, scale_decoder_outputs: false },
    ]) {
      expect(rightOf(t5Config(config))).toMatchObject({ tieWordEmbeddings: false, scaleDecoderOutputs: false })
    }
    expect(rightOf(t5Config({}))).toMatchObject({ tieWordEmbeddings: true, scaleDecoderOutputs: true })
  })
})
