/** The contribution of each input element to the value of a scalar function. */
import { grad } from '../api/grad.ts'
import type { Scalar } from '../api/types.ts'
import { ArgumentError } from '../core/errors.ts'
import { flatten } from '../core/tree.ts'
import * as np from '../numpy/index.ts'
import { mapTree } from '../optim/trees.ts'
import { aKey, split } from '../random/keys.ts'
import type { Key } from '../random/keys.ts'
import { normal } from '../random/index.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import { compiled } from './compiled.ts'
import { legendre } from './legendre.ts'

/** The sum of all elements of all leaves. */
const total = (tree: unknown): NDArray =>
  flatten(tree).leaves.reduce<NDArray>((sum, x) => np.add(sum, np.sum(x as NDArray)), np.zeros([]))

const gradientOf = <T>(f: (x: T) => Scalar, x: T): T => grad(f)(x) as T

const saliencyDoor = must.door('saliency', { f: must.func, x: must.anything })

/**
 * The magnitudes of the gradient: the sensitivity of the value to each element. Simonyan et al., "Deep Inside Convolutional
 * Networks" (2014).
 *
 * @param f - from a tree of arrays of floats to a float scalar.
 * @returns a tree like `x`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { saliency } from 'pullback/interpret'
 * saliency((x: NDArray) => np.dot(x, np.array([2, -3])), np.array([1, 1])) // => [2. 3.]
 * ```
 */
export const saliency = <T>(f: (x: T) => Scalar, x: T): T => {
  saliencyDoor(f, x)
  return mapTree('saliency', (g) => np.abs(g), gradientOf(f, x))
}

const gradientTimesInputDoor = must.door('gradientTimesInput', { f: must.func, x: must.anything })

/**
 * `x · ∂f/∂x`: the contribution of each element compared with 0, to first order. For a linear function it is exact. Shrikumar
 * et al. (2016).
 *
 * @returns a tree like `x`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { gradientTimesInput } from 'pullback/interpret'
 * gradientTimesInput((x: NDArray) => np.dot(x, np.array([2, -3])), np.array([1, 10])) // => [  2. -30.]
 * ```
 */
export const gradientTimesInput = <T>(f: (x: T) => Scalar, x: T): T => {
  gradientTimesInputDoor(f, x)
  return mapTree('gradientTimesInput', np.multiply, gradientOf(f, x), x)
}

// Integrated gradients.

/** Nodes in [0, 1] and their weights, which sum to 1. */
type Quadrature = readonly (readonly [place: number, weight: number])[]

const rules = {
  'gauss-legendre': legendre,
  trapezoid: (steps: number): Quadrature =>
    steps === 1
      ? [[0.5, 1]]
      : Array.from({ length: steps }, (_, i) => [i / (steps - 1), (i % (steps - 1) === 0 ? 0.5 : 1) / (steps - 1)]),
} as const

/** Options of `integratedGradients`. */
export interface IntegratedOptions<T> {
  /** The start of the path: a neutral input. A tree like `x`; zeros by default. */
  readonly baseline?: T
  /** The number of gradients along the path; 50 by default. */
  readonly steps?: number
  /** The quadrature rule; `gauss-legendre` by default. */
  readonly rule?: keyof typeof rules
}

/** Integrated gradients, and the error of their sum. */
export interface Integrated<T> {
  /** A tree like `x`. */
  readonly attributions: T
  /** `f(x) - f(baseline)`, to which the attributions should sum. */
  readonly difference: NDArray
  /** The sum of the attributions minus that difference: 0 except for the quadrature error. If it is not small, use more steps. */
  readonly gap: NDArray
}

const integratedDoor = must.door('integratedGradients', {
  f: must.func,
  x: must.anything,
  options: must.optionsOf<IntegratedOptions<unknown>>({
    baseline: must.anything,
    steps: must.count,
    rule: must.oneOf(Object.keys(rules)),
  }),
})

/**
 * `(x - x₀) ∫ ∂f/∂x (x₀ + t (x - x₀)) dt`, from a baseline x₀ to x: the contribution of each element along the path. They sum
 * to `f(x) - f(x₀)` (completeness). Sundararajan et al., "Axiomatic Attribution for Deep Networks" (2017).
 *
 * @throws TreeError if `baseline` does not have the structure of `x`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { integratedGradients } from 'pullback/interpret'
 * const f = (x: NDArray) => np.prod(x)
 * const { attributions, difference } = integratedGradients(f, np.array([2, 3]))
 * np.allclose(attributions, [3, 3]).bool() // => true
 * difference // => 6.
 * ```
 */
export const integratedGradients = <T>(
  f: (x: T) => Scalar,
  x: T,
  options: IntegratedOptions<T> = {},
): Integrated<T> => {
  integratedDoor(f, x, options)
  const operation = 'integratedGradients'
  const {
    baseline = mapTree(operation, (leaf) => np.zerosLike(leaf), x),
    steps = 50,
    rule = 'gauss-legendre',
  } = options
  const way = mapTree(operation, np.subtract, x, baseline)
  const gradientAt = compiled(operation, (t: NDArray, from: T, along: T): T =>
    gradientOf(
      f,
      mapTree(operation, (a, d) => np.add(a, np.multiply(d, np.astype(t, d.dtype))), from, along),
    ),
  )
  let mean = mapTree(operation, (d) => np.zerosLike(d), way)
  for (const [place, weight] of rules[rule](steps)) {
    const gradient = gradientAt(np.array(place), baseline, way)
    mean = mapTree(operation, (sum, g) => np.add(sum, np.multiply(g, weight)), mean, gradient)
  }
  const attributions = mapTree(operation, np.multiply, way, mean)
  const difference = np.subtract(f(x), f(baseline))
  return { attributions, difference, gap: np.subtract(total(attributions), difference) }
}

// SmoothGrad.

/** Options of `smoothGrad`. */
export interface SmoothOptions {
  readonly key: Key
  /** The number of gradients; 50 by default. */
  readonly samples?: number
  /** The standard deviation of the noise divided by the range of a leaf's elements; 0.15 by default. */
  readonly noise?: number
  /** Whether gradients are squared before averaging, so that they do not cancel. */
  readonly square?: boolean
}

const smoothDoor = must.door('smoothGrad', {
  f: must.func,
  x: must.anything,
  options: must.required(
    must.optionsOf<SmoothOptions>({
      key: must.required(aKey),
      samples: must.count,
      noise: must.notNegative,
      square: must.boolean,
    }),
  ),
})

/**
 * The mean of gradients near `x`: only what is common to nearby points remains. Smilkov et al., "SmoothGrad" (2017).
 *
 * @returns a tree like `x`.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { smoothGrad } from 'pullback/interpret'
 * const f = (x: NDArray) => np.dot(x, np.array([2, -3]))
 * np.allclose(smoothGrad(f, np.array([1, 2]), { key: random.key(0) }), [2, -3]).bool() // => true
 * ```
 */
export const smoothGrad = <T>(f: (x: T) => Scalar, x: T, options: SmoothOptions): T => {
  smoothDoor(f, x, options)
  const operation = 'smoothGrad'
  const { key, samples = 50, noise = 0.15, square = false } = options
  const count = flatten(x).leaves.length
  if (count === 0) throw new ArgumentError('smoothGrad: x has no leaves to take a gradient by.')
  const gradientAt = compiled(operation, (at: T): T => gradientOf(f, at))
  let sum = mapTree(operation, (leaf) => np.zerosLike(leaf), x)
  for (const sample of split(key, samples)) {
    const keys = split(sample, count)
    let i = 0
    const noisy = mapTree(
      operation,
      (leaf) => {
        const scale = np.multiply(np.subtract(np.max(leaf), np.min(leaf)), noise)
        const dtype = leaf.dtype === 'float64' ? 'float64' : 'float32'
        return np.add(leaf, np.multiply(np.astype(normal(keys[i++]!, leaf.shape, { dtype }), leaf.dtype), scale))
      },
      x,
    )
    sum = mapTree(operation, (s, g) => np.add(s, square ? np.square(g) : g), sum, gradientAt(noisy))
  }
  return mapTree(operation, (s) => np.divide(s, samples), sum)
}
