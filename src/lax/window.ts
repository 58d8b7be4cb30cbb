/** `lax`: reductions over a sliding window. */
import type { WindowParams } from '../ir/op.ts'
import * as ops from '../primitives/convolution/operations.ts'
import { dilated } from '../primitives/convolution/sliding.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { PaddingOption } from './padding.ts'
import { aPadding, paddingOf } from './padding.ts'

const kinds = { sum: ops.reduceWindowSum, max: ops.reduceWindowMax, min: ops.reduceWindowMin } as const

/** Options of `reduceWindow`. Lists have an entry for each axis. */
export interface ReduceWindowOptions {
  readonly kind: keyof typeof kinds
  readonly windowDimensions: readonly number[]
  /** How far the window moves from one output to the next; 1 by default. */
  readonly windowStrides?: readonly number[]
  /** `'VALID'` by default. Padding by name is computed as if there were no `baseDilation`, as in JAX. */
  readonly padding?: PaddingOption
  /** The spacing of the elements of `x`, with nothing between them; 1 by default. */
  readonly baseDilation?: readonly number[]
  /** The spacing of the elements of the window; 1 by default. */
  readonly windowDilation?: readonly number[]
}

const reduceWindowOptions: must.OptionTable<ReduceWindowOptions> = {
  kind: must.required(must.oneOf(Object.keys(kinds))),
  windowDimensions: must.required(must.positiveExtents),
  windowStrides: must.positiveExtents,
  padding: aPadding,
  baseDilation: must.positiveExtents,
  windowDilation: must.positiveExtents,
}

const reduceWindowDoor = must.door('lax.reduceWindow', {
  x: must.arrayLike,
  options: must.optionsOf(reduceWindowOptions),
})

/**
 * The sum, maximum or minimum of the elements in a window that slides over all axes. Padding does not take part: for a window
 * without elements the sum is 0, the maximum -Infinity, the minimum Infinity (for integers, the lowest and the highest). The
 * gradient of a maximum or minimum goes to the first element that attains it.
 *
 * JAX takes any function of two values here. These three have derivatives of every order and fast kernels; for any other
 * reduction, stack shifted slices and reduce along the new axis.
 *
 * @throws ShapeError unless there is a window, a stride, a pair of padding and a dilation for each axis.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const x = np.array([1, 5, 2, 4, 3])
 * lax.reduceWindow(x, { kind: 'max', windowDimensions: [2] }) // => [5. 5. 4. 4.]
 * lax.reduceWindow(x, { kind: 'sum', windowDimensions: [3], windowStrides: [2], padding: 'SAME' }) // => [ 6. 11.  7.]
 * ```
 */
export const reduceWindow = (x: ArrayLike, options: ReduceWindowOptions): NDArray => {
  reduceWindowDoor(x, options)
  const array = asArray(x)
  const ones = array.shape.map(() => 1)
  const { kind, windowDimensions, windowStrides = ones, padding = 'VALID' } = options
  const { baseDilation = ones, windowDilation = ones } = options
  const windows = windowDimensions.map((n, d) => dilated(n, windowDilation[d]!))
  const params: WindowParams = {
    windowDimensions,
    windowStrides,
    // By the extents before dilation, as in JAX.
    padding: paddingOf(padding, array.shape, windows, windowStrides),
    baseDilation,
    windowDilation,
  }
  return kinds[kind](array, params)
}
