/** Parquet files, written by hyparquet-writer. */
import { parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { bytesSource } from 'pullback/io'
import { decode, parquet, Tally } from '../../../src/train/index.ts'
import { kept, readFrom, valuesOf } from './support/read.ts'

const n = 25
const texts = Array.from({ length: n }, (_, i) => `row ${i} 漢字 😀`)
const labels = Array.from({ length: n }, (_, i) => i % 3)

const bytesOf = (rowGroupSize: number): Uint8Array => {
  const buffer = parquetWriteBuffer({
    columnData: [
      { name: 'text', data: texts, type: 'STRING' },
      { name: 'label', data: labels.map(BigInt), type: 'INT64' },
    ],
    rowGroupSize,
  })
  return new Uint8Array(buffer)
}

const wanted = texts.map((text, i) => ({ text, label: labels[i] }))

describe('parquet', () => {
  it('gives the rows that were written, long integers as numbers, in groups of any size', async () => {
    for (const size of [1, 7, 25, 100]) expect(await valuesOf(parquet(bytesOf(size)))).toEqual(wanted)
  })

  it('goes on from each row, and reads the group that it is in only', async () => {
    const bytes = bytesOf(5)
    const { items } = await readFrom(parquet(bytes))
    for (const [i, { position }] of items.entries()) {
      const rest = await readFrom(parquet(bytes), kept(position))
      expect(rest.items.map(({ value }) => value)).toEqual(wanted.slice(i + 1))
    }
  })

  it('is not gone on with when it has become another', async () => {
    const { items } = await readFrom(parquet(bytesOf(5)))
    const other = parquetWriteBuffer({ columnData: [{ name: 'text', data: ['a', 'b'], type: 'STRING' }] })
    const { error } = await readFrom(parquet(new Uint8Array(other)), kept(items[0]!.position))
    expect(error).toContain(`it has 2 rows, and had ${n}`)
  })

  it('reads the columns that are asked for', async () => {
    const rows = await valuesOf(parquet(bytesOf(9), { columns: ['label'], decode: decode.anything }))
    expect(rows).toEqual(labels.map((label) => ({ label })))
  })

  it('has bad rows and broken files as values', async () => {
    const tally = new Tally()
    const decoder = decode.object({ text: decode.string, label: decode.oneOf([0, 1]) })
    const rows = await valuesOf(parquet(bytesOf(4), { decode: decoder, onBad: 'skip', tally }))
    expect(rows.length).toBe(n - tally.bad)
    expect(tally.bad).toBe(8)
    expect(tally.errors[0]?.message).toBe('bytes, row 3: label must be 0 or 1, got 2')
    const broken = await readFrom(parquet(bytesOf(4).slice(0, 300)))
    expect(broken.error).toMatch(/^bytes: not Parquet: /)
    const gone = bytesSource(bytesOf(4), 'gone')
    const failing = {
      ...gone,
      read: () => () =>
        Promise.resolve({
          _tag: 'Left',
          left: { _tag: 'Access', source: 'gone', code: 'EIO', message: 'gone: EIO' },
        } as const),
    }
    expect((await readFrom(parquet(failing))).error).toBe('gone: EIO')
  })
})
