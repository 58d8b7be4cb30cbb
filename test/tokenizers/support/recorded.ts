/** What record.py wrote, and tokenizers made of it. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { gunzipSync } from 'node:zlib'
import type { Encoding, Tokenizer, TokenizerFiles } from 'pullback/tokenizers'
import { loadTokenizer } from 'pullback/tokenizers'

export const recorded = <A>(name: string): A =>
  JSON.parse(gunzipSync(readFileSync(resolve(import.meta.dirname, `../data/${name}.json.gz`))).toString()) as A

export const load = (files: TokenizerFiles): Tokenizer => {
  const tokenizer = loadTokenizer(files)
  if (tokenizer._tag === 'Left') throw new Error(tokenizer.left.message)
  return tokenizer.right
}

export const corpus = recorded<readonly string[]>('corpus')

export const kinds = ['minilm', 'byte-level', 'sentencepiece-bpe', 'unigram', 'prefixed-bpe'] as const

/** Places in code points, as Python counts, as places in UTF-16. */
export const toUtf16 = (text: string, offsets: readonly number[]): readonly number[] => {
  const places = [0]
  for (const character of text) places.push(places.at(-1)! + character.length)
  return offsets.map((i) => places[i]!)
}

export const flat = ({ offsets }: Encoding): readonly number[] => offsets.flat()
