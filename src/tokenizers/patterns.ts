/** Patterns of tokenizer.json: a text, or a regular expression of Oniguruma. */
import type { Span } from './aligned.ts'
import { patternOf } from './engine.ts'
import type { Json } from './errors.ts'
import { fault } from './errors.ts'

/** Ranges of a text that match and that do not match; they cover it, in order. */
export type Matches = readonly (readonly [span: Span, isMatch: boolean])[]

/** The pattern that matches a text itself. */
export const literal = (text: string): RegExp => new RegExp(text.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'gu')

export const readPattern = (json: Json): RegExp => {
  const [text, regex] = [json.at('String'), json.at('Regex')]
  if (!text.isNull) return literal(text.string())
  try {
    return patternOf(regex.string())
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    return fault(regex.path, `is not a regular expression that is understood: ${error.message}`)
  }
}

export const matchPattern = (pattern: RegExp, text: string): Matches => {
  const matches: (readonly [Span, boolean])[] = []
  let last = 0
  for (const { index, 0: found } of text.matchAll(pattern)) {
    if (index > last) matches.push([[last, index], false])
    matches.push([[index, index + found.length], true])
    last = index + found.length
  }
  if (last < text.length) matches.push([[last, text.length], false])
  return matches
}

/** Matches each character that passes. */
export const matchCharacters = (passes: (character: string) => boolean, text: string): Matches => {
  const matches: (readonly [Span, boolean])[] = []
  let [last, at] = [0, 0]
  for (const character of text) {
    const end = at + character.length
    if (passes(character)) {
      if (at > last) matches.push([[last, at], false])
      matches.push([[at, end], true])
      last = end
    }
    at = end
  }
  if (last < at) matches.push([[last, at], false])
  return matches
}
