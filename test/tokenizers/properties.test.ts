/** What holds for all texts and all tokens, of all kinds. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { wellFormed } from '../../src/tokenizers/aligned.ts'
import { byteCharacters, byteToken } from '../../src/tokenizers/bytes.ts'
import { corpus, kinds, load, recorded } from './support/recorded.ts'

/** Texts of characters from anywhere, halves of characters too, of which some come often. */
const odd = fc
  .array(
    fc.oneof(
      {
        weight: 3,
        arbitrary: fc.constantFrom(
          ' ',
          '  ',
          'a',
          'the',
          "n't",
          '\n',
          '▁',
          'é',
          'e\u0301',
          '中',
          '𠀀',
          '😀',
          '½',
          'Σ',
          '[MASK]',
        ),
      },
      { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
      { weight: 1, arbitrary: fc.integer({ min: 0x300, max: 0x36f }).map((c) => String.fromCharCode(c)) },
      { weight: 1, arbitrary: fc.integer({ min: 0xd800, max: 0xdfff }).map((c) => String.fromCharCode(c)) },
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(''))

describe.each(kinds)('%s', (kind) => {
  const tokenizer = load({
    tokenizerJson: recorded(`${kind}.tokenizer`),
    tokenizerConfig: { pad_token: kind === 'minilm' ? '[PAD]' : undefined, model_max_length: 64 },
  })
  const padded = load({
    tokenizerJson: recorded(`${kind}.tokenizer`),
    tokenizerConfig: { pad_token: tokenizer.idToToken(0), model_max_length: 64 },
  })

  test('places are in the text, and in order', () => {
    fc.assert(
      fc.property(odd, (text) => {
        const { offsets, specialTokensMask } = tokenizer.encode(text)
        let before = 0
        offsets.forEach(([start, end], i) => {
          if (specialTokensMask[i] === 1) return
          expect(start).toBeGreaterThanOrEqual(before)
          expect(end).toBeGreaterThanOrEqual(start)
          expect(end).toBeLessThanOrEqual(text.length)
          before = start
        })
      }),
    )
  })

  test('halves of characters count as U+FFFD', () => {
    fc.assert(
      fc.property(odd, (text) => tokenizer.encode(text).ids.join() === tokenizer.encode(wellFormed(text)).ids.join()),
    )
  })

  test('a stream gives what all tokens give at once', () => {
    const id = fc.oneof(
      fc.nat(Math.min(900, tokenizer.vocabularySize - 1)),
      fc.nat(tokenizer.vocabularySize + 3),
      fc.constantFrom(...corpus.slice(15, 60).flatMap((text) => tokenizer.encode(text).ids)),
    )
    fc.assert(
      fc.property(fc.array(id, { maxLength: 60 }), fc.boolean(), (ids, skipSpecialTokens) => {
        const stream = tokenizer.decodeStream({ skipSpecialTokens })
        const pieces = ids.map((i) => stream.push(i))
        expect(pieces.join('') + stream.flush()).toBe(tokenizer.decode(ids, { skipSpecialTokens }))
      }),
      { numRuns: 300 },
    )
  })

  test('a stream of a text has no U+FFFD that the text has not', () => {
    for (const text of corpus.filter((t) => !t.includes('\ufffd')).slice(0, 200)) {
      const stream = tokenizer.decodeStream()
      const pieces = tokenizer.encode(text).ids.map((i) => stream.push(i))
      expect(pieces.join('')).not.toContain('\ufffd')
    }
  })

  test('rows of a batch are the encodings of its texts, filled up', () => {
    const side = fc.constantFrom('left', 'right')
    fc.assert(
      fc.property(fc.array(odd, { minLength: 1, maxLength: 4 }), side, fc.nat(7), (texts, paddingSide, multiple) => {
        const batch = padded.encodeBatch(texts, { padding: true, paddingSide, padToMultipleOf: multiple + 1 })
        const length = batch.inputIds[0]!.length
        expect(length % (multiple + 1)).toBe(0)
        texts.forEach((text, i) => {
          const { ids } = padded.encode(text)
          const fill = new Array<number>(length - ids.length).fill(0)
          expect(batch.inputIds[i]).toEqual(paddingSide === 'right' ? [...ids, ...fill] : [...fill, ...ids])
          expect(batch.attentionMask[i]!.filter((m) => m === 1).length).toBe(ids.length)
        })
      }),
      { numRuns: 50 },
    )
  })

  test('windows of a truncated text are all of it, and repeat as many tokens as was asked', () => {
    const [room, stride] = [5, 2]
    fc.assert(
      fc.property(odd, fc.constantFrom('left', 'right'), (text, truncationSide) => {
        const options = { addSpecialTokens: false, truncation: true, maxLength: room, stride, truncationSide } as const
        const whole = tokenizer.encode(text, { addSpecialTokens: false }).ids
        const { ids, overflowing } = tokenizer.encode(text, options)
        const windows = [ids, ...overflowing.map((w) => w.ids)]
        const ordered = truncationSide === 'right' ? windows : windows.toReversed()
        const fresh = ordered.map((w, i) => {
          if (i === 0) return w
          // On the left the first window of the text is the one that may be short.
          const last = ordered[i - 1]!
          const repeated = Math.min(stride, last.length)
          expect(w.slice(0, repeated)).toEqual(last.slice(-repeated))
          return w.slice(repeated)
        })
        expect(fresh.flat()).toEqual(whole)
        for (const window of windows) expect(window.length).toBeLessThanOrEqual(room)
      }),
      { numRuns: 60 },
    )
  })
})

const special = /<\/?s>|<unk>|<0x|<\||▁|<reponame>|<file_sep>|<filename>|<gh_stars>|<issue|<jupyter|<empty_output>/

describe.each(['byte-level', 'sentencepiece-bpe'] as const)('%s', (kind) => {
  const tokenizer = load({ tokenizerJson: recorded(`${kind}.tokenizer`) })
  // SmolLM2 has no tokens for some bytes that hardly any text has.
  const names = kind === 'byte-level' ? byteCharacters : Array.from(byteCharacters, (_, byte) => byteToken(byte))
  const lacks = (byte: number): boolean => tokenizer.tokenToId(names[byte]!) === null
  const isWhole = (text: string): boolean => !special.test(text) && !new TextEncoder().encode(text).some(lacks)

  test('loses nothing: decoded, a text is itself, and encodes to the same tokens', () => {
    fc.assert(
      fc.property(odd, (given) => {
        const text = wellFormed(given)
        fc.pre(isWhole(text))
        const { ids } = tokenizer.encode(text)
        const decoded = tokenizer.decode(ids, { skipSpecialTokens: true })
        expect(decoded).toBe(text)
        expect(tokenizer.encode(decoded).ids).toEqual(ids)
      }),
    )
  })

  test('each character is in some token', () => {
    fc.assert(
      fc.property(odd, (text) => {
        fc.pre(isWhole(text))
        const covered = new Set<number>()
        for (const [start, end] of tokenizer.encode(text).offsets) for (let i = start; i < end; i++) covered.add(i)
        expect(covered.size).toBe(text.length)
      }),
    )
  })
})

test.each(kinds)('%s takes long runs of anything', (kind) => {
  const tokenizer = load({ tokenizerJson: recorded(`${kind}.tokenizer`) })
  for (const part of ['\u0301', '中', '😀', ' ', 'a', '\x01', 'ab ']) {
    const text = part.repeat(20_000)
    const { ids, offsets } = tokenizer.encode(text)
    expect(offsets.at(-2)?.[1] ?? 0).toBeLessThanOrEqual(text.length)
    tokenizer.decode(ids)
  }
})
