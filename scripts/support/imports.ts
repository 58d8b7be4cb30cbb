import { dirname, join } from 'node:path/posix'
import ts from 'typescript'

/** From the ground up. A file may import from layers before its own, and from its own folder. */
export const layers: readonly (readonly string[])[] = [
  ['core'],
  ['ir'],
  ['trace'],
  ['ops'],
  ['primitives'],
  ['passes', 'transforms', 'conversions'],
  ['surface', 'lowering'],
  ['backends'],
  ['runtime'],
  ['api'],
  ['numpy', 'random', 'lax'],
  ['nn'],
  ['optim'],
  ['stablehlo'],
  ['onnx'],
  ['xla'],
  ['testing', 'eslint'],
  ['io'],
  ['tokenizers'],
  ['models'],
  ['train'],
  ['interpret'],
  ['cli'],
  ['index.ts'],
]

/** Globals of Node that a browser does not have. */
const nodeGlobals = new Set(['process', 'Buffer', '__dirname', '__filename', 'require', 'global', 'setImmediate'])

interface Import {
  readonly name: string
  readonly typeOnly: boolean
  readonly node: ts.Node
}

/** The modules that a node names: by an import or export declaration, by `import()`, or by a type `import('...')`. */
const importOf = (node: ts.Node): Import | null => {
  const named = (name: ts.Node | undefined, typeOnly: boolean): Import | null =>
    name !== undefined && ts.isStringLiteral(name) ? { name: name.text, typeOnly, node } : null
  if (ts.isImportDeclaration(node)) {
    return named(node.moduleSpecifier, node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword)
  }
  if (ts.isExportDeclaration(node)) return named(node.moduleSpecifier, node.isTypeOnly)
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) return named(node.argument.literal, true)
  const isDynamic = ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
  return isDynamic ? named(node.arguments[0], false) : null
}

/** Whether an identifier stands for a variable: not for a property, except one of `globalThis`. */
const isVariable = (node: ts.Identifier): boolean => {
  const { parent } = node
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) {
    return ts.isIdentifier(parent.expression) && parent.expression.text === 'globalThis'
  }
  return !(
    (ts.isPropertyAssignment(parent) || ts.isTypeElement(parent) || ts.isClassElement(parent)) &&
    parent.name === node
  )
}

const descendants = (node: ts.Node): readonly ts.Node[] => {
  const found: ts.Node[] = []
  const visit = (inner: ts.Node): void => {
    found.push(inner)
    ts.forEachChild(inner, visit)
  }
  visit(node)
  return found
}

const folderOf = (file: string): string => file.split('/')[0]!
const layerOf = (file: string): number => layers.findIndex((names) => names.includes(folderOf(file)))
const target = (file: string, name: string): string => join(dirname(file), name)

/** Packages that a user installs beside this one, and the folder that needs them. */
const peers: ReadonlyMap<string, string> = new Map([
  ['fast-check', 'testing'],
  ['@huggingface/tokenizers', 'tokenizers'],
  ['@huggingface/jinja', 'tokenizers'],
])
const peerList = [...peers].map(([name, folder]) => `${name} in ${folder}`).join(', ')

/** What forbids a file to import a module of that name, or null. */
const fault = (file: string, { name, typeOnly }: Import): string | null => {
  if (!name.startsWith('.')) {
    const allowed = (name.startsWith('fp-ts/') && typeOnly) || peers.get(name) === folderOf(file)
    return allowed ? null : `only types of fp-ts, and peers in their folder (${peerList}), come from outside`
  }
  const to = target(file, name)
  if (folderOf(file) === folderOf(to)) return null
  if (layerOf(to) < 0) return `${folderOf(to)} is in no layer; add it to scripts/support/imports.ts`
  return layerOf(to) < layerOf(file) ? null : `${folderOf(to)} is not a layer below ${folderOf(file)}`
}

/** The circles that a depth-first walk meets, each file entered once. */
const circles = (edges: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] => {
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

/** Everything that a file loads, itself too. */
const closure = (edges: ReadonlyMap<string, readonly string[]>, start: string): ReadonlySet<string> => {
  const seen = new Set([start])
  for (const file of seen) for (const next of edges.get(file) ?? []) seen.add(next)
  return seen
}

/** Files that load records: those of the operations that every program may meet, and those of a family. */
const loadsRecords = /^primitives\/(registry|([^/]+\/)*([a-z]\w*O|o)perations)\.ts$/

/**
 * Operations applied where their records may be missing. `primitives/linalg/operations.ts` installs the records of what
 * `ops/linalg.ts` applies: code above the rules goes through it, and rules that are loaded without it apply none of them.
 */
const recordless = (edges: ReadonlyMap<string, readonly string[]>): readonly string[] => {
  const loaders = [...edges.keys()].filter((file) => loadsRecords.test(file))
  const owners = new Map<string, string>()
  for (const file of loaders) {
    for (const to of edges.get(file) ?? []) if (folderOf(to) === 'ops') owners.set(to, file)
  }
  const problems: string[] = []
  const check = (file: string, loaded: ReadonlySet<string>): void => {
    for (const to of edges.get(file) ?? []) {
      const owner = owners.get(to)
      if (owner === undefined || loaded.has(owner)) continue
      problems.push(`src/${file} imports ${to}, of which ${owner} has the records: import that instead`)
    }
  }
  for (const file of edges.keys()) {
    if (layerOf(file) > layerOf('primitives/registry.ts')) check(file, new Set())
  }
  for (const loader of loaders) {
    const loaded = closure(edges, loader)
    for (const file of loaded) if (folderOf(file) === 'primitives') check(file, loaded)
  }
  return problems
}

/**
 * What breaks the architecture in these files (path under src, text): imports that do not point down the layers, circles
 * of imports, modules from outside, globals of Node, and operations without their records. Type-only imports count for
 * layers, but make no circles.
 */
export const importProblems = (files: ReadonlyMap<string, string>): readonly string[] => {
  const problems: string[] = []
  const edges = new Map<string, readonly string[]>()
  for (const [file, text] of files) {
    if (layerOf(file) < 0)
      problems.push(`src/${file}: ${folderOf(file)} is in no layer; add it to scripts/support/imports.ts`)
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true)
    const place = (node: ts.Node): string =>
      `src/${file}:${source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1}`
    const nodes = descendants(source)
    for (const node of nodes) {
      if (!ts.isIdentifier(node) || !nodeGlobals.has(node.text) || !isVariable(node)) continue
      problems.push(`${place(node)} uses ${node.text}, which a browser does not have`)
    }
    const imports = nodes.flatMap((node) => importOf(node) ?? [])
    for (const i of imports) {
      const why = fault(file, i)
      if (why !== null) problems.push(`${place(i.node)} imports ${i.name}: ${why}`)
    }
    const loaded = imports.filter((i) => !i.typeOnly && i.name.startsWith('.'))
    edges.set(
      file,
      loaded.map((i) => target(file, i.name)),
    )
  }
  return [
    ...problems,
    ...recordless(edges),
    ...circles(edges).map((circle) => `a circle of imports: ${circle.join(' -> ')}`),
  ]
}
