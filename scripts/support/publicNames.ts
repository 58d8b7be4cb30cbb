/** Every public name: exports of the entries, members of namespaces, methods of public classes. */
import { resolve } from 'node:path'
import ts from 'typescript'

const root = resolve(import.meta.dirname, '../..')

/** The subpaths of the package, by their first name. */
const entries = {
  pullback: 'src/index.ts',
  testing: 'src/testing/index.ts',
  eslint: 'src/eslint/index.ts',
  io: 'src/io/index.ts',
  models: 'src/models/index.ts',
  tokenizers: 'src/tokenizers/index.ts',
  train: 'src/train/index.ts',
  interpret: 'src/interpret/index.ts',
  stablehlo: 'src/stablehlo/index.ts',
  onnx: 'src/onnx/index.ts',
  xla: 'src/xla/index.ts',
} as const

export interface PublicName {
  /** As users write it: `np.linalg.qr`, `NDArray.at`; of other entries, `testing.programs`. */
  readonly name: string
  /** The namespaces that it is in; none for exports of the entries. */
  readonly namespaces: readonly string[]
  readonly entry: keyof typeof entries
  readonly kind: 'function' | 'class' | 'method' | 'other'
  readonly isDocumented: boolean
  readonly hasExample: boolean
}

export const publicNames = (): readonly PublicName[] => {
  const program = ts.createProgram(
    Object.values(entries).map((file) => resolve(root, file)),
    {
      target: ts.ScriptTarget.ES2023,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      allowImportingTsExtensions: true,
      noEmit: true,
      strict: true,
    },
  )
  const checker = program.getTypeChecker()
  const names: PublicName[] = []

  const original = (symbol: ts.Symbol): ts.Symbol =>
    (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)

  const kindOf = (symbol: ts.Symbol): PublicName['kind'] => {
    if ((symbol.flags & ts.SymbolFlags.Class) !== 0) return 'class'
    if ((symbol.flags & ts.SymbolFlags.Value) === 0) return 'other'
    return checker.getTypeOfSymbol(symbol).getCallSignatures().length > 0 ? 'function' : 'other'
  }

  const add = (place: Pick<PublicName, 'name' | 'namespaces' | 'entry' | 'kind'>, symbol: ts.Symbol): void => {
    names.push({
      ...place,
      isDocumented: symbol.getDocumentationComment(checker).length > 0,
      hasExample: symbol.getJsDocTags(checker).some((tag) => tag.name === 'example'),
    })
  }

  const isNamed = (member: ts.Symbol): boolean => !member.name.startsWith('__') && !member.name.startsWith('#')

  const isPublicMethod = (member: ts.Symbol): boolean =>
    (member.flags & (ts.SymbolFlags.Method | ts.SymbolFlags.Accessor)) !== 0 &&
    isNamed(member) &&
    !member.getJsDocTags(checker).some((tag) => tag.name === 'internal') &&
    !['toString', 'toJSON'].includes(member.name) &&
    (member.declarations ?? []).every((d) => (ts.getCombinedModifierFlags(d) & ts.ModifierFlags.Private) === 0)

  const visit = (entry: PublicName['entry'], namespaces: readonly string[], exported: ts.Symbol): void => {
    const symbol = original(exported)
    if ((symbol.flags & ts.SymbolFlags.ValueModule) !== 0) {
      for (const inner of checker.getExportsOfModule(symbol)) visit(entry, [...namespaces, exported.name], inner)
      return
    }
    const name = [...(entry === 'pullback' ? [] : [entry]), ...namespaces, exported.name].join('.')
    const kind = kindOf(symbol)
    add({ name, namespaces, entry, kind }, symbol)
    if (kind !== 'class' || name.endsWith('Error')) return
    for (const member of checker.getDeclaredTypeOfSymbol(symbol).getProperties()) {
      if (isPublicMethod(member)) add({ name: `${name}.${member.name}`, namespaces, entry, kind: 'method' }, member)
    }
  }

  for (const [entry, file] of Object.entries(entries)) {
    const module = checker.getSymbolAtLocation(program.getSourceFile(resolve(root, file))!)!
    for (const exported of checker.getExportsOfModule(module)) visit(entry as PublicName['entry'], [], exported)
  }
  return names
}
