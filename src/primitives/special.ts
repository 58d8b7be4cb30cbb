/** Special functions on numbers, in double precision. */

const twoOverSqrtPi = 2 / Math.sqrt(Math.PI)

// erf(x) = 2/√π · e^(-x²) · Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)); all terms positive. Abramowitz & Stegun 7.1.6.
const erfSeries = (x: number): number => {
  let term = x
  let sum = x
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return twoOverSqrtPi * Math.exp(-x * x) * sum
}

// erfc(x) = e^(-x²)/√π · 1/(x + (1/2)/(x + 1/(x + (3/2)/(x + …)))) for x > 0. Abramowitz & Stegun 7.1.14, from the tail.
const erfcFraction = (x: number): number => {
  let f = x
  for (let k = 120; k >= 1; k--) f = x + k / 2 / f
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * f)
}

export const erf = (x: number): number => {
  if (Number.isNaN(x)) return x
  const a = Math.abs(x)
  if (a > 6) return Math.sign(x)
  return a < 2 ? erfSeries(x) : Math.sign(x) * (1 - erfcFraction(a))
}

export const erfc = (x: number): number => {
  if (Number.isNaN(x)) return x
  if (x > 28) return 0
  if (x < -6) return 2
  if (x >= 2) return erfcFraction(x)
  if (x <= -2) return 2 - erfcFraction(-x)
  return x < 0.5 ? 1 - erfSeries(x) : erfcFraction2(x)
}

// Between 1/2 and 2 the difference 1 - erf loses up to 8 bits; the fraction needs more terms there.
const erfcFraction2 = (x: number): number => {
  let f = x
  for (let k = 2000; k >= 1; k--) f = x + k / 2 / f
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * f)
}

/**
 * Inverse of erf: Winitzki's approximation (2008), then Newton steps on erf or, in the tails, on erfc, whose
 * relative accuracy survives there.
 */
export const erfInv = (y: number): number => {
  if (Number.isNaN(y) || Math.abs(y) > 1) return NaN
  if (Math.abs(y) === 1) return y * Infinity
  if (y === 0) return y
  const a = 0.147
  const l = Math.log1p(-y * y)
  const b = 2 / (Math.PI * a) + l / 2
  let x = Math.sqrt(Math.sqrt(b * b - l / a) - b)
  const target = Math.abs(y)
  for (let i = 0; i < 4; i++) {
    const error = target < 0.5 ? erf(x) - target : 1 - target - erfc(x)
    // Halley's step on f = erf(x) - y, f'' / f' = -2x.
    const step = error / (twoOverSqrtPi * Math.exp(-x * x))
    x -= step / (1 + x * step)
  }
  return Math.sign(y) * x
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
