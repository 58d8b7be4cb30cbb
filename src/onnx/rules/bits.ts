/** Random bits. */
import { threefryRounds } from '../../primitives/threefryRounds.ts'
import type { Value } from '../writer.ts'
import type { Rule, Rules } from './rule.ts'

const threefry2x32: Rule<'threefry2x32'> = (w, [k0, k1, c0, c1]) => {
  const word = (x: number): Value => w.like(x, k0!)
  const shift = (x: Value, by: number, direction: 'LEFT' | 'RIGHT'): Value =>
    w.elementwise('BitShift', [x, word(by)], 'uint32', { direction })
  const words = {
    word,
    add: (a: Value, b: Value) => w.apply('Add', a, b),
    xor: (a: Value, b: Value) => w.apply('BitwiseXor', a, b),
    rotate: (x: Value, by: number) => w.apply('BitwiseOr', shift(x, by, 'LEFT'), shift(x, 32 - by, 'RIGHT')),
  }
  return threefryRounds(words, [k0!, k1!], [c0!, c1!])
}

export const bits = { threefry2x32 } satisfies Partial<Rules>
