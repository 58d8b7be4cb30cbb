/** Rows of text as samples and batches. */
import * as fc from 'fast-check'
import { pipe } from 'fp-ts/lib/function.js'
import { describe, expect, it } from 'vitest'
import type { Sample, TokenizeOptions, TrainRow } from '../../../src/train/index.ts'
import {
  bucket,
  chunk,
  collate,
  fromArray,
  labelNames,
  pack,
  survey,
  Tally,
  toArray,
  tokenizeRow,
  tokenizeRows,
} from '../../../src/train/index.ts'
import { readFrom, valuesOf } from './support/read.ts'
import { byteLevel, sentencePiece, wordPiece } from './support/tokenizers.ts'

type AnyTokenizer = ReturnType<typeof byteLevel>

const sampleOf = (tokenizer: AnyTokenizer, row: TrainRow, options: TokenizeOptions): Sample => {
  const sample = tokenizeRow(tokenizer, options)(row)
  if (sample._tag === 'Left') throw new Error(sample.left.message)
  return sample.right
}

const errorOf = (tokenizer: AnyTokenizer, row: TrainRow, options: TokenizeOptions): string => {
  const sample = tokenizeRow(tokenizer, options)(row)
  return sample._tag === 'Left' ? sample.left.message : 'no error'
}

/** The text of the tokens that count. */
const learnt = (tokenizer: AnyTokenizer, { labels }: Sample): string =>
  tokenizer.decode((labels as readonly number[]).filter((id) => id !== -100))

const causal = { task: 'causal' } as const

describe('rows to classify', () => {
  const tokenizer = wordPiece()
  const classify = { task: 'classify', labels: ['ham', 'spam'] } as const

  it('are encoded as models take them, with the number of the class', () => {
    const one = sampleOf(tokenizer, { text: 'buy now', label: 'spam' }, classify)
    expect(one).toEqual({ input_ids: tokenizer.encode('buy now').ids, labels: 1 })
    const two = sampleOf(tokenizer, { text: 'buy', textPair: 'now', label: 0 }, classify)
    const { ids, typeIds } = tokenizer.encode(['buy', 'now'])
    expect(two).toEqual({ input_ids: ids, token_type_ids: typeIds, labels: 0 })
    const batch = collate({ padId: tokenizer.padId! })([one, two])
    expect(String(batch.token_type_ids)).toBe('[[0 0 0 0 0]\n [0 0 0 1 1]]')
    expect([batch.labels!.dtype, ...batch.labels!.shape]).toEqual(['int32', 2])
  })

  it('are cut, and say how much', () => {
    const text = 'one two three four five six'
    const whole = tokenizer.encode(text).ids
    const end = sampleOf(tokenizer, { text, label: 0 }, { ...classify, maxLength: 5 })
    expect(end).toEqual({ input_ids: [...whole.slice(0, 4), whole.at(-1)], labels: 0, cut: 3 })
    const start = sampleOf(tokenizer, { text, label: 0 }, { ...classify, maxLength: 5, onLong: 'cutStart' })
    expect(start.input_ids).toEqual([whole[0], ...whole.slice(-4)])
    expect(errorOf(tokenizer, { text, label: 0 }, { ...classify, maxLength: 5, onLong: 'fail' })).toBe(
      'has 8 tokens, and maxLength is 5',
    )
  })

  it('are bad if their label is none', () => {
    expect(errorOf(tokenizer, { text: 'a', label: 'spma' }, classify)).toBe(
      'label must be "ham" or "spam", got "spma". Did you mean "spam"?',
    )
    expect(errorOf(tokenizer, { text: 'a', label: 2 }, classify)).toBe('label must be a class from 0 to 1, got 2')
    expect(errorOf(tokenizer, { text: 'a' }, classify)).toBe('has no label')
    expect(errorOf(tokenizer, { prompt: 'a', completion: 'b' }, classify)).toBe(
      'has no text to classify; there is prompt, completion',
    )
    expect(errorOf(tokenizer, { text: 'a', label: 'ham' }, { task: 'classify' })).toContain('the classes have no names')
  })

  it('may have numbers to predict', () => {
    const samples = [0.5, 2].map((label) => sampleOf(tokenizer, { text: 'a', label }, { task: 'classify' }))
    expect(collate()(samples).labels!.dtype).toBe('float32')
    expect(collate({ labels: 'numbers' })(samples.slice(1)).labels!.dtype).toBe('float32')
    expect(() => collate({ labels: 'classes' })(samples)).toThrow('collate: classes must be whole numbers, got 0.5.')
  })

  it('are counted where they are bad', async () => {
    const tally = new Tally()
    const rows = [
      { text: 'a', label: 'ham' },
      { text: 'b', label: 'eggs' },
      { text: 'c', label: 'spam' },
    ]
    const samples = await valuesOf(tokenizeRows(tokenizer, { ...classify, onBad: 'collect', tally })(fromArray(rows)))
    expect(samples.map(({ labels }) => labels)).toEqual([0, 1])
    expect(String(tally)).toBe('samples: 3 rows, 1 bad\n  row 2: label must be "ham" or "spam", got "eggs"')
    const names = await labelNames(fromArray(rows))()
    expect(names).toEqual({ _tag: 'Right', right: ['eggs', 'ham', 'spam'] })
  })
})

describe('rows of a causal model', () => {
  const characters = fc.constantFrom('a', 'b', ' ', '\n', 'é', '漢', '😀', '.', '<')
  const texts = fc.string({ unit: characters, maxLength: 12 })
  // Of an empty prompt and an empty answer there is nothing to learn.
  const prompts = fc.string({ unit: characters, minLength: 1, maxLength: 12 })

  it('have the tokens of the prompt as generation is given them, and then the answer', () => {
    for (const tokenizer of [byteLevel(), sentencePiece()]) {
      fc.assert(
        fc.property(prompts, texts, (prompt, completion) => {
          const { input_ids: ids, labels } = sampleOf(tokenizer, { prompt, completion }, causal)
          const given = tokenizer.encode(prompt).ids
          expect(ids.slice(0, given.length)).toEqual(given)
          const answer = (labels as readonly number[]).filter((id) => id !== -100)
          expect(answer).toEqual(ids.slice(given.length))
          expect(answer.at(-1)).toBe(tokenizer.eosIds[0])
          const text = tokenizer.decode(ids.slice(0, -1), { skipSpecialTokens: true })
          if (tokenizer.bosId === null) expect(text).toBe(prompt + completion)
        }),
      )
    }
  })

  it('are the tokens of the whole text where those of the prompt come first in it', () => {
    for (const tokenizer of [byteLevel(), sentencePiece()]) {
      const { input_ids: ids } = sampleOf(tokenizer, { prompt: 'the cat', completion: ' sat' }, causal)
      expect(ids).toEqual([...tokenizer.encode('the cat sat').ids, tokenizer.eosIds[0]])
    }
    // The whole text has a token that reaches over the border, which generation never meets.
    const tokenizer = byteLevel()
    const whole = tokenizer.encode('the').ids
    const { input_ids: ids } = sampleOf(tokenizer, { prompt: 'th', completion: 'e' }, causal)
    expect(ids.slice(0, -1)).toEqual([...tokenizer.encode('th').ids, ...tokenizer.encode('e').ids])
    expect(ids.slice(0, -1)).not.toEqual(whole)
  })

  it('may learn everything, or a text as it is', () => {
    const tokenizer = byteLevel()
    const all = sampleOf(tokenizer, { prompt: 'a b', completion: ' c' }, { ...causal, learn: 'all' })
    expect(all.labels).toEqual(all.input_ids)
    const text = sampleOf(tokenizer, { text: 'a b c' }, causal)
    expect(text.labels).toEqual(text.input_ids)
    expect(text.input_ids).toEqual([...tokenizer.encode('a b c').ids, tokenizer.eosIds[0]])
  })

  it('are cut at the end or the start, and bad if nothing is left to learn', () => {
    const tokenizer = byteLevel()
    const row = { prompt: 'one two three four', completion: ' five six' }
    const whole = sampleOf(tokenizer, row, causal)
    const n = whole.input_ids.length
    const cut = sampleOf(tokenizer, row, { ...causal, maxLength: n - 1 })
    expect(cut).toEqual({
      input_ids: whole.input_ids.slice(0, -1),
      labels: (whole.labels as readonly number[]).slice(0, -1),
      cut: 1,
    })
    const start = sampleOf(tokenizer, row, { ...causal, maxLength: n - 2, onLong: 'cutStart' })
    expect(start.input_ids).toEqual(whole.input_ids.slice(2))
    expect(start.labels).toEqual((whole.labels as readonly number[]).slice(2))
    expect(errorOf(tokenizer, row, { ...causal, maxLength: 2 })).toBe(
      `has ${n} tokens, of which 2 are kept, and none of its answer is among them: { maxLength }, or { onLong: 'cutStart' }`,
    )
    expect(errorOf(tokenizer, row, { ...causal, maxLength: 2, onLong: 'fail' })).toBe(
      `has ${n} tokens, and maxLength is 2`,
    )
  })

  it('need a tokenizer that knows how texts end', () => {
    expect(() => tokenizeRow(wordPiece(), causal)).toThrow('tokenizeRow: the tokenizer has no token that ends a text')
    const sample = sampleOf(wordPiece(), { prompt: 'a', completion: 'b' }, { ...causal, eosId: 102 })
    expect(sample.input_ids.at(-1)).toBe(102)
  })
})

describe('conversations', () => {
  const tokenizer = byteLevel()
  const messages = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello!' },
    { role: 'user', content: 'Why?' },
    { role: 'assistant', content: '\n\nBecause.' },
  ]

  it('learn each answer and what ends it, and nothing else', () => {
    const sample = sampleOf(tokenizer, { messages }, causal)
    expect(learnt(tokenizer, sample)).toBe('Hello!<|im_end|>\n\nBecause.<|im_end|>')
    const last = sampleOf(tokenizer, { messages }, { ...causal, learn: 'lastAnswer' })
    expect(learnt(tokenizer, last)).toBe('\n\nBecause.<|im_end|>')
    expect(last.input_ids).toEqual(sample.input_ids)
    const all = sampleOf(tokenizer, { messages }, { ...causal, learn: 'all' })
    expect(all.labels).toEqual(all.input_ids)
  })

  it('of which a template rewrites the past learn the last answer only, or are bad', () => {
    const forgetful =
      "{% for m in messages %}{{ m['role'] + ': ' }}{% if loop.last or m['role'] == 'user' %}{{ m['content'] }}{% endif %}{{ '<|im_end|>' }}{% endfor %}" +
      "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
    const other = byteLevel(forgetful)
    expect(errorOf(other, { messages }, causal)).toContain('the chat template writes messages[1] in another way')
    const sample = sampleOf(other, { messages }, { ...causal, learn: 'lastAnswer' })
    expect(learnt(other, sample)).toBe('\n\nBecause.<|im_end|>')
  })

  it('are bad without an answer, or if the template refuses them', () => {
    expect(errorOf(tokenizer, { messages: messages.slice(0, 1) }, causal)).toBe(
      'messages have no answer: none has role "assistant"',
    )
    const strict = byteLevel("{{ raise_exception('not these') }}")
    expect(errorOf(strict, { messages }, causal)).toContain('not these')
  })
})

describe('rows to translate', () => {
  it('have the target as labels, filled up by themselves', () => {
    const tokenizer = sentencePiece()
    const rows = [
      { prompt: 'a b c', completion: 'd' },
      { prompt: 'a', completion: 'd e f g' },
    ]
    const samples = rows.map((row) => sampleOf(tokenizer, row, { task: 'seq2seq' }))
    expect(samples[0]!.labels).toEqual([...tokenizer.encode('d').ids, 2])
    const batch = collate({ labels: 'targets' })(samples)
    expect(batch.labels!.shape[1]).toBe((samples[1]!.labels as readonly number[]).length)
    expect(batch.input_ids.shape[1]).toBe(samples[0]!.input_ids.length)
    const cut = sampleOf(tokenizer, rows[1]!, { task: 'seq2seq', maxTargetLength: 2 })
    expect((cut.labels as readonly number[]).length).toBe(2)
    expect(cut.cut).toBe((samples[1]!.labels as readonly number[]).length - 2)
  })
})

describe('collate', () => {
  const samples = [[1, 2, 3], [4]].map((ids) => ({ input_ids: ids, labels: ids }))

  it('fills up to the longest, to a length or to a multiple', () => {
    const lengths = [collate(), collate({ multipleOf: 4 }), collate({ length: 7 })].map(
      (f) => f(samples).input_ids.shape[1],
    )
    expect(lengths).toEqual([3, 4, 7])
    expect(() => collate({ length: 2 })(samples)).toThrow('collate: a row has 3 tokens, and length is 2.')
    expect(collate()([]).input_ids.shape).toEqual([0, 0])
  })

  it('refuses samples that do not fit together', () => {
    expect(() => collate()([...samples, { input_ids: [1] }])).toThrow(
      'collate: of 3 samples 2 have a list of labels and 0 one label',
    )
    expect(() => collate()([{ input_ids: [1, 2], labels: [1] }])).toThrow(
      'collate: labels must have a number for each token, got 1 of 2.',
    )
  })

  it('takes buckets at their lengths, so that there are as many shapes as bounds', async () => {
    const tally = new Tally()
    const rows = Array.from({ length: 40 }, (_, i) => ({ input_ids: new Array<number>(1 + ((7 * i) % 20)).fill(i) }))
    const buckets = await valuesOf(
      pipe(fromArray(rows), bucket({ bounds: [8, 16, 24], size: 4, dropLast: true, tally })),
    )
    const shapes = new Set(buckets.map((b) => collate()(b).input_ids.shape.join('x')))
    expect([...shapes].sort()).toEqual(['4x16', '4x24', '4x8'])
    expect([...tally.shapes.keys()].sort()).toEqual(['4x16', '4x24', '4x8'])
    expect([...tally.shapes.values()].reduce((a, b) => a + b)).toBe(buckets.length)
    const { error } = await readFrom(pipe(fromArray(rows), bucket({ bounds: [8], size: 4 })))
    expect(error).toBe('bucket: an element of length 15 is beyond the last bound, 8.')
  })
})

describe('chunk', () => {
  it('has all tokens, in rows of one length but the last', async () => {
    const lists = fc.array(fc.array(fc.nat({ max: 99 }), { maxLength: 9 }), { maxLength: 12 })
    await fc.assert(
      fc.asyncProperty(lists, fc.integer({ min: 1, max: 12 }), fc.boolean(), async (texts, length, dropLast) => {
        const samples = texts.map((ids) => ({ input_ids: ids, labels: ids.map((id) => (id % 2 === 0 ? id : -100)) }))
        const rows = await valuesOf(chunk(length, { dropLast })(fromArray(samples)))
        const whole = texts.flat()
        const kept = dropLast ? whole.slice(0, whole.length - (whole.length % length)) : whole
        expect(rows.flatMap(({ input_ids: ids }) => ids)).toEqual(kept)
        expect(rows.flatMap(({ labels }) => labels)).toEqual(kept.map((id) => (id % 2 === 0 ? id : -100)))
        rows.slice(0, -1).forEach(({ input_ids: ids }) => {
          expect(ids.length).toBe(length)
        })
      }),
    )
  })
})

describe('survey', () => {
  it('counts what is long, cut and learnt', async () => {
    const samples = [5, 1, 3, 2, 4].map((n) => ({
      input_ids: new Array<number>(n).fill(1),
      labels: Array.from({ length: n }, (_, i) => (i < 2 ? -100 : 1)),
      ...(n > 3 ? { cut: 10 * n } : {}),
    }))
    expect(await survey(fromArray(samples))()).toEqual({
      _tag: 'Right',
      right: {
        samples: 5,
        tokens: 15,
        learnt: 6,
        cut: { samples: 2, tokens: 90 },
        lengths: { min: 1, median: 3, p90: 5, max: 5 },
      },
    })
    const none = await survey(fromArray<Sample>([]))()
    expect(none._tag === 'Right' && none.right.lengths.max).toBe(0)
  })
})

describe('pack', () => {
  const anySamples = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 30 }).map((lengths) =>
    lengths.map((n, i) => {
      const ids = Array.from({ length: n }, (_, j) => 100 * (i + 1) + j)
      return { input_ids: ids, labels: ids.map((id) => (id % 3 === 0 ? -100 : id)) }
    }),
  )

  it('has every sample once and whole, in segments of its own', async () => {
    await fc.assert(
      fc.asyncProperty(
        anySamples,
        fc.integer({ min: 9, max: 20 }),
        fc.integer({ min: 1, max: 40 }),
        async (samples, length, buffer) => {
          const rows = await valuesOf(pack(length, { buffer, padId: 7 })(fromArray(samples)))
          const found: Sample[] = []
          for (const row of rows) {
            for (const list of [row.input_ids, row.attention_mask, row.labels, row.position_ids, row.segment_ids]) {
              expect(list.length).toBe(length)
            }
            const count = Math.max(...row.segment_ids)
            for (let s = 1; s <= count; s++) {
              const at = row.segment_ids.flatMap((id, i) => (id === s ? [i] : []))
              expect(at.at(-1)! - at[0]!).toBe(at.length - 1)
              expect(at.map((i) => row.position_ids[i])).toEqual(at.map((_, i) => i))
              expect(row.labels[at[0]!]).toBe(-100)
              found.push({ input_ids: at.map((i) => row.input_ids[i]!), labels: at.map((i) => row.labels[i]!) })
            }
            row.segment_ids.forEach((segment, i) => {
              if (segment > 0) expect(row.attention_mask[i]).toBe(1)
              else
                expect([row.input_ids[i], row.attention_mask[i], row.labels[i], row.position_ids[i]]).toEqual([
                  7, 0, -100, 0,
                ])
            })
          }
          const byFirst = [...found].sort((a, b) => a.input_ids[0]! - b.input_ids[0]!)
          expect(byFirst).toEqual(
            samples.map(({ input_ids: ids, labels }) => ({ input_ids: ids, labels: [-100, ...labels.slice(1)] })),
          )
        },
      ),
    )
  })

  it('fills rows well', async () => {
    const samples = Array.from({ length: 500 }, (_, i) => ({
      input_ids: new Array<number>(1 + ((i * 37) % 60)).fill(1),
    }))
    const rows = await valuesOf(pack(64)(fromArray(samples)))
    const tokens = samples.reduce((n, { input_ids: ids }) => n + ids.length, 0)
    expect(tokens / (64 * rows.length)).toBeGreaterThan(0.97)
  })

  it('refuses a sample that is too long, and goes through collate', async () => {
    const { error } = await readFrom(pack(2)(fromArray([{ input_ids: [1, 2, 3] }])))
    expect(error).toBe('pack: a sample has 3 tokens, and a row 2. Cut it when it is tokenized.')
    const rows = await toArray(pack(4)(fromArray([{ input_ids: [5, 6, 7] }, { input_ids: [8, 9] }])))()
    if (rows._tag === 'Left') throw new Error(rows.left.message)
    const batch = collate()(rows.right)
    expect(String(batch.segment_ids)).toBe('[[1 1 1 0]\n [1 1 0 0]]')
    expect(String(batch.position_ids)).toBe('[[0 1 2 0]\n [0 1 0 0]]')
    expect(String(batch.attention_mask)).toBe('[[1 1 1 0]\n [1 1 0 0]]')
    expect(batch.segment_ids!.dtype).toBe('int32')
  })
})
