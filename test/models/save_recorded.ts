/** Saves every recorded family with `saveModel`, for check_saved.py: `tsx --conditions=source test/models/save_recorded.ts FOLDER`. */
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { loadModel, saveModel } from 'pullback/models'

const data = resolve(import.meta.dirname, 'data')
const out = process.argv[2]
if (out === undefined) throw new Error('Give the folder to write to.')

for (const family of readdirSync(data)) {
  const loaded = await loadModel(join(data, family))()
  if (loaded._tag === 'Left') throw new Error(`${family}: ${loaded.left.message}`)
  const { model, params, state, files } = loaded.right
  const contents = { ...files, params, state, architecture: model.architecture }
  // In one file, and in several.
  for (const [folder, maxShardBytes] of [[family, 2 ** 30] as const, [`${family}.sharded`, 8000] as const]) {
    const saved = await saveModel(join(out, folder), contents, { maxShardBytes })()
    if (saved._tag === 'Left') throw new Error(`${family}: ${saved.left.message}`)
  }
}
