/** Regular expressions for modules in PEFT's configurations: `rank_pattern`, `alpha_pattern`, `target_modules`. */

/**
 * Syntax with the same meaning in JS and Python: letters, `.`, sets, groups that occur at most once. Others could take forever,
 * or mean something else.
 */
const plain = /^(?:[\w.$^|-]|\\[\w.]|\[\^?[\w.-]+\]|\((?:\?:)?|\)(?![*+{])\??|(?<=[\w.\]])[*+?])*$/

/** Repetitions of anything but digits. */
const repetitions = /(?<!\\d)[*+]/g

/** The most repetitions of an expression: each may try every position in a name. */
const MOST = 3

/** The expression that must match a whole name, or null for an unsupported one. */
export const wholeExpression = (pattern: string): RegExp | null => {
  const isRead = pattern.length <= 1000 && plain.test(pattern) && (pattern.match(repetitions)?.length ?? 0) <= MOST
  if (!isRead) return null
  try {
    return new RegExp(`^(?:${pattern})$`)
  } catch {
    return null
  }
}

/** A name, and its suffixes after each dot. */
const endsOf = (name: string): readonly string[] => {
  const parts = name.split('.')
  return parts.map((_, i) => parts.slice(i).join('.'))
}

/** The value of the first pattern that matches a module, or its suffix after a dot; or the default. */
export const valueByPattern = (
  patterns: { readonly [pattern: string]: number },
  module: string,
  usual: number,
): number => {
  const found = Object.entries(patterns).find(([pattern]) => {
    const expression = wholeExpression(pattern)
    return expression !== null && endsOf(module).some((end) => expression.test(end))
  })
  return found === undefined ? usual : found[1]
}
