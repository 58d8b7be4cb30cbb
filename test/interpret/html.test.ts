import { inflateSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { np } from 'pullback'
import { htmlPage, imageHtml, textHtml, wordScores } from 'pullback/interpret'

/** What a reader of the page sees: the text between tags, with escapes undone. */
const seen = (html: string): string =>
  html
    .replace(/<[^>]*>/g, '')
    .replace(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" })[name]!) // prettier-ignore

describe('pages of words', () => {
  it('hold any text as text: no markup of it comes through', () => {
    const nasty = fc.string({
      unit: fc.constantFrom('<', '>', '&', '"', "'", 'script', '/', ' ', 'a', '漢', '😀', '='),
    })
    fc.assert(
      fc.property(nasty, nasty, (text, title) => {
        const end = Math.min(3, text.length)
        const fragment = textHtml(text, [[0, end], [end, text.length]], [1, -2], { title }) // prettier-ignore
        expect(seen(fragment)).toBe(title + text)
        const tags = fragment.match(/<[^>]*>/g) ?? []
        for (const tag of tags) expect(tag).toMatch(/^<(\/?(figure|figcaption|p|span)|p class="text"|span title="[-+.\de]+" style="background:rgba\([\d., ]+\)")>$/) // prettier-ignore
      }),
    )
    const page = htmlPage('</title><script>alert(1)</script>', [])
    expect(page).not.toContain('<script>')
  })

  it('join the tokens of a word, and not those of two', () => {
    const words = (text: string, offsets: [number, number][]): string[] =>
      wordScores(text, offsets, offsets.map(() => 1)).map((w) => `${w.text}:${w.score}`) // prettier-ignore
    expect(words('free viagra!', [[0, 0], [0, 4], [5, 8], [8, 11], [11, 12], [0, 0]])).toEqual(['free:1', 'viagra:2', '!:1']) // prettier-ignore
    // As byte-level tokenizers have it, the space is of the token after it.
    expect(words('free viagra', [[0, 4], [4, 8], [8, 11]])).toEqual(['free:1', 'viagra:2']) // prettier-ignore
    expect(words('我爱你', [[0, 1], [1, 2], [2, 3]])).toEqual(['我:1', '爱:1', '你:1']) // prettier-ignore
    // Two tokens of one character.
    expect(words('😀', [[0, 2], [0, 2]])).toEqual(['😀:2']) // prettier-ignore
    expect(() => wordScores('a', [[0, 2]], [1])).toThrow(/places in the text/)
    expect(() => wordScores('a', [[0, 1]], [1, 2])).toThrow(/one score for each token/)
  })

  it('colour the greatest score most, red for and blue against', () => {
    const html = textHtml('good bad', [[0, 4], [5, 8]], [2, -1]) // prettier-ignore
    expect(html).toContain('<span title="+2.00" style="background:rgba(220, 38, 38, 0.600)">good</span>')
    expect(html).toContain('<span title="-1.00" style="background:rgba(37, 99, 235, 0.300)">bad</span>')
  })
})

describe('pages of pictures', () => {
  /** The bytes of rows in a PNG that stores them in one IDAT. */
  const rowsOf = (html: string, which: number): Uint8Array => {
    const data = [...html.matchAll(/base64,([^"]+)"/g)][which]![1]!
    const file = Buffer.from(data, 'base64')
    expect([...file.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10])
    const length = file.readUInt32BE(33)
    expect(file.toString('latin1', 37, 41)).toBe('IDAT')
    return inflateSync(file.subarray(41, 41 + length))
  }

  it('hold the pixels, in blocks of zlib that others can read', () => {
    const image = np.reshape(np.divide(np.arange(3 * 150 * 160), 3 * 150 * 160), [3, 150, 160])
    const rows = rowsOf(imageHtml(image, np.eye(2)), 0)
    expect(rows.length).toBe(150 * (1 + 4 * 160))
    const pixel = (r: number, c: number): number[] => [...rows.subarray(r * 641 + 1 + 4 * c, r * 641 + 5 + 4 * c)]
    const channel = (k: number, r: number, c: number): number => Math.round((255 * ((k * 150 + r) * 160 + c)) / (3 * 150 * 160)) // prettier-ignore
    expect(pixel(149, 159)).toEqual([0, 1, 2].map((k) => channel(k, 149, 159)).concat(255))
    expect(pixel(0, 7)).toEqual([0, 1, 2].map((k) => channel(k, 0, 7)).concat(255))
  })

  it('leave clear what has no heat', () => {
    const rows = rowsOf(imageHtml(np.ones([1, 4, 4]), np.array([[1, 0], [-1, 0.5]]), { opacity: 1 }), 1) // prettier-ignore
    expect([rows[4], rows[8], rows[13], rows[17]]).toEqual([255, 0, 0, 128])
    expect(() => imageHtml(np.ones([4, 4]), np.eye(2))).toThrow(/1 or 3 channels/)
  })
})
