/** Random bits. */
import type { Value } from '../writer.ts'
import type { Rule, Rules } from './rule.ts'

const rotations = [13, 15, 26, 6, 17, 29, 16, 24]

/** Threefry-2x32 with 20 rounds. Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011). */
const threefry2x32: Rule<'threefry2x32'> = (w, [k0, k1, c0, c1]) => {
  const word = (x: number): Value => w.like(x, k0!)
  const add = (a: Value, b: Value): Value => w.apply('Add', a, b)
  const xor = (a: Value, b: Value): Value => w.apply('BitwiseXor', a, b)
  const shift = (x: Value, by: number, direction: 'LEFT' | 'RIGHT'): Value =>
    w.elementwise('BitShift', [x, word(by)], 'uint32', { direction })
  const rotated = (x: Value, by: number): Value =>
    w.apply('BitwiseOr', shift(x, by, 'LEFT'), shift(x, 32 - by, 'RIGHT'))
  const keys = [k0!, k1!, xor(xor(k0!, k1!), word(0x1bd11bda))]
  let [a, b] = [add(c0!, k0!), add(c1!, k1!)]
  for (let round = 0; round < 20; round++) {
    a = add(a, b)
    b = xor(a, rotated(b, rotations[round % 8]!))
    if (round % 4 !== 3) continue
    const injection = (round + 1) / 4
    a = add(a, keys[injection % 3]!)
    b = add(b, add(keys[(injection + 1) % 3]!, word(injection)))
  }
  return [a, b]
}

export const bits = { threefry2x32 } satisfies Partial<Rules>
