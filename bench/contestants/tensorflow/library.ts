import { createRequire } from 'node:module'
import os from 'node:os'
import { dirname, sep } from 'node:path'
import { installBrowserWorker } from '../../harness/browserWorker.ts'
import type { Library } from '../library.ts'

const require = createRequire(import.meta.url)

/**
 * What its threaded binary needs in Node: a `Worker`; to be told that there are threads, since it denies them to Node;
 * and twice the cores, since it takes half of them, in the belief that they are hyper-threads.
 */
const allowThreads = async (): Promise<void> => {
  const tf = await import('@tensorflow/tfjs')
  const cores = os.cpus()
  installBrowserWorker()
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', true)
  os.cpus = () => [...cores, ...cores]
}

/** TensorFlow.js on its WebAssembly back end. */
export const library: Library = {
  setUp: async (threads) => {
    const tf = await import('@tensorflow/tfjs')
    const { getThreadsCount, setThreadsCount, setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm')
    setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep)
    const cores = os.availableParallelism()
    if (threads) {
      await allowThreads()
      setThreadsCount(cores)
    }
    if (!(await tf.setBackend('wasm'))) throw new Error('TensorFlow.js: the WebAssembly back end did not start.')
    if (threads && getThreadsCount() < Math.min(cores, 8)) throw new Error('TensorFlow.js: its threads did not start.')
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
