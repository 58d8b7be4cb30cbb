/** `pullback predict`: classes, vectors or answers for texts, as lines of JSON. */
import { jit } from '../../api/jit.ts'
import type { NamedArrays, ParamTree } from '../../models/index.ts'
import { generate } from '../../models/index.ts'
import * as nn from '../../nn/index.ts'
import * as np from '../../numpy/index.ts'
import { toInputs } from '../../tokenizers/index.ts'
import type { NDArray } from '../../trace/value.ts'
import { concat, decode, map, Tally, textLines, toArray } from '../../train/index.ts'
import type { Decoder, PlainRow, Stream } from '../../train/index.ts'
import type { Command, Given, Terminal } from '../command.ts'
import { FailedError, numberOption, orFail, UsageError } from '../command.ts'
import { openRows } from './rows.ts'
import { vectorsOf } from './task.ts'
import type { Tuned } from './tuned.ts'
import { loadTuned, tunedOptions } from './tuned.ts'

/** The input of a model: a text, or turns of a conversation. */
type Question = string | readonly { readonly role: string; readonly content: string }[]

const turns = decode.list(decode.object({ role: decode.words, content: decode.string }))

/** `{ text }`, `{ prompt }`, or `{ messages }` without the answer. */
const question: Decoder<Question> = (value, at = '') => {
  const row = (typeof value === 'object' && value !== null ? value : {}) as { readonly [key: string]: unknown }
  if (row['messages'] !== undefined) return turns(row['messages'], 'messages')
  const key = row['prompt'] === undefined ? 'text' : 'prompt'
  const found = decode.object({ [key]: decode.string })(value, at)
  return found._tag === 'Left' ? found : { _tag: 'Right', right: found.right[key]! }
}

const questionsOf = async (given: Given): Promise<readonly Question[]> => {
  const file = given.text('data')
  if (file === undefined) {
    if (given.words.length === 0) throw new UsageError('predict needs --data FILE, or texts')
    return given.words
  }
  const reading = { onBad: 'fail', tally: new Tally() } as const
  const of = (path: string): Stream<Question> =>
    /\.txt$/i.test(path)
      ? map(({ text }: PlainRow): Question => text)(textLines(path))
      : openRows([path], question, reading)
  return orFail(await toArray(concat(...[file, ...given.words].map(of)))())
}

const textOf = (q: Question): string => {
  if (typeof q === 'string') return q
  throw new FailedError('messages are answered by models that write text')
}

/** As many tokens as a model has places for, beside virtual ones; RoBERTa's first two are of padding. */
const placesOf = ({ base: { config }, virtualTokens }: Tuned): number => {
  const positions = config['max_position_embeddings']
  if (typeof positions !== 'number') return Infinity
  return positions - virtualTokens - (String(config['model_type']).includes('roberta') ? 2 : 0)
}

/** Inputs of one text, padded to a multiple of 32 if there are enough positions, so that few lengths are compiled. */
const inputsOf = (tuned: Tuned, text: string): NamedArrays => {
  const { base, maxLength } = tuned
  const longest = Math.min(maxLength ?? 512, placesOf(tuned))
  if (longest < 1) throw new FailedError(`${base.model.architecture} has no places left beside the virtual tokens`)
  const truncated = { truncation: true, maxLength: longest } as const
  const length = Math.ceil(base.tokenizer.encode(text, truncated).ids.length / 32) * 32
  const filled = base.tokenizer.encodeBatch([text], {
    ...truncated,
    padding: 'longest',
    ...(length <= longest ? { padToMultipleOf: 32 } : {}),
  })
  const { inputIds, attentionMask } = toInputs(filled)
  return { input_ids: inputIds, attention_mask: attentionMask }
}

const numbersOf = (x: NDArray): readonly number[] => Array.from(x.dataSync() as Float32Array)

/** A function from texts to predictions. */
const judgeOf = (tuned: Tuned): ((text: string) => object) => {
  const { base, task, labels, params } = tuned
  const run = jit((p: ParamTree, inputs: NamedArrays) =>
    task === 'embed' ? vectorsOf({ model: base.model, params: p }, inputs) : base.model.apply(p, inputs)['logits']!,
  )
  return (text) => {
    const output = np.ravel(run(params, inputsOf(tuned, text)))
    if (task === 'embed') return { text, vector: numbersOf(output) }
    if (output.size === 1) return { text, value: output.at(0).get().item() }
    const probabilities = numbersOf(nn.softmax(output))
    const best = probabilities.indexOf(Math.max(...probabilities))
    const names = labels ?? probabilities.map((_, i) => `LABEL_${i}`)
    return { text, label: names[best], scores: Object.fromEntries(probabilities.map((p, i) => [names[i]!, p])) }
  }
}

/** The answer of a generative model. */
const answer = async ({ base, writing }: Tuned, q: Question, maxNewTokens: number): Promise<object> => {
  const { writer } = base.model
  if (writer === null) throw new FailedError(`${base.model.architecture} does not write text`)
  const { tokenizer } = base
  const prompt =
    typeof q === 'string' ? tokenizer.encode(q).ids : orFail(tokenizer.encodeChat(q, { addGenerationPrompt: true })).ids
  const options = { ...writing.options, maxNewTokens, tokenizer }
  let text = ''
  for await (const made of generate(writer, writing.params as never, prompt, options)) text += made.text
  return { prompt: q, completion: text }
}

const predictRun = async (given: Given, terminal: Terminal): Promise<void> => {
  const questions = await questionsOf(given)
  const maxNewTokens = numberOption(given, 'max-new-tokens', 1, 1e9) ?? 128
  if (!Number.isInteger(maxNewTokens)) throw new UsageError('--max-new-tokens must be a whole number')
  const tuned = await loadTuned(given, terminal)
  const writes = tuned.task === 'causal' || tuned.task === 'seq2seq'
  const judge = writes ? null : judgeOf(tuned)
  for (const q of questions) {
    const said = judge === null ? await answer(tuned, q, maxNewTokens) : judge(textOf(q))
    terminal.out(`${JSON.stringify(said)}\n`)
  }
}

export const predict: Command = {
  name: 'predict',
  usage: '--model DIR [--adapter DIR] --data FILE | "text" ...',
  summary: 'Says the class, the vector or the answer of each text, as a line of JSON.',
  options: {
    ...tunedOptions,
    data: { type: 'string', value: 'FILE', help: 'rows {text}, {prompt} or {messages}; or give texts as words' },
    'max-new-tokens': { type: 'string', value: 'N', help: 'of an answer (128)' },
  },
  words: [0, Infinity],
  run: predictRun,
}
