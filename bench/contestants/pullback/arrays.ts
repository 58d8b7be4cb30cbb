import { np } from 'pullback'
import type { NDArray } from 'pullback'

export const array = (data: Float32Array<ArrayBuffer>, shape: readonly number[]): NDArray =>
  np.reshape(np.array(data), shape)

/** The elements, in JS's hands. */
export const read = (x: NDArray): Float32Array => x.dataSync() as Float32Array

/** One element, which there is only when the program has run. */
export const finish = (x: NDArray): number => np.reshape(x, [-1]).at(0).get().item() as number
