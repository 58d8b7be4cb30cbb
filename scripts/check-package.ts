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
  // What users of pullback/testing and of pullback/tokenizers have installed beside it.
  for (const peer of ['fast-check', 'pure-rand', '@huggingface']) {
    symlinkSync(join(root, 'node_modules', peer), join(folder, 'node_modules', peer))
  }
  writeFileSync(
    join(folder, 'use.mjs'),
    `import { grad, np } from 'pullback'
import { checkGrads } from 'pullback/testing'
import { loadTokenizer } from 'pullback/tokenizers'
const model = { type: 'WordLevel', unk_token: '?', vocab: { '?': 0, hello: 1 } }
const tokenizer = loadTokenizer({ tokenizerJson: { model } })
if (tokenizer.right.encode('hello').ids[0] !== 1) throw new Error('pullback/tokenizers does not work')
checkGrads((x) => np.sin(x), [np.array([0.5])])
console.log(grad((x) => np.sin(x).mul(x).sum())(np.array([0, 1])).toArray().length)
`,
  )
  const broken = brokenLinks(home)
  if (broken.length > 0) throw new Error(`links that lead nowhere in the package:\n${broken.join('\n')}`)
  const printed = run('node', ['use.mjs'], folder).trim()
  if (printed !== '2') throw new Error(`the packed package printed ${printed}`)
  const help = run('node', [join(home, 'dist', 'cli', 'main.js'), '--help'], folder)
  if (!help.startsWith('pullback COMMAND')) throw new Error(`the packed command line printed ${help}`)
  console.log(
    `package: ${pack.entryCount} files, ${(pack.size / 1024).toFixed(0)} KB packed; links hold; works in plain Node`,
  )
} finally {
  rmSync(folder, { recursive: true, force: true })
}
