/** Saves every recorded family with `saveModel`, for check_saved.py: `tsx --conditions=source test/models/save_recorded.ts FOLDER`. */
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { openModel } from 'pullback/io'
import { loadModel, loadParams, saveModel } from 'pullback/models'
import type { SavedModel } from 'pullback/models'
import { optConfig, optForCausalLM } from '../../examples/bring-your-own-model/opt.ts'
import { get, rightOf } from '../io/support/recorded.ts'

const data = resolve(import.meta.dirname, 'data')
const [, , out = ''] = process.argv
if (out === '') throw new Error('Give the folder to write to.')

/** In one file, and in several. */
const save = async (family: string, contents: SavedModel): Promise<void> => {
  for (const [folder, maxShardBytes] of [[family, 2 ** 30] as const, [`${family}.sharded`, 8000] as const]) {
    const saved = await saveModel(join(out, folder), contents, { maxShardBytes })()
    if (saved._tag === 'Left') throw new Error(`${family}: ${saved.left.message}`)
  }
}

for (const family of readdirSync(data)) {
  const { model, params, state, files } = await get(loadModel(join(data, family)))
  await save(family, { ...files, params, state, architecture: model.architecture })
}

// The family of docs/bring-your-own-model.md.
const files = await get(openModel(join(import.meta.dirname, 'own/opt')))
const params = await get(loadParams(optForCausalLM(rightOf(optConfig(files.config))), files.weights))
await save('opt', { ...files, params, architecture: 'OPTForCausalLM' })
