/** Texts that models of language learn from, as `scripts/fetch-data.sh` puts them on the disk. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** Documents of one kind. */
export interface Corpus {
  readonly name: string
  readonly documents: readonly string[]
}

/** What a model learns first, what it is tuned to then, and how a text begins that it is asked to go on with. */
export interface Texts {
  readonly first: Corpus
  readonly second: Corpus
  readonly prompts: readonly [first: string, second: string]
}

const root = join(import.meta.dirname, '..', '..', '.data')

const filesOf = (folder: string, pattern: RegExp): readonly string[] => {
  const path = join(root, folder)
  const names = readdirSync(path).filter((name) => pattern.test(name))
  return names.sort().map((name) => readFileSync(join(path, name), 'utf8'))
}

const english = (): Texts => ({
  first: { name: 'State of the Union', documents: filesOf('datasets-sotu-0.2.3/data', /^\d.*\.txt$/) },
  second: { name: 'Moby-Dick', documents: filesOf('datasets-moby-dick-0.2.3/data', /^chapter_\d+\.txt$/) },
  prompts: ['The people of', 'The whale'],
})

interface Poem {
  readonly title?: string
  readonly rhythmic?: string
  readonly paragraphs: readonly string[]
}

/** Poems with their tune or title; those of which characters are lost are left out. */
const poems = (texts: readonly string[]): readonly string[] => {
  const all = texts.flatMap((text) => JSON.parse(text) as readonly Poem[])
  const whole = all.map(({ title, rhythmic, paragraphs }) => `${rhythmic ?? title ?? ''}\n${paragraphs.join('')}`)
  return whole.filter((text) => !/[□�]/u.test(text))
}

const chinese = (): Texts => ({
  first: { name: '宋词', documents: poems(filesOf('chinese-poetry-2.0.1/dist/songci', /^ci\.song\.\d+\.json$/)) },
  second: { name: '元曲', documents: poems(filesOf('chinese-poetry-2.0.1/dist/yuanqu', /^yuanqu\.json$/)) },
  prompts: ['菩萨蛮\n', '天净沙・秋思\n'],
})

/** The texts of a language; null if they are not there. */
export const readTexts = (language: 'english' | 'chinese'): Texts | null => {
  const needed = { english: ['datasets-sotu-0.2.3', 'datasets-moby-dick-0.2.3'], chinese: ['chinese-poetry-2.0.1'] }
  const isThere = needed[language].every((folder) => existsSync(join(root, folder)))
  return isThere ? { english, chinese }[language]() : null
}

/** The middle of each document, 2,000 characters of it at most, until there are so many characters. */
export const excerpts = (documents: readonly string[], characters: number): readonly string[] => {
  const taken: string[] = []
  let count = 0
  for (const document of documents) {
    if (count >= characters) break
    const all = Array.from(document)
    const start = Math.max(0, Math.floor(all.length / 2) - 1000)
    const text = all.slice(start, start + Math.min(2000, characters - count))
    taken.push(text.join(''))
    count += text.length
  }
  return taken
}
