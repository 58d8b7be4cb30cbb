/** Advice that users did not ask for. */
import { warn } from './console.ts'
import { settings } from './settings.ts'

const given = new Set<string>()

/** Prints advice, once, unless `debug.warnings(false)` forbids. */
export const adviseOnce = (text: string): void => {
  if (!settings.warnings || given.has(text)) return
  given.add(text)
  warn(`Pullback: ${text} (debug.warnings(false) silences this.)`)
}
