/** Operations on elements. */
import { bitsOf, isFloat, isHalf, limitsOf } from '../../core/dtype.ts'
import type { DType } from '../../core/dtype.ts'
import { bitcast as bitcastTo, nextafter } from '../expansions/bits.ts'
import * as elementary from '../expansions/elementary.ts'
import { programOf, widely } from '../expansions/program.ts'
import type { OnArrays } from '../expansions/program.ts'
import * as special from '../expansions/special.ts'
import type { OpName } from '../../ir/op.ts'
import { carrierOf } from '../writer.ts'
import type { Value, Writer } from '../writer.ts'
import { expanded } from './rule.ts'
import type { Rule, RuleOf, Rules } from './rule.ts'

/** One operator, in the dtype that engines compute in. */
const plain =
  (op: string): RuleOf<unknown> =>
  (w, operands) => [w.computed(operands, (...wide) => w.apply(op, ...wide))]

const isUnsigned = (dtype: DType): boolean => dtype === 'bool' || dtype.startsWith('uint')

const abs: Rule<'abs'> = (w, [x]) => [isUnsigned(x!.dtype) ? x! : w.computed([x!], (y) => w.apply('Abs', y))]

/** NaN stays. */
const sign: Rule<'sign'> = (w, [x]) => {
  if (x!.dtype.startsWith('uint')) return [w.cast(w.test('Not', w.test('Equal', x!, w.like(0, x!))), x!.dtype)]
  return [
    w.computed([x!], (y) => (isFloat(y.dtype) ? w.select(w.isNaN(y), y, w.apply('Sign', y)) : w.apply('Sign', y))),
  ]
}

const exp2: Rule<'exp2'> = (w, [x]) => [w.computed([x!], (y) => w.apply('Pow', w.like(2, y), y))]

const rsqrt: Rule<'rsqrt'> = (w, [x]) => [w.computed([x!], (y) => w.apply('Div', w.like(1, y), w.apply('Sqrt', y)))]

/** σ(x)·σ(-x). */
const logisticDensity: Rule<'logisticDensity'> = (w, [x]) => [
  w.computed([x!], (y) => w.apply('Mul', w.apply('Sigmoid', y), w.apply('Sigmoid', w.apply('Neg', y)))),
]

const isFinite: Rule<'isFinite'> = (w, [x]) => {
  if (!isFloat(x!.dtype)) return [w.constant(1, 'bool', x!.shape)]
  const y = isHalf(x!.dtype) ? w.cast(x!, 'float32') : x!
  return [w.test('Not', w.test('Or', w.test('IsNaN', y), w.test('IsInf', y)))]
}

const not: Rule<'not'> = (w, [x]) => [w.apply(x!.dtype === 'bool' ? 'Not' : 'BitwiseNot', x!)]

/** Bits, or bools. */
const bitwise =
  (op: 'And' | 'Or' | 'Xor'): RuleOf<unknown> =>
  (w, [x, y]) => [w.apply(x!.dtype === 'bool' ? op : `Bitwise${op}`, x!, y!)]

/** By squaring. */
const integerPow: Rule<'integerPow'> = (w, [x], { exponent }) => [
  w.computed([x!], (y) => {
    const one = w.like(1, y)
    let [power, result] = [y, null as Value | null]
    for (let n = Math.abs(exponent); n > 0; n = Math.floor(n / 2)) {
      if (n % 2 === 1) result = result === null ? power : w.apply('Mul', result, power)
      if (n > 1) power = w.apply('Mul', power, power)
    }
    return exponent < 0 ? w.apply('Div', one, result ?? one) : (result ?? one)
  }),
]

/** Floats saturate on their way to integers, and NaN is 0: engines say nothing of such. */
const saturated = (w: Writer, x: Value, dtype: DType): Value => {
  const wide = w.cast(x, 'float64')
  const [least, greatest] = limitsOf(dtype)
  // The greatest integer need not be a float64; one more is.
  const end = 2 ** (bitsOf(dtype) - (isUnsigned(dtype) ? 0 : 1))
  const isBelow = w.test('LessOrEqual', wide, w.like(Number(least), wide))
  const isAbove = w.test('GreaterOrEqual', wide, w.like(end, wide))
  const isOut = w.test('Or', w.test('IsNaN', wide), w.test('Or', isBelow, isAbove))
  const inside = w.cast(w.select(isOut, w.like(0, wide), wide), dtype)
  const low = w.select(isBelow, w.like(least, inside), inside)
  return w.select(isAbove, w.like(greatest, low), low)
}

/** To bool is "is not 0". */
export const converted = (w: Writer, x: Value, dtype: DType): Value => {
  if (x.dtype === dtype) return x
  if (dtype === 'bool') return w.test('Not', w.test('Equal', ...comparable(w, [x, w.like(0, x)])))
  if (isFloat(x.dtype) && !isFloat(dtype)) return saturated(w, x, dtype)
  // To 16 bits by way of float32, as everywhere here.
  if (isHalf(dtype)) return w.cast(w.cast(x, 'float32'), dtype)
  return w.cast(isHalf(x.dtype) ? w.cast(x, 'float32') : x, dtype)
}

/** Operands in a dtype that engines compare: of 64 bits without a sign, themselves. */
const comparable = (w: Writer, operands: readonly Value[]): readonly Value[] => {
  const { dtype } = operands[0]!
  return dtype === 'uint64' ? operands : operands.map((x) => w.cast(x, carrierOf(dtype)))
}

const compared =
  (op: string): RuleOf<unknown> =>
  (w, operands) => [w.test(op, ...comparable(w, operands))]

const extremal =
  (op: 'Max' | 'Min'): RuleOf<unknown> =>
  (w, [x, y]) => {
    if (x!.dtype === 'bool') return [w.apply(op === 'Max' ? 'Or' : 'And', x!, y!)]
    return [w.cast(w.apply(op, ...comparable(w, [x!, y!])), x!.dtype)]
  }

const clamp: Rule<'clamp'> = (w, [low, x, high]) => {
  const [a, b, c] = comparable(w, [low!, x!, high!])
  return [w.cast(w.apply('Min', w.apply('Max', b!, a!), c!), x!.dtype)]
}

/** An operator that ends the process for some integers, on others in their place: what they give is given, too. */
const divided =
  (
    op: 'Div' | 'Mod',
    byZero: (w: Writer, x: Value) => Value,
    byMinusOne: (w: Writer, x: Value) => Value,
  ): RuleOf<unknown> =>
  (w, operands) => {
    if (isFloat(operands[0]!.dtype)) {
      return [w.computed(operands, (x, y) => w.elementwise(op, [x, y], x.dtype, op === 'Mod' ? { fmod: 1 } : {}))]
    }
    const [x, y] = comparable(w, operands)
    const [one, isZero] = [w.like(1, y!), w.test('Equal', y!, w.like(0, y!))]
    const isMinusOne = y!.dtype === 'uint64' ? null : w.test('Equal', y!, w.like(-1, y!))
    const isSpecial = isMinusOne === null ? isZero : w.test('Or', isZero, isMinusOne)
    const safe = w.select(isSpecial, one, y!)
    const plainly = w.elementwise(op, [x!, safe], x!.dtype, op === 'Mod' ? { fmod: 1 } : {})
    const given = isMinusOne === null ? plainly : w.select(isMinusOne, byMinusOne(w, x!), plainly)
    return [w.cast(w.select(isZero, byZero(w, x!), given), operands[0]!.dtype)]
  }

const allBits = (w: Writer, x: Value): Value => (x.dtype === 'uint64' ? w.like(2n ** 64n - 1n, x) : w.like(-1, x))

/** Bits are moved as words of 64; what is moved out of the dtype is cut off by the conversion back. */
const shifted = (w: Writer, x: Value, by: Value, direction: 'LEFT' | 'RIGHT'): Value => {
  const count = w.cast(by, 'int64')
  const isInside = w.test(
    'And',
    w.test('GreaterOrEqual', count, w.like(0, count)),
    w.test('Less', count, w.like(bitsOf(x.dtype), count)),
  )
  const safe = w.cast(w.select(isInside, count, w.like(0, count)), 'uint64')
  const moved = w.cast(w.elementwise('BitShift', [w.cast(x, 'uint64'), safe], 'uint64', { direction }), x.dtype)
  return w.select(isInside, moved, w.like(0, moved))
}

const unsignedOf = (dtype: DType): DType => (isUnsigned(dtype) ? dtype : (`u${dtype}` as DType))

const shiftLeft: Rule<'shiftLeft'> = (w, [x, by]) => [shifted(w, x!, by!, 'LEFT')]

const shiftRightLogical: Rule<'shiftRightLogical'> = (w, [x, by]) => [
  w.cast(shifted(w, w.cast(x!, unsignedOf(x!.dtype)), by!, 'RIGHT'), x!.dtype),
]

const signedOf = (dtype: DType): DType => (dtype.startsWith('u') ? (dtype.slice(1) as DType) : dtype)

/** The first bit is the sign. Of a negative x, ~(~x >> n): zeros come in from the left, and are turned round. */
const shiftRightArithmetic: Rule<'shiftRightArithmetic'> = (w, [x, by]) => {
  const signed = w.cast(x!, signedOf(x!.dtype))
  const isNegative = w.test('Less', w.cast(signed, 'int64'), w.constant(0, 'int64', x!.shape))
  const turned = w.select(isNegative, w.apply('BitwiseNot', signed), signed)
  const moved = shifted(w, turned, by!, 'RIGHT')
  return [w.cast(w.select(isNegative, w.apply('BitwiseNot', moved), moved), x!.dtype)]
}

const asItIs: RuleOf<unknown> = (_, [x]) => [x!]

/** A formula on float64, for floats of any dtype. */
const wide = <N extends OpName>(op: N, f: OnArrays): Rule<N> => expanded(op, (_, operands) => widely(f, operands))

/** An operator for which engines have kernels of float32 only; float64 has a formula. */
const narrow = <N extends OpName>(op: N, operator: string, f: OnArrays): Rule<N> => {
  const formula = wide(op, f)
  return (w, operands, params, results) =>
    operands[0]!.dtype === 'float64'
      ? formula(w, operands, params, results)
      : plain(operator)(w, operands, params, results)
}

/** Integers as they wrap around; floats by arithmetic. */
const bitcast: Rule<'bitcast'> = (w, operands, params, results) => {
  const { dtype } = params
  if (operands[0]!.dtype === dtype) return operands
  if (!isFloat(operands[0]!.dtype) && !isFloat(dtype)) return [w.cast(operands[0]!, dtype)]
  return expanded('bitcast', (_, avals) => programOf((x) => [bitcastTo(dtype)(x)], avals))(w, operands, params, results)
}

const integers = expanded('pow', (_, avals) => programOf((x, y) => [elementary.integerPower(x, y)], avals))

const pow: Rule<'pow'> = (w, operands, params, results) =>
  (isFloat(operands[0]!.dtype) ? plain('Pow') : integers)(w, operands, params, results)

export const elementwise = {
  neg: plain('Neg'),
  abs,
  sign,
  floor: plain('Floor'),
  ceil: plain('Ceil'),
  round: plain('Round'),
  exp: plain('Exp'),
  exp2,
  log: plain('Log'),
  log1p: wide('log1p', (x) => elementary.log1p(x)),
  expm1: wide('expm1', (x) => elementary.expm1(x)),
  sqrt: plain('Sqrt'),
  rsqrt,
  cbrt: wide('cbrt', (x) => elementary.cbrt(x)),
  sin: plain('Sin'),
  cos: plain('Cos'),
  tan: narrow('tan', 'Tan', (x) => elementary.tan(x)),
  asin: narrow('asin', 'Asin', (x) => elementary.asin(x)),
  acos: narrow('acos', 'Acos', (x) => elementary.acos(x)),
  atan: narrow('atan', 'Atan', (x) => elementary.atan(x)),
  sinh: narrow('sinh', 'Sinh', (x) => elementary.sinh(x)),
  cosh: narrow('cosh', 'Cosh', (x) => elementary.cosh(x)),
  tanh: plain('Tanh'),
  asinh: narrow('asinh', 'Asinh', (x) => elementary.asinh(x)),
  acosh: narrow('acosh', 'Acosh', (x) => elementary.acosh(x)),
  atanh: narrow('atanh', 'Atanh', (x) => elementary.atanh(x)),
  logistic: plain('Sigmoid'),
  logisticDensity,
  erf: narrow('erf', 'Erf', (x) => special.erf(x)),
  erfc: wide('erfc', (x) => special.erfc(x)),
  erfInv: wide('erfInv', (x) => special.erfInv(x)),
  lgamma: wide('lgamma', (x) => special.lgamma(x)),
  digamma: wide('digamma', (x) => special.digamma(x)),
  polygamma: expanded('polygamma', ({ order }, avals) => widely((x) => special.polygamma(order)(x), avals)),
  isFinite,
  not,
  integerPow,
  cast: (w, [x], { dtype }) => [converted(w, x!, dtype)],
  bitcast,
  stopGradient: asItIs,
  filler: asItIs,
  checkpointName: asItIs,
  add: plain('Add'),
  sub: plain('Sub'),
  mul: plain('Mul'),
  div: divided('Div', allBits, (w, x) => w.apply('Neg', x)),
  rem: divided(
    'Mod',
    (_, x) => x,
    (w, x) => w.like(0, x),
  ),
  pow,
  atan2: wide('atan2', (y, x) => elementary.atan2(y, x)),
  logaddexp: wide('logaddexp', (x, y) => elementary.logaddexp(x, y)),
  max: extremal('Max'),
  min: extremal('Min'),
  nextafter: expanded('nextafter', (_, avals) => programOf((x, y) => [nextafter(x, y)], avals)),
  and: bitwise('And'),
  or: bitwise('Or'),
  xor: bitwise('Xor'),
  shiftLeft,
  shiftRightLogical,
  shiftRightArithmetic,
  eq: compared('Equal'),
  ne: (w, operands, params, results) => [w.test('Not', compared('Equal')(w, operands, params, results)[0]!)],
  lt: compared('Less'),
  le: compared('LessOrEqual'),
  gt: compared('Greater'),
  ge: compared('GreaterOrEqual'),
  select: (w, [which, onTrue, onFalse]) => [w.select(which!, onTrue!, onFalse!)],
  clamp,
} satisfies Partial<Rules>
