/** Special functions by the interpreter's formulas (`primitives/special.ts`, `primitives/logGamma.ts`), all ranges side by side. */
import * as np from '../../numpy/index.ts'
import { aroundTwo, FAR, LOW, stirling, stirlingConstant } from '../../primitives/logGamma.ts'
import * as tables from '../../primitives/special.ts'
import type { NDArray } from '../../trace/value.ts'

/** c[0] + c[1] x + c[2] x² + … */
const polynomial = (x: NDArray, c: readonly number[]): NDArray =>
  c.slice(0, -1).reduceRight((sum, term) => np.add(np.multiply(sum, x), term), np.fullLike(x, c.at(-1)!))

const rational = (x: NDArray, [p, q]: tables.Rational): NDArray => np.divide(polynomial(x, p), polynomial(x, q))

/** erfc(x) for x ≥ 1.25; e^(-x²) in two factors, the first of a square without rounding error. */
const erfcTail = (x: NDArray): NDArray => {
  const inverse = np.divide(1, np.multiply(x, x))
  const r = np.where(np.less(x, 1 / 0.35), rational(inverse, tables.erfcNear), rational(inverse, tables.erfcFar))
  const z = x.astype('float32').astype('float64')
  const first = np.exp(np.subtract(np.negative(np.multiply(z, z)), 0.5625))
  const second = np.exp(np.add(np.multiply(np.subtract(z, x), np.add(z, x)), r))
  return np.divide(np.multiply(first, second), x)
}

/** Of |x|, what the ranges are made of. Beyond 28 the tail is 0. */
const parts = (x: NDArray) => {
  const a = np.abs(x)
  return {
    a,
    small: rational(np.multiply(x, x), tables.erfSmall),
    middle: rational(np.subtract(a, 1), tables.erfMiddle),
    tail: np.where(np.greater(a, 28), 0, erfcTail(np.minimum(np.maximum(a, 1), 28))),
  }
}

export const erf = (x: NDArray): NDArray => {
  const { a, small, middle, tail } = parts(x)
  const large = np.where(np.less(a, 1.25), np.add(tables.erf1, middle), np.subtract(1, tail))
  const signed = np.where(np.less(x, 0), np.negative(large), large)
  const near = np.less(a, 0.84375)
  return np.where(near, np.add(x, np.multiply(x, small)), np.where(np.isnan(x), x, signed))
}

export const erfc = (x: NDArray): NDArray => {
  const { a, small, middle, tail } = parts(x)
  const y = np.multiply(x, small)
  const near = np.where(
    np.less(x, 0.25),
    np.subtract(1, np.add(x, y)),
    np.subtract(0.5, np.add(np.subtract(x, 0.5), y)),
  )
  const isPositive = np.greater(x, 0)
  const between = np.where(isPositive, np.subtract(1 - tables.erf1, middle), np.add(1, np.add(tables.erf1, middle)))
  const far = np.where(isPositive, tail, np.subtract(2, tail))
  const away = np.where(np.less(a, 1.25), between, far)
  return np.where(np.less(a, 0.84375), near, np.where(np.isnan(x), x, away))
}

/** The normal quantile of (1 + y) / 2, over √2. */
export const erfInv = (y: NDArray): NDArray => {
  const a = np.abs(y)
  const half = np.multiply(0.5, y)
  const centre = np.multiply(half, rational(np.subtract(0.180625, np.multiply(half, half)), tables.quantileCentre))
  const r = np.sqrt(np.negative(np.log(np.multiply(0.5, np.subtract(1, np.where(np.equal(a, 1), 0, a))))))
  const tail = np.where(
    np.lessEqual(r, 5),
    rational(np.subtract(r, 1.6), tables.quantileNear),
    rational(np.subtract(r, 5), tables.quantileFar),
  )
  const quantile = np.where(np.lessEqual(a, 0.85), centre, np.where(np.less(y, 0), np.negative(tail), tail))
  const inside = np.multiply(Math.SQRT1_2, quantile)
  return np.where(np.equal(a, 1), np.multiply(y, Infinity), np.where(np.less(a, 1), inside, NaN))
}

const series = (r: NDArray): NDArray => polynomial(r, aroundTwo)
const integral = (r: NDArray): NDArray =>
  np.multiply(
    r,
    polynomial(
      r,
      aroundTwo.map((c, i) => c / (i + 1)),
    ),
  )

/** x from LOW to FAR, moved down to below 2.5 by steps of 1; and what `visit` makes of the places on the way. */
const movedDown = (
  x: NDArray,
  start: number,
  visit: (sum: NDArray, y: NDArray) => NDArray,
): readonly [NDArray, NDArray] => {
  let [y, gathered] = [x, np.fullLike(x, start)]
  for (let step = 0; step < Math.ceil(FAR - 2.5) + 1; step++) {
    const isAbove = np.greaterEqual(y, 2.5)
    const below = np.subtract(y, 1)
    gathered = np.where(isAbove, visit(gathered, below), gathered)
    y = np.where(isAbove, below, y)
  }
  return [y, gathered]
}

/** How far x is from the nearest integer. */
const fraction = (x: NDArray): NDArray => np.subtract(x, np.round(x))

/** Stirling's series, each term times what `factor` says. */
const stirlingSum = (x: NDArray, factor: (i: number) => number): NDArray =>
  np.divide(
    polynomial(
      np.divide(np.divide(1, x), x),
      stirling.map((c, i) => c * factor(i)),
    ),
    x,
  )

const positiveLgamma = (x: NDArray): NDArray => {
  const [y, product] = movedDown(np.minimum(x, FAR), 1, (p, below) => np.multiply(p, below))
  const middle = np.add(integral(np.subtract(y, 2)), np.log(product))
  const low = np.subtract(integral(np.subtract(x, 1)), np.log(x))
  const rest = stirlingSum(x, () => 1)
  const far = np.add(np.add(np.multiply(np.subtract(x, 0.5), np.subtract(np.log(x), 1)), stirlingConstant), rest)
  const usual = np.where(np.less(x, LOW), low, np.where(np.less(x, FAR), middle, far))
  return np.where(np.equal(x, Infinity), x, usual)
}

export const lgamma = (x: NDArray): NDArray => {
  const a = np.abs(x)
  const near = np.subtract(integral(x), np.log(np.abs(np.multiply(x, np.add(1, x)))))
  const positive = positiveLgamma(np.maximum(a, 0.5))
  const sine = np.abs(np.sin(np.multiply(Math.PI, fraction(x))))
  const reflected = np.subtract(np.log(np.divide(Math.PI, np.multiply(sine, a))), positive)
  const negative = np.where(np.greater(sine, 0), reflected, Infinity)
  const away = np.where(np.less(x, 0), negative, positive)
  return np.where(np.less(a, 0.5), near, np.where(np.isnan(x), x, away))
}

const positiveDigamma = (x: NDArray): NDArray => {
  const [y, sum] = movedDown(np.minimum(x, FAR), 0, (s, below) => np.add(s, np.divide(1, below)))
  const middle = np.add(series(np.subtract(y, 2)), sum)
  const low = np.subtract(series(np.subtract(x, 1)), np.divide(1, x))
  const rest = stirlingSum(x, (i) => 2 * i + 1)
  const far = np.subtract(np.log(x), np.divide(np.add(0.5, rest), x))
  return np.where(np.less(x, LOW), low, np.where(np.less(x, FAR), middle, far))
}

/** NaN at the poles. */
export const digamma = (x: NDArray): NDArray => {
  const a = np.abs(x)
  const near = np.subtract(np.subtract(series(x), np.divide(1, np.add(1, x))), np.divide(1, x))
  const positive = positiveDigamma(np.maximum(a, 0.5))
  const angle = np.multiply(Math.PI, fraction(x))
  const cotangent = np.divide(np.multiply(Math.PI, np.cos(angle)), np.sin(angle))
  const reflected = np.subtract(np.subtract(positive, np.divide(1, x)), cotangent)
  const negative = np.where(np.equal(angle, 0), NaN, reflected)
  const away = np.where(np.less(x, 0), negative, positive)
  return np.where(np.equal(x, 0), NaN, np.where(np.less(a, 0.5), near, np.where(np.isnan(x), x, away)))
}

/** ζ(s, x) = Σ (x + k)⁻ˢ for x > 0: from 10 on by Euler's and Maclaurin's formula. */
const hurwitz = (s: number, x: NDArray): NDArray => {
  const power = (a: NDArray): NDArray => {
    let y = a
    for (let i = 1; i < s; i++) y = np.multiply(y, a)
    return np.divide(1, y)
  }
  let [a, sum] = [x, np.zerosLike(x)]
  for (let step = 0; step < 10; step++) {
    const isBelow = np.less(a, 10)
    sum = np.where(isBelow, np.add(sum, power(a)), sum)
    a = np.where(isBelow, np.add(a, 1), a)
  }
  let rising = np.divide(s / 2, a)
  let tail = np.add(np.divide(a, s - 1), 0.5)
  stirling.forEach((c, i) => {
    const k = 2 * i + 2
    tail = np.add(tail, np.multiply(c * k * (k - 1), rising))
    rising = np.divide(np.divide(np.multiply(((s + k - 1) / (k + 1)) * ((s + k) / (k + 2)), rising), a), a)
  })
  return np.add(sum, np.multiply(tail, power(a)))
}

/** The n-th derivative of ψ, n ≥ 1. At its poles ∞ where both sides agree, else NaN. */
export const polygamma =
  (n: number) =>
  (x: NDArray): NDArray => {
    const isOdd = n % 2 === 1
    let factor = isOdd ? 1 : -1
    for (let i = 2; i <= n; i++) factor *= i
    const above = np.subtract(x, np.floor(x))
    const isPositive = np.greater(x, 0)
    const zeta = (y: NDArray): NDArray => np.multiply(factor, hurwitz(n + 1, y))
    // All terms above 0, and those below down to x.
    const below = np.subtract(zeta(np.subtract(1, above)), zeta(np.subtract(1, np.minimum(x, 0))))
    const first = zeta(np.where(isPositive, x, above))
    const negative = np.add(first, isOdd ? below : np.negative(below))
    const usual = np.where(isPositive, first, negative)
    const isPole = np.logicalAnd(np.lessEqual(x, 0), np.equal(above, 0))
    return np.where(np.equal(x, Infinity), 0, np.where(isPole, isOdd ? Infinity : NaN, usual))
  }
