/** Tokenizers of three kinds, with what their files say of ends and chats. */
import type { Tokenizer } from 'pullback/tokenizers'
import { load, recorded } from '../../../tokenizers/support/recorded.ts'

/** ChatML, as SmolLM2 and Qwen have it. */
export const chatml =
  "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\nBe kind<|im_end|>\n' }}" +
  "{% endif %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}" +
  "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

/** Llama 2's, with BOS before each turn of the user and EOS after each answer. */
export const llamaChat =
  "{% for m in messages %}{% if m['role'] == 'user' %}{{ bos_token + '[INST] ' + m['content'] + ' [/INST]' }}" +
  "{% else %}{{ ' ' + m['content'] + eos_token }}{% endif %}{% endfor %}"

const byteLevelJson = recorded<object>('byte-level.tokenizer')

/** A byte-level BPE without BOS, whose padding is what ends texts: as of SmolLM2 and GPT-2. */
export const byteLevel = (chatTemplate: string = chatml): Tokenizer =>
  load({
    tokenizerJson: byteLevelJson,
    tokenizerConfig: { eos_token: '<|im_end|>', pad_token: '<|im_end|>', chat_template: chatTemplate },
  })

/** A BPE of SentencePiece, which puts BOS before each text: as of Llama. */
export const sentencePiece = (config: object = {}): Tokenizer =>
  load({
    tokenizerJson: recorded('sentencepiece-bpe.tokenizer'),
    tokenizerConfig: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>', chat_template: llamaChat, ...config },
  })

/** WordPiece: as of BERT. */
export const wordPiece = (): Tokenizer =>
  load({
    tokenizerJson: recorded('minilm.tokenizer'),
    tokenizerConfig: { pad_token: '[PAD]', cls_token: '[CLS]', sep_token: '[SEP]' },
  })
