/** How the elements of an array come to one. */
import type { DType } from '../core/dtype.ts'
import { isLong, limitsOf } from '../core/dtype.ts'

/** How two elements come to one, in a reduction. */
export type FoldName = 'sum' | 'prod' | 'max' | 'min' | 'and' | 'or'

/** What a fold begins with, and gives of no elements; `and` of integers is about their bits. */
export const identityOf = (fold: FoldName, dtype: DType): number | bigint => {
  const [low, high] = limitsOf(dtype)
  if (fold === 'max') return low
  if (fold === 'min') return high
  const number = { sum: 0, prod: 1, and: dtype === 'bool' ? 1 : -1, or: 0 }[fold]
  return isLong(dtype) ? BigInt(number) : number
}
