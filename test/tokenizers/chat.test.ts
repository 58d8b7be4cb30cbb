/** Conversations, the tokens with a role, batches for models. */
import { describe, expect, test } from 'vitest'
import { ArgumentError, random } from 'pullback'
import { bert, bertConfig } from 'pullback/models'
import { toInputs } from 'pullback/tokenizers'
import { load, recorded } from './support/recorded.ts'

const llama = recorded('sentencepiece-bpe.tokenizer')
const template =
  "{{ bos_token }}{% for m in messages %}{% if m['role'] == 'tool' %}{{ raise_exception('no tools here') }}{% endif %}" +
  "[{{ m['role'] }}] {{ m['content'] | trim }}{% endfor %}{% if tools %} tools: {{ tools | length }}{% endif %}" +
  '{% if add_generation_prompt %}[assistant]{% endif %}{% if thinking is defined and not thinking %} quick{% endif %}'
const tokenizerConfig = {
  bos_token: { content: '<s>' },
  eos_token: '</s>',
  unk_token: '<unk>',
  chat_template: template,
}
const tokenizer = load({ tokenizerJson: llama, tokenizerConfig, generationConfig: { eos_token_id: [2, 5] } })
const messages = [
  { role: 'system', content: ' Be kind. ' },
  { role: 'user', content: '你好 😀' },
]

const rendered = (options: Parameters<typeof tokenizer.applyChatTemplate>[1] = {}, others = tokenizer): string => {
  const text = others.applyChatTemplate(messages, options)
  return text._tag === 'Right' ? text.right : text.left.message
}

describe('chat templates', () => {
  test('know messages, tokens with a role, tools and further variables', () => {
    expect(rendered()).toBe('<s>[system] Be kind.[user] 你好 😀')
    expect(rendered({ addGenerationPrompt: true })).toBe('<s>[system] Be kind.[user] 你好 😀[assistant]')
    expect(rendered({ tools: [{}, {}] })).toContain(' tools: 2')
    expect(rendered({ variables: { thinking: false } })).toContain(' quick')
  })

  test('put BOS in once: encodeChat adds none', () => {
    const chat = tokenizer.encodeChat(messages, { addGenerationPrompt: true })
    if (chat._tag === 'Left') throw new Error(chat.left.message)
    expect(chat.right.ids.filter((id) => id === tokenizer.bosId)).toEqual([1])
    expect(chat.right.ids).toEqual(
      tokenizer.encode(rendered({ addGenerationPrompt: true }), { addSpecialTokens: false }).ids,
    )
    expect(tokenizer.encode(rendered()).ids.filter((id) => id === 1)).toEqual([1, 1])
  })

  test('are chosen by name, or given', () => {
    const named = load({
      tokenizerJson: llama,
      tokenizerConfig: {
        chat_template: [
          { name: 'default', template: 'plain' },
          { name: 'tool_use', template: 'with tools' },
        ],
      },
    })
    expect(rendered({}, named)).toBe('plain')
    expect(rendered({ tools: [{}] }, named)).toBe('with tools')
    expect(rendered({ chatTemplate: 'tool_use' }, named)).toBe('with tools')
    expect(rendered({ chatTemplate: '{{ messages | length }}' }, named)).toBe('2')
  })

  test('that are missing, broken or raise an error are a Left', () => {
    expect(rendered({}, load({ tokenizerJson: llama }))).toContain('chat_template is missing: the tokenizer has none')
    expect(rendered({ chatTemplate: '{% for %}' })).toContain('chat_template does not render')
    const raised = tokenizer.applyChatTemplate([{ role: 'tool', content: '' }])
    expect(raised._tag === 'Left' && raised.left.message).toContain('no tools here')
    expect(tokenizer.encodeChat([{ role: 'tool' }])._tag).toBe('Left')
  })
})

test('tokens with a role have numbers', () => {
  const { bosId, eosIds, padId, unkId, sepId, clsId, maskId } = tokenizer
  expect([bosId, eosIds, padId, unkId, sepId, clsId, maskId]).toEqual([1, [2, 5], null, 0, null, null, null])
  expect(tokenizer.tokenToId('</s>')).toBe(2)
  expect(tokenizer.tokenToId('no such token')).toBeNull()
  expect(tokenizer.idToToken(1)).toBe('<s>')
  expect(tokenizer.idToToken(10 ** 6)).toBeNull()
  expect(tokenizer.modelType).toBe('BPE')
  expect(tokenizer.vocabularySize).toBe(Object.keys((llama as { model: { vocab: object } }).model.vocab).length)
})

describe('batches', () => {
  const minilm = load({
    tokenizerJson: recorded('minilm.tokenizer'),
    tokenizerConfig: { pad_token: '[PAD]', model_max_length: 512 },
  })

  test('go into a model as they are', () => {
    const config = bertConfig({
      vocab_size: 30522,
      hidden_size: 8,
      num_hidden_layers: 1,
      num_attention_heads: 2,
      intermediate_size: 8,
    })
    if (config._tag === 'Left') throw new Error(config.left.message)
    const model = bert(config.right)
    const inputs = toInputs(minilm.encodeBatch([['Hello', 'world!'], 'Hi'], { padding: true }))
    expect([inputs.inputIds, inputs.attentionMask, inputs.tokenTypeIds].map((x) => `${x.aval}`)).toEqual(
      new Array(3).fill('i32[2,6]'),
    )
    expect(model.apply(model.init(random.key(0)), inputs).lastHiddenState.shape).toEqual([2, 6, 8])
  })

  test('have rows of what was cut off, if asked', () => {
    const texts = ['one two three four five six', 'one']
    const options = { truncation: true, maxLength: 5, stride: 1, padding: true, returnOverflowingTokens: true } as const
    const batch = minilm.encodeBatch(texts, options)
    expect(batch.overflowToSampleMapping).toEqual([0, 0, 0, 1])
    expect(batch.encodings.map((e) => e.tokens.slice(1, 4).join(' '))).toEqual([
      'one two three',
      'three four five',
      'five six [SEP]',
      'one [SEP] [PAD]',
    ])
    expect(new Set(batch.inputIds.map((row) => row.length))).toEqual(new Set([5]))
    expect(minilm.encodeBatch([], { padding: true }).inputIds).toEqual([])
  })

  test.each<[() => unknown, string]>([
    [() => toInputs(minilm.encodeBatch(['a', 'a b c'])), 'toInputs: inputIds has rows of 3, 5 tokens. Pad them'],
    [() => tokenizer.encodeBatch(['a'], { padding: true }), 'the tokenizer has no padding token'],
    [() => tokenizer.encode('a', { truncation: true }), 'truncation needs maxLength'],
    [() => tokenizer.encode('a', { padding: 'maxLength' }), `padding to 'maxLength' needs maxLength`],
    [() => minilm.encode('a', { truncation: true, maxLength: 1 }), 'maxLength is 1, but 2 special tokens are put in'],
    [() => minilm.encode('a b', { truncation: 'onlySecond', maxLength: 3 }), `truncation 'onlySecond' needs a pair`],
    [() => minilm.encode(['a', 'b c d'], { truncation: 'onlyFirst', maxLength: 5 }), 'the first text has 1'],
    [
      () => minilm.encode('a b c d', { truncation: true, maxLength: 4, stride: 2 }),
      'stride must be less than the 2 tokens',
    ],
    [() => minilm.encode('a', { stride: -1 }), 'encode: stride must be'],
    [() => minilm.encode('a', { maxLenght: 3 } as never), `'maxLenght'`],
    [() => minilm.encode('a', { paddingSide: 'top' as never }), 'encode: paddingSide must be'],
    [() => minilm.encode(7 as never), 'encode: text must be'],
    [() => minilm.decode([1.5]), 'decode: ids must be a list of tokens'],
    [() => minilm.decode([-1]), 'decode: ids must be a list of tokens'],
  ])('%s throws', (call, message) => {
    expect(call).toThrow(ArgumentError)
    expect(call).toThrow(message)
  })
})
