/** The text of one row, and when it ends. */
import type { TokenStream } from './prompt.ts'

/** Returns, after each token, whether the row ends with it. */
export type StoppingRule = (tokens: readonly number[], text: string) => boolean

/** Why a row ended: an end token, a stop rule or string, or the maximal number of tokens. */
export type Finish = 'eos' | 'stop' | 'length'

/** The length of the end of a text that may be the beginning of a stop string. */
const heldBack = (text: string, stops: readonly string[]): number => {
  const longest = Math.max(0, ...stops.map((stop) => stop.length - 1))
  for (let n = Math.min(longest, text.length); n > 0; n--) {
    if (stops.some((stop) => stop.startsWith(text.slice(text.length - n)))) return n
  }
  return 0
}

/** The index of the first stop string, or -1. */
const firstStop = (text: string, stops: readonly string[]): number => {
  const places = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0)
  return places.length === 0 ? -1 : Math.min(...places)
}

/** The effect of a token on its row. */
interface RowStep {
  /** The text that is now complete. */
  readonly text: string
  readonly finish: Finish | null
}

/** The conditions that end rows. */
export interface Endings {
  readonly eos: readonly number[]
  readonly stops: readonly string[]
  readonly rules: readonly StoppingRule[]
}

/**
 * One row. Text that may be the beginning of a stop string is held back until it is known not to be; the stop string itself is
 * not returned.
 */
export class Row {
  readonly tokens: number[] = []
  readonly #stream: TokenStream | null
  readonly #endings: Endings
  /** The maximal number of tokens. */
  readonly #most: number
  #held = ''
  #text = ''
  finish: Finish | null = null

  constructor(stream: TokenStream | null, endings: Endings, most: number) {
    this.#stream = stream
    this.#endings = endings
    this.#most = most
  }

  push(token: number): RowStep {
    this.tokens.push(token)
    const isEnd = this.#endings.eos.includes(token)
    const isLast = this.tokens.length >= this.#most
    const fresh = isEnd ? '' : (this.#stream?.push(token) ?? '')
    const rest = isEnd || isLast ? (this.#stream?.flush() ?? '') : ''
    const stopped = this.#take(fresh + rest)
    if (stopped !== null) return this.#end('stop', stopped)
    if (isEnd) return this.#end('eos', this.#release(0))
    if (this.#endings.rules.some((rule) => rule(this.tokens, this.#text + this.#held))) {
      const left = isLast ? '' : (this.#stream?.flush() ?? '')
      this.#held += left
      return this.#end('stop', this.#release(0))
    }
    if (isLast) return this.#end('length', this.#release(0))
    return { text: this.#release(heldBack(this.#held, this.#endings.stops)), finish: null }
  }

  /** Adds text; if it contains a stop string, returns the text before that. */
  #take(text: string): string | null {
    this.#held += text
    const at = firstStop(this.#held, this.#endings.stops)
    if (at < 0) return null
    this.#held = this.#held.slice(0, at)
    return this.#release(0)
  }

  /** Releases all but the last `kept` characters. */
  #release(kept: number): string {
    const text = this.#held.slice(0, this.#held.length - kept)
    this.#held = this.#held.slice(text.length)
    this.#text += text
    return text
  }

  #end(finish: Finish, text: string): RowStep {
    this.finish = finish
    return { text, finish }
  }
}
