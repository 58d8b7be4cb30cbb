/** Resizing along one axis as a matrix: row i has the weights of the old elements in the new element i. */
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'

/** The weights of a new element, by its position among the old elements. */
type WeightsAt = (center: number, count: number) => readonly (readonly [index: number, weight: number])[]

const matrixOf = (from: number, to: number, weightsAt: WeightsAt): NDArray => {
  const rows = Array.from({ length: to }, (_, i) => {
    const row = Array<number>(from).fill(0)
    for (const [j, w] of weightsAt(((i + 0.5) * from) / to, from)) row[j]! += w
    return row
  })
  return np.array(rows, { dtype: 'float32' })
}

/** Keys' cubic kernel, "Cubic Convolution Interpolation for Digital Image Processing" (1981), with `a`; 0 beyond 2. */
const cubic = (a: number, t: number): number => {
  const x = Math.abs(t)
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? a * (((x - 5) * x + 8) * x - 4) : 0
}

/** PyTorch's `bicubic` without `align_corners`: four elements with a = -0.75; the ends are repeated. */
export const cubicWeights = (from: number, to: number): NDArray =>
  matrixOf(from, to, (center, count) => {
    const place = center - 0.5
    const first = Math.floor(place) - 1
    return [0, 1, 2, 3].map((k) => [Math.min(Math.max(first + k, 0), count - 1), cubic(-0.75, place - first - k)])
  })
