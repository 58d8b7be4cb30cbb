/**
 * The logarithm of |Γ| and its derivatives, in double precision. Positive arguments are shifted by Γ(x + 1) = x Γ(x) to 1.28 …
 * 2.5, where a series in ζ(k) - 1 applies, or are large enough for Stirling's series; negative ones are reflected: NIST Digital
 * Library of Mathematical Functions, 5.5, 5.7, 5.11, 5.15. All coefficients follow from Hurwitz's zeta function.
 */

/** B₂ₖ / (2k (2k - 1)) */
export const stirling = [
  1 / 12,
  -1 / 360,
  1 / 1260,
  -1 / 1680,
  1 / 1188,
  -691 / 360360,
  1 / 156,
  -3617 / 122400,
  43867 / 244188,
]

/** ζ(s, x) = Σ (x + k)⁻ˢ for an integer s > 1 and x > 0: from 10 on by the Euler–Maclaurin formula. */
const hurwitz = (s: number, x: number): number => {
  const power = (a: number): number => {
    let y = 1
    for (let i = 0; i < s; i++) y *= a
    return 1 / y
  }
  let a = x
  let sum = 0
  for (; a < 10; a++) sum += power(a)
  // s (s + 1) … (s + 2k - 2) / (2k)! a^(1 - 2k), the factor of B₂ₖ
  let rising = s / (2 * a)
  let tail = a / (s - 1) + 0.5
  stirling.forEach((c, i) => {
    const k = 2 * i + 2
    tail += c * k * (k - 1) * rising
    rising *= (((s + k - 1) / (k + 1)) * ((s + k) / (k + 2))) / a / a
  })
  return sum + tail * power(a)
}

/** ψ(2 + r) = Σ cᵢ rⁱ: 1 - γ, ζ(2) - 1, 1 - ζ(3), … */
export const aroundTwo = [
  0.42278433509846713,
  ...Array.from({ length: 38 }, (_, i) => (i % 2 === 0 ? 1 : -1) * hurwitz(i + 2, 2)),
]

/** Σ cᵢ rⁱ, and the sum of its integral. */
const series = (r: number): number => aroundTwo.reduceRight((sum, c) => sum * r + c, 0)
const integral = (r: number): number => r * aroundTwo.reduceRight((sum, c, i) => sum * r + c / (i + 1), 0)

/** Up to here 1 is the nearest; above, where log Γ is small, cancellation must be avoided. */
export const LOW = 1.28
/** From here on Stirling's series applies. */
export const FAR = 7.5
/** ½ log 2π - ½ */
export const stirlingConstant = 0.4189385332046728

/** How far x is from the nearest integer. */
const fraction = (x: number): number => x - Math.round(x)

export const lgamma = (x: number): number => {
  if (Math.abs(x) < 0.5) return integral(x) - Math.log(Math.abs(x * (1 + x)))
  if (x < 0) {
    const sine = Math.abs(Math.sin(Math.PI * fraction(x)))
    return sine > 0 ? Math.log(Math.PI / (sine * -x)) - lgamma(-x) : Infinity
  }
  if (x < LOW) return integral(x - 1) - Math.log(x)
  if (x < FAR) {
    let [y, product] = [x, 1]
    while (y >= 2.5) product *= --y
    return integral(y - 2) + Math.log(product)
  }
  const rest = stirling.reduceRight((sum, c) => sum / x / x + c, 0) / x
  return x === Infinity ? x : (x - 0.5) * (Math.log(x) - 1) + stirlingConstant + rest
}

/** ψ, the derivative of log Γ. NaN at its poles, where the one-sided limits differ. */
export const digamma = (x: number): number => {
  if (x === 0) return NaN
  if (Math.abs(x) < 0.5) return series(x) - 1 / (1 + x) - 1 / x
  if (x < 0) {
    const angle = Math.PI * fraction(x)
    return angle === 0 ? NaN : digamma(-x) - 1 / x - (Math.PI * Math.cos(angle)) / Math.sin(angle)
  }
  if (x < LOW) return series(x - 1) - 1 / x
  if (x < FAR) {
    let [y, sum] = [x, 0]
    while (y >= 2.5) sum += 1 / --y
    return series(y - 2) + sum
  }
  const rest = stirling.reduceRight((sum, c, i) => sum / x / x + c * (2 * i + 1), 0) / x
  return Math.log(x) - (0.5 + rest) / x
}

/** The n-th derivative of ψ, n ≥ 1: (-1)ⁿ⁺¹ n! ζ(n + 1, x). At its poles it is ∞ where both one-sided limits agree, else NaN. */
export const polygamma = (n: number, x: number): number => {
  if (x === Infinity) return 0
  const odd = n % 2 === 1
  const above = x - Math.floor(x)
  if (x <= 0 && above === 0) return odd ? Infinity : NaN
  let factor = odd ? 1 : -1
  for (let i = 2; i <= n; i++) factor *= i
  const zeta = (y: number): number => factor * hurwitz(n + 1, y)
  if (x > 0) return zeta(x)
  // All terms above 0, and those below down to x.
  const below = zeta(1 - above) - zeta(1 - x)
  return zeta(above) + (odd ? below : -below)
}
