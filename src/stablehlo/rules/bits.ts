/** Random bits. */
import { threefryRounds } from '../../primitives/threefryRounds.ts'
import type { Value } from '../writer.ts'
import type { Rule, Rules } from './rule.ts'

const threefry2x32: Rule<'threefry2x32'> = (w, [k0, k1, c0, c1]) => {
  const word = (x: number): Value => w.like(x, k0!)
  const words = {
    word,
    add: (a: Value, b: Value) => w.plain('add', a, b),
    xor: (a: Value, b: Value) => w.plain('xor', a, b),
    rotate: (x: Value, by: number) =>
      w.plain('or', w.plain('shift_left', x, word(by)), w.plain('shift_right_logical', x, word(32 - by))),
  }
  return threefryRounds(words, [k0!, k1!], [c0!, c1!])
}

export const bits = { threefry2x32 } satisfies Partial<Rules>
