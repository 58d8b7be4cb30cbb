/** How the elements of an array are reduced to one. */
import type { DType } from '../core/dtype.ts'
import { isLong, limitsOf } from '../core/dtype.ts'

/** How a reduction combines two elements. */
export type FoldName = 'sum' | 'prod' | 'max' | 'min' | 'and' | 'or'

/** The initial value of a fold, and its result for no elements; `and` of integers is bitwise. */
export const identityOf = (fold: FoldName, dtype: DType): number | bigint => {
  const [low, high] = limitsOf(dtype)
  if (fold === 'max') return low
  if (fold === 'min') return high
  const number = { sum: 0, prod: 1, and: dtype === 'bool' ? 1 : -1, or: 0 }[fold]
  return isLong(dtype) ? BigInt(number) : number
}
