import { installBrowserWorker } from '../../harness/browserWorker.ts'
import type { Library } from '../library.ts'

/** jax-js on its WebAssembly back end. Its pool starts where there is a `Worker`. */
export const library: Library = {
  setUp: (threads) => {
    if (threads) installBrowserWorker()
    return Promise.resolve()
  },
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
