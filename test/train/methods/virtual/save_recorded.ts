/** Saves every recorded adapter as we do, for check_saved.py: `tsx --conditions=source test/train/methods/virtual/save_recorded.ts FOLDER`. */
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { loadModel } from 'pullback/models'
import { prefixTuning, promptTuning } from 'pullback/train'
import { get } from '../../../io/support/recorded.ts'

const data = resolve(import.meta.dirname, 'applied')
const models = resolve(import.meta.dirname, '../../../models/data')
const [, , out = ''] = process.argv
if (out === '') throw new Error('Give the folder to write to.')

for (const name of readdirSync(data)) {
  const [from, to] = [join(data, name), join(out, name)]
  const family = name.slice(name.indexOf('-') + 1)
  const { model, params } = await get(loadModel(join(models, family === 'bert' ? 'bert-sequence' : family)))
  if (name.startsWith('prompt-')) {
    await get(promptTuning.save(to, await get(promptTuning.load(from, params))))
  } else {
    const { cacheShape } = model.decoder!
    await get(prefixTuning.save(to, await get(prefixTuning.load(from, params, { cacheShape }))))
  }
}
