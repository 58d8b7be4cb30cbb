/** Special functions on numbers, in double precision. */

/** c[0] + c[1] x + c[2] x² + … */
const polynomial = (x: number, c: readonly number[]): number => {
  let sum = 0
  for (let i = c.length - 1; i >= 0; i--) sum = sum * x + c[i]!
  return sum
}

/** A quotient of polynomials: numerator, denominator. */
type Rational = readonly [readonly number[], readonly number[]]
const rational = (x: number, [p, q]: Rational): number => polynomial(x, p) / polynomial(x, q)

// Coefficients of FreeBSD's msun s_erf.c (Sun Microsystems, 1993), by range of |x|; see there for how they were fitted.
// Below 0.84375: (erf(x) - x) / x, in x².
const erfSmall: Rational = [
  [
    1.28379167095512558561e-1, -3.2504210724700149937e-1, -2.84817495755985104766e-2, -5.77027029648944159157e-3,
    -2.37630166566501626084e-5,
  ],
  [
    1, 3.97917223959155352819e-1, 6.50222499887672944485e-2, 5.08130628187576562776e-3, 1.32494738004321644526e-4,
    -3.9602282787753681232e-6,
  ],
]
// Below 1.25: erf(x) - erf1, in |x| - 1.
const erf1 = 8.45062911510467529297e-1
const erfMiddle: Rational = [
  [
    -2.36211856075265944077e-3, 4.14856118683748331666e-1, -3.72207876035701323847e-1, 3.18346619901161753674e-1,
    -1.10894694282396677476e-1, 3.54783043256182359371e-2, -2.166375594868790843e-3,
  ],
  [
    1, 1.06420880400844228286e-1, 5.40397917702171048937e-1, 7.18286544141962662868e-2, 1.26171219808761642112e-1,
    1.36370839120290507362e-2, 1.1984499846799107417e-2,
  ],
]
// Below 1 / 0.35, and above: log(|x| erfc(|x|)) + x² + 0.5625, in 1 / x².
const erfcNear: Rational = [
  [
    -9.86494403484714822705e-3, -6.93858572707181764372e-1, -1.05586262253232909814e1, -6.23753324503260060396e1,
    -1.62396669462573470355e2, -1.84605092906711035994e2, -8.12874355063065934246e1, -9.81432934416914548592,
  ],
  [
    1, 1.96512716674392571292e1, 1.376577541435190426e2, 4.34565877475229228821e2, 6.45387271733267880336e2,
    4.29008140027567833386e2, 1.08635005541779435134e2, 6.57024977031928170135, -6.04244152148580987438e-2,
  ],
]
const erfcFar: Rational = [
  [
    -9.86494292470009928597e-3, -7.99283237680523006574e-1, -1.77579549177547519889e1, -1.60636384855821916062e2,
    -6.37566443368389627722e2, -1.02509513161107724954e3, -4.83519191608651397019e2,
  ],
  [
    1, 3.03380607434824582924e1, 3.25792512996573918826e2, 1.53672958608443695994e3, 3.19985821950859553908e3,
    2.55305040643316442583e3, 4.74528541206955367215e2, -2.24409524465858183362e1,
  ],
]

/** erfc(x) for x ≥ 1.25. e^(-x²) is taken in two factors, the first of a square without rounding error. */
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
const quantileCentre: Rational = [
  [
    3.387132872796366608, 1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3,
  ],
  [
    1, 4.2313330701600911252e1, 6.871870074920579083e2, 5.3941960214247511077e3, 2.1213794301586595867e4,
    3.930789580009271061e4, 2.8729085735721942674e4, 5.226495278852854561e3,
  ],
]
// In r - 1.6 and r - 5, where r = √(-log of the tail).
const quantileNear: Rational = [
  [
    1.42343711074968357734, 4.6303378461565452959, 5.7694972214606914055, 3.64784832476320460504,
    1.27045825245236838258, 2.4178072517745061177e-1, 2.27238449892691845833e-2, 7.7454501427834140764e-4,
  ],
  [
    1, 2.05319162663775882187, 1.6763848301838038494, 6.8976733498510000455e-1, 1.4810397642748007459e-1,
    1.51986665636164571966e-2, 5.475938084995344946e-4, 1.05075007164441684324e-9,
  ],
]
const quantileFar: Rational = [
  [
    6.6579046435011037772, 5.4637849111641143699, 1.7848265399172913358, 2.9656057182850489123e-1,
    2.6532189526576123093e-2, 1.2426609473880784386e-3, 2.71155556874348757815e-5, 2.01033439929228813265e-7,
  ],
  [
    1, 5.9983220655588793769e-1, 1.3692988092273580531e-1, 1.48753612908506148525e-2, 7.868691311456132591e-4,
    1.8463183175100546818e-5, 1.4215117583164458887e-7, 2.04426310338993978564e-15,
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

/** To the nearest integer, halves to the even one; the sign of zero is kept. */
export const roundHalfEven = (x: number): number => {
  const r = Math.round(x)
  const tie = Math.abs(x - Math.trunc(x)) === 0.5
  return tie ? 2 * Math.round(x / 2) : r
}

/** C's pow, which differs from JS's where one is a power of anything and -1 has infinite exponents. */
export const power = (x: number, y: number): number => (x === 1 || (x === -1 && Math.abs(y) === Infinity) ? 1 : x ** y)

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
