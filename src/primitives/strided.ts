import type { TypedArray } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'

/**
 * Visits the rows of a strided view: calls `row(offset, i)` for each index of all axes but the last, where `offset` is the
 * offset of the row's first element in the view and `i` counts elements from 0 in row-major order.
 */
const eachRow = (
  shape: Shape,
  strides: readonly number[],
  start: number,
  row: (offset: number, i: number) => void,
): void => {
  const outer = shape.length - 1
  const extent = shape[outer] ?? 1
  let rows = 1
  for (let d = 0; d < outer; d++) rows *= shape[d]!
  if (extent === 0) return
  const index = new Int32Array(Math.max(outer, 0))
  let offset = start
  for (let r = 0; r < rows; r++) {
    row(offset, r * extent)
    for (let d = outer - 1; d >= 0; d--) {
      offset += strides[d]!
      if (++index[d]! < shape[d]!) break
      offset -= strides[d]! * shape[d]!
      index[d] = 0
    }
  }
}

// Typed arrays of one kind: elements are only moved, so bigints work as well as numbers.
type Elements = Float64Array

/** Copies a strided view of `data` into `out`, row-major. */
export const gatherStrided = (
  data: TypedArray,
  shape: Shape,
  strides: readonly number[],
  start: number,
  out: TypedArray,
): TypedArray => {
  const [xs, ys] = [data as Elements, out as Elements]
  const extent = shape.at(-1) ?? 1
  const stride = strides.at(-1) ?? 1
  if (stride === 0) {
    eachRow(shape, strides, start, (offset, i) => ys.fill(xs[offset]!, i, i + extent))
  } else if (stride === 1 && extent > 16) {
    eachRow(shape, strides, start, (offset, i) => {
      ys.set(xs.subarray(offset, offset + extent), i)
    })
  } else {
    eachRow(shape, strides, start, (offset, i) => {
      for (let j = 0; j < extent; j++) ys[i + j] = xs[offset + j * stride]!
    })
  }
  return out
}

/** Copies `data`, row-major, into a strided view of `out`. */
export const scatterStrided = (
  data: TypedArray,
  shape: Shape,
  strides: readonly number[],
  start: number,
  out: TypedArray,
): TypedArray => {
  const [xs, ys] = [data as Elements, out as Elements]
  const extent = shape.at(-1) ?? 1
  const stride = strides.at(-1) ?? 1
  eachRow(shape, strides, start, (offset, i) => {
    for (let j = 0; j < extent; j++) ys[offset + j * stride] = xs[i + j]!
  })
  return out
}
