/** Splits by what stands in rows. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dropDuplicates, fromArray, normalText, splitByHash } from '../../../src/train/index.ts'
import { murmur3 } from '../../../src/train/data/split.ts'
import { valuesOf } from './support/read.ts'

const fractions = { train: 0.8, valid: 0.1, test: 0.1 }
const byText = { of: (row: { readonly text: string }) => row.text }
const rows = (n: number) => Array.from({ length: n }, (_, i) => ({ text: `mail number ${i}`, i }))

describe('murmur3', () => {
  it('gives published values', () => {
    // The vectors of the reference implementation that are in wide use.
    const hash = (text: string, seed: number) => murmur3(new TextEncoder().encode(text), seed)
    expect(hash('', 0)).toBe(0)
    expect(hash('', 1)).toBe(0x514e28b7)
    expect(hash('', 0xffffffff)).toBe(0x81f16f39)
    expect(hash('test', 0)).toBe(0xba6bd213)
    expect(hash('test', 0x9747b28c)).toBe(0x704b81dc)
    expect(hash('Hello, world!', 0)).toBe(0xc0363e43)
    expect(hash('The quick brown fox jumps over the lazy dog', 0x9747b28c)).toBe(0x2fa826cd)
    expect(murmur3(Uint8Array.of(0xff, 0xff, 0xff, 0xff), 0)).toBe(0x76293b50)
    expect(murmur3(Uint8Array.of(0x21, 0x43, 0x65), 0)).toBe(0x7e4a8634)
  })
})

describe('splitByHash', () => {
  it('puts every row in one part, the same for any order and any others', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(rows(60)), fc.string({ maxLength: 3 }), (some, salt) => {
        const whole = splitByHash(rows(60), fractions, { ...byText, salt })
        const part = splitByHash(some, fractions, { ...byText, salt })
        for (const name of ['train', 'valid', 'test'] as const) {
          const own = new Set(whole[name].map(({ i }) => i))
          expect(new Set(part[name].map(({ i }) => i))).toEqual(
            new Set(some.map(({ i }) => i).filter((i) => own.has(i))),
          )
        }
      }),
    )
  })

  it('has parts of the sizes that were asked for, and others for another salt', () => {
    const { train, valid, test } = splitByHash(rows(20_000), fractions, byText)
    // Standard deviations are 57 and 42.
    expect(Math.abs(train.length - 16_000)).toBeLessThan(230)
    expect(Math.abs(valid.length - 2000)).toBeLessThan(170)
    expect(Math.abs(test.length - 2000)).toBeLessThan(170)
    const other = splitByHash(rows(20_000), fractions, { ...byText, salt: 'b' })
    const own = new Set(test.map(({ i }) => i))
    const both = other.test.filter(({ i }) => own.has(i)).length
    expect(Math.abs(both - 200)).toBeLessThan(60)
  })

  it('never has duplicates in two parts', () => {
    fc.assert(
      fc.property(fc.array(fc.lorem({ maxCount: 5 }), { minLength: 1, maxLength: 30 }), (texts) => {
        const twice = texts.flatMap((text) => [{ text }, { text: `  ${text.toUpperCase().replaceAll(' ', '\n\t')} ` }])
        const parts = Object.values(splitByHash(twice, { a: 0.5, b: 0.5 }, byText))
        const seen = parts.map((part) => new Set(part.map(({ text }) => normalText(text))))
        for (const text of seen[0]!) expect(seen[1]!.has(text)).toBe(false)
      }),
    )
  })

  it('splits streams as it splits lists', async () => {
    const lists = splitByHash(rows(50), fractions, byText)
    const streams = splitByHash(fromArray(rows(50)), fractions, byText)
    for (const name of ['train', 'valid', 'test'] as const) expect(await valuesOf(streams[name])).toEqual(lists[name])
  })

  it('says what is wrong', () => {
    expect(() => splitByHash([], { a: 0.5, b: 0.6 }, byText)).toThrow(
      'splitByHash: fractions must be an object of fractions above 0 whose sum is 1',
    )
    expect(() => splitByHash([{ i: 1 }], { a: 1 }, { of: (row) => row.i as unknown as string })).toThrow(
      'splitByHash: of must give the text of a row, got number.',
    )
  })
})

describe('dropDuplicates', () => {
  it('keeps the first of each, and says which went', () => {
    const long = 'x'.repeat(600)
    const texts = ['Buy now', 'lunch?', ' buy\r\nNOW', `${long}a`, `${long}b`, 'Lunch ?', 'ＢＵＹ now']
    const { rows, dropped, duplicates } = dropDuplicates(texts, (text) => text)
    expect(rows).toEqual(['Buy now', 'lunch?', `${long}a`, 'Lunch ?'])
    expect(dropped).toBe(3)
    expect(duplicates).toEqual([
      { row: 2, of: 0 },
      { row: 4, of: 3 },
      { row: 6, of: 0 },
    ])
  })
})
