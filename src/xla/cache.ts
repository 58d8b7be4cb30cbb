/** Compiled programs that outlive the process, in the store that `setCompilationCacheDir` sets: whole files, each with its digest. */
import type { Loaded } from './client.ts'
import { isLack } from './errors.ts'
import type { Site } from './kernel.ts'

/** The program of a module: from the store, if it has one that the plugin takes; else compiled, and kept if the plugin can write it. */
export const loadOrCompile = (
  { client, identity, store }: Pick<Site, 'client' | 'identity' | 'store'>,
  text: string,
): Loaded => {
  if (store === null) return client.compile(text)
  const key = `xla, ${identity}, ${text}`
  const bytes = store.get(key)
  if (bytes !== null) {
    try {
      return client.deserialize(bytes)
    } catch {
      // Of another build under the same name, or damaged beyond what the store can tell: compiled again.
    }
  }
  const loaded = client.compile(text)
  try {
    store.set(key, client.serialize(loaded))
  } catch (error) {
    // What cannot be written is compiled in each process.
    if (!isLack(error)) {
      client.destroyProgram(loaded)
      throw error
    }
  }
  return loaded
}
