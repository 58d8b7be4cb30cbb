/** Our CSV against csv-parse on texts that are nearly CSV. */
import { parse } from 'csv-parse/sync'
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { csv, decode } from '../../../src/train/index.ts'
import { readFrom } from './support/read.ts'

/** What csv-parse says: rows of fields, or that the text is none. */
const theirs = (text: string): readonly (readonly string[])[] | null => {
  try {
    const rows: unknown = parse(text, { skip_empty_lines: true, record_delimiter: ['\n', '\r\n'] })
    return rows as readonly (readonly string[])[]
  } catch {
    return null
  }
}

it('reads what csv-parse reads, and refuses what it refuses', async () => {
  const texts = fc.string({ unit: fc.constantFrom('a', '"', '""', ',', '\n', '\r\n', '漢', ' '), maxLength: 24 })
  let agreed = 0
  await fc.assert(
    fc.asyncProperty(texts, async (body) => {
      const known = theirs(`x,y\n${body}`)
      const { items, error } = await readFrom(
        csv(new TextEncoder().encode(`x,y\n${body}`), { decode: decode.anything }),
      )
      const ours =
        error === null ? items.map(({ value }) => Object.values(value as Readonly<Record<string, string>>)) : null
      // Blank lines of spaces do not count here, and a quote within a field without quotes is a character.
      if (/(^|\n) +(\r?\n|$)/.test(body) || /(^|[,\n])[^",\n]+"/.test(body)) return
      expect(ours).toEqual(known === null ? null : known.slice(1))
      if (ours !== null && ours.length > 0) agreed++
    }),
    { numRuns: 2000 },
  )
  expect(agreed).toBeGreaterThan(50)
})
