/** Compiled programs in the store of `setCompilationCacheDir`, which writes files atomically and checks their digests. */
import type { Loaded } from './client.ts'
import { isLack } from './errors.ts'
import type { Site } from './kernel.ts'

/** Loads a module's program from the store, or compiles it and stores it if the plugin can serialize programs. */
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
      // The plugin rejects it, as one of another build does: compile it again.
    }
  }
  const loaded = client.compile(text)
  try {
    store.set(key, client.serialize(loaded))
  } catch (error) {
    // A plugin without serialization compiles in each process.
    if (!isLack(error)) {
      client.destroyProgram(loaded)
      throw error
    }
  }
  return loaded
}
