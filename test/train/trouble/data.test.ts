/**
 * What people who fine-tune trip over, and cannot here: the numbers are those of the list of issues that the project keeps, each
 * with threads of other libraries where it went wrong.
 */
import { pipe } from 'fp-ts/lib/function.js'
import type { NDArray } from 'pullback'
import { np, random } from 'pullback'
import { expect, test } from 'vitest'
import type { Sample, TrainRow } from '../../../src/train/index.ts'
import {
  batch,
  collate,
  fromArray,
  map,
  pack,
  prefetch,
  repeat,
  shuffle,
  tokenizeRow,
  tokenizeRows,
} from '../../../src/train/index.ts'
import { kept, readFrom, valuesOf } from '../data/support/read.ts'
import { byteLevel, sentencePiece } from '../data/support/tokenizers.ts'
import { difference, tiny } from '../methods/support/tiny.ts'

const sampleOf = (tokenizer: ReturnType<typeof byteLevel>, row: TrainRow): Sample => {
  const sample = tokenizeRow(tokenizer, { task: 'causal' })(row)
  if (sample._tag === 'Left') throw new Error(sample.left.message)
  return sample.right
}

const chat = {
  messages: [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Hello!' },
  ],
}

test('2. a run that goes on sees the very same batches, across epochs (transformers #11323, #17032, #8878, #11504)', async () => {
  const tokenizer = byteLevel()
  const rows = Array.from({ length: 23 }, (_, i) => ({ prompt: `question ${i}`, completion: ` answer ${i * i}` }))
  const stream = pipe(
    fromArray<TrainRow>(rows),
    tokenizeRows(tokenizer, { task: 'causal' }),
    shuffle(random.key(5), 8),
    repeat(3),
    batch(4),
    map(collate({ padId: tokenizer.padId! })),
    prefetch(2),
  )
  const { items } = await readFrom(stream)
  const texts = items.map(({ value }) => String(value.input_ids))
  expect(texts.length).toBe(Math.ceil((3 * 23) / 4))
  expect(new Set(texts).size).toBe(texts.length)
  for (const [i, { position }] of items.entries()) {
    const rest = await readFrom(stream, kept(position))
    expect(rest.items.map(({ value }) => String(value.input_ids))).toEqual(texts.slice(i + 1))
  }
})

test('6. padding = EOS masks no real EOS, so a model learns to stop (trl #456, unsloth #416, alignment-handbook #127)', () => {
  const tokenizer = byteLevel()
  const eos = tokenizer.eosIds[0]!
  expect(tokenizer.padId).toBe(eos)
  const samples = [
    sampleOf(tokenizer, { prompt: 'a', completion: ' b' }),
    sampleOf(tokenizer, { prompt: 'a', completion: ' b and much more' }),
    sampleOf(tokenizer, chat),
    sampleOf(tokenizer, { text: 'plain' }),
  ]
  const batch = collate({ padId: tokenizer.padId! })(samples)
  const [ids, labels, mask] = [batch.input_ids, batch.labels!, batch.attention_mask].map(
    (x) => x.toArray() as number[][],
  )
  samples.forEach((sample, row) => {
    const last = sample.input_ids.length - 1
    expect([ids![row]![last], labels![row]![last], mask![row]![last]]).toEqual([eos, eos, 1])
    for (let i = last + 1; i < ids![row]!.length; i++) {
      expect([ids![row]![i], labels![row]![i], mask![row]![i]]).toEqual([eos, -100, 0])
    }
  })
})

test('7. the loss is on the answer only, and a row without one is an error (trl #4147, #4201, #3279)', () => {
  const tokenizer = byteLevel()
  for (const row of [chat, { prompt: 'Hi', completion: ' Hello!' }]) {
    const { input_ids: ids, labels } = sampleOf(tokenizer, row)
    const counted = ids.filter((_, i) => (labels as readonly number[])[i] !== -100)
    expect(tokenizer.decode(counted).trim()).toBe('Hello!<|im_end|>')
  }
  const cut = tokenizeRow(tokenizer, { task: 'causal', maxLength: 3 })(chat)
  expect(cut._tag === 'Left' && cut.left.message).toContain('none of its answer is among them')
  expect(() => collate()([{ input_ids: [1], labels: [-100] }, { input_ids: [1] }])).toThrow(
    'all must have the same, or none',
  )
})

test('8. packed samples have positions and segments of their own (trl #1230, #805, torchtune #875, unsloth #126)', async () => {
  const tokenizer = byteLevel()
  const samples = ['one', 'two words', 'and three more'].map((text) => sampleOf(tokenizer, { text }))
  const [row] = await valuesOf(pack(64)(fromArray(samples)))
  const starts = row!.position_ids.flatMap((p, i) => (p === 0 && row!.segment_ids[i]! > 0 ? [i] : []))
  expect(starts.length).toBe(3)
  for (const start of starts) expect(row!.labels[start]).toBe(-100)
  expect(new Set(row!.segment_ids)).toEqual(new Set([0, 1, 2, 3]))
})

test('9. BOS stands once, and training writes what generation is given (Soup #781, #785, FastChat #2992)', () => {
  const llama = sentencePiece()
  const bos = llama.bosId!
  const count = (ids: readonly number[]): number => ids.filter((id) => id === bos).length
  // The template writes BOS, and so does the tokenizer.
  expect(count(sampleOf(llama, chat).input_ids)).toBe(1)
  expect(count(sampleOf(llama, { prompt: 'a', completion: ' b' }).input_ids)).toBe(1)
  expect(count(sampleOf(llama, { prompt: '<s>a', completion: ' b' }).input_ids)).toBe(1)
  expect(count(sampleOf(llama, { text: '<s>a' }).input_ids)).toBe(1)
  for (const tokenizer of [llama, byteLevel()]) {
    const prompt = tokenizer.encodeChat(chat.messages.slice(0, 1), { addGenerationPrompt: true })
    if (prompt._tag === 'Left') throw new Error(prompt.left.message)
    const { input_ids: ids, labels } = sampleOf(tokenizer, chat)
    const { length } = prompt.right.ids
    expect(ids.slice(0, length)).toEqual(prompt.right.ids)
    expect((labels as readonly number[]).findIndex((label) => label !== -100)).toBe(length)
    expect((labels as readonly number[]).at(-1)).toBe(tokenizer.eosIds[0])
  }
})

test('15. padding is right to train and left to generate, with positions that match (transformers #34842, #25790, #23401)', () => {
  const samples = [{ input_ids: [5, 6, 7] }, { input_ids: [8] }]
  const training = collate()(samples)
  expect(String(training.input_ids)).toBe('[[5 6 7]\n [8 0 0]]')
  expect(training.position_ids).toBe(undefined)
  const generation = collate({ side: 'left' })(samples)
  expect(String(generation.input_ids)).toBe('[[5 6 7]\n [0 0 8]]')
  expect(String(generation.attention_mask)).toBe('[[1 1 1]\n [0 0 1]]')
  expect(String(generation.position_ids)).toBe('[[0 1 2]\n [0 0 0]]')
})

/** Scores that a small model gives for a batch, and the loss if there are labels. */
const outputs = (family: 'llama' | 'gpt2', batch: object): { readonly logits?: NDArray; readonly loss?: NDArray } => {
  const { model, params } = tiny(family)
  return model.apply(params, { ...batch })
}

const expectClose = (x: NDArray, y: NDArray): void => {
  expect(difference(x, y)).toBeLessThan(1e-5)
}

test('15. a prompt that is filled up on the left has the scores that it has alone', () => {
  const prompts = [{ input_ids: [1, 5, 9, 13, 7] }, { input_ids: [1, 30] }, { input_ids: [1, 4, 8] }]
  for (const family of ['llama', 'gpt2'] as const) {
    const together = outputs(family, collate({ side: 'left', padId: 2 })(prompts))
    prompts.forEach((prompt, i) => {
      const alone = outputs(family, collate()([prompt]))
      expectClose(together.logits!.at(i, -1).get(), alone.logits!.at(0, -1).get())
    })
  }
})

test('8. packed samples have the scores and the loss that they have alone', async () => {
  const samples = [
    [1, 5, 9, 13],
    [1, 30, 7],
    [4, 8],
  ].map((ids) => ({ input_ids: ids, labels: ids }))
  const [row] = await valuesOf(pack(12)(fromArray(samples)))
  for (const family of ['llama', 'gpt2'] as const) {
    const { logits, loss } = outputs(family, collate()([row!]))
    let start = 0
    let sum = 0
    for (const sample of samples) {
      const { length } = sample.input_ids
      const alone = outputs(family, collate()([sample]))
      expectClose(logits!.at(0, np.slice(start, start + length)).get(), alone.logits!.at(0).get())
      sum += alone.loss!.item() * (length - 1)
      start += length
    }
    // All but the first token of each sample count.
    expect(Math.abs(loss!.item() - sum / (start - samples.length))).toBeLessThan(1e-5)
  }
})
