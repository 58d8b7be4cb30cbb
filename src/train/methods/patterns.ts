/** Expressions by which PEFT's configurations speak of modules: `rank_pattern`, `alpha_pattern`, `target_modules`. */

/** What JS and Python read alike: letters, `.`, sets, groups that come once or not at all. Others could take for ever, or mean something else. */
const plain = /^(?:[\w.$^|-]|\\[\w.]|\[\^?[\w.-]+\]|\((?:\?:)?|\)(?![*+{])\??|(?<=[\w.\]])[*+?])*$/

/** Repetitions of anything but digits. */
const repetitions = /(?<!\\d)[*+]/g

/** As many of them as an expression may have: each may try every place in a name. */
const MOST = 3

/** The expression that must match a whole name, or null for one that is not read here. */
export const wholeExpression = (pattern: string): RegExp | null => {
  const isRead = pattern.length <= 1000 && plain.test(pattern) && (pattern.match(repetitions)?.length ?? 0) <= MOST
  if (!isRead) return null
  try {
    return new RegExp(`^(?:${pattern})$`)
  } catch {
    return null
  }
}

/** A name, and what is left of it after each of its dots. */
const endsOf = (name: string): readonly string[] => {
  const parts = name.split('.')
  return parts.map((_, i) => parts.slice(i).join('.'))
}

/** The value of the first pattern that matches a module, or its end after a dot; or the usual one. */
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
