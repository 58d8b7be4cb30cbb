/**
 * Holds the architecture: imports point up the list of layers, files do not import each other in circles, and nothing
 * that the package loads belongs to Node. Type-only imports count for layers, but make no circles.
 */
import { readFileSync, readdirSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import ts from 'typescript'

const root = resolve(import.meta.dirname, '../src')

/** From the ground up. A file may import from layers before its own, and from its own folder. */
const layers: readonly (readonly string[])[] = [
  ['core'],
  ['ir'],
  ['trace'],
  ['ops'],
  ['primitives'],
  ['passes', 'transforms', 'backends', 'surface'],
  ['runtime'],
  ['api'],
  ['numpy', 'random', 'lax'],
  ['nn'],
  ['optim'],
  ['testing'],
  ['index.ts'],
]

/** Namespaces of Node that the package must not load, and globals that a browser does not have. */
const nodeGlobals = new Set(['process', 'Buffer', '__dirname', '__filename', 'require', 'setImmediate'])

interface Import {
  readonly from: string
  readonly to: string
  readonly typeOnly: boolean
}

const files = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((f) => f.endsWith('.ts'))

const parse = (file: string): ts.SourceFile =>
  ts.createSourceFile(file, readFileSync(join(root, file), 'utf8'), ts.ScriptTarget.ES2023, true)

const isTypeOnly = (node: ts.ImportDeclaration | ts.ExportDeclaration): boolean =>
  ts.isExportDeclaration(node) ? node.isTypeOnly : node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword

const problems: string[] = []

const importsOf = (file: string, source: ts.SourceFile): readonly Import[] =>
  source.statements.flatMap((node) => {
    if (!ts.isImportDeclaration(node) && !ts.isExportDeclaration(node)) return []
    if (node.moduleSpecifier === undefined || !ts.isStringLiteral(node.moduleSpecifier)) return []
    const name = node.moduleSpecifier.text
    const typeOnly = isTypeOnly(node)
    if (name.startsWith('.')) {
      return [{ from: file, to: relative(root, resolve(root, dirname(file), name)), typeOnly }]
    }
    const allowed = (name.startsWith('fp-ts/') && typeOnly) || (name === 'fast-check' && file.startsWith('testing/'))
    if (!allowed) problems.push(`${file} imports ${name}; only types of fp-ts, and fast-check in testing, may be.`)
    return []
  })

const checkGlobals = (file: string, source: ts.SourceFile): void => {
  const visit = (node: ts.Node): void => {
    const used = ts.isIdentifier(node) && nodeGlobals.has(node.text) && !ts.isPropertyAccessExpression(node.parent)
    if (used) problems.push(`${file} uses ${node.text}, which a browser does not have.`)
    ts.forEachChild(node, visit)
  }
  visit(source)
}

const folderOf = (file: string): string => file.split('/')[0]!
const layerOf = (file: string): number => layers.findIndex((names) => names.includes(folderOf(file)))

const checkLayer = ({ from, to }: Import): void => {
  if (folderOf(from) === folderOf(to)) return
  const [lower, upper] = [layerOf(to), layerOf(from)]
  if (lower < 0) problems.push(`${to} is in no layer; add its folder to scripts/check-imports.ts.`)
  else if (lower >= upper) problems.push(`${from} imports ${to}, but ${folderOf(to)} is not below ${folderOf(from)}.`)
}

/** A circle of value imports through this file, if there is one; depth-first, each file once. */
const circles = (edges: ReadonlyMap<string, readonly string[]>): readonly string[][] => {
  const done = new Set<string>()
  const found: string[][] = []
  const walk = (file: string, path: readonly string[]): void => {
    const at = path.indexOf(file)
    if (at >= 0) found.push([...path.slice(at), file])
    if (at >= 0 || done.has(file)) return
    for (const next of edges.get(file) ?? []) walk(next, [...path, file])
    done.add(file)
  }
  for (const file of edges.keys()) walk(file, [])
  return found
}

const edges = new Map<string, readonly string[]>()
for (const file of files) {
  const source = parse(file)
  checkGlobals(file, source)
  const imports = importsOf(file, source)
  imports.forEach(checkLayer)
  edges.set(
    file,
    imports.filter((i) => !i.typeOnly).map((i) => i.to),
  )
}
for (const circle of circles(edges)) problems.push(`a circle: ${circle.join(' -> ')}`)

for (const problem of problems) console.error(problem)
console.log(`imports: ${files.length} files, ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1
