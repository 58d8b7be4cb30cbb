import { dirname, join } from 'node:path/posix'
import ts from 'typescript'

const writers = new Set(['set', 'add', 'delete', 'clear', 'push', 'pop', 'shift', 'unshift', 'splice', 'register'])

const nameOf = (node: ts.Expression): string | null => (ts.isIdentifier(node) ? node.text : null)

/** The variable whose value a node changes: by a method of containers, by assigning to a field, or by `Object.assign`. */
const writtenBy = (node: ts.Node): string | null => {
  if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
    const { expression, name } = node.expression
    if (expression.getText() === 'Object' && name.text === 'assign') return nameOf(node.arguments[0]!)
    // Of numbers or arrays, not to a set.
    const isSum = name.text === 'add' && node.arguments.length !== 1
    return writers.has(name.text) && !isSum ? nameOf(expression) : null
  }
  const isAssignment =
    ts.isBinaryExpression(node) &&
    node.operatorToken.kind >= ts.SyntaxKind.FirstAssignment &&
    node.operatorToken.kind <= ts.SyntaxKind.LastAssignment
  if (!isAssignment) return null
  const { left } = node
  const isField = ts.isPropertyAccessExpression(left) || ts.isElementAccessExpression(left)
  return isField ? nameOf(left.expression) : null
}

const namesWritten = (source: ts.SourceFile): ReadonlySet<string> => {
  const names = new Set<string>()
  const visit = (node: ts.Node): void => {
    const name = writtenBy(node)
    if (name !== null) names.add(name)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}

const isContainer = /^(LruMap|FinalizationRegistry)$/
const isContainerIfEmpty = /^(Map|Set|WeakMap|WeakSet)$/

/** Whether a value is a container that starts empty: there to be filled. */
const isEmptyContainer = (value: ts.Expression | undefined): boolean => {
  if (value === undefined || !ts.isNewExpression(value)) return false
  const name = value.expression.getText()
  return isContainer.test(name) || (isContainerIfEmpty.test(name) && (value.arguments ?? []).length === 0)
}

const has = (modifiers: ts.NodeArray<ts.ModifierLike> | undefined, kind: ts.SyntaxKind): boolean =>
  modifiers?.some((m) => m.kind === kind) === true

/** What a statement declares at module scope: cells by themselves, and constants that are cells if somebody writes into them. */
interface Declared {
  readonly variables: readonly string[]
  readonly constants: readonly string[]
}

const none: Declared = { variables: [], constants: [] }

const declaredBy = (statement: ts.Statement): Declared => {
  if (ts.isVariableStatement(statement) && !has(statement.modifiers, ts.SyntaxKind.DeclareKeyword)) {
    const isConst = (statement.declarationList.flags & ts.NodeFlags.Const) !== 0
    const isVariable = (d: ts.VariableDeclaration): boolean => !isConst || isEmptyContainer(d.initializer)
    const names = (ds: readonly ts.VariableDeclaration[]): readonly string[] => ds.map((d) => d.name.getText())
    const { declarations } = statement.declarationList
    return {
      variables: names(declarations.filter(isVariable)),
      constants: names(declarations.filter((d) => !isVariable(d))),
    }
  }
  if (!ts.isClassDeclaration(statement)) return none
  const fields = statement.members.filter(ts.isPropertyDeclaration).filter((m) => {
    return has(m.modifiers, ts.SyntaxKind.StaticKeyword) && !has(m.modifiers, ts.SyntaxKind.ReadonlyKeyword)
  })
  return { variables: fields.map((m) => `${statement.name?.text ?? ''}.${m.name.getText()}`), constants: [] }
}

/**
 * The mutable cells of module scope in these files (path under src, text), as `file name`: every `let`, every container that
 * starts empty, every static field that is not readonly, and every constant that some file writes into: its own, or one that
 * imports it.
 */
export const mutableCells = (files: ReadonlyMap<string, string>): readonly string[] => {
  const sources = [...files].map(([file, text]) => {
    const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true)
    return { file, source, written: namesWritten(source) }
  })
  const imported = new Set<string>()
  for (const { file, source, written } of sources) {
    for (const s of source.statements) {
      if (!ts.isImportDeclaration(s) || s.importClause?.namedBindings === undefined) continue
      const { namedBindings } = s.importClause
      if (!ts.isNamedImports(namedBindings)) continue
      const from = join(dirname(file), (s.moduleSpecifier as ts.StringLiteral).text)
      for (const { name } of namedBindings.elements) if (written.has(name.text)) imported.add(`${from} ${name.text}`)
    }
  }
  return sources.flatMap(({ file, source, written }) => {
    return source.statements.flatMap((s) => {
      const { variables, constants } = declaredBy(s)
      const changed = constants.filter((n) => written.has(n) || imported.has(`${file} ${n}`))
      return [...variables, ...changed].map((name) => `${file} ${name}`)
    })
  })
}

/** The cells that a Markdown table lists, in rows such as: | `core/turns.ts` | `turn`, `piled` | ... |. */
export const listedCells = (markdown: string): readonly string[] =>
  [...markdown.matchAll(/^\| `([^`]+\.ts)` *\| ((?:`[^`]+`(?:, )?)+) *\|/gm)].flatMap(([, file, names]) =>
    [...names!.matchAll(/`([^`]+)`/g)].map(([, name]) => `${file} ${name}`),
  )
