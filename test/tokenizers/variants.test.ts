/** Normalizers, pre-tokenizers and post-processors beside those of the four kinds, each against the recorded library. */
import { expect, test } from 'vitest'
import { corpus, flat, load, recorded, toUtf16 } from './support/recorded.ts'

interface Variant {
  readonly name: string
  readonly tokenizer: unknown
  /** Places in the corpus. */
  readonly of: readonly number[]
  readonly ids: readonly (readonly number[])[]
  readonly tokens: readonly (readonly string[])[]
  readonly offsets: readonly (readonly number[])[]
  /** Each of the first texts with the one that follows it in the corpus. */
  readonly pairs: readonly {
    readonly ids: readonly number[]
    readonly types: readonly number[]
    readonly offsets: readonly number[]
  }[]
}

/** Characters whose script is another in the version of Unicode that the library knows: it has none of U+1F9D1 yet. */
const laterScripts = /[\u{1f9d1}\u061c]/u

test.each(recorded<readonly Variant[]>('variants'))(
  '$name',
  ({ name, tokenizer: tokenizerJson, of, ids, tokens, offsets, pairs }) => {
    const tokenizer = load({ tokenizerJson })
    const differing = of.filter((at, i) => {
      const text = corpus[at]!
      const encoding = tokenizer.encode(text)
      const want = [ids[i], toUtf16(text, offsets[i]!), tokens[i]]
      return JSON.stringify([encoding.ids, flat(encoding), encoding.tokens]) !== JSON.stringify(want)
    })
    const texts = differing.map((at) => corpus[at]!)
    expect(name === 'UnicodeScripts' ? texts.filter((text) => !laterScripts.test(text)) : texts).toEqual([])
    pairs.forEach((pair, i) => {
      const texts = [corpus[of[i]!]!, corpus[of[i]! + 1]!] as const
      const encoding = tokenizer.encode(texts)
      expect(encoding.ids).toEqual(pair.ids)
      expect(encoding.typeIds).toEqual(pair.types)
      const places = encoding.sequenceIds.flatMap((id, k) =>
        toUtf16(texts[id ?? 0], pair.offsets.slice(2 * k, 2 * k + 2)),
      )
      expect(flat(encoding)).toEqual(places)
    })
  },
)
