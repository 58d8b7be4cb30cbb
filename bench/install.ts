/** Installs the bench's dependencies, if they are missing or the lock has changed since. */
import { execSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = import.meta.dirname
const stamp = join(folder, 'node_modules', '.lock-hash')
const hash = createHash('sha256')
  .update(readFileSync(join(folder, 'package-lock.json')))
  .digest('hex')

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash) {
  execSync('npm ci --no-audit --no-fund', { cwd: folder, stdio: 'inherit' })
  writeFileSync(stamp, hash)
}
