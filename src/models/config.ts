/** Reading `config.json`: numbers, strings and flags under the names of `transformers`, with their defaults. */
import * as must from '../conversions/arguments.ts'
import type { Either } from 'fp-ts/lib/Either.js'

/** An invalid configuration: the key, its value, and what it must be. */
export interface ConfigError {
  readonly _tag: 'Config'
  readonly key: string
  readonly message: string
}

class ConfigFault extends Error {
  readonly error: ConfigError

  constructor(key: string, message: string) {
    super(message)
    this.error = { _tag: 'Config', key, message }
  }
}

/** The most members of a list or an object in a message. */
const SHOWN = 8

const showInside = (value: unknown, depth: number): string => {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 80))
  if (typeof value === 'function' || typeof value === 'symbol') return typeof value
  if (typeof value !== 'object' || value === null) return String(value)
  if (Array.isArray(value)) {
    return depth === 0
      ? '[...]'
      : `[${value
          .slice(0, SHOWN)
          .map((x: unknown) => showInside(x, depth - 1))
          .join(',')}]`
  }
  if (depth === 0) return '{...}'
  const members = Object.entries(value).slice(0, SHOWN)
  return `{${members.map(([key, x]) => `${JSON.stringify(key.slice(0, 80))}:${showInside(x, depth - 1)}`).join(',')}}`
}

/** A value for a message: short and shallow, however deeply it is nested. */
export const showJson = (value: unknown): string =>
  value === undefined ? 'nothing' : showInside(value, 2).slice(0, 80)

const MAX_LAYERS = 10_000

/** Reads one JSON object; a value of the wrong kind ends reading. Missing numbers have their defaults, if any. */
export class ConfigReader {
  readonly #json: { readonly [key: string]: unknown }
  readonly #prefix: string

  constructor(json: unknown, prefix = '') {
    if (typeof json !== 'object' || json === null || Array.isArray(json)) {
      throw new ConfigFault(
        prefix,
        `config: ${prefix === '' ? 'it' : prefix} must be an object, not ${showJson(json)}.`,
      )
    }
    this.#json = json as { readonly [key: string]: unknown }
    this.#prefix = prefix
  }

  /** The value of a key; null counts as left out. */
  get(key: string): unknown {
    return Object.hasOwn(this.#json, key) ? (this.#json[key] ?? undefined) : undefined
  }

  /** Ends reading: the value of the key is not supported. */
  fail(key: string, must: string): never {
    const full = `${this.#prefix}${key}`
    throw new ConfigFault(full, `config: ${full} must be ${must}, not ${showJson(this.get(key))}.`)
  }

  /** A finite number. */
  number(key: string, fallback?: number): number {
    const value = this.get(key) ?? fallback
    return typeof value === 'number' && Number.isFinite(value) ? value : this.fail(key, 'a number')
  }

  /** A nonnegative number, such as a standard deviation. */
  notNegative(key: string, fallback?: number): number {
    const value = this.number(key, fallback)
    return value >= 0 ? value : this.fail(key, 'a number not below 0')
  }

  /** A number by whose square root is divided: not so small that the quotient is infinite. */
  positive(key: string, fallback?: number): number {
    const value = this.number(key, fallback)
    return value > 1e-30 ? value : this.fail(key, 'a number above 0')
  }

  /** A whole number from `least` on. */
  count(key: string, fallback?: number, least = 1): number {
    const value = this.get(key) ?? fallback
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= least
      ? value
      : this.fail(key, `a whole number from ${least} on`)
  }

  /** A number of layers: few enough to build them all. */
  layers(key: string, fallback?: number, least = 0): number {
    return this.checkLayers(key, this.count(key, fallback, least))
  }

  /** Checks a number of layers that was computed, such as a sum. */
  checkLayers(key: string, count: number): number {
    return count <= MAX_LAYERS ? count : this.fail(key, `at most ${MAX_LAYERS}`)
  }

  /** A whole number that divides another: heads and a width, key heads and heads. */
  divisor(key: string, of: number, what: string, fallback?: number): number {
    const count = this.count(key, fallback)
    return of % count === 0 ? count : this.fail(key, `a divisor of ${what}, ${of}`)
  }

  /** A list of whole numbers from 1 on. */
  counts(key: string, fallback?: readonly number[]): readonly number[] {
    const value = this.get(key) ?? fallback
    const isCount = (n: unknown): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 1
    return Array.isArray(value) && value.length > 0 && value.every(isCount)
      ? value
      : this.fail(key, 'a list of whole numbers from 1 on')
  }

  /** Whether the value is null, or missing with a fallback of null. */
  #isNull(key: string, fallback: number | null): boolean {
    return (Object.hasOwn(this.#json, key) ? this.#json[key] : fallback) === null
  }

  /** A number, or null. */
  numberOrNull(key: string, fallback: number | null): number | null {
    return this.#isNull(key, fallback) ? null : this.number(key, fallback ?? undefined)
  }

  /** A whole number from `least` on, or null. */
  countOrNull(key: string, fallback: number | null, least = 1): number | null {
    return this.#isNull(key, fallback) ? null : this.count(key, fallback ?? undefined, least)
  }

  /** A list of numbers. */
  numbers(key: string, fallback: readonly number[]): readonly number[] {
    const value = this.get(key) ?? fallback
    const isNumber = (n: unknown): n is number => typeof n === 'number' && Number.isFinite(n)
    return Array.isArray(value) && value.every(isNumber) ? value : this.fail(key, 'a list of numbers')
  }

  /** True or false. */
  flag(key: string, fallback: boolean): boolean {
    const value = this.get(key) ?? fallback
    return typeof value === 'boolean' ? value : this.fail(key, 'true or false')
  }

  /** One of several words. */
  word<W extends string>(key: string, known: readonly W[], fallback?: W): W {
    const value = this.get(key) ?? fallback
    return known.find((w) => w === value) ?? this.fail(key, `one of ${known.join(', ')}`)
  }

  /** The id of a token, from 0 on; null is none. */
  token(key: string, fallback: number): number | null {
    return Object.hasOwn(this.#json, key) && this.#json[key] === null ? null : this.count(key, fallback, 0)
  }

  /** A key that must have this value, or be left out: other values are not supported. */
  only(key: string, value: boolean | number | string): void {
    const given = this.get(key) ?? value
    if (given !== value) this.fail(key, `${showJson(value)}, as other models of this type are not known`)
  }

  /** A list of words. */
  words(key: string): readonly string[] | undefined {
    const value = this.get(key)
    if (value === undefined) return undefined
    return Array.isArray(value) && value.every((x) => typeof x === 'string') ? value : this.fail(key, 'a list of words')
  }

  /** An object inside of this one, or null. */
  object(key: string): ConfigReader | null {
    const value = this.get(key)
    return value === undefined ? null : this.inside(key, value)
  }

  /** Reads an object as the value of a key. */
  inside(key: string, value: unknown): ConfigReader {
    return new ConfigReader(value, `${this.#prefix}${key}.`)
  }
}

/** Checks a configuration reader. */
export const aConfigReader = must.instance(
  'a reader of a configuration, as readConfig gives it to its function',
  ConfigReader,
)

const readConfigDoor = must.door('readConfig', { json: must.anything, read: must.func })

/**
 * The result of `read` on a configuration, or the error.
 *
 * @example
 * ```ts
 * import { readConfig } from 'pullback/models'
 * const sizes = readConfig({ hidden_size: 8, num_attention_heads: 3 }, (config) => {
 *   const hiddenSize = config.count('hidden_size')
 *   return { hiddenSize, heads: config.divisor('num_attention_heads', hiddenSize, 'hidden_size') }
 * })
 * sizes._tag === 'Left' && sizes.left.message // => config: num_attention_heads must be a divisor of hidden_size, 8, not 3.
 * ```
 */
export const readConfig = <C>(json: unknown, read: (config: ConfigReader) => C): Either<ConfigError, C> => {
  readConfigDoor(json, read)
  try {
    return { _tag: 'Right', right: read(new ConfigReader(json)) }
  } catch (fault) {
    if (fault instanceof ConfigFault) return { _tag: 'Left', left: fault.error }
    throw fault
  }
}
