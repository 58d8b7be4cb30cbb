/** The Threefry-2x32 block cipher (Salmon et al. 2011) on vectors; the same as in primitives/bits.ts. */
import type { Code } from '../asm/index.ts'
import { i32, i32x4, op } from '../asm/index.ts'
import type { Vector } from './lanes.ts'

const rotations = [13, 15, 26, 6, 17, 29, 16, 24] as const
const parity = 0x1bd11bda

const rotate = (x: Vector, by: number): Vector =>
  op('v128.or', op('i32x4.shl', x, i32(by)), op('i32x4.shr_u', x, i32(32 - by)))

/** Both words of a block, for keys and counters. */
export const threefryRounds = (code: Code, [k0, k1, c0, c1]: readonly Vector[]): readonly [Vector, Vector] => {
  const keys = [code.let(k0!), code.let(k1!)]
  keys.push(code.let(op('v128.xor', op('v128.xor', keys[0]!, keys[1]!), i32x4(parity))))
  const x0 = code.variable(op('i32x4.add', c0!, keys[0]!))
  const x1 = code.variable(op('i32x4.add', c1!, keys[1]!))
  for (let round = 0; round < 20; round++) {
    code.set(x0, op('i32x4.add', x0.get, x1.get))
    code.set(x1, op('v128.xor', rotate(x1.get, rotations[round % 8]!), x0.get))
    if (round % 4 !== 3) continue
    const i = (round + 1) / 4
    code.set(x0, op('i32x4.add', x0.get, keys[i % 3]!))
    code.set(x1, op('i32x4.add', op('i32x4.add', x1.get, keys[(i + 1) % 3]!), i32x4(i)))
  }
  return [x0.get, x1.get]
}
