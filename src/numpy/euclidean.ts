/** Roots of sums of squares without intermediate overflow or underflow. */
import { isHalf } from '../core/dtype.ts'
import { fullLike } from '../ops/creation.ts'
import * as ops from '../ops/elementwise.ts'
import { inexact } from '../conversions/promote.ts'
import type { NDArray } from '../trace/value.ts'
import * as np from './elementwise.ts'
import { max, mean, sum } from './reduction.ts'
import { resultType } from './types.ts'

/**
 * Where squares, or sums of many, leave the range of a dtype, and powers of two that bring numbers back. Between the bounds
 * nothing is scaled; beyond them scaling is exact.
 */
const ranges = {
  float32: { low: 2 ** -50, high: 2 ** 40, up: 2 ** 80, down: 2 ** -76 },
  float64: { low: 2 ** -300, high: 2 ** 300, up: 2 ** 640, down: 2 ** -600 },
} as const

/** The axes of a sum. */
interface SquaresOptions {
  readonly axis?: number | readonly number[] | null
  readonly keepdims?: boolean
}

/**
 * `root(total(scale))` where `total` is of squares of numbers times `scale`, and `largest` the largest of the numbers' absolute
 * values. The root is homogeneous, so the scale, which is constant, does not affect derivatives either.
 */
const scaledRoot = (largest: NDArray, total: (scale: NDArray) => NDArray): NDArray => {
  const { low, high, up, down } = ranges[largest.dtype === 'float64' ? 'float64' : 'float32']
  const choose = (large: number, small: number): NDArray =>
    np.where(
      np.greater(largest, high),
      fullLike(largest, large),
      np.where(np.less(largest, low), fullLike(largest, small), fullLike(largest, 1)),
    )
  const root = np.sqrt(total(choose(down, up)))
  return np.multiply(root, choose(1 / down, 1 / up).reshape(root.shape))
}

const largestOf = (x: NDArray, axis: SquaresOptions['axis'] = null): NDArray =>
  max(np.abs(ops.stopGradient(x)), { axis, keepdims: true, initial: 0 })

const scaledSquares = (x: NDArray, scale: NDArray): NDArray => np.square(np.multiply(x, scale))

/** 16-bit floats as float32, for computing. */
const wide = (x: NDArray): NDArray => (isHalf(x.dtype) ? x.astype('float32') : x)

const rootOf = (x: NDArray, { axis = null, keepdims = false }: SquaresOptions, total: typeof sum): NDArray => {
  const given = inexact(x)
  const y = wide(given)
  const root = scaledRoot(largestOf(y, axis), (scale) => total(scaledSquares(y, scale), { axis, keepdims }))
  return isHalf(given.dtype) ? root.astype(given.dtype) : root
}

/** `√Σx²` along axes. */
export const euclideanNorm = (x: NDArray, options: SquaresOptions = {}): NDArray => rootOf(x, options, sum)

/** `√(Σx² / n)` along axes. */
export const rootMeanSquare = (x: NDArray, options: SquaresOptions = {}): NDArray => rootOf(x, options, mean)

/** `√Σx²` over the elements of several arrays, in their promoted dtype. */
export const jointNorm = (xs: readonly NDArray[]): NDArray => {
  const given = xs.map((x) => inexact(x))
  const dtype = resultType(...given)
  const parts = given.map(wide)
  const largest = parts.map((x) => largestOf(x).reshape([])).reduce((a, b) => np.maximum(a, b))
  const root = scaledRoot(largest, (scale) =>
    parts.map((x) => sum(scaledSquares(x, scale))).reduce((total, part) => np.add(total, part)),
  )
  return isHalf(dtype) ? root.astype(dtype) : root
}
