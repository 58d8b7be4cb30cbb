/** Folders of tiny models that know nothing, with a tokenizer of a few words; and files of rows. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { random } from 'pullback'
import { modelOfConfig, saveModel } from 'pullback/models'
import { get, rightOf } from '../../io/support/recorded.ts'

/** The first words of every vocabulary. */
const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]']

export const vocabularyOf = (...words: readonly string[]): readonly string[] => [...special, ...words]

/** How texts are read: `framed` puts [CLS] before and [SEP] after them, as BERT's models want it. */
export interface Reading {
  readonly vocabulary: readonly string[]
  readonly framed: boolean
  readonly maxLength: number
}

const tokenizerOf = ({ vocabulary, framed }: Reading): object => ({
  version: '1.0',
  added_tokens: special.map((content, id) => ({ id, content, special: true, single_word: false, lstrip: false, rstrip: false, normalized: false })), // prettier-ignore
  normalizer: { type: 'Lowercase' },
  pre_tokenizer: { type: 'Whitespace' },
  post_processor: framed ? { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] } : null,
  decoder: null,
  model: { type: 'WordLevel', vocab: Object.fromEntries(vocabulary.map((word, i) => [word, i])), unk_token: '[UNK]' },
})

/** Writes a model's folder: its weights are drawn, always the same. */
export const writeTinyFolder = async (
  folder: string,
  config: { readonly [key: string]: unknown },
  reading: Reading,
): Promise<void> => {
  const { architecture, init } = rightOf(modelOfConfig(config))
  await get(saveModel(folder, { config, architecture, params: init(random.key(7)) }))
  const settings = { pad_token: '[PAD]', unk_token: '[UNK]', eos_token: '[SEP]', model_max_length: reading.maxLength }
  writeFileSync(join(folder, 'tokenizer.json'), JSON.stringify(tokenizerOf(reading)))
  writeFileSync(join(folder, 'tokenizer_config.json'), JSON.stringify(settings))
}

/** Rows as a file has them, one a line. */
export const jsonLines = (rows: readonly object[]): string => rows.map((row) => JSON.stringify(row)).join('\n')
