/**
 * Elementwise operations of two and three operands. In the formulas, z is the output and t the tangent of the operand before
 * the colon.
 */
import type { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import { allocate, isLong } from '../core/dtype.ts'
import { DTypeError, ProgramError } from '../core/errors.ts'
import { sameShape } from '../core/shape.ts'
import type { OpName } from '../ir/op.ts'
import * as ops from '../ops/elementwise.ts'
import { fullLike, zerosLike, zerosOf } from '../ops/creation.ts'
import type { NDArray } from '../trace/value.ts'
import { addTangents, batchElementwise, binary, checkAccepts, checkSame, isLinear, single } from './kinds.ts'
import * as loops from './loops.ts'
import type { Linear, Primitive, Tangent } from './primitive.ts'
import { bigPower, integerPower32, logaddexp, nextafterHalf, nextafter32, nextafter64, power } from './special.ts'

const { abs, add, and, div, eq, floor, gt, le, log, lt, max, mul, neg, pow, select, sign, sub } = ops

const when = (x: NDArray | Linear, ct: NDArray): Tangent => (isLinear(x) ? ct : null)
/** The known operand of a product that is linear in the other one. */
const known = (op: OpName, x: NDArray | Linear): NDArray => {
  if (!isLinear(x)) return x
  throw new ProgramError(`transpose: ${op} is not linear in both its operands, nor in a divisor (${x.aval}).`)
}
const zeroToOne = (x: NDArray): NDArray => select(eq(x, zerosLike(x)), fullLike(x, 1), x)

export const addP = binary('add', {
  accepts: 'number',
  big: (x, y) => x + y,
  evaluate: (x, y) => x + y,
  loop: loops.addLoop,
  jvp: [(t) => t, (t) => t],
  transpose: (ct, x, y) => [when(x, ct), when(y, ct)],
  facts: { linear: true, commutative: true, rounds: 'alike' },
})
export const subP = binary('sub', {
  accepts: 'number',
  big: (x, y) => x - y,
  evaluate: (x, y) => x - y,
  loop: loops.subLoop,
  jvp: [(t) => t, (t) => neg(t)],
  transpose: (ct, x, y) => [when(x, ct), isLinear(y) ? neg(ct) : null],
  facts: { linear: true, rounds: 'alike' },
})
export const mulP = binary('mul', {
  accepts: 'number',
  big: (x, y) => x * y,
  evaluate: { general: (x, y) => x * y, int32: Math.imul, uint32: Math.imul },
  loop: loops.mulLoop,
  jvp: [(t, _, y) => mul(t, y), (t, x) => mul(x, t)],
  transpose: (ct, x, y) => {
    if (isLinear(x)) return [mul(ct, known('mul', y)), null]
    return [null, mul(x, ct)]
  },
  facts: { commutative: true, rounds: 'alike' },
})
// x: t / y;  y: -(t / y)·z, in this order: z / y may underflow where the product does not
export const divP = binary('div', {
  accepts: 'number',
  big: (x, y) => (y === 0n ? -1n : x / y),
  evaluate: {
    general: (x, y) => x / y,
    int32: (x, y) => (y === 0 ? -1 : (x / y) | 0),
    uint32: (x, y) => (y === 0 ? 0xffffffff : Math.trunc(x / y)),
  },
  loop: loops.divLoop,
  jvp: [(t, _, y) => div(t, y), (t, _, y, z) => neg(mul(div(t, y), z))],
  transpose: (ct, _, y) => [div(ct, known('div', y)), null],
  facts: { cost: 4, rounds: 'alike' },
})
// x: t;  y: -t·trunc(x / y)
export const remP = binary('rem', {
  accepts: 'number',
  big: (x, y) => (y === 0n ? x : x % y),
  evaluate: {
    general: (x, y) => x % y,
    int32: (x, y) => (y === 0 ? x : x % y),
    uint32: (x, y) => (y === 0 ? x : x % y),
  },
  jvp: [
    (t) => t,
    (t, x, y) => {
      const quotient = div(x, y)
      return mul(neg(t), mul(sign(quotient), floor(abs(quotient))))
    },
  ],
  facts: { cost: 20, rounds: 'alike' },
})
// x: t·y·x^(y-1), 0 where y = 0;  y: t·z·log x, 0 where x = 0
export const powP = binary('pow', {
  accepts: 'number',
  big: bigPower,
  evaluate: { general: power, int32: integerPower32, uint32: integerPower32 },
  jvp: [
    (t, x, y) => {
      const slope = mul(zeroToOne(y), pow(x, sub(y, fullLike(y, 1))))
      return mul(t, select(eq(y, zerosLike(y)), zerosLike(y), slope))
    },
    (t, x, _, z) => mul(t, mul(log(zeroToOne(x)), z)),
  ],
  facts: { cost: 50, rounds: 'freely' },
})
// The weight of x in the sum: σ(x - y). Equal infinities have a half each.
const part = (x: NDArray, y: NDArray): NDArray => {
  const difference = sub(x, y)
  return ops.logistic(select(and(ops.ne(difference, difference), eq(x, y)), zerosLike(x), difference))
}
// x: t·σ(x - y);  y: t·σ(y - x)
export const logaddexpP = binary('logaddexp', {
  accepts: 'float',
  evaluate: logaddexp,
  jvp: [(t, x, y) => mul(t, part(x, y)), (t, x, y) => mul(t, part(y, x))],
  facts: { commutative: true, cost: 30 },
})
// x / (x² + y²), scaled by the larger of the two, so that the squares neither overflow nor underflow.
const overSquares = (x: NDArray, y: NDArray): NDArray => {
  const larger = ops.stopGradient(max(abs(x), abs(y)))
  const usable = and(gt(larger, zerosLike(x)), ops.isFinite(larger))
  const unit = select(usable, larger, fullLike(x, 1))
  const [a, b] = [div(x, unit), div(y, unit)]
  return div(div(a, add(mul(a, a), mul(b, b))), unit)
}
// y: t·x / (x² + y²), x: -t·y / (x² + y²), for atan2(y, x)
export const atan2P = binary('atan2', {
  accepts: 'float',
  evaluate: Math.atan2,
  jvp: [(t, y, x) => mul(t, overSquares(x, y)), (t, y, x) => mul(t, neg(overSquares(y, x)))],
  facts: { cost: 24 },
})

// The weight of each operand: 1 where it alone is the output, 1/2 where both are.
const share = (x: NDArray, other: NDArray, z: NDArray): NDArray => {
  const mine = select(eq(x, z), fullLike(z, 1), zerosLike(z))
  return div(mine, select(eq(other, z), fullLike(z, 2), fullLike(z, 1)))
}

export const maxP = binary('max', {
  accepts: 'any',
  big: (x, y) => (x > y ? x : y),
  evaluate: Math.max,
  loop: loops.maxLoop,
  jvp: [(t, x, y, z) => mul(t, share(x, y, z)), (t, x, y, z) => mul(t, share(y, x, z))],
  facts: { commutative: true },
})
export const minP = binary('min', {
  accepts: 'any',
  big: (x, y) => (x < y ? x : y),
  evaluate: Math.min,
  loop: loops.minLoop,
  jvp: [(t, x, y, z) => mul(t, share(x, y, z)), (t, x, y, z) => mul(t, share(y, x, z))],
  facts: { commutative: true },
})
export const nextafterP = binary('nextafter', {
  accepts: 'float',
  evaluate: {
    general: nextafter64,
    float32: nextafter32,
    float16: nextafterHalf('float16'),
    bfloat16: nextafterHalf('bfloat16'),
  },
  jvp: 'zero',
  facts: { narrow: 'as they are' },
})

export const andP = binary('and', {
  accepts: 'bits',
  big: (x, y) => x & y,
  evaluate: (x, y) => x & y,
  jvp: 'zero',
  facts: { commutative: true },
})
export const orP = binary('or', {
  accepts: 'bits',
  big: (x, y) => x | y,
  evaluate: (x, y) => x | y,
  jvp: 'zero',
  facts: { commutative: true },
})
export const xorP = binary('xor', {
  accepts: 'bits',
  big: (x, y) => x ^ y,
  evaluate: (x, y) => x ^ y,
  jvp: 'zero',
  facts: { commutative: true },
})
const beyondWidth = (n: number): boolean => n < 0 || n > 31
const beyondBigWidth = (n: bigint): boolean => n < 0n || n > 63n
export const shiftLeftP = binary('shiftLeft', {
  accepts: 'integer',
  big: (x, n) => (beyondBigWidth(n) ? 0n : x << n),
  evaluate: (x, n) => (beyondWidth(n) ? 0 : x << n),
  jvp: 'zero',
})
export const shiftRightLogicalP = binary('shiftRightLogical', {
  accepts: 'integer',
  big: (x, n) => (beyondBigWidth(n) ? 0n : BigInt.asUintN(64, x) >> n),
  evaluate: (x, n) => (beyondWidth(n) ? 0 : x >>> n),
  jvp: 'zero',
  facts: { narrow: 'as unsigned' },
})
export const shiftRightArithmeticP = binary('shiftRightArithmetic', {
  accepts: 'integer',
  big: (x, n) => BigInt.asIntN(64, x) >> (beyondBigWidth(n) ? 63n : n),
  evaluate: (x, n) => x >> (beyondWidth(n) ? 31 : n),
  jvp: 'zero',
  facts: { narrow: 'as signed' },
})

const bit = (b: boolean): number => (b ? 1 : 0)
export const eqP = binary('eq', {
  accepts: 'any',
  big: (x, y) => bit(x === y),
  evaluate: (x, y) => bit(x === y),
  loop: loops.eqLoop,
  jvp: 'zero',
  output: 'bool',
  facts: { commutative: true },
})
export const neP = binary('ne', {
  accepts: 'any',
  big: (x, y) => bit(x !== y),
  evaluate: (x, y) => bit(x !== y),
  loop: loops.neLoop,
  jvp: 'zero',
  output: 'bool',
  facts: { commutative: true },
})
export const ltP = binary('lt', {
  accepts: 'any',
  big: (x, y) => bit(x < y),
  evaluate: (x, y) => bit(x < y),
  loop: loops.ltLoop,
  jvp: 'zero',
  output: 'bool',
})
export const leP = binary('le', {
  accepts: 'any',
  big: (x, y) => bit(x <= y),
  evaluate: (x, y) => bit(x <= y),
  loop: loops.leLoop,
  jvp: 'zero',
  output: 'bool',
})
export const gtP = binary('gt', {
  accepts: 'any',
  big: (x, y) => bit(x > y),
  evaluate: (x, y) => bit(x > y),
  loop: loops.gtLoop,
  jvp: 'zero',
  output: 'bool',
})
export const geP = binary('ge', {
  accepts: 'any',
  big: (x, y) => bit(x >= y),
  evaluate: (x, y) => bit(x >= y),
  loop: loops.geLoop,
  jvp: 'zero',
  output: 'bool',
})

const selectData = (which: TypedArray, a: TypedArray, b: TypedArray, out: TypedArray): TypedArray => {
  const [w, x, y, z] = [which as Uint8Array, a as Float64Array, b as Float64Array, out as Float64Array]
  for (let i = 0; i < z.length; i++) z[i] = w[i] !== 0 ? x[i]! : y[i]!
  return out
}

// Linear in the two branches; a zero of one branch stays a select, so that NaN in the other does not leak.
export const selectP: Primitive<'select'> = {
  type: (_, [which, x, y]) => {
    checkSame('select', [x!, y!])
    if (which!.dtype !== 'bool' || !sameShape(which!.shape, x!.shape)) {
      throw new DTypeError(`select takes a bool array of shape [${x!.shape.join(', ')}] first, got ${which}.`)
    }
    return [x!.weak && !y!.weak ? y! : x!]
  },
  evaluate: (_, [which, a, b], __, [out]) => [selectData(which!, a!, b!, allocate(out!.dtype, out!.size))],
  jvp: (_, [which, x, y], [, tx, ty]) => {
    const out = select(which!, x!, y!)
    return single(out, select(which!, tx ?? zerosLike(x!), ty ?? zerosLike(y!)))
  },
  transpose: (_, [ct], [which, x, y]) => {
    const zeros = zerosOf(ct!.aval)
    const known = which as NDArray
    return [null, isLinear(x!) ? select(known, ct!, zeros) : null, isLinear(y!) ? select(known, zeros, ct!) : null]
  },
  batch: (params, operands, axes, size) => batchElementwise('select', params, operands, axes, size),
  facts: { elementwise: true, narrow: 'as they are' },
}

const clampBig = (low: BigInt64Array, x: BigInt64Array, high: BigInt64Array, out: Aval): TypedArray => {
  const z = allocate(out.dtype, out.size) as BigInt64Array
  for (let i = 0; i < z.length; i++) {
    const raised = x[i]! < low[i]! ? low[i]! : x[i]!
    z[i] = raised > high[i]! ? high[i]! : raised
  }
  return z
}

// x: t strictly inside; a bound: t where it is strictly beyond x
export const clampP: Primitive<'clamp'> = {
  type: (_, operands) => {
    checkAccepts('clamp', 'any', operands[1]!)
    checkSame('clamp', operands)
    return [operands[1]!]
  },
  evaluate: (_, [low, x, high], __, [out]) => {
    if (isLong(out!.dtype)) return [clampBig(low as BigInt64Array, x as BigInt64Array, high as BigInt64Array, out!)]
    const [l, v, h] = [low as Float64Array, x as Float64Array, high as Float64Array]
    const z = allocate(out!.dtype, out!.size) as Float64Array
    for (let i = 0; i < z.length; i++) z[i] = Math.min(Math.max(v[i]!, l[i]!), h[i]!)
    return [z]
  },
  jvp: (_, [low, x, high], [tl, tx, th]) => {
    const out = ops.clamp(low!, x!, high!)
    const zeros = zerosLike(out)
    const within = (condition: () => NDArray, t: Tangent | undefined): Tangent =>
      t === null || t === undefined ? null : select(condition(), t, zeros)
    // If the lower bound exceeds the upper one, the upper one applies.
    const dLow = within(() => and(gt(low!, x!), le(low!, high!)), tl)
    const dX = within(() => and(gt(x!, low!), lt(x!, high!)), tx)
    const dHigh = within(() => lt(high!, max(low!, x!)), th)
    return single(out, addTangents(addTangents(dLow, dX), dHigh))
  },
  batch: (params, operands, axes, size) => batchElementwise('clamp', params, operands, axes, size),
  facts: { elementwise: true },
}
