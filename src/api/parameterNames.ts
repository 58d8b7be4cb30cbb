/** The names of a function's parameters, for messages: read from its source text, as far as possible. */

const opening = '([{'
const closing = ')]}'
const quotes = '"\'`'

/** The text from an open parenthesis to the matching one, split at its top-level commas. */
const listFrom = (text: string): string[] => {
  const parts: string[] = []
  let part = ''
  let depth = 0
  let quote = ''
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!
    if (quote !== '') {
      if (c === '\\') i++
      else if (c === quote) quote = ''
    } else if (quotes.includes(c)) quote = c
    else if (closing.includes(c) && depth-- === 0) break
    else if (opening.includes(c)) depth++
    else if (c === ',' && depth === 0) {
      parts.push(part)
      part = ''
      continue
    }
    part += c
  }
  return [...parts, part].map((p) => p.trim()).filter((p) => p !== '')
}

/** The parameters in a function's text, defaults and patterns included. */
const parametersOf = (text: string): string[] => {
  const lone = /^(?:async\s+)?([\w$]+)\s*=>/.exec(text)
  if (lone !== null) return [lone[1]!]
  const start = text.indexOf('(')
  return start < 0 ? [] : listFrom(text.slice(start + 1))
}

/**
 * Names for `count` arguments of a function: those of its parameters; null for a parameter that is a pattern, whose parts have
 * their own names; `args[0]` where the text has no name, and for rest parameters `...args`.
 */
export const parameterNames = (f: (...args: never[]) => unknown, count: number): readonly (string | null)[] => {
  const parameters = parametersOf(Function.prototype.toString.call(f).replaceAll(/\/\*.*?\*\//gs, ''))
  const rest = parameters.findIndex((p) => p.startsWith('...'))
  return Array.from({ length: count }, (_, i) => {
    if (rest >= 0 && i >= rest) return `${parameters[rest]!.slice(3)}[${i - rest}]`
    const parameter = parameters[i]
    if (parameter === undefined) return `args[${i}]`
    return /^[A-Za-z_$][\w$]*/.exec(parameter)?.[0] ?? null
  })
}
