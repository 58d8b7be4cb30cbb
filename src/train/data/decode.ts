/**
 * Decoders of rows: functions from the data read to a value or an error. Those of any schema library will do, if their errors
 * are mapped to `DataError`s.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import { showPlain as show } from './show.ts'
import { suggestion } from '../../core/suggest.ts'
import * as must from '../../conversions/arguments.ts'
import type { DataError } from '../errors.ts'
import { anEither, left, right } from './cursor.ts'

/** Returns a value from the data read, or an error. `at` is its path in the row: `messages[1].role`; '' is the row. */
export type Decoder<T> = (value: unknown, at?: string) => Either<DataError, T>

/** The result type of a decoder. */
export type Decoded<D> = D extends Decoder<infer T> ? T : never

const wrong = (at: string, what: string): Either<DataError, never> =>
  left({ _tag: 'DataError', at, message: `${at === '' ? 'the row' : at} ${what}` })

const mismatch = (at: string, wanted: string, value: unknown, hint = ''): Either<DataError, never> =>
  wrong(at, value === undefined ? 'is missing' : `must be ${wanted}, got ${show(value)}${hint}`)

/** A named decoder from a function of a value and its path. */
const decoder = <T>(name: string, read: (value: unknown, at: string) => Either<DataError, T>): Decoder<T> => {
  const enter = must.door(name, { value: must.anything, at: must.string })
  return (value, at = '') => {
    enter(value, at)
    return read(value, at)
  }
}

/** A decoder by a predicate. */
const kind = <T>(name: string, wanted: string, accepts: (value: unknown) => value is T): Decoder<T> =>
  decoder(name, (value, at) => (accepts(value) ? right(value) : mismatch(at, wanted, value)))

/**
 * Anything, unchanged, including undefined.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * const row = decode.object({ id: decode.integer, extra: decode.anything })({ id: 1, extra: { deep: true } })
 * row._tag === 'Right' && JSON.stringify(row.right) // => {"id":1,"extra":{"deep":true}}
 * ```
 */
export const anything: Decoder<unknown> = decoder('anything', right)

/**
 * A text.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * const text = decode.string(7, 'text')
 * text._tag === 'Left' && text.left.message // => text must be a text, got 7
 * ```
 */
export const string: Decoder<string> = kind('string', 'a text', (x) => typeof x === 'string')

/**
 * A string that is not empty or only white space.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * const blank = decode.words('  ', 'title')
 * blank._tag === 'Left' && blank.left.message // => title must be a text that is not empty, got "  "
 * ```
 */
export const words: Decoder<string> = kind(
  'words',
  'a text that is not empty',
  (x): x is string => typeof x === 'string' && x.trim() !== '',
)

/**
 * A finite number.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * decode.number(0.5)._tag // => Right
 * decode.number(NaN)._tag // => Left
 * decode.number('0.5')._tag // => Left
 * ```
 */
export const number: Decoder<number> = kind('number', 'a finite number', (x): x is number => Number.isFinite(x))

/**
 * A whole number.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * const stars = decode.integer(4.5, 'stars')
 * stars._tag === 'Left' && stars.left.message // => stars must be a whole number, got 4.5
 * ```
 */
export const integer: Decoder<number> = kind('integer', 'a whole number', (x): x is number => Number.isSafeInteger(x))

/**
 * True or false.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * decode.boolean(false)._tag // => Right
 * decode.boolean(0)._tag // => Left
 * ```
 */
export const boolean: Decoder<boolean> = kind('boolean', 'true or false', (x) => typeof x === 'boolean')

const decimal = /^\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*$/

/**
 * A finite number, or a string that represents one, as in CSV.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * const [price, word] = [decode.numeric(' 1.5e3 '), decode.numeric('1,500', 'price')]
 * price._tag === 'Right' && price.right // => 1500
 * word._tag === 'Left' && word.left.message // => price must be a finite number, got "1,500"
 * ```
 */
export const numeric: Decoder<number> = decoder('numeric', (value, at) =>
  number(typeof value === 'string' && decimal.test(value) ? Number(value) : value, at),
)

const oneOfDoor = must.door('oneOf', {
  allowed: must.listOf(must.anyOf(must.string, must.finite), 'a list of texts and numbers'),
})

/**
 * One of these texts and numbers.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * const label = decode.oneOf(['ham', 'spam'])('spma', 'label')
 * label._tag === 'Left' && label.left.message // => label must be "ham" or "spam", got "spma". Did you mean "spam"?
 * ```
 */
export const oneOf = <const V extends string | number>(allowed: readonly V[]): Decoder<V> => {
  oneOfDoor(allowed)
  const texts = allowed.filter((x) => typeof x === 'string')
  return decoder('oneOf', (value, at) => {
    const found = allowed.find((x) => x === value)
    if (found !== undefined) return right(found)
    const near = typeof value === 'string' ? suggestion(value, texts) : null
    return mismatch(at, allowed.map(show).join(' or '), value, near === null ? '' : `. Did you mean ${show(near)}?`)
  })
}

const aDecoder = must.func

const listDoor = must.door('list', { element: aDecoder })

/**
 * A list whose elements the decoder accepts.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * const tags = decode.list(decode.string)(['a', 2], 'tags')
 * tags._tag === 'Left' && tags.left.message // => tags[1] must be a text, got 2
 * ```
 */
export const list = <T>(element: Decoder<T>): Decoder<readonly T[]> => {
  listDoor(element)
  return decoder('list', (value, at) => {
    if (!Array.isArray(value)) return mismatch(at, 'a list', value)
    const values: T[] = []
    for (const [i, x] of value.entries()) {
      const decoded = anEither('list', element(x, `${at}[${i}]`))
      if (decoded._tag === 'Left') return decoded
      values.push(decoded.right)
    }
    return right(values)
  })
}

const optionalDoor = must.door('optional', { present: aDecoder })

/**
 * A value that the decoder accepts, or undefined, or null.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * const row = decode.object({ text: decode.string, stars: decode.optional(decode.integer) })
 * const absent = row({ text: 'fine', stars: null })
 * absent._tag === 'Right' && JSON.stringify(absent.right) // => {"text":"fine"}
 * row({ text: 'fine', stars: 'five' })._tag // => Left
 * ```
 */
export const optional = <T>(present: Decoder<T>): Decoder<T | undefined> => {
  optionalDoor(present)
  return decoder('optional', (value, at) =>
    value === undefined || value === null ? right(undefined) : anEither('optional', present(value, at)),
  )
}

const isMapping = (x: unknown): x is { readonly [key: string]: unknown } =>
  typeof x === 'object' && x !== null && !Array.isArray(x)

const memberOf = (row: { readonly [key: string]: unknown }, key: string): unknown =>
  Object.hasOwn(row, key) ? row[key] : undefined

/** The end of a message about a missing key: the existing keys. */
const otherKeys = (row: object, key: string): string => {
  const keys = Object.keys(row)
  const near = suggestion(key, keys)
  if (near !== null) return `; there is ${near}`
  return keys.length === 0 ? '; there is nothing' : `; there is ${keys.slice(0, 8).join(', ')}`
}

const objectDoor = must.door('object', { fields: must.recordOf(aDecoder, 'an object of decoders') })

/**
 * An object with these members; other members are dropped.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * const mail = decode.object({ text: decode.string, stars: decode.optional(decode.integer) })
 * const row = mail({ text: 'fine', stars: 'five' })
 * row._tag === 'Left' && row.left.message // => stars must be a whole number, got "five"
 * ```
 */
export const object = <F extends { readonly [key: string]: Decoder<unknown> }>(
  fields: F,
): Decoder<{ readonly [K in keyof F]: Decoded<F[K]> }> => {
  objectDoor(fields)
  const entries = Object.entries(fields)
  return decoder('object', (value, at) => {
    if (!isMapping(value)) return mismatch(at, 'an object', value)
    const decoded: { [key: string]: unknown } = {}
    for (const [key, field] of entries) {
      const given = memberOf(value, key)
      const member = anEither('object', field(given, at === '' ? key : `${at}.${key}`))
      if (member._tag === 'Left') {
        const hint = given === undefined ? otherKeys(value, key) : ''
        return left({ ...member.left, message: member.left.message + hint })
      }
      if (member.right !== undefined) decoded[key] = member.right
    }
    return right(decoded as { readonly [K in keyof F]: Decoded<F[K]> })
  })
}

/** A text, or a pair of texts, with its label: a class, or a number. */
export interface LabelledRow {
  readonly text: string
  readonly textPair?: string
  readonly label: string | number
}

/** A text to learn as it is. */
export interface PlainRow {
  readonly text: string
}

/** A prompt, and its answer. */
export interface PromptRow {
  readonly prompt: string
  readonly completion: string
}

/** One turn of a conversation, with any further fields for the chat template. */
export interface RowMessage {
  readonly role: string
  readonly content: string
  readonly [key: string]: unknown
}

/** A conversation. */
export interface ChatRow {
  readonly messages: readonly RowMessage[]
}

/** Rows that are recognised by their keys. */
export type TrainRow = LabelledRow | PlainRow | PromptRow | ChatRow

const label: Decoder<string | number> = kind(
  'label',
  'a text or a number',
  (x): x is string | number => typeof x === 'string' || Number.isFinite(x),
)

const textFields = { text: string, textPair: optional(string), text_pair: optional(string), label: optional(label) }
const textDecoder = object(textFields)

/** `{ text }`, `{ text, label }`, `{ text, textPair, label }`. */
const textRow: Decoder<LabelledRow | PlainRow> = (value, at) => {
  const row = textDecoder(value, at)
  if (row._tag === 'Left') return row
  const { text, textPair, text_pair: snake, label } = row.right
  const pair = textPair ?? snake
  if (label === undefined) return right({ text })
  return right(pair === undefined ? { text, label } : { text, textPair: pair, label })
}

/** `{ prompt, completion }`. */
const promptRow: Decoder<PromptRow> = object({ prompt: string, completion: string })

const messageFields = object({ role: words, content: string })

const message: Decoder<RowMessage> = (value, at) => {
  const known = messageFields(value, at)
  // Other fields are passed to the template: tool_calls, name.
  return known._tag === 'Left' ? known : right({ ...(value as object), ...known.right })
}

const messages: Decoder<readonly RowMessage[]> = (value, at = '') => {
  const decoded = list(message)(value, at)
  if (decoded._tag === 'Left' || decoded.right.length > 0) return decoded
  return wrong(at, 'must have a message, got an empty list')
}

/** `{ messages: [{ role, content }] }`. */
const chatRow: Decoder<ChatRow> = object({ messages })

/**
 * Any of the known rows: `{ text }`, `{ text, label }`, `{ prompt, completion }`, `{ messages: [{ role, content }] }`,
 * recognised by their keys.
 *
 * @example
 * ```ts
 * import { decode } from 'pullback/train'
 * const row = decode.row({ prompts: 'Why?', completion: 'So.' })
 * row._tag === 'Left' && row.left.message
 * // => the row must have text, or prompt and completion, or messages; there is prompts, completion
 * ```
 */
export const row: Decoder<TrainRow> = decoder<TrainRow>('row', (value, at) => {
  if (!isMapping(value)) return mismatch(at, 'an object', value)
  if (Object.hasOwn(value, 'messages')) return chatRow(value, at)
  if (Object.hasOwn(value, 'prompt')) return promptRow(value, at)
  if (Object.hasOwn(value, 'text')) return textRow(value, at)
  const keys = Object.keys(value)
  const there = keys.length === 0 ? 'nothing' : keys.slice(0, 8).join(', ')
  return wrong(at, `must have text, or prompt and completion, or messages; there is ${there}`)
})
