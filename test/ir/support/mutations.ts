/** Texts of programs, changed at random: what parsers, checkers and evaluators meet in the wild. */
import * as fc from 'fast-check'
import { printProgram } from 'pullback'
import { operations, programs } from 'pullback/testing'

/** Draws of one seed: the same on every machine. */
class Draws {
  #state: number
  constructor(seed: number) {
    this.#state = seed | 0
  }
  // Mulberry32, by Tommy Ettinger (public domain).
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * bound)
  }
  pick<T>(options: readonly T[]): T {
    return options[this.below(options.length)]!
  }
}

const numbers =
  '-1 0 -0 1 2 3 7 1.5 -2.5 nan inf -inf 1e300 1e21 255 256 65536 2147483647 2147483648 4294967296 9007199254740991 9007199254740993 99999999999999999999'.split(
    ' ',
  )
const characters = [
  '"',
  '\\',
  '[',
  ']',
  '{',
  '}',
  '(',
  ')',
  ':',
  ',',
  '=',
  '@',
  '~',
  '-',
  '.',
  ' ',
  '\n',
  '\0',
  'é',
  '😀',
  'e',
  '9',
]
const words =
  'program const return true false null inf nan f32 f64 i32 u32 i64 u8 i8 f16 bf16 bool shape axis axes name __proto__ constructor length toString "float32" "max" "clip" "" "\\u12"'.split(
    ' ',
  )

const tokensOf = (text: string): string[] =>
  text.match(/"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\w+|\s+|[^\s\w]/g) ?? []

type Mutation = (draw: Draws, text: string, other: string) => string

/** A change of one element of a list, or of two. */
const edit = <T>(draw: Draws, list: readonly T[], replacement: () => T): T[] => {
  const [i, j] = [draw.below(list.length), draw.below(list.length)]
  const edits = [
    () => list.toSpliced(i, 1),
    () => list.toSpliced(i, 0, list[i]!),
    () => list.toSpliced(i, 1, replacement()),
    () => list.toSpliced(i, 0, replacement()),
    () => list.with(i, list[j]!).with(j, list[i]!),
    () => list.toSpliced(Math.min(i, j), draw.below(4)),
  ]
  return list.length === 0 ? [replacement()] : draw.pick(edits)()
}

/** Another token in the place of one of this form. */
const replaceToken = (draw: Draws, text: string, form: RegExp, replacements: readonly string[]): string => {
  const tokens = tokensOf(text)
  const places = tokens.flatMap((t, i) => (form.test(t) ? [i] : []))
  return places.length === 0 ? text : tokens.with(draw.pick(places), draw.pick(replacements)).join('')
}

const mutations: readonly Mutation[] = [
  (draw, text) => edit(draw, Array.from(text), () => draw.pick(characters)).join(''),
  (draw, text, other) => {
    const replacement = (): string =>
      draw.pick([draw.pick(words), draw.pick(numbers), draw.pick(operations), draw.pick(tokensOf(other))])
    return edit(draw, tokensOf(text), replacement).join('')
  },
  (draw, text, other) => edit(draw, text.split('\n'), () => draw.pick(other.split('\n'))).join('\n'),
  (draw, text) => replaceToken(draw, text, /^-?\d/, numbers),
  (draw, text) => replaceToken(draw, text, /^[a-z]\w/i, [...operations, ...words]),
]

/** Texts of sound programs in which every operation occurs that has a text. */
export const soundTexts = (seed: number): readonly string[] => {
  const plain = operations.filter((op) => op !== 'callback')
  const each = plain.flatMap((op) =>
    fc.sample(programs({ operations: [op], maxEquations: 2, maxSize: 60 }), { numRuns: 6, seed }).map((p) => p.program),
  )
  const mixed = fc.sample(programs({ maxEquations: 8, maxSize: 60 }), { numRuns: 200, seed }).map((p) => p.program)
  return [...each, ...mixed].filter((p) => p.equations.length > 0).map(printProgram)
}

/** As many texts, each of a sound one by one to three changes. */
export function* mutatedTexts(texts: readonly string[], count: number, seed: number): Generator<string> {
  const draw = new Draws(seed)
  for (let i = 0; i < count; i++) {
    let text = draw.pick(texts)
    for (let k = draw.below(3); k >= 0; k--) text = draw.pick(mutations)(draw, text, draw.pick(texts))
    yield text
  }
}
