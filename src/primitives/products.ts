/** Products of groups of factors without one of them, for derivatives of products. */
import { full, fullLike, iota } from '../ops/creation.ts'
import { eq, mul, select } from '../ops/elementwise.ts'
import { concatenate, rev, sliceInDim } from '../ops/movement.ts'
import { sort } from '../ops/sorting.ts'
import type { NDArray } from '../trace/value.ts'

/** For each factor the product of the earlier ones with its key, in logarithmically many steps. Equal keys must be adjacent. */
const productOfEarlier = (factors: NDArray, keys: NDArray): NDArray => {
  const { size } = keys.aval
  const ones = fullLike(factors, 1)
  if (size < 2) return ones
  // The factor `distance` positions before, where that has the same key; 1 elsewhere.
  const earlier = (xs: NDArray, distance: number): NDArray => {
    const shifted = concatenate([sliceInDim(ones, 0, distance, 0), sliceInDim(xs, 0, size - distance, 0)], 0)
    const same = eq(sliceInDim(keys, distance, size, 0), sliceInDim(keys, 0, size - distance, 0))
    return select(concatenate([full([distance], 0, 'bool'), same], 0), shifted, ones)
  }
  let products = earlier(factors, 1)
  for (let distance = 1; distance < size; distance *= 2) products = mul(products, earlier(products, distance))
  return products
}

/**
 * For each factor the product of the others with its key: of those before and those after it, once sorted by key. There is
 * no division in it, so that zeros, infinities and second derivatives come out right. Both operands are vectors.
 */
export const productOfOtherFactors = (factors: NDArray, keys: NDArray): NDArray => {
  const numbers = iota('int32', keys.aval.shape, 0)
  const [sorted, order, ordered] = sort([keys, numbers, factors], 0) as [NDArray, NDArray, NDArray]
  const before = productOfEarlier(ordered, sorted)
  const after = rev(productOfEarlier(rev(ordered, [0]), rev(sorted, [0])), [0])
  return sort([order, mul(before, after)], 0)[1]!
}
