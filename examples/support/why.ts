/** Why a text is of a class, and how few words change that: for classifiers of two classes and tokenizers of lower-case WordPieces. */
import type { NDArray } from 'pullback'
import {
  byEmbeddings,
  flipTokens,
  htmlPage,
  integratedGradients,
  textHtml,
  tokenScores,
  wordScores,
} from 'pullback/interpret'
import type { WordScore } from 'pullback/interpret'
import type { ParamTree } from 'pullback/models'
import type { Tokenizer } from 'pullback/tokenizers'

/** A classifier, and what it reads. */
export interface Judge {
  readonly params: ParamTree
  /** The logit of the class that is asked about less that of the other, for ids `[1, length]`: above 0 the text is of it. */
  readonly score: (params: ParamTree, ids: NDArray) => NDArray
  readonly tokenizer: Tokenizer
  /** So many tokens are read. */
  readonly maxLength: number
}

const encode = ({ tokenizer, maxLength }: Judge, text: string) => {
  const { ids, offsets } = tokenizer.encode(text, { maxLength, truncation: true })
  return { ids, offsets, seen: text.slice(0, Math.max(...offsets.map(([, end]) => end))) }
}

const viewOf = (judge: Judge, ids: readonly number[]) => byEmbeddings(judge.score, judge.params, [ids])

/** The score of a text. */
export const scoreOf = (judge: Judge, text: string): number => {
  const view = viewOf(judge, encode(judge, text).ids)
  return view.f(view.embeddings).item()
}

/** The probability of a score, in percent. */
export const percent = (score: number): string => `${(100 / (1 + Math.exp(-score))).toFixed(1)} %`

// Which words.

/** What the words of a text added to its score. */
export interface Explanation {
  readonly score: number
  /** The score of as many tokens of padding. */
  readonly baseline: number
  /** How far the words are from adding up to the difference of the two. */
  readonly gap: number
  /** Gradients that were taken for it. */
  readonly steps: number
  /** Those that added most first. */
  readonly words: readonly WordScore[]
  /** What was read of the text, coloured. */
  readonly html: (title: string) => string
}

/**
 * Integrated gradients, from a text of padding to this one. Steps are doubled until the words add up to a hundredth of the difference, or
 * there are 128 of them.
 */
export const explain = (judge: Judge, text: string): Explanation => {
  const { ids, offsets, seen } = encode(judge, text)
  const view = viewOf(judge, ids)
  const padding = ids.map((id, i) => (i === 0 || i === ids.length - 1 ? id : judge.tokenizer.padId!))
  const baseline = view.lookup([padding])
  const attributed = (steps: number) => {
    const { attributions, difference, gap } = integratedGradients(view.f, view.embeddings, { baseline, steps })
    return { steps, scores: tokenScores(attributions).at(0).get(), difference: difference.item(), gap: gap.item() }
  }
  let found = attributed(16)
  while (Math.abs(found.gap) > Math.abs(found.difference) / 100 && found.steps < 128)
    found = attributed(2 * found.steps)
  const score = view.f(view.embeddings).item()
  return {
    ...{ score, baseline: score - found.difference, gap: found.gap, steps: found.steps },
    words: wordScores(seen, offsets, found.scores).toSorted((a, b) => b.score - a.score),
    html: (title) => textHtml(seen, offsets, found.scores, { title }),
  }
}

// How few words.

/** A word in another one's place. */
interface Swap {
  readonly was: string
  readonly now: string
  /** Among its neighbours: `… watch [Sporting → Partisan] events …`. */
  readonly shown: string
}

/** A text that is judged to be of the other class after some words were swapped. */
export interface Attack {
  readonly before: number
  /** The score of the new text, encoded anew. */
  readonly after: number
  readonly swaps: readonly Swap[]
  /** What was read of the new text, with the new words coloured. */
  readonly html: (title: string) => string
}

/** Whole words in Latin letters: what is written down is read again as the same tokens. */
const isWord = (tokenizer: Tokenizer, id: number): boolean => /^[a-z]{3,}$/.test(tokenizer.idToToken(id) ?? '')

const notWords = (tokenizer: Tokenizer): readonly number[] =>
  Array.from({ length: tokenizer.vocabularySize }, (_, id) => id).filter((id) => !isWord(tokenizer, id))

/** Places of whole words: what is followed by another piece of the same word is none. */
const wordPlaces = (tokenizer: Tokenizer, ids: readonly number[]): readonly number[] =>
  ids.flatMap((id, i) => {
    const next = tokenizer.idToToken(ids[i + 1] ?? id) ?? ''
    return isWord(tokenizer, id) && !next.startsWith('##') ? [i] : []
  })

/** A word in capitals as the one before it has them: to the model it is the same. */
const inCapitalsOf = (was: string, word: string): string => {
  if (was === was.toUpperCase()) return word.toUpperCase()
  return was.startsWith(was[0]!.toUpperCase()) ? word[0]!.toUpperCase() + word.slice(1) : word
}

/**
 * Swaps words until the text is judged to be of the other class, the one that lowers the score most first; null if so many swaps are not
 * enough.
 */
export const attack = (judge: Judge, text: string, flips: number): Attack | null => {
  const { tokenizer } = judge
  const { ids, offsets, seen } = encode(judge, text)
  const view = viewOf(judge, ids)
  const { changes } = flipTokens(view, {
    ...{ flips, count: 4, until: (score) => score < 0 },
    ...{ except: notWords(tokenizer), positions: wordPlaces(tokenizer, ids) },
  })
  const ordered = changes.map(({ position, token }) => {
    const [start, end] = offsets[position]!
    const was = seen.slice(start, end)
    return { start, end, was, now: inCapitalsOf(was, tokenizer.idToToken(token)!) }
  }).sort((a, b) => a.start - b.start) // prettier-ignore
  let [changed, at] = ['', 0]
  const places = ordered.map(({ start, end, now }) => {
    changed += seen.slice(at, start)
    at = end
    const from = changed.length
    changed += now
    return [from, changed.length] as const
  })
  changed += seen.slice(at)
  const after = scoreOf(judge, changed)
  if (changes.length === 0 || after >= 0) return null
  return {
    ...{ before: view.f(view.embeddings).item(), after },
    swaps: ordered.map(({ start, end, was, now }) => {
      const [left, right] = [seen.slice(Math.max(0, start - 30), start), seen.slice(end, end + 30)]
      return { was, now, shown: `… ${left}[${was} → ${now}]${right} …`.replaceAll(/\s+/g, ' ') }
    }),
    html: (title) => textHtml(changed, places, places.map(() => -1), { title }), // prettier-ignore
  }
}

/** Attacks on so many of the texts, first on those that are judged to be of the class by little; those with the fewest swaps first. */
export const attacks = (judge: Judge, texts: readonly string[], count: number): readonly Attack[] => {
  const judged = texts.map((text) => ({ text, score: scoreOf(judge, text) })).filter(({ score }) => score > 0)
  const found: Attack[] = []
  for (const { text } of judged.toSorted((a, b) => a.score - b.score)) {
    if (found.length === count) break
    const one = attack(judge, text, 5)
    if (one !== null) found.push(one)
  }
  return found.sort((a, b) => a.swaps.length - b.swaps.length)
}

// Both, told of mails.

interface Row {
  readonly text: string
  readonly label: string
}

const opening = (text: string): string => text.slice(0, 60).replaceAll(/\s+/g, ' ')

/** Prints which words made texts what they are to the judge; gives the same as fragments of a page. */
const tellWhy = (judge: Judge, rows: readonly Row[]): string[] =>
  rows.map(({ text, label }) => {
    const { score, baseline, gap, steps, words, html } = explain(judge, text)
    const most = words.slice(0, 5).map((word) => `${word.text} ${word.score.toFixed(2)}`)
    console.log(`\n${label}: ${opening(text)} …`)
    console.log(`  score ${score.toFixed(2)}, of padding ${baseline.toFixed(2)}; for it speak most: ${most.join(', ')}`)
    console.log(`  the words add up to the difference to within ${Math.abs(gap).toExponential(0)} (${steps} gradients)`)
    return html(`${label}: score ${score.toFixed(2)}, that of padding ${baseline.toFixed(2)}; the words add up to the difference but for ${Math.abs(gap).toExponential(0)}`) // prettier-ignore
  })

/** Prints attacks on texts, and gives them as fragments of a page. */
const tellAttacks = (judge: Judge, texts: readonly string[], count: number): string[] =>
  attacks(judge, texts, count).map(({ before, after, swaps, html }, i) => {
    const change = `${percent(before)} before, ${percent(after)} after ${swaps.length === 1 ? 'one word' : `${swaps.length} words`}`
    console.log(`\n${i + 1}. ${change}\n${swaps.map(({ shown }) => `   ${shown}`).join('\n')}`)
    return html(`${i + 1}. ${change}: ${swaps.map(({ was, now }) => `${was} → ${now}`).join(', ')}`)
  })

/** Prints why some mails are spam, and which three an attacker would send; gives both as a page. */
export const tellAll = (
  judge: Judge,
  { explained, attacked }: { readonly explained: readonly Row[]; readonly attacked: readonly Row[] },
): string => {
  console.log('\nWhich words made it spam?')
  const why = tellWhy(judge, explained)
  console.log('\nThree mails that an attacker would send, and how probable spam is:')
  const sent = tellAttacks(judge, attacked.map(({ text }) => text), 3) // prettier-ignore
  if (sent.length === 0) console.log('  none of those that were tried takes so few words')
  return htmlPage('Which words made it spam', [
    ...['<p>Red speaks for spam, blue for ham.</p>', ...why],
    ...[
      '<h2>What an attacker would send</h2><p>How probable spam is, before and after; blue words were put in.</p>',
      ...sent,
    ],
  ])
}
