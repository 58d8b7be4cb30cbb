/** Every public name has a doc comment: exports of the entries, members of namespaces, methods of public classes. */
import { resolve } from 'node:path'
import ts from 'typescript'

const root = resolve(import.meta.dirname, '..')
const entries = ['src/index.ts', 'src/testing/index.ts', 'src/io/index.ts', 'src/models/index.ts'].map((file) => resolve(root, file))
const program = ts.createProgram(entries, {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  allowImportingTsExtensions: true,
  noEmit: true,
  strict: true,
})
const checker = program.getTypeChecker()

const original = (symbol: ts.Symbol): ts.Symbol =>
  (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)

const isDocumented = (symbol: ts.Symbol): boolean => symbol.getDocumentationComment(checker).length > 0

let count = 0
const missing: string[] = []

const check = (name: string, symbol: ts.Symbol): void => {
  count++
  if (!isDocumented(symbol)) missing.push(name)
}

const isNamed = (member: ts.Symbol): boolean => !member.name.startsWith('__') && !member.name.startsWith('#')

const isPublicMethod = (member: ts.Symbol): boolean =>
  (member.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.Accessor)) !== 0 &&
  isNamed(member) &&
  !['toString', 'toJSON'].includes(member.name) &&
  (member.declarations ?? []).every((d) => (ts.getCombinedModifierFlags(d) & ts.ModifierFlags.Private) === 0)

const visit = (prefix: string, exported: ts.Symbol): void => {
  const symbol = original(exported)
  const name = `${prefix}${exported.name}`
  if ((symbol.flags & ts.SymbolFlags.ValueModule) !== 0) {
    for (const inner of checker.getExportsOfModule(symbol)) visit(`${name}.`, inner)
    return
  }
  check(name, symbol)
  if ((symbol.flags & ts.SymbolFlags.Class) === 0 || name.endsWith('Error')) return
  for (const member of checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
    if (isPublicMethod(member)) check(`${name}.${member.name}`, member)
  }
}

for (const entry of entries) {
  const module = checker.getSymbolAtLocation(program.getSourceFile(entry)!)!
  const prefix = entry.includes('testing') ? 'testing.' : ''
  for (const exported of checker.getExportsOfModule(module)) visit(prefix, exported)
}

for (const name of missing) console.error(`${name} has no doc comment`)
console.log(`docs: ${count} public names, ${missing.length} without a doc comment`)
process.exitCode = missing.length === 0 ? 0 : 1
