/** `pullback generate`: text from a generative model, streamed. */
import type { GenerateOptions } from '../models/index.ts'
import { generate as generateTokens } from '../models/index.ts'
import * as random from '../random/index.ts'
import type { Tokenizer } from '../tokenizers/index.ts'
import type { Command, Given, Terminal } from './command.ts'
import { FailedError, numberOption, orFail, required, UsageError } from './command.ts'
import type { Writing } from './finetune/adapters.ts'
import { writing } from './finetune/adapters.ts'
import { loadAdapted } from './finetune/tuned.ts'
import type { LoadedModel } from './model.ts'
import { isGguf, loadFrom, tokenizerOf } from './model.ts'

/** The tokens of the prompt: as a turn of a conversation, or as it is. */
const promptOf = (given: Given, tokenizer: Tokenizer): readonly number[] => {
  const prompt = required(given, 'prompt')
  const system = given.text('system')
  if (!given.flag('chat')) return tokenizer.encode(prompt).ids
  const turns = [
    ...(system === undefined ? [] : [{ role: 'system', content: system }]),
    { role: 'user', content: prompt },
  ]
  return orFail(tokenizer.encodeChat(turns, { addGenerationPrompt: true })).ids
}

/** Sampling needs a temperature; without one the likeliest tokens are taken. */
const samplingOf = (given: Given): GenerateOptions => {
  const temperature = numberOption(given, 'temperature', 0, 1e6) ?? 0
  const asked = {
    topK: numberOption(given, 'top-k', 1, 1e9),
    topP: numberOption(given, 'top-p', 1e-9, 1),
    minP: numberOption(given, 'min-p', 0, 1),
  }
  const known = Object.fromEntries(Object.entries(asked).filter(([, x]) => x !== undefined))
  if (temperature > 0) return { temperature, ...known, key: random.key(numberOption(given, 'seed', 0, 2 ** 53) ?? 0) }
  if (Object.keys(known).length > 0) throw new UsageError('--top-k, --top-p and --min-p need a --temperature above 0')
  return {}
}

/** The model, with the adapter if there is one. */
const load = async (given: Given, terminal: Terminal): Promise<LoadedModel & { readonly writing: Writing }> => {
  const path = required(given, 'model')
  if (given.text('adapter') === undefined) {
    const loaded = await loadFrom(path, isGguf(path) ? { dtype: 'quantized' } : {}, terminal)
    return { ...loaded, writing: writing(null, loaded.params) }
  }
  const { body, plain, one } = await loadAdapted(given, terminal)
  return { ...body, path, writing: writing(one, plain) }
}

const run = async (given: Given, terminal: Terminal): Promise<void> => {
  const path = required(given, 'model')
  required(given, 'prompt')
  if (given.text('system') !== undefined && !given.flag('chat')) throw new UsageError('--system is for --chat')
  const maxNewTokens = numberOption(given, 'max-new-tokens', 1, 1e9) ?? 128
  if (!Number.isInteger(maxNewTokens)) throw new UsageError('--max-new-tokens must be a whole number')
  const penalty = numberOption(given, 'repetition-penalty', 1e-6, 1e6)
  const sampling = samplingOf(given)
  const loaded = await load(given, terminal)
  const { writer, architecture } = loaded.model
  if (writer === null) throw new FailedError(`${architecture} does not write text`)
  const tokenizer = await tokenizerOf(loaded)
  const prompt = promptOf(given, tokenizer)
  const options = {
    ...sampling,
    ...(penalty === undefined ? {} : { repetitionPenalty: penalty }),
    ...loaded.writing.options,
    maxNewTokens,
    tokenizer,
  }
  const tokens: number[] = []
  let [text, finish] = ['', null as unknown]
  for await (const made of generateTokens(writer, loaded.writing.params as never, prompt, options)) {
    tokens.push(made.token)
    text += made.text
    finish = made.finish
    if (!given.flag('json')) terminal.out(made.text)
  }
  terminal.out(given.flag('json') ? `${JSON.stringify({ model: path, prompt, tokens, text, finish })}\n` : '\n')
}

export const generate: Command = {
  name: 'generate',
  usage: '--model DIR [--adapter DIR] --prompt "..."',
  summary: 'Goes on with a text, as it comes.',
  options: {
    model: { type: 'string', value: 'DIR', help: 'a directory, a .gguf file, hf:owner/name@revision, or an address' },
    adapter: { type: 'string', value: 'DIR', help: "an adapter of PEFT's files, as finetune writes it" },
    prompt: { type: 'string', value: 'TEXT', help: 'what is gone on from' },
    chat: { type: 'boolean', help: "the prompt is a user's turn, by the model's chat template" },
    system: { type: 'string', value: 'TEXT', help: 'what stands before the turn, with --chat' },
    'max-new-tokens': { type: 'string', value: 'N', help: 'as many tokens at most; 128 by default' },
    temperature: { type: 'string', value: 'T', help: 'samples; without it the likeliest tokens are taken' },
    'top-k': { type: 'string', value: 'K', help: 'samples among the K likeliest' },
    'top-p': { type: 'string', value: 'P', help: 'samples among the likeliest that have P together' },
    'min-p': { type: 'string', value: 'P', help: 'samples among those with P times the likeliest' },
    'repetition-penalty': {
      type: 'string',
      value: 'R',
      help: 'above 1: tokens that were there already become less likely',
    },
    seed: { type: 'string', value: 'S', help: 'the same numbers give the same text; 0 by default' },
    json: { type: 'boolean', help: 'one object with tokens and text, at the end' },
  },
  words: [0, 0],
  run,
}
