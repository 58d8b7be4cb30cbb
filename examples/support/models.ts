/** Real models, as `scripts/fetch-models.sh` puts them on the disk. */
import { existsSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'

const root = join(import.meta.dirname, '..', '..', '.models')

/** A file of a package whose name begins so, by what its path ends with; null if it is not there. */
export const findFile = (name: string, ending: string): string | null => {
  if (!existsSync(root)) return null
  const packages = readdirSync(root).filter((folder) => folder.startsWith(name) && !folder.endsWith('.part'))
  for (const folder of packages) {
    const files = readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    const found = files.find((file) => file.endsWith(ending))
    if (found !== undefined) return join(root, folder, found)
  }
  return null
}

/** The folder of a model; null if it is not there. */
export const findModel = (name: string): string | null => {
  const weights = findFile(name, 'model.safetensors')
  return weights === null ? null : dirname(weights)
}
