/**
 * Programs that use little, bundled as users bundle them: what is dropped must not be what gives arrays their methods or
 * operations their meaning. The bundlers differ in what they drop, so each program goes through two.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import * as esbuild from 'esbuild'
import { build } from 'vite'
import { afterAll, beforeAll, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '../..')
const alias = { pullback: join(root, 'src/index.ts') }

let folder = ''
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'pullback-bundles-'))
})
afterAll(() => {
  rmSync(folder, { recursive: true, force: true })
})

const withEsbuild = async (code: string, outfile: string): Promise<void> => {
  await esbuild.build({
    stdin: { contents: code, resolveDir: root, loader: 'js' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    outfile,
    alias,
    logLevel: 'error',
  })
}

const withVite = async (code: string, outfile: string): Promise<void> => {
  const entry = join(root, 'bundled-program.js')
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    resolve: { alias },
    plugins: [
      { name: 'program', resolveId: (id) => (id === entry ? id : null), load: (id) => (id === entry ? code : null) },
    ],
    build: {
      lib: { entry, formats: ['es'], fileName: () => 'program.mjs' },
      outDir: outfile.replace(/\.mjs$/, ''),
      minify: true,
    },
  })
  writeFileSync(outfile, `import ${JSON.stringify(join(outfile.replace(/\.mjs$/, ''), 'program.mjs'))}`)
}

const bundlers = { esbuild: withEsbuild, vite: withVite }

const programs: readonly (readonly [imports: string, expression: string, printed: string])[] = [
  ['grad', 'grad((x) => x.mul(x))(3)', '6.'],
  ['grad, lax', 'grad((x) => lax.foriLoop(0, 3, (i, y) => y.mul(x), x))(3)', '108.'],
  ['np', 'np.linalg.qr(np.eye(2))[0].abs()', '[[1. 0.] [0. 1.]]'],
  ['nn', 'nn.maxPool(nn.relu([[[[1], [2]], [[3], [4]]]]), [2, 2])', '[[[[4.]]]]'],
  ['random', 'random.uniform(random.key(0), [2]).shape', '2'],
  ['checkpoint, grad', 'grad(checkpoint((x) => x.mul(x)))(3)', '6.'],
  ['np, jit', 'jit((x) => np.linalg.cholesky(x))(np.eye(2))', '[[1. 0.] [0. 1.]]'],
  [
    'grad, customJvp',
    '(() => { const f = customJvp((x) => x); f.defjvp(([x], [t]) => [x, t.mul(5)]); return grad(f)(2) })()',
    '5.',
  ],
  [
    'evalProgram, parseProgram',
    "evalProgram(parseProgram('program(a: f32[1,1]) {\\n  b: f32[1,1] = cholesky a\\n  return b\\n}').right, [[[4]]])",
    '[[2.]]',
  ],
]

test.each(Object.keys(bundlers).flatMap((name) => programs.map((p) => [name as keyof typeof bundlers, ...p] as const)))(
  '%s: %s, %s',
  async (bundler, imports, expression, printed) => {
    const outfile = join(folder, `${bundler}-${programs.findIndex(([, e]) => e === expression)}.mjs`)
    await bundlers[bundler](`import { ${imports} } from 'pullback'\nconsole.log(String(${expression}))`, outfile)
    expect(execFileSync(process.execPath, [outfile], { encoding: 'utf8' }).trim().replaceAll(/\s+/g, ' ')).toBe(printed)
  },
)
