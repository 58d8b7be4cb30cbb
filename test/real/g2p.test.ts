/** The network of `g2p-en` with its own weights, against the package's NumPy code (../models/record_g2p.py). */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { openTensors } from 'pullback/io'
import { g2p, g2pConfig, loadParams } from 'pullback/models'
import { get, rightOf } from '../io/support/recorded.ts'
import { because, findFile } from './support/files.ts'

const NAME = 'checkpoint20.npz'
const weights = findFile(NAME)

test.skipIf(weights === null)(
  `words are said as the package says them${because(weights, NAME, 'g2p-en')}`,
  async () => {
    const expected = JSON.parse(readFileSync(resolve(import.meta.dirname, 'data/g2p.json'), 'utf8')) as {
      readonly [word: string]: string
    }
    const model = g2p(rightOf(g2pConfig({})))
    const params = await get(loadParams(model, await get(openTensors(weights!))))
    const words = Object.keys(expected)
    expect(words.length).toBeGreaterThanOrEqual(100)
    const found = Object.fromEntries(
      model.pronounce(params, words).map((phonemes, i) => [words[i]!, phonemes.join(' ')]),
    )
    expect(found).toEqual(expected)
    expect(model.pronounce(params, ['Café', 'HELLO'])).toEqual(model.pronounce(params, ['cafe', 'hello']))
  },
  120_000,
)
