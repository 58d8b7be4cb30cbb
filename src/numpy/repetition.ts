/** `np`: elements repeated, and rotated. */
import { ShapeError } from '../core/errors.ts'
import { normalizeAxis, range } from '../core/shape.ts'
import * as ops from '../ops/movement.ts'
import { asArray, asIndices, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { checkIntegers } from '../conversions/checks.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { zeros } from './creation.ts'
import * as np from './elementwise.ts'
import { concatenate } from './joining.ts'
import { broadcastTo, ravel, reshape } from './movement.ts'
import { cumsum } from './reduction.ts'

/** At least the given rank, by leading axes of extent 1. */
const atLeast = (x: NDArray, rank: number): NDArray =>
  x.ndim >= rank ? x : reshape(x, [...Array<number>(rank - x.ndim).fill(1), ...x.shape])

const tileDoor = must.door('np.tile', {
  x: must.arrayLike,
  repeats: must.anyOf(must.integer, must.listOf(must.integer)),
})

/**
 * The array repeated as a block, `repeats` times along each axis; a single number is for the last axis.
 *
 * @throws ArgumentError unless all `repeats` are natural numbers.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.tile(np.array([1, 2]), 3) // => [1. 2. 1. 2. 1. 2.]
 * np.tile(np.array([1, 2]), [2, 1]) // => [[1. 2.]\n [1. 2.]]
 * np.tile(np.ones([2, 3]), [4, 1, 2]).shape // => 4,2,6
 * ```
 */
export const tile = (x: ArrayLike, repeats: number | readonly number[]): NDArray => {
  tileDoor(x, repeats)
  const counts = typeof repeats === 'number' ? [repeats] : repeats
  checkIntegers('np.tile', 'a number of repeats', counts, 0)
  const array = atLeast(asArray(x), counts.length)
  const { rank } = array.aval
  const all = [...Array<number>(rank - counts.length).fill(1), ...counts]
  const blocks = ops.broadcast(
    array,
    array.aval.shape.flatMap((n, d) => [all[d]!, n]),
    range(rank).map((d) => 2 * d + 1),
  )
  return ops.reshape(
    blocks,
    array.aval.shape.map((n, d) => n * all[d]!),
  )
}

/** Options of `repeat`. */
export interface RepeatOptions {
  readonly axis?: number | null
  /**
   * The extent of the result, needed where `repeats` is traced: a longer result is cut, and a shorter one padded with its last
   * element.
   */
  readonly totalRepeatLength?: number
}

const repeatOptions: must.OptionTable<RepeatOptions> = {
  axis: must.nullable(must.axis),
  totalRepeatLength: must.extent,
}

const repeatDoor = must.door('np.repeat', {
  x: must.arrayLike,
  repeats: must.arrayLike,
  options: must.optionsOf(repeatOptions),
})

/**
 * Each element `repeats` times, along an axis or along all elements in order; `repeats` may differ by element.
 *
 * @throws ShapeError unless there is one count, or one for each element; ArgumentError if a count is negative; TracerError for
 *   traced `repeats` without `totalRepeatLength`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.repeat(np.array([5, 6]), 2) // => [5. 5. 6. 6.]
 * np.repeat(np.array([5, 6]), [1, 3], { totalRepeatLength: 4 }) // => [5. 6. 6. 6.]
 * ```
 */
export const repeat = (x: ArrayLike, repeats: ArrayLike, options: RepeatOptions = {}): NDArray => {
  repeatDoor(x, repeats, options)
  const { axis = null, totalRepeatLength } = options
  const array = axis === null ? ravel(asArray(x)) : atLeast(asArray(x), 1)
  const along = normalizeAxis('np.repeat', axis ?? 0, array.aval.rank)
  const times = ravel(asIndices('np.repeat', repeats))
  if (totalRepeatLength === undefined) return repeatKnown(array, times, along)
  return repeatTo(array, times, along, totalRepeatLength)
}

const countsError = (count: number, x: NDArray, axis: number): ShapeError =>
  new ShapeError(`np.repeat: ${count} counts for ${x.shape[axis]!} elements of ${x.aval}.`)

const repeatKnown = (array: NDArray, times: NDArray, along: number): NDArray => {
  const counts = Array.from(times.body.host('repeat without { totalRepeatLength }'), Number)
  checkIntegers('np.repeat', 'a number of repeats', counts, 0)
  if (counts.length === 1) {
    const wide = ops.addAxis(array, along + 1, counts[0]!)
    return reshape(wide, array.shape.map((m, d) => (d === along ? m * counts[0]! : m))) // prettier-ignore
  }
  if (counts.length !== array.shape[along]) throw countsError(counts.length, array, along)
  const places = Int32Array.from(counts.flatMap((count, i) => Array<number>(count).fill(i)))
  return functions.take(array, places, { axis: along })
}

/** Puts a 1 where each run of equal elements begins: its running sum is the number of the run at each index. */
const repeatTo = (array: NDArray, times: NDArray, along: number, total: number): NDArray => {
  const n = array.shape[along]!
  if (times.size !== n && times.size !== 1) throw countsError(times.size, array, along)
  if (total === 0 || n === 0) {
    if (total === 0) return zeros(array.shape.with(along, 0), { dtype: array.dtype })
    throw new ShapeError(`np.repeat: axis ${along} of ${array.aval} has no elements to make ${total} of.`)
  }
  const counts = broadcastTo(times.astype('int32'), [n])
  const starts = np.subtract(cumsum(counts), counts)
  const changes = zeros([total], { dtype: 'int32' }).at(starts).add(1)
  return functions.take(array, np.subtract(cumsum(changes), 1), { axis: along, mode: 'clip' })
}

const rollDoor = must.door('np.roll', {
  x: must.arrayLike,
  shift: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number | readonly number[] | null }>({ axis: must.nullable(must.axes) }),
})

/**
 * Rolls elements along axes; those that leave at the end come in at the front. Several shifts along one axis add up, and one
 * shift applies to several axes.
 *
 * @param shift - a number, or numbers; or an array of integers of rank 0 or 1, which may be traced.
 * @throws ShapeError for different numbers of shifts and axes; ArgumentError if a shift is not an integer.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.roll(np.arange(5), 2) // => [3 4 0 1 2]
 * ```
 */
export const roll = (
  x: ArrayLike,
  shift: ArrayLike,
  options: { readonly axis?: number | readonly number[] | null } = {},
): NDArray => {
  rollDoor(x, shift, options)
  const { axis = null } = options
  const array = asArray(x)
  const shifts = shiftsOf(shift)
  if (axis === null) {
    const line = ravel(array)
    return reshape(
      shifts.reduce<NDArray>((y, by) => rollAxis(y, by, 0), line),
      array.shape,
    )
  }
  const axes = (typeof axis === 'number' ? [axis] : axis).map((a) => normalizeAxis('np.roll', a, array.aval.rank))
  if (shifts.length !== axes.length && shifts.length !== 1 && axes.length !== 1) {
    throw new ShapeError(`np.roll: ${shifts.length} shifts along ${axes.length} axes; there must be as many, or one.`)
  }
  const count = shifts.length === 1 ? axes.length : shifts.length
  const turns = range(count).map((i) => [shifts[i] ?? shifts[0]!, axes[i] ?? axes[0]!] as const)
  return turns.reduce((y, [by, along]) => rollAxis(y, by, along), array)
}

/** Shifts, as numbers or traced arrays of rank 0. */
const shiftsOf = (shift: ArrayLike): readonly (number | NDArray)[] => {
  const isNumber = (s: unknown): s is number => typeof s === 'number'
  const list: readonly unknown[] = Array.isArray(shift) ? shift : [shift]
  if (list.every(isNumber)) {
    checkIntegers('np.roll', 'a shift', list)
    return list
  }
  const computed = asIndices('np.roll', shift)
  if (computed.ndim > 1) throw new ShapeError(`np.roll: shifts are a number or a vector, got ${computed.aval}.`)
  const line = ravel(computed)
  return range(line.size).map((i) => line.at(i).get())
}

const rollAxis = (x: NDArray, shift: number | NDArray, axis: number): NDArray => {
  const n = x.aval.shape[axis]!
  if (n === 0) return x
  if (typeof shift !== 'number') return rollComputed(x, shift, axis)
  const by = ((shift % n) + n) % n
  if (by === 0) return x
  return ops.concatenate([ops.sliceInDim(x, n - by, n, axis), ops.sliceInDim(x, 0, n - by, axis)], axis)
}

/** Takes a window of the array concatenated with itself. */
const rollComputed = (x: NDArray, shift: NDArray, axis: number): NDArray => {
  const n = x.shape[axis]!
  const by = np.remainder(shift.astype('int32'), n)
  const none = asArray(Int32Array.of(0)).reshape([])
  const starts = x.shape.map((_, d) => (d === axis ? np.subtract(n, by) : none))
  return ops.dynamicSlice(concatenate([x, x], { axis }), starts, x.shape)
}
