/** Operations on elements. */
import { isFloat, longLimits } from '../../core/dtype.ts'
import type { Comparison, Value, Writer } from '../writer.ts'
import type { Rule, RuleOf, Rules } from './rule.ts'

/** One operation of StableHLO, on values of one type. */
const plain =
  (op: string): RuleOf<unknown> =>
  (w, operands) => [w.plain(op, ...operands)]

/** One of CHLO, which is expanded into StableHLO. */
const composite =
  (op: string): RuleOf<unknown> =>
  (w, operands) => [w.composite(op, ...operands)]

const compared =
  (how: Comparison): RuleOf<unknown> =>
  (w, [a, b]) => [w.compare(how, a!, b!)]

/** The operand as it is: what an operation means to derivatives and debuggers is behind us. */
const asItIs: RuleOf<unknown> = (_, [x]) => [x!]

const isUnsigned = ({ dtype }: Value): boolean => dtype === 'bool' || dtype.startsWith('uint')

const abs: Rule<'abs'> = (w, [x]) => [isUnsigned(x!) ? x! : w.plain('abs', x!)]

const sign: Rule<'sign'> = (w, [x]) => [isUnsigned(x!) ? w.plain('minimum', x!, w.like(1, x!)) : w.plain('sign', x!)]

/** Of integers by 0 too: where XLA folds constants, the processor's own division would end the process. */
const divided =
  (op: 'divide' | 'remainder', byZero: (w: Writer, x: Value) => Value): RuleOf<unknown> =>
  (w, [x, y]) => {
    if (isFloat(x!.dtype)) return [w.plain(op, x!, y!)]
    const isZero = w.compare('EQ', y!, w.like(0, y!))
    const result = w.plain(op, x!, w.select(isZero, w.like(1, y!), y!))
    return [w.select(isZero, byZero(w, x!), result)]
  }

/**
 * Powers of integers. A negative exponent leaves 0, but of 1 and -1: where XLA folds constants, it makes something else of one.
 */
const pow: Rule<'pow'> = (w, [x, y]) => {
  if (isFloat(x!.dtype) || isUnsigned(x!)) return [w.plain('power', x!, y!)]
  const [zero, one, minusOne] = [w.like(0, x!), w.like(1, x!), w.like(-1, x!)]
  const isNegative = w.compare('LT', y!, zero)
  const isEven = w.compare('EQ', w.plain('and', y!, one), zero)
  const ofMinusOne = w.select(w.compare('EQ', x!, minusOne), w.select(isEven, one, minusOne), zero)
  const inverse = w.select(w.compare('EQ', x!, one), one, ofMinusOne)
  return [w.select(isNegative, inverse, w.plain('power', x!, w.select(isNegative, zero, y!)))]
}

/** All bits set. */
const allBits = (w: Writer, x: Value): Value => w.like(isUnsigned(x) ? longLimits(x.dtype)[1] : -1, x)

const exp2: Rule<'exp2'> = (w, [x]) => [w.plain('power', w.like(2, x!), x!)]

/** σ(x)·σ(-x). */
const logisticDensity: Rule<'logisticDensity'> = (w, [x]) => [
  w.plain('multiply', w.plain('logistic', x!), w.plain('logistic', w.plain('negate', x!))),
]

/** In float64, as XLA's formulas lose places near the zeros. */
const widely = (w: Writer, x: Value, f: (wide: Value) => Value): readonly Value[] => [
  w.convert(f(w.convert(x, 'float64')), x.dtype),
]

const gammaFunction =
  (op: string): RuleOf<unknown> =>
  (w, [x]) =>
    widely(w, x!, (wide) => w.composite(op, wide))

const polygamma: Rule<'polygamma'> = (w, [x], { order }) =>
  widely(w, x!, (wide) => w.composite('polygamma', w.like(order, wide), wide))

/** By squaring. */
const integerPow: Rule<'integerPow'> = (w, [x], { exponent }) => {
  let [power, result] = [x!, null as Value | null]
  for (let n = Math.abs(exponent); n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result = result === null ? power : w.plain('multiply', result, power)
    if (n > 1) power = w.plain('multiply', power, power)
  }
  const positive = result ?? w.like(1, x!)
  return [exponent < 0 ? w.plain('divide', w.like(1, x!), positive) : positive]
}

/** To bool is "is not 0"; floats saturate on their way to integers, and NaN is 0. */
const cast: Rule<'cast'> = (w, [x], { dtype }) => {
  if (dtype === 'bool' && x!.dtype !== 'bool') return [w.compare('NE', x!, w.like(0, x!))]
  return [w.convert(x!, dtype)]
}

/** log(eˣ + eʸ) beside the larger one; where the difference is NaN, both are the same infinity, or one is NaN. */
const logaddexp: Rule<'logaddexp'> = (w, [x, y]) => {
  const larger = w.plain('maximum', x!, y!)
  const difference = w.plain('subtract', x!, y!)
  const smaller = w.plain('exponential', w.plain('negate', w.plain('abs', difference)))
  const sum = w.plain('add', larger, w.plain('log_plus_one', smaller))
  return [w.select(w.compare('EQ', difference, difference), sum, w.plain('add', x!, y!))]
}

/** As XLA has it, integers too: no error for a division by 0. */
const isFinite: Rule<'isFinite'> = (w, [x]) => [isFloat(x!.dtype) ? w.isFinite(x!) : w.constant(1, 'bool', x!.shape)]

export const elementwise = {
  neg: plain('negate'),
  abs,
  sign,
  floor: plain('floor'),
  ceil: plain('ceil'),
  round: plain('round_nearest_even'),
  exp: plain('exponential'),
  exp2,
  log: plain('log'),
  log1p: plain('log_plus_one'),
  expm1: plain('exponential_minus_one'),
  sqrt: plain('sqrt'),
  rsqrt: plain('rsqrt'),
  cbrt: plain('cbrt'),
  sin: plain('sine'),
  cos: plain('cosine'),
  tan: plain('tan'),
  asin: composite('asin'),
  acos: composite('acos'),
  atan: composite('atan'),
  sinh: composite('sinh'),
  cosh: composite('cosh'),
  tanh: plain('tanh'),
  asinh: composite('asinh'),
  acosh: composite('acosh'),
  atanh: composite('atanh'),
  logistic: plain('logistic'),
  logisticDensity,
  erf: composite('erf'),
  erfc: composite('erfc'),
  erfInv: composite('erf_inv'),
  lgamma: gammaFunction('lgamma'),
  digamma: gammaFunction('digamma'),
  polygamma,
  isFinite,
  not: plain('not'),
  integerPow,
  cast,
  bitcast: (w, [x], _, [out]) => [w.bitcast(x!, out!)],
  stopGradient: asItIs,
  filler: asItIs,
  checkpointName: asItIs,
  add: plain('add'),
  sub: plain('subtract'),
  mul: plain('multiply'),
  div: divided('divide', allBits),
  rem: divided('remainder', (_, x) => x),
  pow,
  atan2: plain('atan2'),
  logaddexp,
  max: plain('maximum'),
  min: plain('minimum'),
  nextafter: composite('next_after'),
  and: plain('and'),
  or: plain('or'),
  xor: plain('xor'),
  shiftLeft: plain('shift_left'),
  shiftRightLogical: plain('shift_right_logical'),
  shiftRightArithmetic: plain('shift_right_arithmetic'),
  eq: compared('EQ'),
  ne: compared('NE'),
  lt: compared('LT'),
  le: compared('LE'),
  gt: compared('GT'),
  ge: compared('GE'),
  select: (w, [which, onTrue, onFalse]) => [w.select(which!, onTrue!, onFalse!)],
  clamp: (w, [low, x, high]) => [w.plain('minimum', w.plain('maximum', x!, low!), high!)],
} satisfies Partial<Rules>
