/** Arithmetic of addresses and counts: i32 values, with constant folding. */
import type { Expr } from '../asm/index.ts'
import { i32, op, select } from '../asm/index.ts'

type I32 = Expr<'i32'>

const asI32 = (x: I32 | number): I32 => (typeof x === 'number' ? i32(x) : x)

export const plus = (x: I32, y: I32 | number): I32 => (y === 0 ? x : op('i32.add', x, asI32(y)))
export const minus = (x: I32 | number, y: I32 | number): I32 => (y === 0 ? asI32(x) : op('i32.sub', asI32(x), asI32(y)))

const shiftOf = (n: number): number | null => (n > 0 && (n & (n - 1)) === 0 ? Math.log2(n) : null)

export const times = (x: I32, n: number): I32 => {
  if (n === 0) return i32(0)
  if (n === 1) return x
  const shift = shiftOf(n)
  return shift === null ? op('i32.mul', x, i32(n)) : op('i32.shl', x, i32(shift))
}

/** x div n and x mod n, of unsigned values. */
export const quotient = (x: I32, n: number): I32 => {
  const shift = shiftOf(n)
  if (shift === null) return op('i32.div_u', x, i32(n))
  return shift === 0 ? x : op('i32.shr_u', x, i32(shift))
}
export const remainder = (x: I32, n: number): I32 => {
  if (n === 1) return i32(0)
  return shiftOf(n) === null ? op('i32.rem_u', x, i32(n)) : op('i32.and', x, i32(n - 1))
}

/** The smaller of two unsigned values. */
export const smaller = (x: I32, y: I32 | number): I32 => select(op('i32.lt_u', x, asI32(y)), x, asI32(y))

/** Clamps `x` to the range from 0 to `limit`; negative values, read as unsigned, are beyond the limit. */
export const clamped = (x: I32, limit: number, signed: boolean): I32 => {
  const below = smaller(x, limit)
  return signed ? select(op('i32.lt_s', x, i32(0)), i32(0), below) : below
}

/** The sum of a base and `parts`. */
export const offsetBy = (base: I32, parts: readonly I32[]): I32 => parts.reduce((sum, x) => op('i32.add', sum, x), base)
