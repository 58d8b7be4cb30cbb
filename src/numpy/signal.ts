/** `np`: convolution of vectors, and windows. */
import { calledAs } from '../core/calledAs.ts'
import { checkSize } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { conv } from '../primitives/convolution/operations.ts'
import { rev } from '../ops/movement.ts'
import { asArray, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact, promoteAll } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import * as np from './elementwise.ts'
import { i0 } from './special.ts'

/** The part of a convolution: all of it, as many elements as the longer vector, or where the vectors fully overlap. */
export type ConvolveMode = 'full' | 'same' | 'valid'

const spec = [0, 1, 2]

/** Sums of products of y with windows of x, which is padded by `low` and `high` zeros. */
const slide = (x: NDArray, y: NDArray, low: number, high: number): NDArray =>
  functions.ravel(
    conv(x.reshape([1, 1, x.size]), y.reshape([1, 1, y.size]), {
      windowStrides: [1],
      padding: [[low, high]],
      lhsDilation: [1],
      rhsDilation: [1],
      lhsSpec: spec,
      rhsSpec: spec,
      outSpec: spec,
      featureGroupCount: 1,
      batchGroupCount: 1,
    }),
  )

const vectors = (name: string, x: ArrayLike, y: ArrayLike): readonly [NDArray, NDArray] => {
  const [a, b] = promoteAll([asArray(x), asArray(y)]).map(inexact) as [NDArray, NDArray]
  if (a.ndim === 1 && b.ndim === 1 && a.size > 0 && b.size > 0) return [a, b]
  throw new ShapeError(`${name}: takes two vectors that are not empty, got ${a.aval} and ${b.aval}.`)
}

const paddings = (name: string, mode: ConvolveMode, n: number): readonly [low: number, high: number] => {
  if (mode === 'full') return [n - 1, n - 1]
  if (mode === 'same') return [Math.floor(n / 2), n - Math.floor(n / 2) - 1]
  if (mode === 'valid') return [0, 0]
  throw new ArgumentError(`${name}: '${String(mode)}' is not a mode: 'full', 'same' or 'valid'.`)
}

const convolveDoor = must.door('np.convolve', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf<{ readonly mode?: ConvolveMode }>({ mode: must.oneOf(['full', 'same', 'valid']) }),
})

/**
 * Discrete convolution of two vectors: `Σ_k x[k] y[n - k]`; a float.
 *
 * @throws ShapeError unless both are vectors, not empty; ArgumentError for an unknown mode.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.convolve(np.array([1, 2, 3]), np.array([0, 1, 0.5])) // => [0.  1.  2.5 4.  1.5]
 * np.convolve(np.array([1, 2, 3]), np.array([1, 1]), { mode: 'valid' }) // => [3. 5.]
 * ```
 */
export const convolve = (x: ArrayLike, y: ArrayLike, options: { readonly mode?: ConvolveMode } = {}): NDArray => {
  convolveDoor(x, y, options)
  const { mode = 'full' } = options
  const [a, b] = vectors('np.convolve', x, y)
  const [long, short] = a.size < b.size ? [b, a] : [a, b]
  return slide(long, rev(short, [0]), ...paddings('np.convolve', mode, short.size))
}

const correlateDoor = must.door('np.correlate', {
  x: must.arrayLike,
  y: must.arrayLike,
  options: must.optionsOf<{ readonly mode?: ConvolveMode }>({ mode: must.oneOf(['full', 'same', 'valid']) }),
})

/**
 * Discrete correlation of two vectors: `Σ_k x[n + k] y[k]`; a float.
 *
 * @throws ShapeError unless both are vectors, not empty; ArgumentError for an unknown mode.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.correlate(np.array([1, 2, 3]), np.array([0, 1, 0.5]), { mode: 'full' }) // => [0.5 2.  3.5 3.  0. ]
 * ```
 */
export const correlate = (x: ArrayLike, y: ArrayLike, options: { readonly mode?: ConvolveMode } = {}): NDArray => {
  correlateDoor(x, y, options)
  const { mode = 'valid' } = options
  const [a, b] = vectors('np.correlate', x, y)
  if (a.size >= b.size) return slide(a, b, ...paddings('np.correlate', mode, b.size))
  return rev(slide(b, a, ...paddings('np.correlate', mode, a.size)), [0])
}

/** A window, as a function of positions from -1 to 1. */
const window = (name: string, m: number, f: (place: number) => number): NDArray => {
  checkSize(name, 'float32', m)
  const at = (i: number): number => (m === 1 ? 0 : (2 * i) / (m - 1) - 1)
  return asArray(Float32Array.from({ length: m }, (_, i) => f(at(i))))
}

const bartlettDoor = must.door('np.bartlett', { m: must.natural })

/**
 * A triangle, 0 at the ends (float32).
 *
 * @throws ArgumentError unless the length is a natural number, like all windows.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.bartlett(5) // => [0.  0.5 1.  0.5 0. ]
 * ```
 */
export const bartlett = (m: number): NDArray => {
  bartlettDoor(m)
  return window('np.bartlett', m, (t) => 1 - Math.abs(t))
}

const hanningDoor = must.door('np.hanning', { m: must.natural })

/**
 * A raised cosine, 0 at the ends (float32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.hanning(5) // => [0.  0.5 1.  0.5 0. ]
 * ```
 */
export const hanning = (m: number): NDArray => {
  hanningDoor(m)
  return window('np.hanning', m, (t) => 0.5 + 0.5 * Math.cos(Math.PI * t))
}

const hammingDoor = must.door('np.hamming', { m: must.natural })

/**
 * A raised cosine on a step (float32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.round(np.hamming(3), 2) // => [0.08 1.   0.08]
 * ```
 */
export const hamming = (m: number): NDArray => {
  hammingDoor(m)
  return window('np.hamming', m, (t) => 0.54 + 0.46 * Math.cos(Math.PI * t))
}

const blackmanDoor = must.door('np.blackman', { m: must.natural })

/**
 * A sum of two cosines, 0 at the ends (float32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.round(np.blackman(5), 2) // => [-0.  0.34 1.   0.34 -0. ]
 * ```
 */
export const blackman = (m: number): NDArray => {
  blackmanDoor(m)
  return window('np.blackman', m, (t) => 0.42 + 0.5 * Math.cos(Math.PI * t) + 0.08 * Math.cos(2 * Math.PI * t))
}

const kaiserDoor = must.door('np.kaiser', { m: must.natural, beta: must.arrayLike })

/**
 * Kaiser's window: `i0(beta sqrt(1 - t²)) / i0(beta)` for t from -1 to 1 (float32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.round(np.kaiser(3, 2), 3) // => [0.439 1.    0.439]
 * ```
 */
export const kaiser = (m: number, beta: ArrayLike): NDArray => {
  kaiserDoor(m, beta)
  return calledAs('np.kaiser', () => {
    const root = window('np.kaiser', m, (t) => Math.sqrt(1 - t * t))
    return np.divide(i0(np.multiply(beta, root)), i0(beta))
  })
}
