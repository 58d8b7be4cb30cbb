/** `np`: joining, splitting and rotating arrays. */
import { calledAs } from '../core/calledAs.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { broadcastTwo, normalizeAxis, range } from '../core/shape.ts'
import type { EachAs, PartsOf } from '../core/tuples.ts'
import { rev } from '../ops/movement.ts'
import { arrayFor, asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { Arrays, StackOptions } from './joining.ts'
import { atleast2d, concatenate, listOf, split, someArrays } from './joining.ts'
import { broadcastTo, flip, reshape, swapaxes, transpose } from './movement.ts'

/**
 * `concatenate`, by the array API's name.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.concat([np.array([1]), np.array([2, 3])]) // => [1. 2. 3.]
 * ```
 */
export const concat = concatenate

const permuteDimsDoor = must.door('np.permuteDims', { x: must.arrayLike, axes: must.axisList })

/**
 * `transpose` with an order of axes, by the array API's name.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.permuteDims(np.zeros([2, 3, 4]), [2, 0, 1]).shape // => 4,2,3
 * ```
 */
export const permuteDims = (x: ArrayLike, axes: readonly number[]): NDArray => {
  permuteDimsDoor(x, axes)
  return transpose(x, axes)
}

/**
 * Swaps the last two axes.
 *
 * @throws ShapeError for fewer than two axes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.matrixTranspose(np.zeros([2, 3, 4])).shape // => 2,4,3
 * ```
 */
export const matrixTranspose = (x: ArrayLike): NDArray => {
  const array = arrayFor('np.matrixTranspose', x)
  if (array.ndim < 2) throw new ShapeError(`np.matrixTranspose: takes matrices, got ${array.aval}.`)
  return swapaxes(array, -1, -2)
}

const broadcastArraysDoor = must.door('np.broadcastArrays', { xs: must.listOf(must.arrayLike) })

/**
 * Broadcasts arrays to a common shape.
 *
 * @throws ShapeError if they do not broadcast.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.broadcastArrays(np.ones([2, 1]), np.ones([3])).map((x) => x.shape.join('x')) // => 2x3,2x3
 * ```
 */
export const broadcastArrays = <A extends readonly ArrayLike[]>(...xs: A): EachAs<NDArray, A> => {
  broadcastArraysDoor(xs)
  const arrays = xs.map((x) => asArray(x))
  const shape = arrays.reduce<readonly number[]>((s, x) => broadcastTwo('np.broadcastArrays', s, x.shape), [])
  return arrays.map((x) => broadcastTo(x, shape)) as EachAs<NDArray, A>
}

/**
 * The array with at least three axes: vectors become `[1, n, 1]`, matrices `[m, n, 1]`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.atleast3d(np.zeros([2])).shape // => 1,2,1
 * ```
 */
export const atleast3d = (x: ArrayLike): NDArray => {
  const array = arrayFor('np.atleast3d', x)
  if (array.ndim === 0) return reshape(array, [1, 1, 1])
  if (array.ndim === 1) return reshape(array, [1, array.size, 1])
  return array.ndim === 2 ? reshape(array, [...array.shape, 1]) : array
}

const columnStackDoor = must.door('np.columnStack', { xs: someArrays })

/**
 * Vectors as columns, and matrices, beside each other.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.columnStack([np.array([1, 2]), np.array([3, 4])]).toArray() // => 1,3,2,4
 * ```
 */
export const columnStack = (xs: Arrays): NDArray => {
  columnStackDoor(xs)
  return calledAs('np.columnStack', () => {
    const column = (x: ArrayLike): NDArray => {
      const array = asArray(x)
      return array.ndim < 2 ? transpose(atleast2d(array)) : array
    }
    return concatenate(listOf(xs).map(column), { axis: 1 })
  })
}

const dstackDoor = must.door('np.dstack', {
  xs: someArrays,
  options: must.optionsOf<Pick<StackOptions, 'dtype'>>({ dtype: must.dtype }),
})

/**
 * Arrays joined along the third axis.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.dstack([np.array([1, 2]), np.array([3, 4])]).shape // => 1,2,2
 * ```
 */
export const dstack = (xs: Arrays, options: Pick<StackOptions, 'dtype'> = {}): NDArray => {
  dstackDoor(xs, options)
  return calledAs('np.dstack', () => concatenate(listOf(xs).map(atleast3d), { ...options, axis: 2 }))
}

/** Arrays in nested lists: the innermost are joined side by side, the outer ones below each other. */
export type Blocks = ArrayLike | readonly Blocks[]

/** The deepest nesting: more than the axes of any array. */
const DEEPEST = 64

const isBlocks = (x: unknown, depth: number): boolean =>
  must.arrayLike.accepts(x) || (depth < DEEPEST && must.isListOf(x, (inner) => isBlocks(inner, depth + 1)))

const blockDoor = must.door('np.block', {
  blocks: must.kind('an array, or arrays in nested lists', (x) => isBlocks(x, 0)),
})

/**
 * An array from blocks in nested lists: the innermost are joined along the last axis, the next ones along the last but one.
 *
 * @throws ArgumentError for an empty list.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.block([[np.ones([1, 1]), np.zeros([1, 2])], [np.zeros([2, 1]), np.ones([2, 2])]]).shape // => 3,3
 * ```
 */
export const block = (blocks: Blocks): NDArray => {
  blockDoor(blocks)
  return calledAs('np.block', () => {
    const isList = (x: Blocks): x is readonly Blocks[] => Array.isArray(x)
    const depthOf = (x: Blocks): number => (isList(x) ? 1 + Math.max(0, ...Array.from(x, depthOf)) : 0)
    const leaves = (x: Blocks): readonly NDArray[] =>
      isList(x) ? Array.from(x).flatMap(leaves) : [arrayFor('np.block', x)]
    const depth = depthOf(blocks)
    const rank = Math.max(depth, ...leaves(blocks).map((x) => x.ndim))
    const raised = (x: ArrayLike): NDArray => {
      const array = asArray(x)
      return reshape(array, [...Array<number>(rank - array.ndim).fill(1), ...array.shape])
    }
    const join = (x: Blocks, level: number): NDArray => {
      if (!isList(x)) return raised(x)
      if (x.length === 0) throw new ArgumentError('np.block: a list of blocks is empty.')
      return concatenate(x.map((inner) => join(inner, level - 1)), { axis: -level }) // prettier-ignore
    }
    return depth === 0 ? asArray(blocks as ArrayLike) : join(blocks, depth)
  })
}

const arraySplitDoor = must.door('np.arraySplit', {
  x: must.arrayLike,
  parts: must.anyOf(must.times, must.listOf(must.integer)),
  options: must.optionsOf<{ readonly axis?: number }>({ axis: must.axis }),
})

/**
 * As `split`, but the parts may differ in size: the first ones have one element more.
 *
 * @throws ArgumentError unless the number of parts is positive.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.arraySplit(np.arange(5), 2).map(String) // => [0 1 2],[3 4]
 * ```
 */
export const arraySplit = <const P extends number | readonly number[]>(
  x: ArrayLike,
  parts: P,
  options: { readonly axis?: number } = {},
): PartsOf<NDArray, P> => {
  arraySplitDoor(x, parts, options)
  const { axis = 0 } = options
  if (typeof parts !== 'number') return split<P>(x, parts, { axis })
  if (!Number.isInteger(parts) || parts < 1) throw new ArgumentError(`np.arraySplit: there are no ${parts} parts.`)
  const array = asArray(x)
  const n = array.shape[normalizeAxis('np.arraySplit', axis, array.ndim)]!
  const [size, longer] = [Math.floor(n / parts), n % parts]
  const places = range(parts - 1).map((i) => (i + 1) * size + Math.min(i + 1, longer))
  return split(array, places, { axis }) as PartsOf<NDArray, P>
}

const hsplitDoor = must.door('np.hsplit', {
  x: must.arrayLike,
  parts: must.anyOf(must.times, must.listOf(must.integer)),
})

/**
 * `split` along the second axis; for vectors along their only one.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.hsplit(np.array([1, 2, 3, 4]), 2).map(String) // => [1. 2.],[3. 4.]
 * ```
 */
export const hsplit = <const P extends number | readonly number[]>(x: ArrayLike, parts: P): PartsOf<NDArray, P> => {
  hsplitDoor(x, parts)
  return calledAs('np.hsplit', () => split(x, parts, { axis: asArray(x).ndim === 1 ? 0 : 1 }))
}
const vsplitDoor = must.door('np.vsplit', {
  x: must.arrayLike,
  parts: must.anyOf(must.times, must.listOf(must.integer)),
})

/**
 * `split` along the first axis.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.vsplit(np.zeros([4, 2]), [1]).map((x) => x.shape.join('x')) // => 1x2,3x2
 * ```
 */
export const vsplit = <const P extends number | readonly number[]>(x: ArrayLike, parts: P): PartsOf<NDArray, P> => {
  vsplitDoor(x, parts)
  return calledAs('np.vsplit', () => split(x, parts, { axis: 0 }))
}
const dsplitDoor = must.door('np.dsplit', {
  x: must.arrayLike,
  parts: must.anyOf(must.times, must.listOf(must.integer)),
})

/**
 * `split` along the third axis.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.dsplit(np.zeros([1, 2, 4]), 2).map((x) => x.shape.join('x')) // => 1x2x2,1x2x2
 * ```
 */
export const dsplit = <const P extends number | readonly number[]>(x: ArrayLike, parts: P): PartsOf<NDArray, P> => {
  dsplitDoor(x, parts)
  return calledAs('np.dsplit', () => split(x, parts, { axis: 2 }))
}

const flipudDoor = must.door('np.flipud', { x: must.arrayLike })

/**
 * Reverses the order along the first axis.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.flipud(np.array([[1, 2], [3, 4]])).toArray() // => 3,4,1,2
 * ```
 */
export const flipud = (x: ArrayLike): NDArray => {
  flipudDoor(x)
  return calledAs('np.flipud', () => flip(x, { axis: 0 }))
}
const fliplrDoor = must.door('np.fliplr', { x: must.arrayLike })

/**
 * Reverses the order along the second axis.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.fliplr(np.array([[1, 2], [3, 4]])).toArray() // => 2,1,4,3
 * ```
 */
export const fliplr = (x: ArrayLike): NDArray => {
  fliplrDoor(x)
  return calledAs('np.fliplr', () => flip(x, { axis: 1 }))
}

const rot90Door = must.door('np.rot90', {
  x: must.arrayLike,
  k: must.optional(must.integer),
  options: must.optionsOf<{ readonly axes?: readonly [number, number] }>({ axes: must.pairOf(must.axis) }),
})

/**
 * Rotates by `k` right angles, from the first of two axes towards the second.
 *
 * @throws ArgumentError unless there are two different axes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.rot90(np.array([[1, 2], [3, 4]])).toArray() // => 2,4,1,3
 * ```
 */
export const rot90 = (x: ArrayLike, k = 1, options: { readonly axes?: readonly [number, number] } = {}): NDArray => {
  rot90Door(x, k, options)
  const { axes = [0, 1] } = options
  const array = asArray(x)
  const [i, j] = axes.map((axis) => normalizeAxis('np.rot90', axis, array.ndim)) as [number, number]
  if (i === j) throw new ArgumentError(`np.rot90: needs two different axes, got ${axes.join(' and ')}.`)
  const turns = ((k % 4) + 4) % 4
  if (turns === 0) return array
  if (turns === 2) return rev(array, [i, j])
  return turns === 1 ? rev(swapaxes(array, i, j), [i]) : swapaxes(rev(array, [i]), i, j)
}

const rollaxisDoor = must.door('np.rollaxis', {
  x: must.arrayLike,
  axis: must.axis,
  start: must.optional(must.integer),
})

/**
 * Moves an axis before another position.
 *
 * @throws ArgumentError if there is no such position.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.rollaxis(np.zeros([2, 3, 4]), 2).shape // => 4,2,3
 * ```
 */
export const rollaxis = (x: ArrayLike, axis: number, start = 0): NDArray => {
  rollaxisDoor(x, axis, start)
  const array = asArray(x)
  const from = normalizeAxis('np.rollaxis', axis, array.ndim)
  const to = start < 0 ? start + array.ndim : start
  if (!(to >= 0 && to <= array.ndim))
    throw new ArgumentError(`np.rollaxis: there is no place ${start} in ${array.aval}.`)
  const order = range(array.ndim).filter((d) => d !== from)
  order.splice(to > from ? to - 1 : to, 0, from)
  return transpose(array, order)
}
