/** `np.pad`: elements added around an array. */
import { isInteger } from '../core/dtype.ts'
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.ts'
import { range } from '../core/shape.ts'
import * as e from '../ops/elementwise.ts'
import * as ops from '../ops/movement.ts'
import { asArray, functions } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { checkIntegers } from '../conversions/checks.ts'
import { NDArray } from '../trace/value.ts'
import type { ArrayLike } from '../trace/surface.ts'
import * as np from './elementwise.ts'
import { applyAlongAxis } from './mapping.ts'
import { concatenate } from './joining.ts'
import { broadcastTo, flip, reshape } from './movement.ts'
import { median } from './quantiles.ts'
import { linspace } from './ranges.ts'
import { max, mean, min } from './reduction.ts'

/** Elements before and after: one number for both, for all axes, or a pair for each axis. */
export type PadWidth = number | readonly [number] | readonly [number, number] | readonly (readonly [number, number])[]

/**
 * A custom mode: maps a 1-D slice along an axis, with zeros where elements are added, and the widths to the padded slice.
 */
export type PadFunction = (line: NDArray, width: readonly [before: number, after: number], axis: number) => ArrayLike

const statistics = { maximum: max, minimum: min, mean, median }

const modes = [
  'constant', 'edge', 'empty', 'linearRamp', 'maximum', 'mean', 'median', 'minimum', 'reflect', 'symmetric', 'wrap',
] as const // prettier-ignore

/** The mode of padding: see `np.pad`. */
export type PadMode = (typeof modes)[number]

/** Options of `np.pad`. Each mode accepts only its own options. */
export interface PadOptions {
  /** `constant` by default. */
  readonly mode?: PadMode | PadFunction
  /** The value that `constant` adds; 0 by default. One value, `[before, after]`, or such a pair for each axis. */
  readonly constantValues?: ArrayLike
  /** The end value of `linearRamp`; 0 by default. It has the same forms as `constantValues`. */
  readonly endValues?: ArrayLike
  /** The number of elements at the end of an axis that `maximum`, `mean`, `median` and `minimum` use; all by default. */
  readonly statLength?: PadWidth | null
  /** `odd`: the values that `reflect` and `symmetric` add are also reflected at the value of the edge. */
  readonly reflectType?: 'even' | 'odd'
}

const padOptions: must.OptionTable<PadOptions> = {
  mode: must.anyOf(must.oneOf(modes), must.func),
  constantValues: must.arrayLike,
  endValues: must.arrayLike,
  statLength: must.nullable(
    must.anyOf(
      must.natural,
      must.listOf(must.natural, undefined, 1),
      must.pairOf(must.natural),
      must.listOf(must.pairOf(must.natural)),
    ),
  ),
  reflectType: must.oneOf(['even', 'odd']),
}

type Pair = readonly [before: number, after: number]

/** A pair for each axis. */
const pairsOf = (what: string, width: PadWidth, rank: number): readonly Pair[] => {
  const host = width instanceof NDArray ? (width.toArray() as PadWidth) : width
  const flat = typeof host === 'number' ? [host] : host.flat()
  checkIntegers('np.pad', what, flat)
  const negative = flat.find((n) => n < 0)
  if (negative !== undefined) throw new ArgumentError(`np.pad: ${what} cannot be negative, got ${negative}.`)
  if (typeof host === 'number') return range(rank).map(() => [host, host])
  const [first, second] = host
  if (typeof first === 'number') {
    if (host.length > 2) throw new ShapeError(`np.pad: ${host.length} numbers for before and after; pairs go in lists.`)
    return range(rank).map(() => [first, typeof second === 'number' ? second : first])
  }
  const pairs = host as readonly Pair[]
  const odd = pairs.find((pair) => pair.length !== 2)
  if (odd !== undefined)
    throw new ShapeError(`np.pad: a pair [before, after] for each axis, got ${odd.length} numbers.`)
  if (pairs.length === 1) return range(rank).map(() => pairs[0]!)
  if (pairs.length !== rank) throw new ShapeError(`np.pad: ${pairs.length} widths for an array of rank ${rank}.`)
  return pairs
}

/** The options that belong to a mode. */
const optionsOf: { readonly [M in PadMode]?: keyof PadOptions } = {
  constant: 'constantValues',
  linearRamp: 'endValues',
  maximum: 'statLength',
  mean: 'statLength',
  median: 'statLength',
  minimum: 'statLength',
  reflect: 'reflectType',
  symmetric: 'reflectType',
}

const checkMode = (mode: PadMode | PadFunction, options: PadOptions): void => {
  const own = typeof mode === 'function' ? undefined : optionsOf[mode]
  const names = ['constantValues', 'endValues', 'statLength', 'reflectType'] as const
  const foreign = names.find((name) => name !== own && options[name] !== undefined && options[name] !== null)
  if (foreign !== undefined) {
    throw new ArgumentError(
      `np.pad: ${foreign} means nothing to the mode '${typeof mode === 'string' ? mode : 'function'}'.`,
    )
  }
}

/** One value for all sides, or a value for each: `[axis][side]`, null in the first case. */
const sidesOf = (values: ArrayLike, { aval }: NDArray): { readonly one: NDArray } | { readonly each: NDArray[][] } => {
  const given = e.cast(asArray(values), aval.dtype, aval.weak)
  if (given.size === 1) return { one: reshape(given, []) }
  const table = broadcastTo(given, [aval.rank, 2])
  return { each: range(aval.rank).map((d) => [0, 1].map((side) => table.at(d, side).get())) }
}

const padWith = (x: NDArray, value: NDArray, widths: readonly Pair[]): NDArray =>
  ops.pad(x, e.cast(value, x.dtype), widths.map(([a]) => a), widths.map(([, b]) => b)) // prettier-ignore

const padConstant = (x: NDArray, widths: readonly Pair[], values: ArrayLike): NDArray => {
  const sides = sidesOf(values, x)
  if ('one' in sides) return padWith(x, sides.one, widths)
  const only = (axis: number, pair: Pair): Pair[] => widths.map((_, d) => (d === axis ? pair : [0, 0]))
  return widths.reduce((y, [before, after], d) => {
    const [low, high] = sides.each[d]!
    return padWith(padWith(y, low!, only(d, [before, 0])), high!, only(d, [0, after]))
  }, x)
}

/** The source index of an element outside an axis of `n`. */
const sourcePlace = (mode: string, i: number, n: number): number => {
  const mod = (a: number, m: number): number => ((a % m) + m) % m
  if (mode === 'edge') return Math.min(Math.max(i, 0), n - 1)
  if (mode === 'wrap') return mod(i, n)
  const period = mode === 'reflect' ? Math.max(2 * (n - 1), 1) : 2 * n
  const place = mod(i, period)
  return place < n ? place : mode === 'reflect' ? period - place : period - 1 - place
}

/** Pads one axis of an array after the other, if something is added there. */
type PadAxis = (x: NDArray, pair: Pair, axis: number) => NDArray

const padFromPlaces =
  (mode: 'edge' | 'reflect' | 'symmetric' | 'wrap'): PadAxis =>
  (x, [before, after], axis) => {
    const n = x.shape[axis]!
    const places = Int32Array.from(range(before + n + after), (i) => sourcePlace(mode, i - before, n))
    return functions.take(x, places, { axis })
  }

const edge = (x: NDArray, axis: number, atEnd: boolean): NDArray =>
  atEnd ? ops.sliceInDim(x, x.shape[axis]! - 1, x.shape[axis]!, axis) : ops.sliceInDim(x, 0, 1, axis)

/** Reflected at the value of the edge: 2 edge - x, in blocks of the axis's length. */
const padOdd =
  (mode: 'reflect' | 'symmetric'): PadAxis =>
  (x, [before, after], axis) => {
    if (x.dtype === 'bool') throw new DTypeError("pad: bools have no odd reflection. Use reflectType: 'even'.")
    const n = x.shape[axis]!
    const skip = mode === 'reflect' && n > 1 ? 1 : 0
    const grow = (y: NDArray, left: number, atEnd: boolean): NDArray => {
      if (left === 0) return y
      const count = Math.min(left, n - skip)
      const m = y.shape[axis]!
      const part = atEnd
        ? ops.sliceInDim(y, m - skip - count, m - skip, axis)
        : ops.sliceInDim(y, skip, skip + count, axis)
      const turned = np.subtract(np.multiply(2, edge(y, axis, atEnd)), flip(part, { axis }))
      return grow(concatenate(atEnd ? [y, turned] : [turned, y], { axis }), left - count, atEnd)
    }
    return grow(grow(x, before, false), after, true)
  }

const padStatistic =
  (mode: keyof typeof statistics, lengths: readonly Pair[] | null): PadAxis =>
  (x, [before, after], axis) => {
    const n = x.shape[axis]!
    const of = (part: NDArray, count: number): NDArray => {
      const value = statistics[mode](part, { axis, keepdims: true })
      const rounded = isInteger(x.dtype) ? np.round(value) : value
      return broadcastTo(e.cast(rounded, x.dtype, x.aval.weak), x.shape.with(axis, count))
    }
    if (lengths?.[axis]?.includes(0) === true)
      throw new ArgumentError('np.pad: a statLength of 0 leaves nothing to take.')
    const [first, last] = (lengths?.[axis] ?? [n, n]).map((length) => Math.min(length, n)) as [number, number]
    const low = of(ops.sliceInDim(x, 0, first, axis), before)
    const high = of(ops.sliceInDim(x, n - last, n, axis), after)
    return concatenate([low, x, high], { axis })
  }

const padRamp =
  (values: ArrayLike): PadAxis =>
  (x, [before, after], axis) => {
    const sides = sidesOf(values, x)
    const [low, high] = 'one' in sides ? [sides.one, sides.one] : (sides.each[axis] as [NDArray, NDArray])
    const ramp = (end: NDArray, atEnd: boolean, count: number): NDArray => {
      const stop = reshape(edge(x, axis, atEnd), x.shape.toSpliced(axis, 1))
      const points = linspace(end, stop, count, { endpoint: false, dtype: x.dtype, axis })
      return e.cast(points, x.dtype, x.aval.weak)
    }
    return concatenate([ramp(low, false, before), x, flip(ramp(high, true, after), { axis })], { axis })
  }

const padAxis = (mode: PadMode, options: PadOptions, rank: number): PadAxis => {
  const { reflectType = 'even', statLength = null, endValues = 0 } = options
  if (mode === 'linearRamp') return padRamp(endValues)
  if (mode === 'maximum' || mode === 'minimum' || mode === 'mean' || mode === 'median') {
    return padStatistic(mode, statLength === null ? null : pairsOf('statLength', statLength, rank))
  }
  if (mode === 'reflect' || mode === 'symmetric') return reflectType === 'odd' ? padOdd(mode) : padFromPlaces(mode)
  return padFromPlaces(mode === 'edge' ? 'edge' : 'wrap')
}

const padDoor = must.door('np.pad', {
  x: must.arrayLike,
  width: must.anyOf(must.integer, must.listOf(must.integer), must.listOf(must.pairOf(must.integer))),
  options: must.optionsOf(padOptions),
})

/**
 * Adds elements before and after along each axis: a constant; the element at the `edge`; the elements reflected about the edge
 * element (`reflect`), or about the edge itself (`symmetric`); the elements from the other side (`wrap`); numbers from a value
 * to the edge (`linearRamp`); the `maximum`, `mean`, `median` or `minimum` of each 1-D slice; zeros (`empty`); or the result of
 * a function.
 *
 * @param width - one number for all sides, `[before, after]` for all axes, or a pair for each axis.
 * @throws ArgumentError for a negative width, an unknown mode, and an option of another mode; ShapeError unless there are
 *   widths for each axis, and for an empty axis with nothing to repeat.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * np.pad(np.array([1, 2]), 1) // => [0. 1. 2. 0.]
 * np.pad(np.array([4, 8]), 2, { mode: 'linearRamp' }) // => [0. 2. 4. 8. 4. 0.]
 * np.pad(np.array([1, 2, 4]), [1, 2], { mode: 'reflect', reflectType: 'odd' }) // => [0. 1. 2. 4. 6. 7.]
 * ```
 */
export const pad = (x: ArrayLike, width: PadWidth, options: PadOptions = {}): NDArray => {
  padDoor(x, width, options)
  const { mode = 'constant', constantValues = 0 } = options
  checkMode(mode, options)
  const array = asArray(x)
  const widths = pairsOf('a width', width, array.ndim)
  if (mode === 'constant' || mode === 'empty') return padConstant(array, widths, constantValues)
  if (typeof mode === 'function') {
    const start = padConstant(array, widths, 0)
    return widths.reduce<NDArray>((y, pair, axis) => applyAlongAxis((line) => mode(line, pair, axis), axis, y), start)
  }
  const empty = widths.findIndex(([a, b], d) => a + b > 0 && array.shape[d] === 0)
  if (empty >= 0)
    throw new ShapeError(`np.pad: axis ${empty} of ${array.aval} has no elements for '${mode}' to repeat.`)
  const along = padAxis(mode, options, array.ndim)
  return widths.reduce((y, pair, axis) => (pair[0] + pair[1] === 0 ? y : along(y, pair, axis)), array)
}
