/** Arithmetic on trees of arrays, as optimizers need it. */
import type { DType } from '../core/dtype.ts'
import { flatten, flattenUpTo, unflatten } from '../core/tree.ts'
import { jointNorm } from '../numpy/euclidean.ts'
import * as np from '../numpy/index.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { complement } from '../surface/hyperparameters.ts'

/** The arrays of a tree, in order. */
export const leavesOf = (tree: unknown): NDArray[] => flatten(tree).leaves.map((x) => asArray(x as ArrayLike))

/**
 * A tree like `tree` of the results of `f` on its leaves and those of trees of the same structure.
 *
 * @throws TreeError naming the path where two trees differ.
 */
export const mapTree = <T>(
  operation: string,
  f: (...xs: NDArray[]) => NDArray,
  tree: T,
  ...rest: readonly unknown[]
): T => {
  const { leaves, treedef } = flatten(tree)
  const others = rest.map((t) => flattenUpTo(operation, treedef, t))
  const mapped = leaves.map((x, i) => f(asArray(x as ArrayLike), ...others.map((o) => asArray(o[i] as ArrayLike))))
  return unflatten(treedef, mapped) as T
}

/** As `mapTree`, with several results for each leaf: as many trees. */
export const mapTrees = (
  operation: string,
  f: (...xs: NDArray[]) => readonly NDArray[],
  tree: unknown,
  ...rest: readonly unknown[]
): readonly unknown[] => {
  const { leaves, treedef } = flatten(tree)
  const others = rest.map((t) => flattenUpTo(operation, treedef, t))
  const rows = leaves.map((x, i) => f(asArray(x as ArrayLike), ...others.map((o) => asArray(o[i] as ArrayLike))))
  const columns = Math.max(0, ...rows.map((row) => row.length))
  return Array.from({ length: columns }, (_, c) =>
    unflatten(
      treedef,
      rows.map((row) => row[c]),
    ),
  )
}

/** The same value everywhere, in the leaves' shapes and dtypes, or in one dtype. */
export const fullLike = <T>(tree: T, value: ArrayLike, dtype?: DType): T =>
  mapTree('optim', (x) => np.fullLike(x, value, dtype === undefined ? {} : { dtype }), tree)

/** Zeros in the leaves' shapes and dtypes, or in one dtype. */
export const zerosLike = <T>(tree: T, dtype?: DType): T => fullLike(tree, 0, dtype)

/** `decay · m + (1 - decay) · g^order`: a running mean. */
export const moment = <T>(gradients: unknown, m: T, decay: ArrayLike, order: 1 | 2): T => {
  const rest = complement(decay)
  return mapTree(
    'optim',
    (old, g) => {
      const power = order === 1 ? g : np.square(g)
      return np.astype(np.add(np.multiply(rest, power), np.multiply(decay, old)), old.dtype)
    },
    m,
    gradients,
  )
}

/** Corrects a running mean for its start at 0: `m / (1 - decay^count)`. */
export const debias = <T>(m: T, decay: ArrayLike, count: NDArray): T => {
  const given = asArray(decay)
  const dtype = given.dtype === 'float64' ? 'float64' : 'float32'
  const weight = np.subtract(1, np.power(np.astype(given, dtype), np.astype(count, dtype)))
  return mapTree('optim', (x) => np.divide(x, np.astype(weight, x.dtype)), m)
}

const INT32_MAX = 2 ** 31 - 1

/** One more, up to the largest int32. */
export const increment = (count: NDArray): NDArray => np.where(np.less(count, INT32_MAX), np.add(count, 1), count)

/** A step counter at 0. */
export const zeroCount = (): NDArray => np.zeros([], { dtype: 'int32' })

/** `a` if the condition (a bool scalar) holds, else `b`; trees of the same structure. */
export const selectTree = <T>(condition: NDArray, a: T, b: unknown): T =>
  mapTree('optim', (x, y) => np.where(condition, x, np.astype(y, x.dtype)), a, b)

const globalNormDoor = must.door('optim.globalNorm', { tree: must.anything })

/**
 * The Euclidean norm of all leaves together, without overflow or underflow.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.globalNorm({ a: np.array([3]), b: np.array(4) }) // => 5.
 * ```
 */
export const globalNorm = (tree: unknown): NDArray => {
  globalNormDoor(tree)
  const leaves = leavesOf(tree)
  return leaves.length === 0 ? np.sqrt(0) : jointNorm(leaves)
}
