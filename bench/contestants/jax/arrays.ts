/** What jax-js's arrays ask for: most uses consume one (hence `ref`), and reading is another matter with threads. */
import { init, defaultDevice, numpy } from '@jax-js/jax'
import type { Array as JaxArray } from '@jax-js/jax'

export type { JaxArray }

await init('wasm')
defaultDevice('wasm')

export const array = (data: Float32Array<ArrayBuffer>, shape: readonly number[]): JaxArray =>
  numpy.array(data).reshape([...shape])

/** What is read synchronously is computed on the calling thread; its pool, if it has one, serves promises only. */
const hasPool = typeof Worker !== 'undefined'

type Elements = Float32Array | Promise<Float32Array>

/** The elements, in JS's hands. Consumes the array. */
export const read: (x: JaxArray) => Elements = hasPool
  ? (x) => x.data() as Promise<Float32Array>
  : (x) => x.dataSync() as Float32Array

const firstOf = async (elements: Promise<Float32Array>): Promise<number> => (await elements)[0]!

/** A scalar as a number, or its promise. Consumes the array. */
export const readNumber = (x: JaxArray): number | Promise<number> => {
  const elements = read(x)
  return elements instanceof Float32Array ? elements[0]! : firstOf(elements)
}

/** Waits until the array is computed, without reading it, and frees it. */
export const finish = async (x: JaxArray): Promise<void> => {
  await x.blockUntilReady()
  x.dispose()
}
