/** Decodes tokens one by one. */
import * as must from '../conversions/arguments.ts'
import { byteOfToken } from './bytes.ts'

/** Takes tokens one by one and returns the text that is final. */
export interface DecodeStream {
  /** The text that becomes final with this token; empty while a character is incomplete. */
  readonly push: (id: number) => string
  /** The remaining text at the end: U+FFFD for an incomplete character. */
  readonly flush: () => string
}

interface Source {
  readonly decode: (ids: readonly number[]) => string
  /** The token that a decoder sees; null for one that is skipped or unknown. */
  readonly tokenOf: (id: number) => string | null
}

const pushDoor = must.door('push', { id: must.natural })

/** The number of earlier tokens that are decoded with new ones, so that the decoder sees them in the middle of a text. */
const CONTEXT = 4

/**
 * The concatenated output equals `decode` of all tokens at once. Two things are held back: a U+FFFD at the end, which may be
 * the beginning of a character, and a run of byte tokens (`<0xE4>`), since one wrong byte makes the whole run invalid.
 */
export const makeDecodeStream = ({ decode, tokenOf }: Source): DecodeStream => {
  let ids: number[] = []
  // The length of the text of `ids` that has been returned.
  let given = 0
  let settled = 0

  const give = (text: string): string => {
    const fresh = text.slice(given)
    given = Math.max(given, text.length)
    return fresh
  }

  /** Drops tokens whose text has been returned, except for a few with text of their own. */
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
