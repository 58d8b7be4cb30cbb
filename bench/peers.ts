/** The other libraries, made ready. */
import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import * as jax from '@jax-js/jax'
import * as tf from '@tensorflow/tfjs'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import type { Contestant } from './timing.ts'

export { jax, tf }

const require = createRequire(import.meta.url)
setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep)
await jax.init('wasm')
jax.defaultDevice('wasm')

const backends = ['cpu', 'wasm'] as const

export const names = ['Pullback', 'plain loops', 'TensorFlow.js cpu', 'TensorFlow.js wasm', 'jax-js'] as const
export type Name = (typeof names)[number]

/** TensorFlow.js on each of its back ends, which is global: every turn sets it first. */
export const onTensorFlow = async (
  make: () => { readonly run: () => unknown; readonly per?: number },
): Promise<readonly Contestant[]> => {
  const contestants: Contestant[] = []
  for (const backend of backends) {
    const enter = (): Promise<boolean> => tf.setBackend(backend)
    await enter()
    contestants.push({ name: `TensorFlow.js ${backend}` satisfies Name, enter, ...make() })
  }
  return contestants
}
