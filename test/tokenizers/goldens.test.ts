/** The kinds of tokenizers against Hugging Face's library (record.py): ids, offsets, words, pairs, decoded texts, batches. */
import { describe, expect, test } from 'vitest'
import type { BatchOptions, Encoding } from 'pullback/tokenizers'
import { corpus, flat, kinds, load, recorded, toUtf16 } from './support/recorded.ts'

interface Batch {
  readonly texts: readonly (string | readonly [string, string])[]
  readonly truncation: 'longest_first' | 'only_first' | 'only_second'
  readonly truncationSide: 'left' | 'right'
  readonly maxLength: number
  readonly isFixed: boolean
  readonly padToMultipleOf: number
  readonly paddingSide: 'left' | 'right'
  readonly rows:
    | readonly {
        readonly ids: readonly number[]
        readonly mask: readonly number[]
        readonly types: readonly number[]
        readonly special: readonly number[]
        readonly offsets: readonly number[]
      }[]
    | null
}

interface Recorded {
  readonly ids: readonly (readonly number[])[]
  readonly offsets: readonly (readonly number[])[]
  readonly words: readonly (readonly number[])[]
  readonly decoded: readonly (readonly [string, string])[]
  readonly pairs: readonly {
    readonly of: readonly [number, number]
    readonly ids: readonly number[]
    readonly types: readonly number[]
    readonly special: readonly number[]
    readonly offsets: readonly number[]
  }[]
  readonly lists: readonly { readonly ids: readonly number[]; readonly decoded: readonly [string, string] }[]
  readonly batches: readonly Batch[]
}

/** Offsets of a pair as Python has them, each in its own text. */
const placesOfPair = (
  texts: readonly string[],
  { sequenceIds }: Encoding,
  offsets: readonly number[],
): readonly number[] => sequenceIds.flatMap((id, i) => toUtf16(texts[id ?? 0]!, offsets.slice(2 * i, 2 * i + 2)))

const strategies = { longest_first: 'longestFirst', only_first: 'onlyFirst', only_second: 'onlySecond' } as const

/**
 * Texts whose offsets are wrong in the recorded library: where a model without an unknown token drops a character, and where rules
 * remove the first one, all that follows is moved there.
 */
const movedThere: { readonly [kind: string]: readonly string[] } = {
  'byte-level': ['\x1c\x1d\x1e\x1f x'],
  unigram: ['\x01\x02\x03', '\x1b[31mred\x1b[0m', '\x80\x81\x9f', '\x01a b\x01'],
}

describe.each(kinds)('%s', (kind) => {
  const golden = recorded<Recorded>(kind)
  const tokenizer = load({ tokenizerJson: recorded(`${kind}.tokenizer`) })
  const encodings = corpus.map((text) => tokenizer.encode(text))

  test('has the ids', () => {
    expect(corpus.length).toBeGreaterThanOrEqual(1000)
    const differing = corpus.filter((_, i) => encodings[i]!.ids.join() !== golden.ids[i]!.join())
    expect(differing).toEqual([])
  })

  test('has the offsets, in UTF-16', () => {
    const differing = corpus.filter(
      (text, i) => flat(encodings[i]!).join() !== toUtf16(text, golden.offsets[i]!).join(),
    )
    expect(differing).toEqual(movedThere[kind] ?? [])
    for (const text of movedThere[kind] ?? []) {
      const { tokens, offsets } = tokenizer.encode(text)
      tokens.forEach((token, i) => {
        const letters = token.replace(/^[▁Ġ]/, '')
        if (/^[\w[]+$/.test(letters)) expect(text.slice(...offsets[i]!).endsWith(letters)).toBe(true)
      })
    }
  })

  test('numbers the words', () => {
    golden.words.forEach((words, i) => {
      expect(encodings[i]!.wordIds.map((w) => w ?? -1)).toEqual(words)
    })
  })

  test('decodes', () => {
    const decode = (ids: readonly number[]): readonly string[] => [
      tokenizer.decode(ids),
      tokenizer.decode(ids, { skipSpecialTokens: true }),
    ]
    const wrong = golden.decoded.filter((want, i) => decode(golden.ids[i]!).join('|') !== want.join('|'))
    expect(wrong).toEqual([])
    for (const { ids, decoded } of golden.lists) expect(decode(ids)).toEqual(decoded)
  })

  test('encodes pairs', () => {
    for (const { of, ids, types, special, offsets } of golden.pairs) {
      const pair = of.map((i) => corpus[i]!)
      const encoding = tokenizer.encode([pair[0]!, pair[1]!])
      expect(encoding.ids).toEqual(ids)
      expect(encoding.typeIds).toEqual(types)
      expect(encoding.specialTokensMask).toEqual(special)
      if (pair.some((text) => movedThere[kind]?.includes(text) === true)) continue
      expect(flat(encoding)).toEqual(placesOfPair(pair, encoding, offsets))
    }
  })

  test('truncates and pads', () => {
    const padded = load({
      tokenizerJson: recorded(`${kind}.tokenizer`),
      tokenizerConfig: { pad_token: tokenizer.idToToken(0) },
    })
    for (const batch of golden.batches) {
      const options: BatchOptions = {
        truncation: strategies[batch.truncation],
        truncationSide: batch.truncationSide,
        maxLength: batch.maxLength,
        padding: batch.isFixed ? 'maxLength' : 'longest',
        padToMultipleOf: batch.padToMultipleOf,
        paddingSide: batch.paddingSide,
      }
      if (batch.rows === null) {
        expect(() => padded.encodeBatch(batch.texts, options)).toThrow(
          expect.objectContaining({ name: 'ArgumentError' }),
        )
        continue
      }
      const { encodings: rows } = padded.encodeBatch(batch.texts, options)
      rows.forEach((row, i) => {
        const want = batch.rows![i]!
        expect(row.ids).toEqual(want.ids)
        expect(row.attentionMask).toEqual(want.mask)
        expect(row.typeIds).toEqual(want.types)
        expect(row.specialTokensMask).toEqual(want.special)
        expect(flat(row)).toEqual(placesOfPair([batch.texts[i]!].flat(), row, want.offsets))
      })
    }
  })
})
