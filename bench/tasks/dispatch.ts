/** W8: what a call costs where there is next to nothing to compute. The elements end up in JS's hands. */
import type { Rows } from './row.ts'

export type Call = 'W8.jit' | 'W8.eager' | 'W8.grad'

export const eight = Float32Array.from({ length: 8 }, (_, i) => i)
/** Where the gradient is taken. */
export const at = 0.7

export const rows: Rows<Call> = {
  'W8.jit': { what: 'jitted `x * 2 + 1` on 8 elements', agreement: 'elements', target: { microseconds: 3 } },
  'W8.eager': { what: 'eager `x * 2 + 1` on 8 elements', agreement: 'elements', target: { microseconds: 2 } },
  'W8.grad': { what: 'eager gradient of `sin(x · x)`', agreement: 'elements', target: { microseconds: 15 } },
}
