/** Computes in float32, whatever the stored dtype. */
import type { NDArray } from '../trace/value.ts'

/**
 * Computes `f` of 16-bit floats in float32, and rounds the result to their dtype, as PyTorch's kernels do for norms: the square
 * of a float16 overflows at 256, and the derivative of `1 / sqrt(variance)` overflows at common variances.
 */
export const inFloat32 = (x: NDArray, f: (x: NDArray) => NDArray): NDArray =>
  x.dtype === 'float16' || x.dtype === 'bfloat16' ? f(x.astype('float32')).astype(x.dtype) : f(x)
