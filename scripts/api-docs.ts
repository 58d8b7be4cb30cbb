/**
 * Writes `docs/api`, a page for each namespace, from the doc comments; fails where a public name is missing from its page. The
 * pages are made when the package is packed, and are not part of the repository.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Application } from 'typedoc'
import { anchorsOf } from './support/links.ts'
import type { PublicName } from './support/publicNames.ts'
import { publicNames } from './support/publicNames.ts'

const root = resolve(import.meta.dirname, '..')
const out = join(root, 'docs/api')

const generate = async (): Promise<void> => {
  const options = {
    entryPoints: [
      'src/index.ts',
      'src/testing/index.ts',
      'src/eslint/index.ts',
      'src/io/index.ts',
      'src/models/index.ts',
      'src/tokenizers/index.ts',
      'src/train/index.ts',
      'src/interpret/index.ts',
      'src/stablehlo/index.ts',
      'src/onnx/index.ts',
      'src/xla/index.ts',
    ],
    tsconfig: 'tsconfig.build.json',
    plugin: ['typedoc-plugin-markdown', 'typedoc-plugin-missing-exports'],
    // Option types that users meet, and need not import.
    internalModule: 'types',
    placeInternalsInOwningModule: false,
    collapseInternalModule: false,
    out,
    router: 'module',
    readme: 'none',
    disableSources: true,
    hidePageHeader: true,
    excludeInternal: true,
    excludePrivate: true,
    useCodeBlocks: true,
    expandObjects: false,
    parametersFormat: 'table',
    validation: { notExported: false, invalidLink: true, notDocumented: false },
    logLevel: 'Error',
  }
  const app = await Application.bootstrapWithPlugins(options as never)
  const project = await app.convert()
  if (project === undefined) throw new Error('typedoc could not read the sources')
  await app.generateOutputs(project)
  if (app.logger.hasErrors()) throw new Error('typedoc found errors')
}

/** typedoc numbers some headings that stand on their page once: links to `#name-1` go to `#name` where there is no other. */
const mendLinks = (): void => {
  for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
    if (!name.endsWith('.md')) continue
    const text = readFileSync(join(out, name), 'utf8')
    const anchors = anchorsOf(text)
    const mended = text.replaceAll(/\]\(#([^)]*?)-\d+\)/g, (link, base: string) => {
      const isBroken = !anchors.has(link.slice(3, -1)) && anchors.has(base)
      return isBroken ? `](#${base})` : link
    })
    if (mended !== text) writeFileSync(join(out, name), mended)
  }
}

/** The page that a name stands on, if there is one. */
const pageOf = ({ entry, namespaces }: PublicName): string | undefined => {
  const folder = join(out, entry === 'pullback' ? 'pullback' : `pullback/${entry}`)
  const path = namespaces.flatMap((n) => ['namespaces', n])
  return [join(folder, ...path, 'README.md'), `${join(folder, ...path)}.md`].find((file) => existsSync(file))
}

const headings = new Map<string, ReadonlySet<string>>()
const headingsOf = (file: string): ReadonlySet<string> => {
  const known = headings.get(file)
  if (known !== undefined) return known
  const found = new Set(
    [...readFileSync(file, 'utf8').matchAll(/^#{2,6} (.*)$/gm)].map(([, text]) =>
      text!
        .replaceAll(/[\\`]/g, '')
        .replace(/^(?:get|set|abstract) /, '')
        .replace(/[(<].*$/, '')
        .trim(),
    ),
  )
  headings.set(file, found)
  return found
}

const isThere = (name: PublicName): boolean => {
  // A class that two namespaces export has its methods on the page of one of them.
  const pages = name.kind === 'method' ? [pageOf(name), pageOf({ ...name, namespaces: [] })] : [pageOf(name)]
  return pages.some((page) => page !== undefined && headingsOf(page).has(name.name.split('.').at(-1)!))
}

rmSync(out, { recursive: true, force: true })
await generate()
mendLinks()
const names = publicNames()
const missing = names.filter((name) => !isThere(name))
for (const { name } of missing) console.error(`${name} is missing from docs/api`)
console.log(`API pages: ${names.length} names, ${missing.length} missing`)
process.exitCode = missing.length === 0 ? 0 : 1
