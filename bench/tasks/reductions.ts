/** W3: sums, and what normalises rows. */
import { symmetric, uniform } from './data.ts'
import type { Rows } from './row.ts'

export type Reduction = 'W3.sum' | 'W3.softmax' | 'W3.layerNorm'

export const shape = [4096, 1024] as const
const length = shape[0] * shape[1]
export const terms = (): Float32Array<ArrayBuffer> => uniform(4, length)
export const table = (): Float32Array<ArrayBuffer> => symmetric(5, length, 4)

/** Layer norm is `(x - mean) / sqrt(variance + epsilon)`, without scale and offset. */
export const epsilon = 1e-5

export const rows: Rows<Reduction> = {
  'W3.sum': { what: 'sum of 4 M floats', agreement: 'elements', target: { timesFaster: 2.5 } },
  'W3.softmax': { what: 'softmax over rows of [4096, 1024]', agreement: 'elements', target: { timesFaster: 1 } },
  'W3.layerNorm': { what: 'layer norm over rows of [4096, 1024]', agreement: 'elements', target: { timesFaster: 3 } },
}
