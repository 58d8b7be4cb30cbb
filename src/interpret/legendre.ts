/** Gauss-Legendre quadrature on [0, 1]: polynomials up to degree 2n - 1 are integrated exactly. */

/** The Legendre polynomial of degree n and its derivative at x, by recurrence: (k+1) P(k+1) = (2k+1) x P(k) - k P(k-1). */
const polynomial = (n: number, x: number): readonly [value: number, derivative: number] => {
  let [before, value] = [1, x]
  for (let k = 1; k < n; k++) {
    ;[before, value] = [value, ((2 * k + 1) * x * value - k * before) / (k + 1)]
  }
  return [value, (n * (x * value - before)) / (x * x - 1)]
}

/** The i-th root, by Newton's method from its asymptotic approximation. */
const root = (n: number, i: number): number => {
  let x = Math.cos((Math.PI * (i + 0.75)) / (n + 0.5))
  for (let step = 0; step < 100; step++) {
    const [value, derivative] = polynomial(n, x)
    const next = x - value / derivative
    if (Math.abs(next - x) < 1e-15) return next
    x = next
  }
  return x
}

/**
 * The rule with n nodes. * * @returns nodes and weights; the weights sum to 1.
 */
export const legendre = (n: number): readonly (readonly [place: number, weight: number])[] =>
  Array.from({ length: n }, (_, i) => {
    const x = n === 1 ? 0 : root(n, n - 1 - i)
    const [, derivative] = n === 1 ? [0, 1] : polynomial(n, x)
    return [(1 + x) / 2, 1 / ((1 - x * x) * derivative * derivative)] as const
  })
