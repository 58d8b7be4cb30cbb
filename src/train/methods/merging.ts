/**
 * Merges arrays of the same shape, one of each adapter. TIES: Yadav et al. 2023 (arXiv:2306.01708). DARE: Yu et al. 2024
 * (arXiv:2311.03099). In PEFT they are `peft.utils.merge_utils`.
 */
import * as np from '../../numpy/index.ts'
import * as random from '../../random/index.ts'
import type { Key } from '../../random/index.ts'
import type { NDArray } from '../../trace/value.ts'

/** How arrays are pruned before they are added. */
export interface Rule {
  /** Which elements are pruned: those of smallest magnitude, or random ones, with the rest scaled up to the same expectation. */
  readonly prune: 'none' | 'magnitude' | 'random'
  /** Whether to average only elements with the prevailing sign at their position. */
  readonly elect: boolean
}

/** The parameters of a rule. */
export interface RuleSettings {
  /** The fraction of elements kept. */
  readonly density: number
  /** The prevailing sign: that of the sum, or that of the majority of arrays. */
  readonly majoritySign: 'total' | 'frequency'
}

/** Keeps the ⌊density · size⌋ elements of largest magnitude; the others are 0. */
const ofGreatest = (x: NDArray, density: number): NDArray => {
  const order = np.argsort(np.negative(np.abs(x.ravel())))
  const places = np.argsort(order)
  return np.where(np.less(places, Math.floor(density * x.size)).reshape(x.shape), x, 0)
}

const pruned = (x: NDArray, rule: Rule, density: number, key: Key): NDArray => {
  if (rule.prune === 'none' || density >= 1) return x
  if (rule.prune === 'magnitude') return ofGreatest(x, density)
  return np.where(random.bernoulli(key, density, x.shape), np.divide(x, density), 0)
}

/** The weighted sum of arrays, by a rule. */
export const mergedArrays = (
  arrays: readonly NDArray[],
  weights: readonly number[],
  rule: Rule,
  { density, majoritySign }: RuleSettings,
  key: Key,
): NDArray => {
  const stack = np.stack(arrays.map((x, i) => pruned(x, rule, density, random.foldIn(key, i))))
  const [first, ...others] = stack.shape as [number, ...number[]]
  const weighted = np.multiply(
    stack,
    np.array(weights, { dtype: stack.dtype }).reshape([first, ...others.map(() => 1)]),
  )
  if (!rule.elect) return np.sum(weighted, { axis: 0 })
  const signs = np.sign(stack)
  const votes = np.sum(majoritySign === 'total' ? stack : signs, { axis: 0 })
  const counted = np.equal(signs, np.where(np.greaterEqual(votes, 0), 1, -1))
  return np.divide(np.sum(np.where(counted, weighted, 0), { axis: 0 }), np.maximum(np.sum(counted, { axis: 0 }), 1))
}
