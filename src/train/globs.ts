/** Globs of dotted names: `encoder.layer.{10,11}.**`. */
import { ArgumentError } from '../core/errors.ts'

/** Whether a text contains wildcards. */
export const isGlob = (text: string): boolean => /[*?{[]/.test(text)

const escaped = (text: string): string => text.replaceAll(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

/** The parts between dots; dots inside braces do not separate. */
const partsOf = (glob: string): readonly string[] => glob.match(/(?:\{[^{}]*\}|[^.{])+|\{/g) ?? []

/** The tokens of a part: `*`, `?`, `{a,b}`, `[0-9]`, and literal characters. */
const pieces = /\*|\?|\{([^{}]*)\}|\[(!?)([^\][\\]+)\]|[^*?{[]/gy

/** The most numbers that a range expands to. */
const MOST_NUMBERS = 10_000

/** `a,b`, or `0..11`, between braces. */
const optionsOf = (body: string): string => {
  const [, from, to] = /^(\d+)\.\.(\d+)$/.exec(body) ?? []
  if (from === undefined || to === undefined) return body.split(',').map(escaped).join('|')
  const count = Number(to) - Number(from) + 1
  if (count < 1 || count > MOST_NUMBERS) return '(?!)'
  return Array.from({ length: count }, (_, i) => Number(from) + i).join('|')
}

const patternOf = (operation: string, glob: string, part: string): string => {
  let pattern = ''
  let at = 0
  for (const [piece, options, negated, set] of part.matchAll(pieces)) {
    at += piece.length
    if (piece === '*') pattern += '[^.]*'
    else if (piece === '?') pattern += '[^.]'
    else if (options !== undefined) pattern += `(?:${optionsOf(options)})`
    else if (set !== undefined) pattern += `[${negated === '!' ? '^.' : ''}${set.replaceAll('^', '\\^')}]`
    else pattern += escaped(piece)
  }
  if (at === part.length) return pattern
  throw new ArgumentError(
    `${operation}: '${glob}' is not a glob: a bracket or a brace at '${part.slice(at)}' does not close.`,
  )
}

/**
 * The regular expression that matches the same whole names as a glob: `*` stands for anything within one part of a name, `**`
 * for any number of parts, `?` for one letter, `{10,11}` for one of the two, `{0..11}` for a number from 0 to 11, `[0-5]` for
 * one letter of those.
 */
export const globExpression = (operation: string, glob: string): RegExp => {
  const parts = partsOf(glob)
  let source = ''
  // Whether a dot must come before the next part.
  let dotted = false
  for (const [i, part] of parts.entries()) {
    if (part !== '**') {
      source += (dotted ? '\\.' : '') + patternOf(operation, glob, part)
      dotted = true
    } else if (dotted) source += '(?:\\.[^.]+)*'
    else source += i === parts.length - 1 ? '.*' : '(?:[^.]+\\.)*'
  }
  try {
    return new RegExp(`^${source}$`)
  } catch {
    throw new ArgumentError(`${operation}: '${glob}' is not a glob: a set in brackets is out of order.`)
  }
}

/** Whether a name is this one, or ends in it after a dot: `query` of `encoder.layer.0.attention.self.query`. */
export const endsIn = (name: string, suffix: string): boolean => name === suffix || name.endsWith(`.${suffix}`)
