/** Numerical functions, by the keys under which `recording/numpy_numeric.py` has the same mathematics. */
import { np } from 'pullback'
import type { NDArray } from 'pullback'
import type { AnyFunction } from './functions.ts'

type Options = Parameters<typeof np.gradient>[2]

/** Spacings one after the other, and options last, as in JAX. */
const gradient = (f: NDArray, ...rest: readonly (number | Options)[]): unknown => {
  const options = rest.find((x) => typeof x === 'object')
  const spacings = rest.filter((x) => typeof x === 'number')
  if (spacings.length === 0) return np.gradient(f, 1, options)
  return np.gradient(f, spacings.length === 1 ? spacings[0]! : spacings, options)
}

const functions = {
  gradient,
  gradientOfSquares: (f: NDArray, h: NDArray) => np.gradient(np.square(f), h),
  sumOfQuantiles: (x: NDArray) => np.sum(np.quantile(x, np.array([0.1, 0.6]))),
  quotient: (p: NDArray, q: NDArray) => np.polydiv(p, q)[0],
  fullFit: (x: NDArray, y: NDArray, degree: number, options: np.PolyfitOptions) =>
    np.polyfit(x, y, degree, { ...options, full: true }),
  fitWithCovariance: np.polyfit,
  histogram: np.histogram,
  histogram2d: np.histogram2d,
  histogramdd: np.histogramdd,
  mantissa: (x: NDArray) => np.frexp(x)[0],
  weightedAverage: (x: NDArray, weights: NDArray) => np.average(x, { weights }),
  interpValues: (fp: NDArray, x: NDArray, xp: NDArray) => np.interp(x, xp, fp),
  trapezoidAt: (y: NDArray, x: NDArray) => np.trapezoid(y, { x }),
}

export const numericFunctions = Object.fromEntries(
  Object.entries(functions).map(([name, f]) => [`numeric.${name}`, f]),
) as unknown as { readonly [name: string]: AnyFunction }
