/** docs/benchmarks.md: its tables stand between marks, and are written anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..', '..')
const path = join(root, 'docs', 'benchmarks.md')

const versionOf = (folder: string): string =>
  (JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as { readonly version: string }).version

/** When, where and of what the figures are. */
export const heading = (): string =>
  [
    new Date().toISOString().slice(0, 10),
    `${availableParallelism()} cores of ${cpus()[0]!.model.trim()}`,
    `Node ${process.versions.node}`,
    `Pullback ${versionOf('.')}`,
    `jax-js ${versionOf('bench/node_modules/@jax-js/jax')}`,
    `TensorFlow.js ${versionOf('bench/node_modules/@tensorflow/tfjs')}`,
  ].join(', ')

/** Replaces what is between `<!-- name -->` and `<!-- end name -->`. */
const replaced = (text: string, name: string, content: string): string => {
  const [start, end] = [`<!-- ${name} -->`, `<!-- end ${name} -->`]
  const [from, to] = [text.indexOf(start), text.indexOf(end)]
  if (from < 0 || to < from) throw new Error(`docs/benchmarks.md has no place for "${name}".`)
  return `${text.slice(0, from + start.length)}\n\n${content}\n\n${text.slice(to)}`
}

export const writeSections = (sections: Readonly<Record<string, string>>): void => {
  const text = Object.entries(sections).reduce(
    (written, [name, content]) => replaced(written, name, content),
    readFileSync(path, 'utf8'),
  )
  writeFileSync(path, text)
}
