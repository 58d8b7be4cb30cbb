/** Packs the package, installs the pack where nothing else is, and uses it as plain JavaScript in Node. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

interface Pack {
  readonly filename: string
  readonly entryCount: number
  readonly size: number
}

const root = resolve(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'pullback-pack-'))

const run = (command: string, args: readonly string[], cwd: string): string =>
  execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })

try {
  const [pack] = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder], root)) as readonly [Pack]
  const home = join(folder, 'node_modules', 'pullback')
  mkdirSync(home, { recursive: true })
  run('tar', ['-xzf', join(folder, pack.filename), '-C', home, '--strip-components=1'], folder)
  // What a user of pullback/testing has installed beside it.
  symlinkSync(join(root, 'node_modules', 'fast-check'), join(folder, 'node_modules', 'fast-check'))
  symlinkSync(join(root, 'node_modules', 'pure-rand'), join(folder, 'node_modules', 'pure-rand'))
  writeFileSync(
    join(folder, 'use.mjs'),
    `import { grad, np } from 'pullback'
import { checkGrads } from 'pullback/testing'
checkGrads((x) => np.sin(x), [np.array([0.5])])
console.log(grad((x) => np.sin(x).mul(x).sum())(np.array([0, 1])).toArray().length)
`,
  )
  const printed = run('node', ['use.mjs'], folder).trim()
  if (printed !== '2') throw new Error(`the packed package printed ${printed}`)
  console.log(`package: ${pack.entryCount} files, ${(pack.size / 1024).toFixed(0)} KB packed; works in plain Node`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
