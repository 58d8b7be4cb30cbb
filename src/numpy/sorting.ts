/** `np`: sorting and searching. NaN comes last, and sorts are stable. */
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { normalizeAxis, range, showShape } from '../core/shape.ts'
import { iota } from '../ops/creation.ts'
import * as sorting from '../ops/sorting.ts'
import { asArray, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { promoteAll } from '../conversions/promote.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import * as np from './elementwise.ts'
import type { Arrays } from './joining.ts'
import { listOf, someArrays } from './joining.ts'
import { flip, take } from './movement.ts'

/** Options of `sort` and `argsort`. */
export interface SortOptions {
  /** The axis, the last by default; null for the flattened array. */
  readonly axis?: number | null
  /** Whether the largest comes first, and NaN before all. */
  readonly descending?: boolean
  /** Whether equal elements must keep their order; here they always do. */
  readonly stable?: boolean
}

const sortOptions: must.OptionTable<SortOptions> = {
  axis: must.nullable(must.axis),
  descending: must.boolean,
  stable: must.boolean,
}

const lineOf = (name: string, x: ArrayLike, axis: number | null): readonly [array: NDArray, along: number] => {
  const array = asArray(x)
  if (axis === null) return [functions.ravel(array), 0]
  return [array, normalizeAxis(name, axis, array.ndim)]
}

const sortDoor = must.door('np.sort', { x: must.arrayLike, options: must.optionsOf(sortOptions) })

/**
 * The elements in ascending order along an axis. Gradients go back to the original positions.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.sort(np.array([3, 1, 2])) // => [1. 2. 3.]
 * np.sort(np.array([3, 1, NaN]), { descending: true }) // => [nan  3.  1.]
 * ```
 */
export const sort = (x: ArrayLike, options: SortOptions = {}): NDArray => {
  sortDoor(x, options)
  const { axis = -1, descending = false } = options
  const [array, along] = lineOf('np.sort', x, axis)
  const sorted = sorting.sort([array], along)[0]!
  return descending ? flip(sorted, { axis: along }) : sorted
}

const argsortDoor = must.door('np.argsort', { x: must.arrayLike, options: must.optionsOf(sortOptions) })

/**
 * The indices that sort an array (int32).
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.argsort(np.array([3, 1, 2])) // => [1 2 0]
 * ```
 */
export const argsort = (x: ArrayLike, options: SortOptions = {}): NDArray => {
  argsortDoor(x, options)
  const { axis = -1, descending = false } = options
  const [array, along] = lineOf('np.argsort', x, axis)
  const turned = (y: NDArray): NDArray => (descending ? flip(y, { axis: along }) : y)
  const places = iota('int32', array.shape, along)
  return turned(sorting.sort([turned(array), turned(places)], along)[1]!)
}

const lexsortDoor = must.door('np.lexsort', {
  keys: someArrays,
  options: must.optionsOf<{ readonly axis?: number }>({ axis: must.axis }),
})

/**
 * The indices that sort by several keys: by the last key first, then by the others where those are equal.
 *
 * @throws ArgumentError without keys; ShapeError if their shapes differ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.lexsort([np.array([1, 0, 2]), np.array([5, 5, 4])]) // => [2 1 0]
 * ```
 */
export const lexsort = (keys: Arrays, options: { readonly axis?: number } = {}): NDArray => {
  lexsortDoor(keys, options)
  const { axis = -1 } = options
  const arrays = listOf(keys)
    .map((k) => asArray(k))
    .reverse()
  const [first] = arrays
  if (first === undefined) throw new ArgumentError('np.lexsort: needs at least one key.')
  const odd = arrays.find((k) => k.shape.join() !== first.shape.join())
  if (odd !== undefined) {
    throw new ShapeError(`np.lexsort: keys have one shape, got ${showShape(first.shape)} and ${showShape(odd.shape)}.`)
  }
  const along = normalizeAxis('np.lexsort', axis, first.ndim)
  const places = iota('int32', first.shape, along)
  return sorting.sort([...arrays, places], along, { numKeys: arrays.length }).at(-1)!
}

const checkKth = (name: string, kth: number, n: number): void => {
  if (!Number.isInteger(kth) || kth < -n || kth >= n) {
    throw new ArgumentError(`${name}: kth must be an integer from ${-n} to ${n - 1}, got ${kth}.`)
  }
}

const partitionDoor = must.door('np.partition', {
  x: must.arrayLike,
  kth: must.number,
  options: must.optionsOf<{ readonly axis?: number }>({ axis: must.axis }),
})

/**
 * The elements such that the one at `kth` is where `sort` has it, none before it is larger and none after it smaller. This
 * implementation sorts all elements.
 *
 * @throws ArgumentError if there is no such place.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.partition(np.array([3, 1, 2]), 1).at(1).get() // => 2.
 * ```
 */
export const partition = (x: ArrayLike, kth: number, options: { readonly axis?: number } = {}): NDArray => {
  partitionDoor(x, kth, options)
  const { axis = -1 } = options
  const [array, along] = lineOf('np.partition', x, axis)
  checkKth('np.partition', kth, array.shape[along]!)
  return sort(array, { axis: along })
}

const argpartitionDoor = must.door('np.argpartition', {
  x: must.arrayLike,
  kth: must.number,
  options: must.optionsOf<{ readonly axis?: number }>({ axis: must.axis }),
})

/**
 * The indices of the elements of `partition` (int32).
 *
 * @throws ArgumentError if there is no such place.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.argpartition(np.array([3, 1, 2]), 0).at(0).get() // => 1
 * ```
 */
export const argpartition = (x: ArrayLike, kth: number, options: { readonly axis?: number } = {}): NDArray => {
  argpartitionDoor(x, kth, options)
  const { axis = -1 } = options
  const [array, along] = lineOf('np.argpartition', x, axis)
  checkKth('np.argpartition', kth, array.shape[along]!)
  return argsort(array, { axis: along })
}

/** Options of `searchsorted`. */
export interface SearchOptions {
  /** Before (`left`, default) or after (`right`) elements that are equal. */
  readonly side?: 'left' | 'right'
  /** The `argsort` of the array, if it is not sorted. */
  readonly sorter?: ArrayLike
  /** JAX's names of algorithms. There is one algorithm here, so all are the same. */
  readonly method?: SearchMethod
}

const searchMethods = ['scan', 'scanUnrolled', 'sort', 'compareAll'] as const

const searchOptions: must.OptionTable<SearchOptions> = {
  side: must.oneOf(['left', 'right']),
  sorter: must.arrayLike,
  method: must.oneOf(searchMethods),
}

/** JAX's ways to search. */
export type SearchMethod = (typeof searchMethods)[number]

/** Whether x comes before y; NaN comes after all numbers. */
const isBefore = (x: NDArray, y: NDArray): NDArray =>
  np.logicalOr(np.less(x, y), np.logicalAnd(np.isnan(y), np.logicalNot(np.isnan(x))))

const searchsortedDoor = must.door('np.searchsorted', {
  sorted: must.arrayLike,
  values: must.arrayLike,
  options: must.optionsOf(searchOptions),
})

/**
 * The indices at which values would be inserted into a sorted vector to keep it sorted (int32): a binary search, with as many
 * steps as the length has bits.
 *
 * @throws ShapeError unless the first argument is a vector.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.searchsorted(np.array([1, 2, 2, 3]), np.array([0, 2, 9])) // => [0 1 4]
 * np.searchsorted(np.array([1, 2, 2, 3]), 2, { side: 'right' }) // => 3
 * ```
 */
export const searchsorted = (sorted: ArrayLike, values: ArrayLike, options: SearchOptions = {}): NDArray => {
  searchsortedDoor(sorted, values, options)
  const { side = 'left', sorter } = options
  const [line, wanted] = promoteAll([asArray(sorted), asArray(values)]) as [NDArray, NDArray]
  if (line.ndim !== 1) throw new ShapeError(`np.searchsorted: the first argument is a vector, got ${line.aval}.`)
  const xs = sorter === undefined ? line : take(line, sorter, { axis: 0 })
  const n = xs.size
  const passes = (x: NDArray): NDArray => (side === 'left' ? isBefore(x, wanted) : np.logicalNot(isBefore(wanted, x)))
  // All elements before `low` come before the value; all from `high` on do not.
  let low = functions.broadcastTo(asArray(Int32Array.of(0)).reshape([]), wanted.shape)
  let high = functions.broadcastTo(asArray(Int32Array.of(n)).reshape([]), wanted.shape)
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    const middle = np.floorDivide(np.add(low, high), 2)
    const isOpen = np.less(low, high)
    const goesUp = np.logicalAnd(isOpen, passes(take(xs, middle, { axis: 0, mode: 'clip' })))
    high = np.where(np.logicalAnd(isOpen, np.logicalNot(goesUp)), middle, high)
    low = np.where(goesUp, np.add(middle, 1), low)
  }
  return low
}

const digitizeDoor = must.door('np.digitize', {
  x: must.arrayLike,
  bins: must.arrayLike,
  options: must.optionsOf<{ readonly right?: boolean; readonly method?: SearchMethod }>({
    right: must.boolean,
    method: must.oneOf(searchMethods),
  }),
})

/**
 * The index of the bin of each element: i with `bins[i-1] <= x < bins[i]` (int32). Bins may descend if they are concrete.
 *
 * @param right - whether the right end of a bin belongs to it, instead of the left one.
 * @throws ShapeError unless the bins are a vector.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.digitize(np.array([0.5, 1, 7]), np.array([0, 1, 2])) // => [1 2 3]
 * ```
 */
export const digitize = (
  x: ArrayLike,
  bins: ArrayLike,
  options: { readonly right?: boolean; readonly method?: SearchMethod } = {},
): NDArray => {
  digitizeDoor(x, bins, options)
  const { right = false, method = 'scan' } = options
  const edges = asArray(bins)
  if (edges.ndim !== 1) throw new ShapeError(`np.digitize: bins are a vector, got ${edges.aval}.`)
  const n = edges.size
  const up = searchsorted(edges, x, { side: right ? 'left' : 'right', method })
  if (n < 2) return up
  const [first, last] = [edges.at(0).get(), edges.at(-1).get()]
  const down = np.subtract(n, searchsorted(flip(edges), x, { side: right ? 'left' : 'right' }))
  return np.where(np.lessEqual(first, last), up, down)
}

/** The numbers 0 to n - 1 (int32). */
export const countTo = (n: number): NDArray => asArray(Int32Array.from(range(n)))
