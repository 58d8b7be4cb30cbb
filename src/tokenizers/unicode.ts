/**
 * Character classes as in the Rust library. Those of `\p{...}` follow the Unicode version of the JavaScript engine; the
 * library's tables are of Unicode 8 and 9 in places, so later marks and punctuation may count differently there.
 */

/** The characters (code points) of a text. */
export const charactersOf = (text: string): readonly string[] => Array.from(text)

/** `char::is_whitespace` */
export const isSpace = (character: string): boolean => /^\p{White_Space}$/u.test(character)

/** `char::is_numeric`: digits, and numerics as Ⅷ, ½, ². */
export const isNumeric = (character: string): boolean => /^\p{N}$/u.test(character)

/** Punctuation, including the ASCII symbols that are not punctuation in Unicode: `$+<=>^` and others. */
export const isPunctuation = (character: string): boolean => /^[\p{P}$+<=>^`|~]$/u.test(character)

/** Controls, formats and private characters, but not tab and line ends. Unassigned ones are kept. */
export const isControl = (character: string): boolean =>
  /^[\p{Cc}\p{Cf}\p{Co}]$/u.test(character) && !/^[\t\n\r]$/.test(character)

export const isNonspacingMark = (character: string): boolean => /^\p{Mn}$/u.test(character)

export const isMark = (character: string): boolean => /^\p{M}$/u.test(character)

/** The class `\w` of Rust's `regex`. */
export const wordClass = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}'

const chineseBlocks: readonly (readonly [number, number])[] = [
  [0x4e00, 0x9fff],
  [0x3400, 0x4dbf],
  [0x20000, 0x2a6df],
  [0x2a700, 0x2b73f],
  [0x2b740, 0x2b81f],
  [0x2b920, 0x2ceaf],
  [0xf900, 0xfaff],
  [0x2f800, 0x2fa1f],
]

/** The characters that BERT isolates as Chinese: ideographs in eight blocks, four of them beyond U+FFFF. */
export const isChinese = (character: string): boolean => {
  const code = character.codePointAt(0)!
  return chineseBlocks.some(([first, last]) => first <= code && code <= last)
}

/** The lower case of one character out of context: `Σ` becomes `σ` also at the end of a word. */
export const lowerCase = (character: string): string => character.toLowerCase()
