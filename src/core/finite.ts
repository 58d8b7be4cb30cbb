import { decode } from './convert.ts'
import type { DType, TypedArray } from './dtype.ts'
import { isFloat } from './dtype.ts'

/** `'NaN'` or `'infinity'`, if one of those searched for is among the elements. */
export const findNonFinite = (
  dtype: DType,
  data: TypedArray,
  watch: { readonly nans: boolean; readonly infs: boolean },
): 'NaN' | 'infinity' | null => {
  if (!isFloat(dtype)) return null
  const xs = decode(dtype, data) as Float64Array
  for (const x of xs) {
    if (watch.nans && x !== x) return 'NaN'
    if (watch.infs && (x === Infinity || x === -Infinity)) return 'infinity'
  }
  return null
}
