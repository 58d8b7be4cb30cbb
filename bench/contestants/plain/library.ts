import type { Library } from '../library.ts'

/** Loops on typed arrays, for scale: what there would be without any library. */
export const library: Library = {
  setUp: () => Promise.resolve(),
  families: {
    network: async () => (await import('./network.ts')).works,
    dispatch: async () => (await import('./dispatch.ts')).works,
  },
}
