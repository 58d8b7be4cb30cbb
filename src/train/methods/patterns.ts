/** Expressions by which PEFT's configurations speak of modules: `rank_pattern`, `alpha_pattern`, `target_modules`. */

/** What JS and Python read alike: letters, `.`, sets, groups that are not repeated. Others could take for ever, or mean something else. */
const plain = /^(?:[\w.$^|-]|\\[\w.]|\[\^?[\w.-]+\]|\((?:\?:)?|\)(?![*+?{])|(?<=[\w.\]])[*+?])*$/

const repetitions = /[*+]/g

/** As many repetitions as an expression may have: each may try every place in a name. */
const MOST = 4

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

/** The expression that must match a name, or its end after a dot. */
export const endExpression = (pattern: string): RegExp | null => {
  const whole = wholeExpression(pattern)
  return whole === null ? null : new RegExp(`^(?:.*\\.)?${whole.source.slice(1)}`)
}

/** The value of the first pattern that matches a module, or the usual one. */
export const valueByPattern = (
  patterns: { readonly [pattern: string]: number },
  module: string,
  usual: number,
): number => {
  const found = Object.entries(patterns).find(([pattern]) => endExpression(pattern)?.test(module) ?? false)
  return found === undefined ? usual : found[1]
}
