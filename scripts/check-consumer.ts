/**
 * Packs the package, installs the pack into a project of its own, and compiles that as users do: with the oldest and the newest
 * TypeScript that are supported, with every way of resolving modules that they have, with and without the options that
 * `tsc --init` writes, strictly, and with the declarations checked too. What the newest compiled, plain Node then runs.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const root = resolve(import.meta.dirname, '..')

/** The oldest that is promised (as README.md says), the one that the project itself is built with, and the newest there is. */
const compilers = ['5.4', '6.0', 'latest'] as const

type Resolution = 'node10' | 'node16' | 'nodenext' | 'bundler'

const moduleFor: { readonly [R in Resolution]: string } = {
  node10: 'es2022',
  node16: 'node16',
  nodenext: 'nodenext',
  bundler: 'esnext',
}

/** From version 6 on node10 is deprecated, from 7 on there is none. */
const resolutionsOf = (major: number): readonly Resolution[] =>
  major < 7 ? ['node10', 'node16', 'nodenext', 'bundler'] : ['node16', 'nodenext', 'bundler']

const strict = {
  target: 'es2022',
  strict: true,
  noUncheckedIndexedAccess: true,
  exactOptionalPropertyTypes: true,
  noImplicitOverride: true,
  noPropertyAccessFromIndexSignature: true,
  isolatedModules: true,
  noEmit: true,
  skipLibCheck: false,
  types: [],
}

const sources = ['programs', 'paths.ts', 'testing.ts']

/** These import fast-check, whose own declarations do not resolve with node10. */
const withFastCheck = ['programs/propertyTests.ts', 'testing.ts']

/** What programs are run with to end in a moment. What they come to in earnest is tested in `test/consumer/programs.test.ts`. */
const quickly: Readonly<Record<string, readonly unknown[]>> = {
  characterGpt: [2],
  firstNetwork: [2],
  gaussianProcess: [2],
  hmc: [8],
  kalman: [2],
  maml: [2],
  optaxPort: [{ steps: 2, peak: 1e-2 }],
  pinn: [2],
  pipeline: [],
  propertyTests: [2],
  resumedCnn: [2],
  vae: [2],
}

const run = (command: string, args: readonly string[], cwd: string): string => {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(' ')} failed:\n${stdout}${stderr}`)
}

/** The package, and what its subpaths have for peers, beside a compiler. */
const install = (folder: string, pack: string, version: string): void => {
  mkdirSync(folder)
  const project = {
    private: true,
    type: 'module',
    dependencies: { pullback: `file:${pack}`, 'fast-check': '^4.0.0', 'fp-ts': '2.16.11', typescript: version },
  }
  writeFileSync(join(folder, 'package.json'), JSON.stringify(project))
  run('npm', ['install', '--no-audit', '--no-fund', '--no-package-lock', '--prefer-offline'], folder)
  // Programs that users write, and imports by every path.
  for (const name of sources) cpSync(join(root, 'test', 'consumer', name), join(folder, name), { recursive: true })
}

/** Compiles with a configuration. @throws Error with what the compiler says. */
const compile = (
  folder: string,
  name: string,
  options: object,
  files: { readonly include?: readonly string[]; readonly exclude?: readonly string[] } = {},
): void => {
  const config = { compilerOptions: options, include: sources, ...files }
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(config))
  run(
    process.execPath,
    [join(folder, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', '.', '--pretty', 'false'],
    folder,
  )
  console.log(`  ${name}`)
}

/** Compiles with what this compiler's own `tsc --init` writes, but for the output, and with declarations checked. */
const compileInitial = (folder: string): void => {
  const tsc = join(folder, 'node_modules', 'typescript', 'bin', 'tsc')
  rmSync(join(folder, 'tsconfig.json'), { force: true })
  run(process.execPath, [tsc, '--init'], folder)
  const check = (name: string, ...options: readonly string[]): void => {
    run(process.execPath, [tsc, '-p', '.', '--pretty', 'false', '--noEmit', ...options], folder)
    console.log(`  ${name}`)
  }
  check('tsc --init')
  // What the target of old compilers' defaults lacks, fast-check's declarations use.
  for (const name of withFastCheck) rmSync(join(folder, name))
  check('tsc --init, declarations checked', '--skipLibCheck', 'false')
}

/** Runs the programs against the installed package, in a Node of their own. */
const runPrograms = (folder: string): void => {
  const options = { ...strict, module: 'nodenext', moduleResolution: 'nodenext', noEmit: false }
  const out = { rootDir: 'programs', outDir: 'built' }
  compile(folder, 'the programs, to be run', { ...options, ...out }, { include: ['programs'] })
  for (const file of readdirSync(join(folder, 'built')).sort()) {
    const name = file.replace(/\.js$/, '')
    const args = quickly[name]
    if (args === undefined) throw new Error(`scripts/check-consumer.ts does not know with what to run ${name}`)
    const script = `import { run } from './built/${file}'; await run(...${JSON.stringify(args)})`
    run(process.execPath, ['--input-type=module', '--eval', script], folder)
    console.log(`  ran ${name}`)
  }
}

const home = mkdtempSync(join(tmpdir(), 'pullback-consumer-'))
try {
  const packed = JSON.parse(
    run('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', home], root),
  ) as readonly [{ readonly filename: string }]
  for (const version of compilers) {
    const folder = join(home, version)
    install(folder, join(home, packed[0].filename), version)
    const { version: exact } = JSON.parse(
      readFileSync(join(folder, 'node_modules', 'typescript', 'package.json'), 'utf8'),
    ) as { readonly version: string }
    console.log(`TypeScript ${exact}`)
    const major = Number(exact.split('.')[0])
    for (const moduleResolution of resolutionsOf(major)) {
      const deprecated = moduleResolution === 'node10' && major >= 6 ? { ignoreDeprecations: '6.0' } : {}
      const options = { ...strict, module: moduleFor[moduleResolution], moduleResolution, ...deprecated }
      if (moduleResolution === 'node10') {
        compile(folder, 'node10', options, { exclude: withFastCheck })
        compile(folder, 'node10, pullback/testing', { ...options, skipLibCheck: true }, { include: withFastCheck })
      } else {
        compile(folder, moduleResolution, options)
      }
    }
    if (version === 'latest') runPrograms(folder)
    compileInitial(folder)
  }
} finally {
  rmSync(home, { recursive: true, force: true })
}
