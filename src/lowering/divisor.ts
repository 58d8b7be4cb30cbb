/** The largest divisor of `n` up to `limit`. */
export const divisorUpTo = (n: number, limit: number): number => {
  for (let d = Math.min(limit, n); d > 1; d--) if (n % d === 0) return d
  return 1
}
