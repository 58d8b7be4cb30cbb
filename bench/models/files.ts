/** Models that scripts/fetch-models.sh has put there. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { openGguf } from 'pullback/io'

export const root = join(import.meta.dirname, '..', '..', '.models')

/** A file, by what its path ends with; null if it is not there. */
export const find = (ending: string): string | null => {
  if (!existsSync(root)) return null
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith(ending))
  return found === undefined ? null : join(root, found)
}

export const minilm = find('model/model.safetensors')
export const smollm = find('SmolLM2-135M-Instruct.Q4_1.gguf')

export const canOpen = async (): Promise<boolean> =>
  minilm !== null && smollm !== null && (await openGguf(smollm)())._tag === 'Right'
