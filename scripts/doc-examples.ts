/**
 * Makes tests of the examples in doc comments, the README and docs/: every fenced `ts` block runs.
 *
 *     expression // => text      asserts that String(expression) is the text (`\n` for line ends)
 *     statement // throws Name   asserts that the statement throws an error of that name
 *
 * Blocks marked `ts no-run` are type-checked only. The tests go to .generated/, which git ignores.
 */
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')
const out = join(root, '.generated')

interface Block {
  readonly file: string
  readonly line: number
  readonly code: readonly string[]
  readonly runs: boolean
}

const filesUnder = (folder: string, ending: string): string[] =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((f) => f.endsWith(ending))
    .map((f) => join(folder, f))
    .sort()

const fence = /^(\s*(?:\*\s?)?)```(ts)?( no-run)?\s*$/

const blocksOf = (file: string): Block[] => {
  const blocks: Block[] = []
  let open: { line: number; code: string[]; prefix: number; runs: boolean } | null = null
  let other = false
  readFileSync(join(root, file), 'utf8')
    .split('\n')
    .forEach((text, i) => {
      const match = fence.exec(text)
      if (open !== null) {
        if (match !== null) {
          blocks.push({ file, line: open.line, code: open.code, runs: open.runs })
          open = null
        } else open.code.push(text.slice(open.prefix).replace(/^\* ?$/, ''))
      } else if (/^\s*(\*\s?)?```/.test(text)) {
        if (!other && match?.[2] === 'ts') {
          open = { line: i + 1, code: [], prefix: match[1]!.length, runs: match[3] === undefined }
        } else other = !other
      }
    })
  return blocks
}

/** A line of an example as a line of a test. */
const statement = (line: string): string => {
  const value = /^(.*\S)\s+\/\/ => (.*)$/.exec(line)
  if (value !== null) {
    const text = value[2]!.trimEnd().replaceAll('\\n', '\n')
    return `expect(String(${value[1]!})).toBe(${JSON.stringify(text)})`
  }
  const thrown = /^(.*\S)\s+\/\/ throws (\w+)$/.exec(line)
  if (thrown !== null)
    return `expect(() => { ${thrown[1]!} }).toThrow(expect.objectContaining({ name: '${thrown[2]!}' }))`
  return line
}

const dynamicImport = (line: string): string | null => {
  const match = /^import (type )?(.+) from '([^']+)'$/.exec(line.trim())
  if (match === null) return null
  if (match[1] !== undefined) return ''
  const names = match[2]!.startsWith('* as ') ? match[2]!.slice(5) : match[2]!.replaceAll(' as ', ': ')
  return `const ${names} = await import('${match[3]!}')`
}

const testOf = ({ file, line, code }: Block): string => {
  const body = code.map((text) => `  ${dynamicImport(text) ?? statement(text)}`).join('\n')
  return `test(${JSON.stringify(`${file}:${line}`)}, async () => {\n${body}\n})\n`
}

const moduleOf = ({ code }: Block): string => {
  const text = code.join('\n')
  const needsArray = /\bNDArray\b/.test(text) && !/import.*\bNDArray\b/.test(text)
  return `${needsArray ? "import type { NDArray } from 'pullback'\n" : ''}${text}\nexport {}\n`
}

const nameOf = (file: string): string => file.replaceAll(/[^A-Za-z0-9]+/g, '-')

/** The pages of the API repeat the doc comments. */
const generated = join('docs', 'api')

const files = [
  'README.md',
  ...filesUnder('docs', '.md').filter((f) => !f.startsWith(generated)),
  ...filesUnder('src', '.ts'),
]
rmSync(out, { recursive: true, force: true })
mkdirSync(join(out, 'tests'), { recursive: true })
mkdirSync(join(out, 'types'), { recursive: true })
const blocks = files.flatMap(blocksOf)
for (const block of blocks) {
  writeFileSync(join(out, 'types', `${nameOf(block.file)}-${block.line}.ts`), moduleOf(block))
}

// One file of tests a folder: each loads the whole library, which takes longer than the examples of a file.
const running = blocks.filter(({ runs }) => runs)
for (const folder of new Set(running.map(({ file }) => dirname(file)))) {
  const header = "import { expect, test } from 'vitest'\n\n"
  const name = folder === '.' ? 'README' : nameOf(folder)
  const tests = running.filter(({ file }) => dirname(file) === folder).map(testOf)
  writeFileSync(join(out, 'tests', `${name}.test.ts`), header + tests.join('\n'))
}
console.log(`doc examples: ${blocks.length} blocks`)
