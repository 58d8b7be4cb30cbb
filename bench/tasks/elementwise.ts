/** W2: chains of elementwise operations on 4 M floats. */
import { symmetric } from './data.ts'
import type { Rows } from './row.ts'

export type Chain = 'W2.chain' | 'W2.gelu'

export const length = 4 * 2 ** 20
export const operand = (): Float32Array<ArrayBuffer> => symmetric(3, length, 3)

export const rows: Rows<Chain> = {
  'W2.chain': { what: '`tanh(sin(x) · exp(x) + 1)`, 4 M floats', agreement: 'elements', target: { timesFaster: 3 } },
  'W2.gelu': { what: 'gelu (tanh form), 4 M floats', agreement: 'elements', target: { timesFaster: 4 } },
}
