import type { Library } from '../library.ts'

/** Pullback, as it is published: it finds out by itself what the engine has. */
export const library: Library = {
  setUp: () => Promise.resolve(),
  families: {
    matmul: async () => (await import('./matmul.ts')).works,
    elementwise: async () => (await import('./elementwise.ts')).works,
    reductions: async () => (await import('./reductions.ts')).works,
    network: async () => (await import('./network.ts')).works,
    convolution: async () => (await import('./convolution.ts')).works,
    transformer: async () => (await import('./transformer.ts')).works,
    dispatch: async () => (await import('./dispatch.ts')).works,
  },
}
