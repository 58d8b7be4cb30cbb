import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { brokenLinks } from '../../scripts/support/links.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pullback-links-'))
})
afterEach(() => {
  rmSync(folder, { recursive: true })
})

const write = (files: Readonly<Record<string, string>>): void => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

it('links to files, folders and headings that are there hold', () => {
  write({
    'README.md': '[a](docs/a.md), [its part](docs/a.md#the-part-2), [all](docs/), [here](#top)\n# Top',
    'docs/a.md': '# The part\n# The part 2\n[up](../README.md), [outside](https://example.org/x#y)',
  })
  expect(brokenLinks(folder)).toEqual([])
})

it('links to what is not there are named, with their lines', () => {
  write({
    'README.md': 'text\n[a](docs/b.md) and [b](docs/a.md#nothing)',
    'docs/a.md': '[out](../../other/README.md)\n[here](#nowhere)',
  })
  expect(brokenLinks(folder).toSorted()).toEqual([
    'README.md:2: docs/a.md#nothing',
    'README.md:2: docs/b.md',
    'docs/a.md:1: ../../other/README.md',
    'docs/a.md:2: #nowhere',
  ])
})

it('code has no links', () => {
  write({ 'README.md': '`x[i](y)`\n\n```ts\nf[0](missing.md)\n```\n' })
  expect(brokenLinks(folder)).toEqual([])
})
