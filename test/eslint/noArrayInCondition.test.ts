import { fileURLToPath } from 'node:url'
import { Linter, RuleTester } from 'eslint'
import pullback from 'pullback/eslint'
import tseslint from 'typescript-eslint'
import { afterAll, describe, expect, it } from 'vitest'

Object.assign(RuleTester, { describe, it, itOnly: it.only, afterAll })

const languageOptions = {
  parser: tseslint.parser,
  parserOptions: {
    projectService: { allowDefaultProject: ['test/eslint/*.ts'], defaultProject: 'tsconfig.json' },
    tsconfigRootDir: fileURLToPath(new URL('../../', import.meta.url)),
  },
}
const filename = fileURLToPath(new URL('code.ts', import.meta.url))

const header = `import { np } from 'pullback'
import { NDArray } from 'pullback'
import type { ArrayLike } from 'pullback'
declare const x: NDArray
declare const mask: NDArray | null
declare const like: ArrayLike
declare const n: number
declare const options: { readonly mask?: NDArray }
`

const tester = new RuleTester({ languageOptions })
const rule = pullback.rules['no-array-in-condition']!

/** One program for all statements: each is checked with its types. */
const all = (...statements: readonly string[]): string => `${header}${statements.join('\n')}\n`

/** Statements that each have one error, of this kind. */
const wrong = (messageId: string, ...statements: readonly string[]) => ({
  name: `${messageId}: ${statements.length} statements`,
  filename,
  code: all(...statements),
  errors: statements.map((_, i) => ({ messageId, line: header.split('\n').length + i })),
})

tester.run('no-array-in-condition', rule, {
  valid: [
    {
      name: 'elements, presence, and other types',
      filename,
      code: all(
        'if (x.greater(0).bool()) n',
        'if (np.isTrue(np.all(x)) && n > 2) n',
        'while (x.less(100).bool()) n',
        'if (mask) mask.sum()',
        'const total = mask ? mask.sum() : x',
        'if (!options.mask) n',
        'if (mask === null || options.mask === undefined || undefined !== options.mask || mask == null) n',
        'const chosen = mask ?? options.mask ?? x',
        'const size = x.size + n * 2 - x.shape.length',
        'const text = `${x.item()} ${x.toString()} ${x.aval}`',
        'const few = [1, 2].filter((k) => x.get(k).bool())',
        'if (x instanceof Object) n',
        'if (like === 2) n',
        'if (Object.getPrototypeOf(x) === NDArray.prototype) n',
        'const kind = typeof x',
        'class NDArray2 { readonly aval = 1 }',
        'declare const other: NDArray2',
        'if (other) n',
        'const generic = <T extends number>(t: T) => (t ? t + 1 : t)',
      ),
    },
  ],
  invalid: [
    wrong(
      'condition',
      'if (x) n',
      'if (x.greater(0)) n',
      'while (x.less(100)) n',
      'do n; while (x.less(100))',
      'for (; x.less(100); ) n',
      'const a = x.greater(0) ? x : n',
      'const b = !x',
      'const c = x && n',
      'const d = n || x.equal(2) || n',
      'if (n > 2 && x.greater(0)) n',
      'const e = Boolean(x.any())',
      'if (like) n',
      'const f = [x].filter((y) => y.greater(0))',
      'const g = [x].some(np.isnan)',
      'const h = <T extends NDArray>(t: T) => (t ? 1 : 2)',
      'if (((x))) n',
    ),
    wrong('equality', 'if (x === x.T) n', 'const a = x !== mask', 'const b = x.sum() == x', 'const c = like === x'),
    wrong('comparison', 'if (x > x) n', 'const a = x.sum() < n', 'while (n <= x) n', 'const b = x.sum() >= 0'),
    wrong(
      'arithmetic',
      'const a = x + x',
      'const b = n * x',
      'const c = -x',
      'const d = +x.sum()',
      'const e = "a" + x',
      'let f = n; f += x',
      'const g = x ** 2',
    ),
    wrong('template', 'const a = `${x}`', 'const b = `${n} and ${x.sum()}`'),
  ],
})

describe('the rule', () => {
  it('asks for types where there are none', () => {
    const lint = () => new Linter().verify('if (x) y', [pullback.configs.recommended] as never)
    expect(lint).toThrow(/needs types.*projectService/)
  })

  it('has a remedy in every message', () => {
    for (const text of Object.values(rule.meta.messages)) {
      expect(text).toMatch(/x\.(bool|equal|\{\{method\}\}|toString)|\{\{instead\}\}/)
    }
  })
})
