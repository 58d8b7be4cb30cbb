/**
 * JSON of untrusted headers (RFC 8259), read strictly: duplicate names are refused, depth is bounded, and faults name the byte.
 * Objects are maps, so that no name has a special meaning.
 */
import { malformed } from './errors.ts'
import { decodeUtf8 } from './platform.ts'

/** A JSON object, with the byte where each member's value begins. */
export interface JsonObject {
  readonly members: ReadonlyMap<string, JsonNode>
}

type JsonValue = null | boolean | number | string | readonly JsonNode[] | JsonObject

/** A value, and the byte at which it begins. */
export interface JsonNode {
  readonly value: JsonValue
  readonly at: number
}

const MAX_DEPTH = 64
const [QUOTE, BACKSLASH, COMMA, COLON] = [0x22, 0x5c, 0x2c, 0x3a]
const [OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = [0x7b, 0x7d, 0x5b, 0x5d]
const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09
const number = /^-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?$/
const words = new Map<string, boolean | null>([
  ['true', true],
  ['false', false],
  ['null', null],
])

class JsonReader {
  readonly #bytes: Uint8Array
  readonly #source: string
  readonly #format: string
  readonly #base: number
  #at = 0

  constructor(bytes: Uint8Array, format: string, source: string, base: number) {
    this.#bytes = bytes
    this.#format = format
    this.#source = source
    this.#base = base
  }

  document(): JsonNode {
    const node = this.#value(0)
    if (this.#peek() !== undefined) this.#fault('there is something after the end of the JSON')
    return node
  }

  #fault(what: string, at = this.#at): never {
    return malformed(this.#format, this.#source, this.#base + at, what)
  }

  /** The next byte that is not white space. */
  #peek(): number | undefined {
    while (isSpace(this.#bytes[this.#at])) this.#at++
    return this.#bytes[this.#at]
  }

  #expect(byte: number): void {
    if (this.#peek() !== byte) this.#fault(`JSON with '${String.fromCharCode(byte)}' expected`)
    this.#at++
  }

  /** Skips the byte if it comes next, and returns whether it did. */
  #skip(byte: number): boolean {
    if (this.#peek() !== byte) return false
    this.#at++
    return true
  }

  #value(depth: number): JsonNode {
    const byte = this.#peek()
    const at = this.#base + this.#at
    if (depth > MAX_DEPTH) this.#fault(`JSON nested more than ${MAX_DEPTH} deep`)
    if (byte === OPEN_OBJECT) return { value: this.#object(depth), at }
    if (byte === OPEN_LIST) return { value: this.#list(depth), at }
    return { value: byte === QUOTE ? this.#string() : this.#plain(), at }
  }

  #object(depth: number): JsonObject {
    this.#expect(OPEN_OBJECT)
    const members = new Map<string, JsonNode>()
    if (this.#skip(CLOSE_OBJECT)) return { members }
    do {
      this.#peek()
      const at = this.#at
      const name = this.#string()
      if (members.has(name)) this.#fault(`the name ${JSON.stringify(name.slice(0, 100))} stands twice`, at)
      this.#expect(COLON)
      members.set(name, this.#value(depth + 1))
    } while (this.#skip(COMMA))
    this.#expect(CLOSE_OBJECT)
    return { members }
  }

  #list(depth: number): readonly JsonNode[] {
    this.#expect(OPEN_LIST)
    const items: JsonNode[] = []
    if (this.#skip(CLOSE_LIST)) return items
    do items.push(this.#value(depth + 1))
    while (this.#skip(COMMA))
    this.#expect(CLOSE_LIST)
    return items
  }

  #string(): string {
    this.#expect(QUOTE)
    const start = this.#at - 1
    for (let byte = this.#bytes[this.#at]; byte !== QUOTE; byte = this.#bytes[this.#at]) {
      if (byte === undefined) this.#fault('a string that does not end', start)
      this.#at += byte === BACKSLASH ? 2 : 1
    }
    this.#at++
    const text = decodeUtf8(this.#bytes.subarray(start, this.#at)) ?? this.#fault('a string that is not UTF-8', start)
    try {
      return JSON.parse(text) as string
    } catch {
      return this.#fault('a string with an escape or a character that JSON does not have', start)
    }
  }

  #plain(): number | boolean | null {
    const start = this.#at
    const ends = (byte: number | undefined): boolean =>
      byte === undefined || isSpace(byte) || byte === COMMA || byte === CLOSE_LIST || byte === CLOSE_OBJECT
    while (!ends(this.#bytes[this.#at])) this.#at++
    const text = String.fromCharCode(...this.#bytes.subarray(start, Math.min(this.#at, start + 64)))
    const word = words.get(text)
    if (word !== undefined) return word
    if (this.#at - start > 64 || !number.test(text)) this.#fault('JSON with a value expected', start)
    return Number(text)
  }
}

/** The JSON in the bytes, which begin at byte `base` of the source. A fault if they hold anything else. */
export const readJson = (bytes: Uint8Array, format: string, source: string, base = 0): JsonNode =>
  new JsonReader(bytes, format, source, base).document()

export const isObject = (value: JsonValue): value is JsonObject =>
  typeof value === 'object' && value !== null && 'members' in value

export const isList = (value: JsonValue): value is readonly JsonNode[] => Array.isArray(value)
