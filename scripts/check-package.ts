/**
 * Packs the package as it is built, with its API pages; installs the pack where nothing else is, looks whether links in it lead
 * somewhere, and uses it as plain JavaScript in Node.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { brokenLinks } from './support/links.ts'

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
  const [pack] = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', folder], root),
  ) as readonly [Pack]
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
  const broken = brokenLinks(home)
  if (broken.length > 0) throw new Error(`links that lead nowhere in the package:\n${broken.join('\n')}`)
  const printed = run('node', ['use.mjs'], folder).trim()
  if (printed !== '2') throw new Error(`the packed package printed ${printed}`)
  console.log(
    `package: ${pack.entryCount} files, ${(pack.size / 1024).toFixed(0)} KB packed; links hold; works in plain Node`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
