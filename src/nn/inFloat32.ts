/** What is computed in float32, whatever is stored. */
import type { NDArray } from '../trace/value.ts'

/**
 * `f` of floats of 16 bits in float32, and its result in their dtype again, as PyTorch's kernels compute norms: the square of a float16
 * overflows at 256, and the derivative of `1 / sqrt(variance)` does at variances that are common.
 */
export const inFloat32 = (x: NDArray, f: (x: NDArray) => NDArray): NDArray =>
  x.dtype === 'float16' || x.dtype === 'bfloat16' ? f(x.astype('float32')).astype(x.dtype) : f(x)
