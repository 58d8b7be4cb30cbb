/** Real weights, which are too large to commit: below the folder PULLBACK_MODELS, or .models. */
import { existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'

const folder = resolve(process.env['PULLBACK_MODELS'] ?? '.models')

/** The file of a name, wherever it is below the folder; null if it is not there. */
export const findFile = (name: string): string | null => {
  if (!existsSync(folder)) return null
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' }).find(
    (path) => path === name || path.endsWith(`/${name}`),
  )
  return found === undefined ? null : join(folder, found)
}

/** Ends a test's name: why it is skipped, if it is. */
export const because = (path: string | null, name: string, source: string): string =>
  path === null ? ` (skipped: ${name} of ${source} is not below PULLBACK_MODELS or .models)` : ''
