/** Saying words with weights of chance: laws, and what is refused. Values are compared in families.test.ts and test/real. */
import { expect, test } from 'vitest'
import { ArgumentError, np, random } from 'pullback'
import * as models from 'pullback/models'
import { leftOf, rightOf } from '../io/support/recorded.ts'

const { LETTERS, PHONEMES } = models
const model = models.g2p(rightOf(models.g2pConfig({ embedding_size: 6, hidden_size: 8, max_phonemes: 12 })))
// Large weights, so that words differ.
const params = Object.fromEntries(
  Object.entries(model.init(random.key(3))).map(([name, x]) => [name, np.multiply(x, 12)]),
) as ReturnType<typeof model.init>

const lettersOf = (word: string): readonly number[] => [...Array.from(word, (c) => LETTERS.indexOf(c)), 2]

/** The likeliest phoneme after what was said, by `apply` over and over. */
const sayByHand = (word: string): readonly string[] => {
  const said = [2]
  for (let i = 0; i < 12; i++) {
    const { logits } = model.apply(params, { inputIds: [lettersOf(word)], decoderInputIds: [said] })
    const next = np.argmax(logits.at(0, -1).get()).item()
    if (next === 3) break
    said.push(next)
  }
  return said.slice(1).map((n) => PHONEMES[n]!)
}

test('pronounce is apply, a phoneme at a time, whatever other words are beside', () => {
  const words = ['a', 'gradient', 'pull', '', 'supercalifragilistic']
  const together = model.pronounce(params, words)
  expect(new Set(together.map((p) => p.join(' '))).size).toBeGreaterThan(2)
  words.forEach((word, i) => {
    expect(together[i]).toEqual(sayByHand(word))
  })
  expect(model.pronounce(params, ['gradient'])).toEqual([together[1]])
  expect(model.pronounce(params, [])).toEqual([])
})

test('accents and capitals do not count, and what is not a letter is <unk>', () => {
  const [plain, dressed] = model.pronounce(params, ['facade', 'FAÇADE'])
  expect(dressed).toEqual(plain)
  const [quote, digit] = model.pronounce(params, ["a'b", 'a7b'])
  expect(digit).toEqual(quote)
})

test('there are as many letters and phonemes as the package has', () => {
  expect([LETTERS.length, PHONEMES.length]).toEqual([29, 74])
  expect(new Set(PHONEMES).size).toBe(74)
})

test('wrong inputs and configurations are named', () => {
  const decoderInputIds = [[2]]
  expect(() => model.apply(params, { inputIds: [4, 2], decoderInputIds })).toThrow(ArgumentError)
  expect(() =>
    model.apply(params, {
      inputIds: [
        [4, 2],
        [5, 2],
      ],
      decoderInputIds,
    }),
  ).toThrow(/as many words/)
  expect(leftOf(models.g2pConfig({ hidden_size: 0 })).key).toBe('hidden_size')
  const any = rightOf(models.modelOfConfig({ model_type: 'g2p', hidden_size: 4, embedding_size: 4 }))
  const inputs = { input_ids: np.array([[4, 2]], { dtype: 'int32' }) }
  expect(() => any.apply(any.init(random.key(0)), inputs)).toThrow(/decoder_input_ids/)
})
