/** What an editor shows when a pointer rests on a name: users' own type names, not what they expand to. */
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { describe, expect, it } from 'vitest'

const root = fileURLToPath(new URL('../../', import.meta.url))
const config = ts.getParsedCommandLineOfConfigFile(
  `${root}tsconfig.json`,
  {},
  {
    ...ts.sys,
    onUnRecoverableConfigFileDiagnostic: (problem) => {
      throw new Error(ts.flattenDiagnosticMessageText(problem.messageText, '\n'))
    },
  },
)!

const source = `
import { checkpoint, grad, jit, lax, optim, valueAndGrad, vmap, vjp, jvp, tree, np } from 'pullback'
import type { NDArray, TreeOfArrays } from 'pullback'
interface Params { readonly w: NDArray; readonly layers: readonly { readonly b: NDArray | null }[] }
interface Mixed { readonly w: NDArray; readonly rate: number }
declare const params: Params
declare const mixed: Mixed
declare const x: NDArray
declare const loss: (params: Params, x: NDArray) => NDArray
const gradient = grad(loss)(params, x)
const ofFirst = grad(loss)
const [value, slope] = valueAndGrad(loss)(params, x)
const both = grad(loss, { argnums: [0, 1] })(params, x)
const compiled = jit((params: Params, x: NDArray) => ({ params, x }))(params, x)
const [out, pullback] = vjp(loss, params, x)
const pulled = pullback(x)
const tangent = jvp((params: Params) => params, [params], [params])
const carry = lax.foriLoop(0, 3, (_, params) => params, params)
const mapped = vmap((params: Params) => params)(params)
const kept = checkpoint((params: Params) => params)(params)
const ofMixed = grad((m: Mixed) => m.w.mul(m.rate))(mixed)
const updated = optim.applyUpdates(params, gradient)
const doubled = tree.map((p) => p.mul(2), params)
`

const file = `${root}test/types/hovered.ts`
const service = ts.createLanguageService({
  getCompilationSettings: () => config.options,
  getScriptFileNames: () => [file],
  getScriptVersion: () => '0',
  getScriptSnapshot: (name) => {
    const text = name === file ? source : ts.sys.readFile(name)
    return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text)
  },
  getCurrentDirectory: () => root,
  getDefaultLibFileName: (options) => ts.getDefaultLibFilePath(options),
  fileExists: (name) => name === file || ts.sys.fileExists(name),
  readFile: (name) => ts.sys.readFile(name),
})

/** The type that is shown for a constant of the source. */
const shown = (name: string): string => {
  const info = service.getQuickInfoAtPosition(file, source.search(new RegExp(`(?<=const .*)\\b${name}\\b`)))
  return ts
    .displayPartsToString(info?.displayParts)
    .replace(/^const \w+: /, '')
    .replace(/\s+/g, ' ')
}

describe('what editors show', () => {
  it('compiles', () => {
    const problems = service.getSemanticDiagnostics(file)
    expect(problems.map((p) => ts.flattenDiagnosticMessageText(p.messageText, '\n'))).toEqual([])
  })

  it.each([
    ['gradient', 'Params'],
    ['ofFirst', '(params: Params, x: NDArray) => Params'],
    ['slope', 'Params'],
    ['both', 'readonly [Params, NDArray]'],
    ['compiled', '{ params: Params; x: NDArray; }'],
    ['pulled', '[Params, NDArray]'],
    ['tangent', '[out: Params, tangentOut: Params]'],
    ['carry', 'Params'],
    ['mapped', 'Params'],
    ['kept', 'Params'],
    ['ofMixed', '{ readonly w: NDArray; readonly rate: NDArray; }'],
    ['updated', 'Params'],
    ['doubled', 'Params'],
  ])('shows of %s the type %s', (name, type) => {
    expect(shown(name)).toBe(type)
  })
})
