/**
 * `nn`: pooling over the spatial axes of arrays with features last, after flax. They have no parameters, so they are plain
 * functions.
 */
import { sizeOf } from '../core/shape.ts'
import type { PaddingOption } from '../lax/padding.ts'
import { aPadding } from '../lax/padding.ts'
import { reduceWindow } from '../lax/window.ts'
import * as np from '../numpy/index.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact } from '../conversions/promote.ts'
import { composite } from '../trace/interpreter.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { withOneBatch } from './convolution.ts'

/** Options of `maxPool`, `minPool` and `avgPool`. Lists have an entry for each spatial axis. */
export interface PoolOptions {
  /** How far the window moves; 1 by default, as in flax. */
  readonly strides?: readonly number[]
  /** `'VALID'` by default. */
  readonly padding?: PaddingOption
}

const poolOptions: must.OptionTable<PoolOptions> = {
  strides: must.positiveExtents,
  padding: aPadding,
}

/** Options of `avgPool`. */
export interface AvgPoolOptions extends PoolOptions {
  /** Whether padding counts as elements, zeros, in the average; true by default. */
  readonly countIncludePad?: boolean
}

const avgPoolOptions: must.OptionTable<AvgPoolOptions> = {
  countIncludePad: must.boolean,
  strides: must.positiveExtents,
  padding: aPadding,
}

const pool = (
  name: string,
  kind: 'sum' | 'max' | 'min',
  x: NDArray,
  windowShape: readonly number[],
  { strides = windowShape.map(() => 1), padding = 'VALID' }: PoolOptions,
): NDArray => {
  const [images, restore] = withOneBatch(name, x, windowShape.length + 1)
  const pooled = reduceWindow(images, {
    kind,
    windowDimensions: [1, ...windowShape, 1],
    windowStrides: [1, ...strides, 1],
    padding: typeof padding === 'string' ? padding : [[0, 0], ...padding, [0, 0]],
  })
  return restore(pooled)
}

const maxPoolDoor = must.door('nn.maxPool', {
  x: must.arrayLike,
  windowShape: must.positiveExtents,
  options: must.optionsOf(poolOptions),
})

/**
 * The largest element of each window. The gradient goes to the first that attains it.
 *
 * @param x - shape `[...batch, ...spatial, features]`, with a spatial axis for each extent of the window.
 * @throws ShapeError if `x` has too few axes, or options do not have an entry for each of the window's.
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * const x = np.reshape(np.arange(16), [4, 4, 1])
 * np.ravel(nn.maxPool(x, [2, 2], { strides: [2, 2] })) // => [ 5  7 13 15]
 * ```
 */
export const maxPool = (x: ArrayLike, windowShape: readonly number[], options: PoolOptions = {}): NDArray =>
  composite('maxPool', () => {
    maxPoolDoor(x, windowShape, options)
    return pool('nn.maxPool', 'max', asArray(x), windowShape, options)
  })

const minPoolDoor = must.door('nn.minPool', {
  x: must.arrayLike,
  windowShape: must.positiveExtents,
  options: must.optionsOf(poolOptions),
})

/**
 * The smallest element of each window, as `maxPool`.
 *
 * @param x - shape `[...batch, ...spatial, features]`, with a spatial axis for each extent of the window.
 * @throws ShapeError if `x` has too few axes, or options do not have an entry for each of the window's.
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * const x = np.reshape(np.array([5, 3, 8, 6]), [4, 1])
 * np.ravel(nn.minPool(x, [2])) // => [3. 3. 6.]
 * np.ravel(nn.minPool(x, [2], { padding: 'SAME' })) // => [3. 3. 6. 6.]
 * ```
 */
export const minPool = (x: ArrayLike, windowShape: readonly number[], options: PoolOptions = {}): NDArray =>
  composite('minPool', () => {
    minPoolDoor(x, windowShape, options)
    return pool('nn.minPool', 'min', asArray(x), windowShape, options)
  })

const avgPoolDoor = must.door('nn.avgPool', {
  x: must.arrayLike,
  windowShape: must.positiveExtents,
  options: must.optionsOf(avgPoolOptions),
})

/**
 * The mean of each window.
 *
 * @param x - shape `[...batch, ...spatial, features]`, with a spatial axis for each extent of the window.
 * @throws ShapeError if `x` has too few axes, or options do not have an entry for each of the window's.
 * @example
 * ```ts
 * import { nn, np } from 'pullback'
 * const x = np.array([[2], [4], [6]])
 * np.ravel(nn.avgPool(x, [2], { padding: 'SAME' })) // => [3. 5. 3.]
 * np.ravel(nn.avgPool(x, [2], { padding: 'SAME', countIncludePad: false })) // => [3. 5. 6.]
 * ```
 */
export const avgPool = (x: ArrayLike, windowShape: readonly number[], options: AvgPoolOptions = {}): NDArray =>
  composite('avgPool', () => {
    avgPoolDoor(x, windowShape, options)
    const { countIncludePad = true, ...window } = options
    const array = inexact(asArray(x))
    const sums = pool('nn.avgPool', 'sum', array, windowShape, window)
    if (countIncludePad) return np.divide(sums, sizeOf(windowShape))
    // The same for all images and features.
    const one = np.ones([...array.shape.slice(-windowShape.length - 1, -1), 1], { dtype: array.dtype })
    return np.divide(sums, pool('nn.avgPool', 'sum', one, windowShape, window))
  })
