/** Text from tokens that come one by one. */
import * as must from '../conversions/arguments.ts'
import { byteOfToken } from './bytes.ts'

/** Takes tokens one by one and gives what text is certain. */
export interface DecodeStream {
  /** The text that this token settles; empty while a character is not whole. */
  readonly push: (id: number) => string
  /** What is left at the end: U+FFFD for a character that was never finished. */
  readonly flush: () => string
}

interface Source {
  readonly decode: (ids: readonly number[]) => string
  /** The token that a decoder sees; null for one that is skipped or not known. */
  readonly tokenOf: (id: number) => string | null
}

const pushDoor = must.door('push', { id: must.natural })

/** Tokens that go before new ones, so that a decoder sees them in the middle of a text. */
const CONTEXT = 4

/**
 * What comes out is, put together, what `decode` gives for all tokens at once. Two things are held back: a U+FFFD at the end, which
 * may be the beginning of a character, and a run of tokens of bytes (`<0xE4>`), as one wrong byte spoils all of it.
 */
export const makeDecodeStream = ({ decode, tokenOf }: Source): DecodeStream => {
  let ids: number[] = []
  // How much of the text of `ids` is given out.
  let given = 0
  let settled = 0

  const give = (text: string): string => {
    const fresh = text.slice(given)
    given = Math.max(given, text.length)
    return fresh
  }

  /** Forgets tokens that have been given out, but a few that have text of their own. */
  const forget = (): void => {
    if (ids.length < 4 * CONTEXT) return
    let from = settled - CONTEXT
    while (from > 0 && (decode(ids.slice(from, settled)) === '' || byteOfToken(tokenOf(ids[from]!) ?? '') !== null))
      from--
    if (from <= 0) return
    const rest = decode(ids.slice(from, settled))
    ids = ids.slice(from)
    settled -= from
    given = rest.length
  }

  const push = (id: number): string => {
    pushDoor(id)
    ids.push(id)
    const token = tokenOf(id)
    if (token === null || byteOfToken(token) !== null) return ''
    const text = decode(ids)
    if (text.endsWith('\ufffd')) return give(text.slice(0, -1))
    const fresh = give(text)
    settled = ids.length
    forget()
    return fresh
  }

  const flush = (): string => {
    const fresh = give(decode(ids))
    ids = []
    given = 0
    settled = 0
    return fresh
  }
  return { push, flush }
}
