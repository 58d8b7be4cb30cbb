/** Links in Markdown: to files that are there, and headings that they have. */
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'

interface Link {
  readonly line: number
  readonly target: string
}

/** Outside of code, where brackets mean other things. */
const linksOf = (text: string): readonly Link[] => {
  let inCode = false
  return text.split('\n').flatMap((content, i) => {
    if (/^\s*```/.test(content)) inCode = !inCode
    if (inCode) return []
    const plain = content.replaceAll(/`[^`]*`/g, '')
    return [...plain.matchAll(/\]\(([^()\s]+(?:\([^()]*\)[^()\s]*)?)\)/g)].map(([, target]) => ({
      line: i + 1,
      target: target!,
    }))
  })
}

/** Names of headings in addresses, as GitHub makes them; repeated ones are numbered. */
export const anchorsOf = (text: string): ReadonlySet<string> => {
  const counts = new Map<string, number>()
  const anchors = new Set<string>()
  for (const [, heading] of text.matchAll(/^#{1,6} (.*)$/gm)) {
    const name = heading!
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .trim()
      .replaceAll(' ', '-')
    const count = counts.get(name) ?? 0
    counts.set(name, count + 1)
    anchors.add(count === 0 ? name : `${name}-${count}`)
  }
  return anchors
}

/** Links of all Markdown files in a folder that lead to no file, or to no heading: `file:line: target`. */
export const brokenLinks = (folder: string): readonly string[] => {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.md'))
  const texts = new Map(files.map((f) => [join(folder, f), readFileSync(join(folder, f), 'utf8')]))
  const anchors = new Map([...texts].map(([file, text]) => [file, anchorsOf(text)]))
  const isBroken = (file: string, target: string): boolean => {
    if (/^[a-z]+:/.test(target)) return false
    const [path, anchor] = target.split('#')
    const to = path === '' ? file : join(dirname(file), decodeURI(path!))
    if (!existsSync(to)) return true
    return anchor !== undefined && anchors.get(to)?.has(anchor) === false
  }
  return [...texts].flatMap(([file, text]) =>
    linksOf(text)
      .filter(({ target }) => isBroken(file, target))
      .map(({ line, target }) => `${relative(folder, file)}:${line}: ${target}`),
  )
}
