/** What rows of files say of their classes. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Tally } from 'pullback/train'
import { afterAll, describe, expect, test } from 'vitest'
import { detectLabels } from '../../../src/cli/finetune/data.ts'
import { openKnownRows } from '../../../src/cli/finetune/rows.ts'

const folder = mkdtempSync(join(tmpdir(), 'rows-'))
afterAll(() => {
  rmSync(folder, { recursive: true })
})

/** The classes of labels in a column of a file of cells, or as JSON. */
const classesOf = async (name: string, labels: readonly (string | number)[]): Promise<readonly string[] | null> => {
  const path = join(folder, name)
  const separator = name.endsWith('.tsv') ? '\t' : ','
  const text = name.endsWith('.jsonl')
    ? labels.map((label, i) => JSON.stringify({ text: `t${i}`, label })).join('\n')
    : [`text${separator}label`, ...labels.map((label, i) => `t${i}${separator}${label}`)].join('\n')
  writeFileSync(path, text)
  const rows = openKnownRows([path], { onBad: 'fail', tally: new Tally() })
  return (await detectLabels(rows, {})).names
}

describe.each(['a.csv', 'a.tsv', 'a.jsonl'])('labels of %s', (name) => {
  test('numbers of classes are in the order of numbers', async () => {
    const labels = Array.from({ length: 12 }, (_, i) => 11 - i)
    expect(await classesOf(name, labels)).toEqual(labels.map((_, i) => `LABEL_${i}`))
  })

  test('numbers that are not numbers of classes are what is to be found', async () => {
    expect(await classesOf(name, [0.5, 2, -1.25])).toBeNull()
    expect(await classesOf(name, [1e-3, 7])).toBeNull()
  })

  test('words are classes', async () => {
    expect(await classesOf(name, ['spam', 'ham', '1a', '-'])).toEqual(['-', '1a', 'ham', 'spam'])
    await expect(classesOf(name, ['spam', 1])).rejects.toThrow(/some labels are texts and some are numbers/)
  })
})
