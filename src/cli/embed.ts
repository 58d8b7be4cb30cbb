/** `pullback embed`: vectors of texts. */
import type { AnyModel, EncoderInputs, EncoderOutput, Model, NamedArrays, RunOptions } from '../models/index.ts'
import { embed as embedTexts } from '../models/index.ts'
import type { NDArray } from '../trace/value.ts'
import type { Command, Given, Terminal } from './command.ts'
import { FailedError, numberOption, required, wordOption } from './command.ts'
import type { LoadedModel } from './model.ts'
import { jsonBeside, loadFrom, tokenizerOf } from './model.ts'

type Encoder = Model<unknown, EncoderInputs, EncoderOutput, RunOptions>
type Pooling = 'mean' | 'first' | 'pooler'

const names = { inputIds: 'input_ids', attentionMask: 'attention_mask', tokenTypeIds: 'token_type_ids' } as const

/** A model of any family as a text encoder, by the names of its inputs and outputs. */
const encoderOf = (model: AnyModel): Encoder => {
  const apply = (params: unknown, inputs: EncoderInputs): EncoderOutput => {
    const named = Object.fromEntries(
      Object.entries(names).flatMap(([ours, theirs]) => {
        const x = inputs[ours as keyof typeof names]
        return x === undefined || !model.inputs.includes(theirs) ? [] : [[theirs, x as NDArray]]
      }),
    )
    const outputs: NamedArrays = model.apply(params as never, named)
    const { last_hidden_state: lastHiddenState, pooled } = outputs
    if (lastHiddenState === undefined) throw new FailedError(`${model.architecture} is not an encoder of texts`)
    return { lastHiddenState, hiddenStates: [], poolerOutput: pooled ?? null, attentions: null }
  }
  return { ...model, apply }
}

/** The pooling that a sentence encoder's own files specify (`1_Pooling/config.json`). */
const poolingOf = async ({ files }: LoadedModel): Promise<Pooling> => {
  const config = files === null ? {} : await jsonBeside(files.source, '1_Pooling/config.json')
  return config['pooling_mode_cls_token'] === true ? 'first' : 'mean'
}

/** The maximal number of tokens that a sentence encoder's own files specify (`sentence_bert_config.json`). */
const maxLengthOf = async ({ files }: LoadedModel): Promise<number> => {
  const config = files === null ? {} : await jsonBeside(files.source, 'sentence_bert_config.json')
  const length = config['max_seq_length']
  return typeof length === 'number' && Number.isInteger(length) && length > 0 ? length : 512
}

const run = async (given: Given, terminal: Terminal): Promise<void> => {
  const path = required(given, 'model')
  const asked = wordOption(given, 'pooling', ['mean', 'first', 'pooler'] as const)
  const limit = numberOption(given, 'max-length', 1, 1e6)
  const loaded = await loadFrom(path, {}, terminal)
  const tokenizer = await tokenizerOf(loaded)
  const vectors = await embedTexts(encoderOf(loaded.model), loaded.params as never, given.words, {
    tokenizer,
    pooling: asked ?? (await poolingOf(loaded)),
    maxLength: limit ?? (await maxLengthOf(loaded)),
    normalize: !given.flag('raw'),
  })
  const embeddings = vectors.toArray() as readonly (readonly number[])[]
  if (given.flag('json')) {
    const report = { model: path, dimensions: vectors.shape[1], texts: given.words, embeddings }
    terminal.out(`${JSON.stringify(report)}\n`)
    return
  }
  for (const vector of embeddings) terminal.out(`${JSON.stringify(vector)}\n`)
}

export const embed: Command = {
  name: 'embed',
  usage: '--model DIR "text" ...',
  summary: 'Gives the vector of each text, a line each.',
  options: {
    model: { type: 'string', value: 'DIR', help: 'a directory, hf:owner/name@revision, or an address' },
    pooling: { type: 'string', value: 'P', help: "mean, first or pooler; what the model's files say by default" },
    'max-length': { type: 'string', value: 'N', help: 'tokens of a text beyond so many are cut off' },
    raw: { type: 'boolean', help: 'vectors as they are; by default they have length 1' },
    json: { type: 'boolean', help: 'one object with all vectors' },
  },
  words: [1, Infinity],
  run,
}
