/** Attributions as pages: coloured words, and pictures with heat maps. Each is self-contained HTML. */
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { pngOf } from './png.ts'

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Escapes a text, so that nothing in it is markup. */
const escaped = (text: string): string => text.replace(/[&<>"']/g, (c) => ESCAPES[c]!)

// Words.

/** The range of a token in the text, in UTF-16 code units, end excluded; empty for special tokens. */
export type Offset = readonly [start: number, end: number]

/** A word, and the sum of its tokens' scores. */
export interface WordScore {
  readonly text: string
  readonly start: number
  readonly end: number
  readonly score: number
}

const isOffset = (x: unknown): boolean => must.isListOf(x, must.natural.accepts, 2)

const offsetList = must.kind('a list of [start, end]', (x) => must.isListOf(x, isOffset))

/** The words of a text with the scores of their tokens added up; text between words that has tokens is a word too. */
const joinWords = (
  operation: string,
  text: string,
  offsets: readonly Offset[],
  scores: ArrayLike,
): readonly WordScore[] => {
  const values = Array.from(asArray(scores).dataSync(), Number)
  if (values.length !== offsets.length) {
    throw new ShapeError(
      `${operation}: there is one score for each token, got ${values.length} scores and ${offsets.length} offsets.`,
    )
  }
  const beyond = offsets.find(([start, end]) => start > end || end > text.length)
  if (beyond !== undefined) {
    throw new ArgumentError(
      `${operation}: offsets are places in the text, 0 to ${text.length}, got [${beyond.join(', ')}].`,
    )
  }
  const words: WordScore[] = []
  for (const [i, [from, to]] of offsets.entries()) {
    // Some tokenizers count the space before a word into its token.
    const start = from + (/^\s*/.exec(text.slice(from, to))?.[0].length ?? 0)
    if (start >= to) continue
    const before = words.at(-1)
    const isSameWord =
      before !== undefined &&
      (start < before.end ||
        (start === before.end &&
          from === start &&
          !/\s/.test(text.slice(start - 1, start)) &&
          isLetter(text, start - 1) &&
          isLetter(text, start)))
    if (isSameWord) {
      const end = Math.max(before.end, to)
      words[words.length - 1] = {
        text: text.slice(before.start, end),
        start: before.start,
        end,
        score: before.score + values[i]!,
      }
    } else words.push({ text: text.slice(start, to), start, end: to, score: values[i]! })
  }
  return words
}

/** Letters, marks, digits, apostrophes; ideographs stand alone. */
const isLetter = (text: string, at: number): boolean => {
  const letter = String.fromCodePoint(text.codePointAt(at)!)
  return /[\p{L}\p{M}\p{N}_'’]/u.test(letter) && !/\p{Script=Han}|\p{Script=Hiragana}|\p{Script=Katakana}/u.test(letter)
}

const wordDoor = must.door('wordScores', { text: must.string, offsets: offsetList, scores: must.arrayLike })

/**
 * Scores of words: the score of a word is the sum over its tokens. Tokens without a range in the text are left out.
 *
 * @param offsets - the range of each token, as returned by `encode` of `pullback/tokenizers`.
 * @param scores - one for each token.
 * @returns the words in order.
 * @throws ShapeError if there is not one score for each token; ArgumentError for a range that is not in the text.
 * @example
 * ```ts
 * import { wordScores } from 'pullback/interpret'
 * const words = wordScores('free viagra!', [[0, 0], [0, 4], [5, 8], [8, 11], [11, 12]], [9, 1, 2, 3, 0])
 * words.map((w) => `${w.text} ${w.score}`) // => free 1,viagra 5,! 0
 * ```
 */
export const wordScores = (text: string, offsets: readonly Offset[], scores: ArrayLike): readonly WordScore[] => {
  wordDoor(text, offsets, scores)
  return joinWords('wordScores', text, offsets, scores)
}

/** Options of `textHtml`. */
export interface TextHtmlOptions {
  /** The title above the text. */
  readonly title?: string
  /** The score with full colour; the largest magnitude by default. Set it to compare several texts. */
  readonly scale?: number
}

/** Blue for negative scores, red for positive ones; the strength is that of the score, and never hides the word. */
const shade = (score: number, most: number): string => {
  const strength = most > 0 && Number.isFinite(score) ? Math.min(1, Math.abs(score) / most) : 0
  const colour = score < 0 ? '37, 99, 235' : '220, 38, 38'
  return `rgba(${colour}, ${(0.6 * strength).toFixed(3)})`
}

const signed = (score: number): string => `${score > 0 ? '+' : ''}${score.toPrecision(3)}`

const textOptions = must.optionsOf<TextHtmlOptions>({ title: must.string, scale: must.positive })

const textDoor = must.door('textHtml', {
  text: must.string,
  offsets: offsetList,
  scores: must.arrayLike,
  options: textOptions,
})

/**
 * A text with its words coloured by their scores: red for positive scores, blue for negative ones. Hovering over a word shows
 * its score.
 *
 * @param offsets - the range of each token in the text.
 * @param scores - one for each token.
 * @returns a fragment of HTML, to be put in `htmlPage`; the text in it is escaped.
 * @throws ShapeError if there is not one score for each token; ArgumentError for a range that is not in the text.
 * @example
 * ```ts
 * import { htmlPage, textHtml } from 'pullback/interpret'
 * const fragment = textHtml('free <b>', [[0, 4], [5, 8]], [1, -1])
 * fragment.includes('&lt;b&gt;') // => true
 * htmlPage('Why', [fragment]).startsWith('<!doctype html>') // => true
 * ```
 */
export const textHtml = (
  text: string,
  offsets: readonly Offset[],
  scores: ArrayLike,
  options: TextHtmlOptions = {},
): string => {
  textDoor(text, offsets, scores, options)
  const words = joinWords('textHtml', text, offsets, scores)
  const most = options.scale ?? words.reduce((max, { score }) => Math.max(max, Math.abs(score)), 0)
  let at = 0
  const parts: string[] = []
  for (const { start, end, score } of words) {
    parts.push(escaped(text.slice(at, start)))
    parts.push(
      `<span title="${signed(score)}" style="background:${shade(score, most)}">${escaped(text.slice(start, end))}</span>`,
    )
    at = end
  }
  parts.push(escaped(text.slice(at)))
  return `<figure>${captionOf(options.title)}<p class="text">${parts.join('')}</p></figure>`
}

const captionOf = (title: string | undefined): string =>
  title === undefined ? '' : `<figcaption>${escaped(title)}</figcaption>`

// Pictures.

/** Options of `imageHtml`. */
export interface ImageHtmlOptions {
  readonly title?: string
  /** The opacity of the greatest heat; 0.7 by default. */
  readonly opacity?: number
}

/** Black over red and yellow to white, as heat goes. */
const heatColour = (t: number): readonly [number, number, number] => [
  Math.round(255 * Math.min(1, 2 * t)),
  Math.round(255 * Math.min(1, Math.max(0, 2 * t - 0.6))),
  Math.round(255 * Math.max(0, 2 * t - 1.6)),
]

const byte = (x: number): number => (Number.isNaN(x) ? 0 : Math.round(255 * Math.min(1, Math.max(0, x))))

const imageDoor = must.door('imageHtml', {
  image: must.arrayLike,
  heat: must.arrayLike,
  options: must.optionsOf<ImageHtmlOptions>({ title: must.string, opacity: must.fraction }),
})

const pixelsOf = (image: NDArray): string => {
  const [channels, height, width] = image.shape as readonly [number, number, number]
  const values = image.dataSync()
  const size = height * width
  const pixels = new Uint8Array(4 * size)
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) pixels[4 * i + c] = byte(Number(values[(channels === 1 ? 0 : c) * size + i]))
    pixels[4 * i + 3] = 255
  }
  return pngOf(pixels, width, height)
}

/** Heat as a picture: the greatest heat is most opaque, and heat up to 0 is transparent. */
const heatPixels = (heat: NDArray, opacity: number): string => {
  const [height, width] = heat.shape as readonly [number, number]
  const values = Array.from(heat.dataSync(), Number)
  const most = values.reduce((max, x) => Math.max(max, x), 0)
  const pixels = new Uint8Array(4 * values.length)
  values.forEach((x, i) => {
    const t = most > 0 && x > 0 ? x / most : 0
    pixels.set([...heatColour(t), byte(opacity * t)], 4 * i)
  })
  return pngOf(pixels, width, height)
}

/**
 * A picture with a heat map over it: the result of `gradCam`, which may be coarser than the picture, or the magnitudes of an
 * attribution summed over channels.
 *
 * @param image - shape `[channels, height, width]` of 1 or 3 channels, numbers from 0 to 1.
 * @param heat - shape `[height, width]`, of any size: it is scaled to the picture. Heat up to 0 is transparent.
 * @returns a fragment of HTML, to be put in `htmlPage`.
 * @throws ShapeError for arrays of other shapes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { imageHtml } from 'pullback/interpret'
 * imageHtml(np.ones([3, 8, 8]), np.eye(2)).includes('data:image/png;base64,') // => true
 * ```
 */
export const imageHtml = (image: ArrayLike, heat: ArrayLike, options: ImageHtmlOptions = {}): string => {
  imageDoor(image, heat, options)
  const [picture, over] = [asArray(image), asArray(heat)]
  const isPicture = picture.ndim === 3 && (picture.shape[0] === 1 || picture.shape[0] === 3)
  if (!isPicture || picture.size === 0) {
    throw new ShapeError(`imageHtml: a picture is [channels, height, width] of 1 or 3 channels, got ${picture.aval}.`)
  }
  if (over.ndim !== 2 || over.size === 0) throw new ShapeError(`imageHtml: heat is [height, width], got ${over.aval}.`)
  const [, height, width] = picture.shape as readonly [number, number, number]
  const scale = Math.max(1, Math.round(224 / width))
  const box = `width="${width * scale}" height="${height * scale}"`
  const alt = escaped(options.title ?? 'a picture with heat over it')
  return (
    `<figure class="beside">${captionOf(options.title)}<div class="picture"><img ${box} alt="${alt}" src="${pixelsOf(picture)}">` +
    `<img class="heat" ${box} alt="" src="${heatPixels(over, options.opacity ?? 0.7)}"></div></figure>`
  )
}

// Pages.

const STYLE = `:root{color-scheme:light dark;--ink:#1c1c1e;--paper:#fff;--quiet:#6b7280}
@media (prefers-color-scheme:dark){:root{--ink:#e5e7eb;--paper:#111418;--quiet:#9ca3af}}
body{color:var(--ink);background:var(--paper);font:16px/1.7 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}
figure{margin:1.5rem 0}.beside{display:inline-block;margin:.5rem 1rem .5rem 0}figcaption{color:var(--quiet);font-size:.875rem}
.text{white-space:pre-wrap;overflow-wrap:anywhere;margin:.25rem 0}.text span{border-radius:.25rem;padding:.1rem 0}
.picture{position:relative;display:inline-block}.picture img{display:block;image-rendering:pixelated}
.picture .heat{position:absolute;inset:0;image-rendering:auto}`

const pageDoor = must.door('htmlPage', {
  title: must.string,
  fragments: must.required(must.listOf(must.string, 'a list of fragments of HTML')),
})

/**
 * A page of fragments from `textHtml` and `imageHtml`: one file, light or dark as the reader prefers, without scripts.
 *
 * @param fragments - inserted as they are.
 * @example
 * ```ts
 * import { htmlPage } from 'pullback/interpret'
 * htmlPage('Tom & Jerry', []).includes('<title>Tom &amp; Jerry</title>') // => true
 * ```
 */
export const htmlPage = (title: string, fragments: readonly string[]): string => {
  pageDoor(title, fragments)
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${escaped(title)}</title>`
  return `<!doctype html>\n<html lang="en"><head>${head}<style>${STYLE}</style></head>\n<body><h1>${escaped(title)}</h1>\n${fragments.join('\n')}\n</body></html>\n`
}
