/** Errors of tokenizers' files, and a reader of their JSON that reports them. */
import type { Either } from 'fp-ts/lib/Either.js'
import { show as showAny } from '../core/show.ts'
import { charactersOf } from './unicode.ts'

/** A tokenizer's file that cannot be used, or a chat template that does not render. */
export interface TokenizerError {
  readonly _tag: 'Tokenizer'
  /** Where: `model.vocab`, `normalizer.normalizers[1].pattern`, `chat_template`, ... */
  readonly path: string
  readonly message: string
}

class TokenizerFault extends Error {
  readonly error: TokenizerError

  constructor(path: string, message: string) {
    super(message)
    this.error = { _tag: 'Tokenizer', path, message }
  }
}

/** Stops reading with an error: it becomes a `Left` at the border of this folder. */
export const fault = (path: string, what: string): never => {
  throw new TokenizerFault(path, `tokenizer: ${path === '' ? 'it' : path} ${what}`)
}

/** The result of `read`, or the error that it threw. */
export const attempt = <A>(read: () => A): Either<TokenizerError, A> => {
  try {
    return { _tag: 'Right', right: read() }
  } catch (error) {
    if (error instanceof TokenizerFault) return { _tag: 'Left', left: error.error }
    throw error
  }
}

const show = (value: unknown): string => {
  if (value === undefined) return 'nothing'
  try {
    return (JSON.stringify(value) ?? typeof value).slice(0, 80)
  } catch {
    // Not JSON: a cycle, a bigint.
    return showAny(value)
  }
}

const MAX_DEPTH = 16

/** A value of untrusted JSON, and its path. A value of the wrong kind is an error. */
export class Json {
  readonly value: unknown
  readonly path: string
  readonly #depth: number

  constructor(value: unknown, path: string, depth = 0) {
    this.value = value
    this.path = path
    this.#depth = depth
    if (depth > MAX_DEPTH) fault(path, `is nested more than ${MAX_DEPTH} deep.`)
  }

  fail(must: string): never {
    return fault(this.path, `must be ${must}, not ${show(this.value)}.`)
  }

  get isNull(): boolean {
    return this.value === undefined || this.value === null
  }

  /** The member of an object, which may be missing. */
  at(key: string): Json {
    const { value } = this
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.fail('an object')
    const member = Object.hasOwn(value, key) ? (value as { readonly [key: string]: unknown })[key] : undefined
    return new Json(member, this.path === '' ? key : `${this.path}.${key}`, this.#depth + 1)
  }

  /** The members of an object. */
  entries(): readonly (readonly [string, Json])[] {
    const { value } = this
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.fail('an object')
    return Object.entries(value).map(([key, v]) => [key, new Json(v, `${this.path}.${key}`, this.#depth + 1)])
  }

  list(): readonly Json[] {
    const { value } = this
    if (!Array.isArray(value)) return this.fail('a list')
    return value.map((v, i) => new Json(v, `${this.path}[${i}]`, this.#depth + 1))
  }

  string(fallback?: string): string {
    const value = this.isNull ? fallback : this.value
    return typeof value === 'string' ? value : this.fail('a string')
  }

  flag(fallback?: boolean): boolean {
    const value = this.isNull ? fallback : this.value
    return typeof value === 'boolean' ? value : this.fail('true or false')
  }

  number(): number {
    return typeof this.value === 'number' ? this.value : this.fail('a number')
  }

  /** A natural number below 2³¹, such as token ids and lengths. */
  count(fallback?: number): number {
    const value = this.isNull ? fallback : this.value
    return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 31
      ? value
      : this.fail('a whole number below 2^31')
  }

  /** One character, which may be two UTF-16 units. */
  character(fallback?: string): string {
    const text = this.string(fallback)
    return charactersOf(text).length === 1 ? text : this.fail('one character')
  }

  word<W extends string>(known: readonly W[], fallback?: W): W {
    const value = this.isNull ? fallback : this.value
    return known.find((w) => w === value) ?? this.fail(`one of ${known.join(', ')}`)
  }
}

/** Parses JSON text, or takes a value that was already parsed. */
export const parseJson = (json: unknown, path: string): Json => {
  if (typeof json !== 'string') return new Json(json, path)
  try {
    return new Json(JSON.parse(json) as unknown, path)
  } catch (error) {
    return fault(path, `is not JSON: ${error instanceof Error ? error.message : String(error)}`)
  }
}
