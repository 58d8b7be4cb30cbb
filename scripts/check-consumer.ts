/**
 * Packs the package, installs the pack into a project of its own, and compiles that as users do: with the oldest and the newest
 * TypeScript that are supported, with every way of resolving modules that they have, with and without the options that
 * `tsc --init` writes, strictly, and with the declarations checked too.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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

/** fast-check's own declarations do not resolve with node10. */
const sources = ['programs', 'paths.ts', 'testing.ts']

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
const compile = (folder: string, name: string, options: object, include = sources): void => {
  const config = { compilerOptions: options, include }
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
  rmSync(join(folder, 'testing.ts'))
  check('tsc --init, declarations checked', '--skipLibCheck', 'false')
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
        compile(folder, 'node10', options, ['programs', 'paths.ts'])
        compile(folder, 'node10, pullback/testing', { ...options, skipLibCheck: true }, ['testing.ts'])
      } else {
        compile(folder, moduleResolution, options)
      }
    }
    compileInitial(folder)
  }
} finally {
  rmSync(home, { recursive: true, force: true })
}
