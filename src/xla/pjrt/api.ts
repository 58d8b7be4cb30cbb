/** A plugin's functions: calls, and errors. */
import { XlaError, errorOf, isLack } from '../errors.ts'
import { Arena } from './arena.ts'
import type { Koffi, NativeFunction, Ptr } from './ffi.ts'
import type { Named, NamedOption } from './foreign.ts'
import { bytesAt, namedAt, namedKinds, namedSize, textAt, wordsAt } from './foreign.ts'
import type { FieldOf, FunctionName, Layout } from './layouts.ts'
import { functions, layoutOf, placeOf } from './layouts.ts'

/** Reads a field of a call's struct. Valid only until the next call. */
type Answer<N extends FunctionName> = (field: FieldOf<N>) => number

/** The fields to set; the others are 0. */
type Fields<N extends FunctionName> = { readonly [F in FieldOf<N>]?: number }

/** Keeps libraries loaded: koffi unloads a library once its handle is collected, and the next call would end the process. */
const libraries: unknown[] = []

/** Bytes of the arena for synchronous calls; a hundred thousand addresses fit. */
const ROOM = 2 ** 20

const layouts = new Map<FunctionName, Layout>()

/** The layout of a function's struct. */
export const layoutFor = (name: FunctionName): Layout => {
  const known = layouts.get(name)
  if (known !== undefined) return known
  const layout = layoutOf(functions[name])
  layouts.set(name, layout)
  return layout
}

export class Api {
  readonly koffi: Koffi
  /** Memory for the arguments of synchronous calls. */
  readonly arena: Arena
  /** The version of the C API that the plugin was built with. */
  readonly version: string
  readonly #functions = new Map<FunctionName, NativeFunction | null>()
  readonly #table: Uint8Array
  readonly #type: object
  readonly #deleter: object
  /** Buffers that C is reading or writing, so that they are not collected. */
  readonly #held = new Set<object>()

  private constructor(koffi: Koffi, table: Uint8Array) {
    this.koffi = koffi
    this.arena = new Arena(koffi, ROOM)
    this.#table = table
    this.#type = koffi.proto('intptr_t', ['intptr_t'])
    this.#deleter = koffi.proto('void', ['intptr_t'])
    const view = new DataView(table.buffer)
    this.version = `${view.getInt32(32, true)}.${view.getInt32(36, true)}`
  }

  /** Loads a plugin. Throws koffi's error if the file is not a library, or not a plugin. */
  static load(koffi: Koffi, path: string): Api {
    const library = koffi.load(path)
    libraries.push(library)
    const table = Number(library.func('GetPjrtApi', 'intptr_t', [])())
    const [size = 0] = wordsAt(koffi, table, 1)
    return new Api(koffi, bytesAt(koffi, table, size))
  }

  /** A function; null if the plugin's version does not have it. */
  #find(name: FunctionName): NativeFunction | null {
    const known = this.#functions.get(name)
    if (known !== undefined) return known
    const at = placeOf(name)
    const view = new DataView(this.#table.buffer)
    const address = at + 8 > view.byteLength ? 0n : view.getBigUint64(at, true)
    const found = address === 0n ? null : this.koffi.decode(address, this.#type)
    this.#functions.set(name, found)
    return found
  }

  /** A required function. */
  function(name: FunctionName): NativeFunction {
    const found = this.#find(name)
    if (found === null)
      throw new XlaError(`the plugin has no PJRT_${name}: it is too old (its API is ${this.version}).`)
    return found
  }

  /** Throws the error that a function returned. */
  check(error: Ptr): void {
    if (error !== 0) throw this.#errorAt(error)
  }

  #errorAt(error: Ptr): Error {
    const { arena } = this
    return arena.scope(() => {
      const text = arena.struct(layoutFor('Error_Message'), { error })
      this.function('Error_Message')(text)
      const field = (name: FieldOf<'Error_Message'>): number => arena.field(layoutFor('Error_Message'), text, name)
      const message = textAt(this.koffi, field('message'), field('message_size'))
      const code = arena.struct(layoutFor('Error_GetCode'), { error })
      // If this fails, the error has no code.
      const isCoded = this.function('Error_GetCode')(code) === 0
      const made = errorOf(isCoded ? arena.field(layoutFor('Error_GetCode'), code, 'code') : 0, message)
      this.function('Error_Destroy')(arena.struct(layoutFor('Error_Destroy'), { error }))
      return made
    })
  }

  call<N extends FunctionName>(name: N, fields: Fields<N> = {}): Answer<N> {
    const { arena } = this
    return arena.scope(() => {
      const layout = layoutFor(name)
      const p = arena.struct(layout, fields)
      this.check(this.function(name)(p))
      return (field) => arena.field(layout, p, field)
    })
  }

  /** `read` of a call's answer; null if the plugin does not implement the function. */
  optional<N extends FunctionName, A>(name: N, fields: Fields<N>, read: (answer: Answer<N>) => A): A | null {
    if (this.#find(name) === null) return null
    try {
      return read(this.call(name, fields))
    } catch (error) {
      if (isLack(error)) return null
      throw error
    }
  }

  /** A call on another thread. Its arguments are in `own`, which nothing else may use until it is done. */
  callAsync<N extends FunctionName>(name: N, fields: Fields<N>, own: Arena): Promise<Answer<N>> {
    const layout = layoutFor(name)
    const p = own.struct(layout, fields)
    this.#held.add(own)
    return new Promise((resolve, reject) => {
      this.function(name).async(p, (failure, error) => {
        this.#held.delete(own)
        if (failure instanceof Error) {
          reject(failure)
          return
        }
        if (error === 0) resolve((field) => own.field(layout, p, field))
        else reject(this.#errorAt(error))
      })
    })
  }

  /** A separate arena, as for calls on other threads. */
  ownArena(size: number): Arena {
    return new Arena(this.koffi, size)
  }

  /** Keeps a buffer that C writes to alive until the promise is settled. */
  async whileHeld<A>(thing: object, promise: Promise<A>): Promise<A> {
    this.#held.add(thing)
    try {
      return await promise
    } finally {
      this.#held.delete(thing)
    }
  }

  /** Runs `body` with the address of data, which stays alive and in its place meanwhile. */
  withAddress<A>(data: ArrayBufferView, body: (address: Ptr) => A): A {
    // Reading `buffer` makes V8 move the elements of a small typed array off its heap.
    const { buffer } = data
    this.#held.add(buffer)
    try {
      return body(Number(this.koffi.address(data)))
    } finally {
      this.#held.delete(buffer)
    }
  }

  /** Calls a deleter that C returned with its object. */
  release(owner: Ptr, deleter: Ptr): void {
    if (owner !== 0 && deleter !== 0) this.koffi.decode(BigInt(deleter), this.#deleter)(owner)
  }

  /** An array of PJRT_NamedValue. */
  namedValues(arena: Arena, values: Readonly<Record<string, NamedOption>>): Ptr {
    const entries = Object.entries(values)
    const all = arena.take(namedSize * entries.length)
    entries.forEach(([name, value], i) => {
      const label = arena.text(name)
      const words = [namedSize, 0, label.p, label.size, ...valueWords(arena, value)]
      words.forEach((word, k) => {
        arena.setWord(all + namedSize * i + 8 * k, word)
      })
    })
    return all
  }

  text(p: Ptr, size: number): string {
    return textAt(this.koffi, p, size)
  }

  bytes(p: Ptr, size: number): Uint8Array {
    return bytesAt(this.koffi, p, size)
  }

  words(p: Ptr, count: number): readonly number[] {
    return wordsAt(this.koffi, p, count)
  }

  named(p: Ptr, count: number): Readonly<Record<string, Named>> {
    return namedAt(this.koffi, p, count)
  }
}

/** Kind, value, and how many there are. */
const valueWords = (arena: Arena, value: NamedOption): readonly number[] => {
  if (typeof value === 'string') {
    const { p, size } = arena.text(value)
    return [namedKinds.text, p, size]
  }
  if (typeof value === 'boolean') return [namedKinds.bool, Number(value), 1]
  if (typeof value === 'number') return [namedKinds.integer, value, 1]
  if ('float' in value) return [namedKinds.float, arena.word(arena.float(value.float)), 1]
  return [namedKinds.integers, arena.words(value), value.length]
}
