/** Special functions on numbers, in double precision. */
import { bfloat16BitsToFloat32, float16BitsToFloat32 } from '../core/float16.ts'

/** c[0] + c[1] x + c[2] x² + … */
const polynomial = (x: number, c: readonly number[]): number => {
  let sum = 0
  for (let i = c.length - 1; i >= 0; i--) sum = sum * x + c[i]!
  return sum
}

/** A quotient of polynomials: numerator, denominator. */
export type Rational = readonly [readonly number[], readonly number[]]
const rational = (x: number, [p, q]: Rational): number => polynomial(x, p) / polynomial(x, q)

// Coefficients of FreeBSD's msun s_erf.c (Sun Microsystems, 1993), by range of |x|; see there for their derivation.
// Below 0.84375: (erf(x) - x) / x, in x².
export const erfSmall: Rational = [
  [0.12837916709551256, -0.3250421072470015, -0.02848174957559851, -0.005770270296489442, -0.000023763016656650163],
  [1, 0.39791722395915535, 0.0650222499887673, 0.005081306281875766, 0.00013249473800432164, -0.000003960228278775368],
]
// Below 1.25: erf(x) - erf1, in |x| - 1.
export const erf1 = 0.8450629115104675
export const erfMiddle: Rational = [
  [
    -0.0023621185607526594, 0.41485611868374833, -0.3722078760357013, 0.31834661990116175, -0.11089469428239668,
    0.035478304325618236, -0.002166375594868791,
  ],
  [
    1, 0.10642088040084423, 0.540397917702171, 0.07182865441419627, 0.12617121980876164, 0.01363708391202905,
    0.011984499846799107,
  ],
]
// Below 1 / 0.35, and above: log(|x| erfc(|x|)) + x² + 0.5625, in 1 / x².
export const erfcNear: Rational = [
  [
    -0.009864944034847148, -0.6938585727071818, -10.558626225323291, -62.375332450326006, -162.39666946257347,
    -184.60509290671104, -81.2874355063066, -9.814329344169145,
  ],
  [
    1, 19.651271667439257, 137.65775414351904, 434.56587747522923, 645.3872717332679, 429.00814002756783,
    108.63500554177944, 6.570249770319282, -0.0604244152148581,
  ],
]
export const erfcFar: Rational = [
  [
    -0.0098649429247001, -0.799283237680523, -17.757954917754752, -160.63638485582192, -637.5664433683896,
    -1025.0951316110772, -483.5191916086514,
  ],
  [
    1, 30.33806074348246, 325.7925129965739, 1536.729586084437, 3199.8582195085955, 2553.0504064331644,
    474.52854120695537, -22.44095244658582,
  ],
]

/** erfc(x) for x ≥ 1.25. e^(-x²) is computed in two factors, the first from a square without rounding error. */
const erfcTail = (x: number): number => {
  const r = rational(1 / (x * x), x < 1 / 0.35 ? erfcNear : erfcFar)
  const z = Math.fround(x)
  return (Math.exp(-z * z - 0.5625) * Math.exp((z - x) * (z + x) + r)) / x
}

export const erf = (x: number): number => {
  const a = Math.abs(x)
  if (a < 0.84375) return x + x * rational(x * x, erfSmall)
  if (a < 1.25) return Math.sign(x) * (erf1 + rational(a - 1, erfMiddle))
  return a < 6 ? Math.sign(x) * (1 - erfcTail(a)) : Math.sign(x)
}

export const erfc = (x: number): number => {
  const a = Math.abs(x)
  if (a < 0.84375) {
    const y = rational(x * x, erfSmall)
    return x < 0.25 ? 1 - (x + x * y) : 0.5 - (x - 0.5 + x * y)
  }
  if (a < 1.25) {
    const y = rational(a - 1, erfMiddle)
    return x > 0 ? 1 - erf1 - y : 1 + (erf1 + y)
  }
  if (x > 28) return 0
  return x > 0 ? erfcTail(x) : x < -6 ? 2 : 2 - erfcTail(a)
}

// The normal quantile of Wichura (1988), algorithm AS 241, PPND16: relative error below 1e-16.
// In 0.180625 - q², where q = y / 2 is at most 0.425.
export const quantileCentre: Rational = [
  [
    3.3871328727963665, 133.14166789178438, 1971.5909503065513, 13731.69376550946, 45921.95393154987, 67265.7709270087,
    33430.57558358813, 2509.0809287301227,
  ],
  [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
]
// In r - 1.6 and r - 5, where r = √(-log of the tail).
export const quantileNear: Rational = [
  [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
]
export const quantileFar: Rational = [
  [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 0.000027115555687434876, 2.0103343992922881e-7,
  ],
  [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133, 0.000018463183175100548,
    1.421511758316446e-7, 2.0442631033899397e-15,
  ],
]

/** Inverse of erf: the normal quantile of (1 + y) / 2, over √2. */
export const erfInv = (y: number): number => {
  const a = Math.abs(y)
  if (!(a <= 1)) return NaN
  if (a <= 0.85) return Math.SQRT1_2 * (y / 2) * rational(0.180625 - (y * y) / 4, quantileCentre)
  if (a === 1) return y * Infinity
  const r = Math.sqrt(-Math.log((1 - a) / 2))
  return Math.sign(y) * Math.SQRT1_2 * (r <= 5 ? rational(r - 1.6, quantileNear) : rational(r - 5, quantileFar))
}

const bits64 = new BigInt64Array(1)
const float64 = new Float64Array(bits64.buffer)
const bits32 = new Int32Array(1)
const float32 = new Float32Array(bits32.buffer)

/** The next float64 after `x` towards `y`. */
export const nextafter64 = (x: number, y: number): number => {
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN
  if (x === y) return y
  if (x === 0) return y > 0 ? Number.MIN_VALUE : -Number.MIN_VALUE
  float64[0] = x
  bits64[0] = bits64[0]! + (x > 0 === y > x ? 1n : -1n)
  return float64[0]
}

/** The next float32 after `x` towards `y`. */
export const nextafter32 = (x: number, y: number): number => {
  if (Number.isNaN(x) || Number.isNaN(y)) return NaN
  if (x === y) return y
  if (x === 0) return y > 0 ? 1.401298464324817e-45 : -1.401298464324817e-45
  float32[0] = x
  bits32[0] = bits32[0]! + (x > 0 === y > x ? 1 : -1)
  return float32[0]
}

/** The bits of the next 16-bit float after the one with bits `a` towards that with bits `b`. */
export const nextafterHalf = (dtype: 'float16' | 'bfloat16') => {
  const valueOf = dtype === 'float16' ? float16BitsToFloat32 : bfloat16BitsToFloat32
  const nan = dtype === 'float16' ? 0x7e00 : 0x7fc0
  return (a: number, b: number): number => {
    const [x, y] = [valueOf(a), valueOf(b)]
    if (Number.isNaN(x) || Number.isNaN(y)) return nan
    if (x === y) return b
    if (x === 0) return y > 0 ? 1 : 0x8001
    return a + (x > 0 === y > x ? 1 : -1)
  }
}

/** To the nearest integer, halves to the even one; the sign of zero is kept. */
export const roundHalfEven = (x: number): number => {
  const r = Math.round(x)
  const tie = Math.abs(x - Math.trunc(x)) === 0.5
  return tie ? 2 * Math.round(x / 2) : r
}

/** C's pow, which differs from JS's for base 1, and for base -1 with infinite exponents. */
export const power = (x: number, y: number): number => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y)

/** log(e^x + e^y). */
export const logaddexp = (x: number, y: number): number => {
  if (x === y) return x + Math.LN2
  const largest = Math.max(x, y)
  return largest === Infinity ? Infinity : largest + Math.log1p(Math.exp(-Math.abs(x - y)))
}

/** Integer power by squaring, in 32 bits. A negative exponent gives the truncated reciprocal. */
export const integerPower32 = (x: number, y: number): number => {
  if (y < 0) return x === 1 ? 1 : x === -1 ? (y % 2 === 0 ? 1 : -1) : 0
  let result = 1
  for (let base = x | 0, n = y; n > 0; n = Math.floor(n / 2)) {
    if (n % 2 === 1) result = Math.imul(result, base)
    base = Math.imul(base, base)
  }
  return result
}

/** The same for 64 bits; storing wraps around. */
export const bigPower = (x: bigint, y: bigint): bigint => {
  if (y < 0n) return x === 1n ? 1n : x === -1n ? (y % 2n === 0n ? 1n : -1n) : 0n
  let result = 1n
  for (let base = x, n = y; n > 0n; n >>= 1n) {
    if ((n & 1n) === 1n) result = BigInt.asIntN(64, result * base)
    base = BigInt.asIntN(64, base * base)
  }
  return result
}
