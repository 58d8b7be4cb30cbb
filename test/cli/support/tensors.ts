/** Recorded and computed arrays, compared. */
import type { NDArray } from 'pullback'
import { np } from 'pullback'

interface Tensors {
  readonly [name: string]: NDArray
}

/** The largest difference, over the largest value where that is more than 1. */
export const off = (x: NDArray, y: NDArray): number =>
  np.max(np.abs(np.subtract(x, y))).item() / Math.max(1, np.max(np.abs(x)).item())

/** Tensors whose names have a beginning, without it. */
export const under = (prefix: string, tensors: Tensors): Tensors =>
  Object.fromEntries(
    Object.entries(tensors).flatMap(([name, x]) => (name.startsWith(prefix) ? [[name.slice(prefix.length), x]] : [])),
  )
