/** Installs the contestants if that is needed, builds the package as it is published, and runs the benchmark on it. */
import { spawnSync } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'

const here = import.meta.dirname

const npm = (...args: readonly string[]): void => {
  const { status } = spawnSync('npm', args, { cwd: here, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}

/** npm writes a copy of the lock file beside what it has installed. */
const isInstalled = (): boolean => {
  const copy = join(here, 'node_modules', '.package-lock.json')
  return existsSync(copy) && statSync(copy).mtimeMs >= statSync(join(here, 'package-lock.json')).mtimeMs
}

if (!isInstalled()) npm('ci', '--no-audit', '--no-fund')
npm('--prefix', '..', 'run', '--silent', 'build')
npm('run', '--silent', 'bench', '--', ...process.argv.slice(2))
