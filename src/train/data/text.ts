/** Rows of text to samples of tokens. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { ArgumentError } from '../../core/errors.ts'
import * as must from '../../conversions/arguments.ts'
import type { Tokenizer } from '../../tokenizers/index.ts'
import type { DataError } from '../errors.ts'
import type { Stream, StreamError } from '../stream.ts'
import { causalSample } from './causal.ts'
import type { Operator } from './cursor.ts'
import { aStream, left, right } from './cursor.ts'
import type { TrainRow } from './decode.ts'
import { oneOf } from './decode.ts'
import { fold } from './read.ts'
import type { BadRows } from './rows.ts'
import { badRowsTable, judgeRows, rowError } from './rows.ts'
import type { Sample } from './sample.ts'
import type { TokenizeOptions } from './tokens.ts'
import { badRow, beginningsOf, endingOf } from './tokens.ts'

export type { TokenizeOptions } from './tokens.ts'

const tokenizeTable: must.OptionTable<TokenizeOptions> = {
  task: must.required(must.oneOf(['classify', 'causal', 'seq2seq'])),
  maxLength: must.count,
  maxTargetLength: must.count,
  onLong: must.oneOf(['cutEnd', 'cutStart', 'fail']),
  labels: must.listOf(must.string, 'a list of the names of classes'),
  learn: must.oneOf(['answers', 'lastAnswer', 'all']),
  eosId: must.nullable(must.natural),
  chatTemplate: must.string,
  variables: must.recordOf(must.anything, 'an object of variables'),
}

/** Not checked by its class, which would load the packages of `pullback/tokenizers` even without text. */
const isTokenizer = (x: unknown): x is Tokenizer => {
  if (typeof x !== 'object' || x === null || !('eosIds' in x) || !Array.isArray(x.eosIds)) return false
  return ['encode', 'applyChatTemplate'].every((name) => typeof Reflect.get(x, name) === 'function')
}

const aTokenizer = must.kind('a Tokenizer, as loadTokenizer gives it', isTokenizer)

const tokenizeRowDoor = must.door('tokenizeRow', {
  tokenizer: aTokenizer,
  options: must.optionsOf(tokenizeTable),
})
const tokenizeRowsDoor = must.door('tokenizeRows', {
  tokenizer: aTokenizer,
  options: must.optionsOf<TokenizeOptions & BadRows>({ ...tokenizeTable, ...badRowsTable }),
})

/** The index of a label. */
const labelOf = (label: string | number, names: readonly string[] | undefined): Either<DataError, number> => {
  if (names === undefined) {
    return typeof label === 'number'
      ? right(label)
      : badRow(`label is ${JSON.stringify(label)}, and the classes have no names: { labels: ['ham', 'spam'] }`)
  }
  if (typeof label === 'number') {
    const isClass = Number.isInteger(label) && label >= 0 && label < names.length
    return isClass ? right(label) : badRow(`label must be a class from 0 to ${names.length - 1}, got ${label}`)
  }
  const name = oneOf(names)(label, 'label')
  return name._tag === 'Left' ? name : right(names.indexOf(name.right))
}

const cutOf = (whole: number, kept: number): { readonly cut?: number } => (whole > kept ? { cut: whole - kept } : {})

/** A text, or a pair of texts, and the index of its class. */
const classifySample = (tokenizer: Tokenizer, row: TrainRow, options: TokenizeOptions): Either<DataError, Sample> => {
  if (!('text' in row)) return badRow(`has no text to classify; there is ${Object.keys(row).join(', ')}`)
  if (!('label' in row)) return badRow('has no label')
  const label = labelOf(row.label, options.labels)
  if (label._tag === 'Left') return label
  const text = row.textPair === undefined ? row.text : ([row.text, row.textPair] as const)
  const whole = tokenizer.encode(text)
  const { maxLength = whole.ids.length, onLong = 'cutEnd' } = options
  const isLong = whole.ids.length > maxLength
  if (isLong && onLong === 'fail') return badRow(`has ${whole.ids.length} tokens, and maxLength is ${maxLength}`)
  const side = onLong === 'cutStart' ? 'left' : 'right'
  const kept = isLong ? tokenizer.encode(text, { truncation: true, maxLength, truncationSide: side }) : whole
  return right({
    input_ids: kept.ids,
    ...(kept.typeIds.some((id) => id !== 0) ? { token_type_ids: kept.typeIds } : {}),
    labels: label.right,
    ...cutOf(whole.ids.length, kept.ids.length),
  })
}

/** A source text and its target text. */
const seq2seqSample = (tokenizer: Tokenizer, row: TrainRow, options: TokenizeOptions): Either<DataError, Sample> => {
  if (!('prompt' in row)) return badRow(`has no prompt and completion; there is ${Object.keys(row).join(', ')}`)
  const source = tokenizer.encode(row.prompt).ids
  const written = beginningsOf(tokenizer, row.completion)
  const target = [...written, ...endingOf(tokenizer, options)]
  const { maxLength = source.length, maxTargetLength = target.length, onLong = 'cutEnd' } = options
  const isLong = source.length > maxLength || target.length > maxTargetLength
  if (isLong && onLong === 'fail') {
    return badRow(`has ${source.length} tokens to read and ${target.length} to write: too many`)
  }
  const side = onLong === 'cutStart' ? 'left' : 'right'
  const read =
    source.length > maxLength
      ? tokenizer.encode(row.prompt, { truncation: true, maxLength, truncationSide: side }).ids
      : source
  const kept = target.slice(0, maxTargetLength)
  return right({ input_ids: read, labels: kept, ...cutOf(source.length + target.length, read.length + kept.length) })
}

const samplers = { classify: classifySample, causal: causalSample, seq2seq: seq2seqSample }

/** Checks a tokenizer before any row is read. */
const checkTokenizer = (name: string, tokenizer: Tokenizer, { task, eosId }: TokenizeOptions): void => {
  if (task === 'classify' || eosId !== undefined || tokenizer.eosIds.length > 0) return
  throw new ArgumentError(
    `${name}: the tokenizer has no token that ends a text, so a model would never learn to stop. Name it: { eosId: 2 }, or ` +
      '{ eosId: null } to do without.',
  )
}

/**
 * A row as tokens and labels.
 *
 * - `'classify'`: `{ text, label }` or `{ text, textPair, label }`. `labels` is the index of the class.
 * - `'causal'`: `{ prompt, completion }`, `{ messages }` by the tokenizer's chat template, or `{ text }`. `labels` are the
 *   tokens of the answers and their end tokens, and -100 elsewhere. The tokens before an answer are exactly those that
 *   generation is given.
 * - `'seq2seq'`: `{ prompt, completion }`. `labels` are the tokens of the completion and its end token. * * @returns an error
 *   for another kind of row, for one that is too long if it may not be truncated, and for one from which nothing would be
 *   learnt. * @throws ArgumentError if the tokenizer has no end token, and none is given.
 * @example
 * ```ts
 * import { loadTokenizer } from 'pullback/tokenizers'
 * import { tokenizeRow } from 'pullback/train'
 * const vocab = { '[UNK]': 0, Two: 1, and: 2, two: 3, Four: 4, '</s>': 5 }
 * const model = { type: 'WordLevel', vocab, unk_token: '[UNK]' }
 * const tokenizer = loadTokenizer({ tokenizerJson: JSON.stringify({ model, pre_tokenizer: { type: 'Whitespace' } }) })
 * if (tokenizer._tag === 'Left') throw new Error(tokenizer.left.message)
 * const sample = tokenizeRow(tokenizer.right, { task: 'causal', eosId: 5 })({ prompt: 'Two and two ', completion: 'Four' })
 * sample._tag === 'Right' && sample.right.input_ids // => 1,2,3,4,5
 * // Learnt are the answer and the end.
 * sample._tag === 'Right' && sample.right.labels // => -100,-100,-100,4,5
 * ```
 */
export const tokenizeRow = (
  tokenizer: Tokenizer,
  options: TokenizeOptions,
): ((row: TrainRow) => Either<DataError, Sample>) => {
  tokenizeRowDoor(tokenizer, options)
  checkTokenizer('tokenizeRow', tokenizer, options)
  const sample = samplers[options.task]
  return (row) => {
    rowDoor(row)
    return sample(tokenizer, row, options)
  }
}

const isKnownRow = (x: unknown): boolean => typeof x === 'object' && x !== null && !Array.isArray(x)

const rowDoor = must.door('tokenizeRow', { row: must.kind('a row, as decode.row gives it', isKnownRow) })

/**
 * `tokenizeRow` of each row of a stream.
 *
 * @throws ArgumentError if the tokenizer has no end token, and none is given; if bad rows are skipped without a tally.
 * @example
 * ```ts
 * import { pipe } from 'fp-ts/lib/function.js'
 * import { loadTokenizer } from 'pullback/tokenizers'
 * import { fromArray, toArray, tokenizeRows } from 'pullback/train'
 * const model = { type: 'WordLevel', vocab: { '[UNK]': 0, good: 1, bad: 2 }, unk_token: '[UNK]' }
 * const tokenizer = loadTokenizer({ tokenizerJson: JSON.stringify({ model, pre_tokenizer: { type: 'Whitespace' } }) })
 * if (tokenizer._tag === 'Left') throw new Error(tokenizer.left.message)
 * const rows = fromArray([{ text: 'good good', label: 'yes' }, { text: 'bad', label: 'no' }])
 * const tokenize = tokenizeRows(tokenizer.right, { task: 'classify', labels: ['no', 'yes'] })
 * const samples = await pipe(rows, tokenize, toArray)()
 * samples._tag === 'Right' && samples.right.map(({ labels }) => labels) // => 1,0
 * ```
 */
export const tokenizeRows = (tokenizer: Tokenizer, options: TokenizeOptions & BadRows): Operator<TrainRow, Sample> => {
  tokenizeRowsDoor(tokenizer, options)
  const { onBad, tally, ...rest } = options
  checkTokenizer('tokenizeRows', tokenizer, rest)
  const sample = samplers[options.task]
  const judge = (row: TrainRow, number: number): Either<DataError, Sample> => {
    const made = sample(tokenizer, row, rest)
    return made._tag === 'Left' ? left(rowError(`row ${number}`, made.left)) : made
  }
  return judgeRows('tokenizeRows', 'samples', judge, {
    ...(onBad === undefined ? {} : { onBad }),
    ...(tally === undefined ? {} : { tally }),
  })
}

const labelNamesDoor = must.door('labelNames', { stream: aStream })

/**
 * The names of the classes in a stream of labelled rows, in alphabetical order, for the option `labels` of `tokenizeRows`.
 *
 * @example
 * ```ts
 * import { fromArray, labelNames } from 'pullback/train'
 * const names = await labelNames(fromArray([{ text: 'a', label: 'spam' }, { text: 'b', label: 'ham' }]))()
 * names._tag === 'Right' && names.right // => ham,spam
 * ```
 */
export const labelNames = (stream: Stream<TrainRow>): TaskEither<StreamError, readonly string[]> => {
  labelNamesDoor(stream)
  const names = new Set<string>()
  return async () => {
    const read = await fold(names, (all, row: TrainRow) => ('label' in row ? all.add(String(row.label)) : all))(
      stream,
    )()
    return read._tag === 'Left' ? read : right([...read.right].sort())
  }
}
