/** Rows as samples of causal language models: the context of an answer, the answer, and its end token. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { Tokenizer } from '../../tokenizers/index.ts'
import type { DataError } from '../errors.ts'
import { right } from './cursor.ts'
import type { ChatRow, PromptRow, TrainRow } from './decode.ts'
import type { Sample } from './sample.ts'
import { IGNORED } from '../../models/losses.ts'
import type { TokenizeOptions } from './tokens.ts'
import { badRow, beginningsOf, endIds, endingOf, plainOf } from './tokens.ts'

/** Tokens, and whether each counts. */
interface Learnt {
  readonly ids: readonly number[]
  readonly counts: readonly boolean[]
}

const startsWith = (ids: readonly number[], first: readonly number[]): boolean => first.every((id, i) => ids[i] === id)

/**
 * The tokens of an answer after those of its prompt: from the tokenized whole text, if that begins with the prompt's tokens;
 * tokenized separately, if a token would cross the border, which cannot happen in generation.
 */
const answerAfter = (
  prompt: readonly number[],
  whole: readonly number[],
  alone: () => readonly number[],
): readonly number[] => (startsWith(whole, prompt) ? whole.slice(prompt.length) : alone())

/** An answer including its end token, which is added if it is missing. */
const ended = (answer: readonly number[], tokenizer: Tokenizer, options: TokenizeOptions): readonly number[] => {
  const ends = endIds(tokenizer, options)
  const at = answer.findIndex((id) => ends.includes(id))
  return at < 0 ? [...answer, ...endingOf(tokenizer, options)] : answer.slice(0, at + 1)
}

const always = (ids: readonly number[], counts: boolean): readonly boolean[] => ids.map(() => counts)

const ofPrompt = (tokenizer: Tokenizer, row: PromptRow, options: TokenizeOptions): Learnt => {
  const prompt = beginningsOf(tokenizer, row.prompt)
  const whole = beginningsOf(tokenizer, row.prompt + row.completion)
  const answer = answerAfter(prompt, whole, () => plainOf(tokenizer, row.completion).ids)
  const ids = ended(answer, tokenizer, options)
  return { ids: [...prompt, ...ids], counts: [...always(prompt, options.learn === 'all'), ...always(ids, true)] }
}

const ofText = (tokenizer: Tokenizer, text: string, options: TokenizeOptions): Learnt => {
  const ids = [...beginningsOf(tokenizer, text), ...endingOf(tokenizer, options)]
  return { ids, counts: always(ids, true) }
}

/** The range of an answer in the text of a conversation. */
interface Span {
  readonly from: number
  readonly to: number
}

/** The text of a conversation up to the end of its last answer, and the ranges of its answers. */
interface Conversation {
  readonly text: string
  readonly answers: readonly Span[]
}

const conversationOf = (
  tokenizer: Tokenizer,
  { messages }: ChatRow,
  { chatTemplate, variables, learn }: TokenizeOptions,
): Either<DataError, Conversation> => {
  const options = { ...(chatTemplate === undefined ? {} : { chatTemplate }), ...(variables && { variables }) }
  const render = (count: number, addGenerationPrompt: boolean): Either<DataError, string> => {
    const text = tokenizer.applyChatTemplate(messages.slice(0, count), { ...options, addGenerationPrompt })
    return text._tag === 'Left' ? badRow(text.left.message) : text
  }
  const all = messages.flatMap(({ role }, i) => (role === 'assistant' ? [i] : []))
  const last = all.at(-1)
  if (last === undefined) return badRow(`messages have no answer: none has role "assistant"`)
  const whole = render(last + 1, false)
  if (whole._tag === 'Left') return whole
  const answers: Span[] = []
  for (const i of learn === 'lastAnswer' ? [last] : all) {
    const before = render(i, true)
    if (before._tag === 'Left') return before
    const after = i === last ? whole : render(i + 1, false)
    if (after._tag === 'Left') return after
    const isPrefix = after.right.startsWith(before.right) && whole.right.startsWith(after.right)
    if (!isPrefix) {
      return badRow(
        `the chat template writes messages[${i}] in another way when the conversation is longer, so what is learnt is not what ` +
          `generation is given. ${i === last ? 'Give another chatTemplate.' : "Learn the last answer only: { learn: 'lastAnswer' }."}`,
      )
    }
    answers.push({ from: before.right.length, to: after.right.length })
  }
  return right({ text: whole.right, answers })
}

/** Which tokens of a text are in its answers, including their end tokens. */
const countsIn = (
  { ids, offsets }: { readonly ids: readonly number[]; readonly offsets: readonly (readonly [number, number])[] },
  answers: readonly Span[],
  ends: readonly number[],
): readonly boolean[] => {
  const counts = new Array<boolean>(ids.length).fill(false)
  for (const { from, to } of answers) {
    for (let i = 0, isOver = false; i < ids.length && !isOver; i++) {
      const [start, end] = offsets[i]!
      if (start < from || end > to || start === end) continue
      counts[i] = true
      isOver = ends.includes(ids[i]!)
    }
  }
  return counts
}

const ofChat = (tokenizer: Tokenizer, row: ChatRow, options: TokenizeOptions): Either<DataError, Learnt> => {
  const conversation = conversationOf(tokenizer, row, options)
  if (conversation._tag === 'Left') return conversation
  const { text, answers } = conversation.right
  const last = answers.at(-1)!
  // The prompt that generation is given for the last answer: it contains the earlier ones.
  const prompt = plainOf(tokenizer, text.slice(0, last.from))
  const answer = answerAfter(
    prompt.ids,
    plainOf(tokenizer, text).ids,
    () => plainOf(tokenizer, text.slice(last.from)).ids,
  )
  const ids = ended(answer, tokenizer, options)
  const before =
    options.learn === 'all'
      ? always(prompt.ids, true)
      : countsIn(prompt, answers.slice(0, -1), endIds(tokenizer, options))
  return right({ ids: [...prompt.ids, ...ids], counts: [...before, ...always(ids, true)] })
}

const learntOf = (tokenizer: Tokenizer, row: TrainRow, options: TokenizeOptions): Either<DataError, Learnt> => {
  if ('messages' in row) return ofChat(tokenizer, row, options)
  return right('prompt' in row ? ofPrompt(tokenizer, row, options) : ofText(tokenizer, row.text, options))
}

/** A row of a causal model. */
export const causalSample = (
  tokenizer: Tokenizer,
  row: TrainRow,
  options: TokenizeOptions,
): Either<DataError, Sample> => {
  const learnt = learntOf(tokenizer, row, options)
  if (learnt._tag === 'Left') return learnt
  const { ids, counts } = learnt.right
  const { maxLength = ids.length, onLong = 'cutEnd' } = options
  const cut = Math.max(0, ids.length - maxLength)
  if (cut > 0 && onLong === 'fail') return badRow(`has ${ids.length} tokens, and maxLength is ${maxLength}`)
  const from = onLong === 'cutStart' ? cut : 0
  const to = from + ids.length - cut
  const kept = ids.slice(from, to)
  const labels = kept.map((id, i) => (counts[from + i]! ? id : IGNORED))
  // Nothing comes before the first token, so its label never counts.
  if (!labels.some((label, i) => i > 0 && label !== IGNORED)) {
    return badRow(
      cut > 0
        ? `has ${ids.length} tokens, of which ${maxLength} are kept, and none of its answer is among them: { maxLength }, or { onLong: 'cutStart' }`
        : 'has nothing to learn: no token follows another',
    )
  }
  return right({ input_ids: kept, labels, ...(cut > 0 ? { cut } : {}) })
}
