/** NumPy's indexing: one gather or one scatter for an index. `updates.ts` has what writes. */
import type { OptionTable } from '../core/arguments.ts'
import { axis as oneAxis, door, nullable, number, oneOf, optionsOf } from '../core/arguments.ts'
import { Aval } from '../core/aval.ts'
import { IndexError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import {
  broadcastTwo,
  inversePermutation,
  normalizeAxis,
  range,
  sameShape,
  showShape,
  sizeOf,
  stridesOf,
} from '../core/shape.ts'
import { show } from '../core/show.ts'
import { Slice } from '../core/slice.ts'
import type { GatherParams, IndexMode, ScatterParams } from '../ir/op.ts'
import { full, fullLike, iota, scalar, zerosLike, zerosOf } from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import { gather } from '../ops/indexing.ts'
import { broadcast, broadcastTo, concatenate, expandDims, reshape, rev, slice, transpose } from '../ops/movement.ts'
import { reduceAnd } from '../ops/reduction.ts'
import type { ArrayLike, GetOptions, Index, NestedArray, TakeOptions } from '../trace/value.ts'
import { NDArray, fromHost } from '../trace/value.ts'
import { remainder } from './arithmetic.ts'
import { arrayLike } from './arguments.ts'
import { asArray, asIndices } from './convert.ts'

/** What one part of an index asks of the axes that it speaks for. */
export type Part =
  | { readonly kind: 'new' }
  | { readonly kind: 'position'; readonly axis: number; readonly at: number }
  | {
      readonly kind: 'range'
      readonly axis: number
      readonly start: number
      readonly count: number
      readonly step: number
    }
  | {
      readonly kind: 'array'
      readonly axis: number
      readonly indices: NDArray
      /** As they were given: negative ones count from the end. */
      readonly given: NDArray
    }

type Range = Extract<Part, { kind: 'range' }>

/** Start, count and step of a slice on an axis of `n` elements, by Python's rules. */
const resolveSlice = ({ start, stop, step }: Slice, axis: number, n: number): Range => {
  if (!Number.isInteger(step) || step === 0)
    throw new IndexError(`at: a slice's step is an integer other than 0, got ${show(step)}.`)
  for (const bound of [start, stop]) {
    if (bound !== null && !Number.isInteger(bound)) {
      throw new IndexError(`at: a slice's bounds are integers, got ${show(bound)}. Computed starts: lax.dynamicSlice.`)
    }
  }
  const low = step > 0 ? 0 : -1
  const high = step > 0 ? n : n - 1
  const place = (bound: number | null, otherwise: number): number =>
    bound === null ? otherwise : Math.min(Math.max(bound < 0 ? bound + n : bound, low), high)
  const from = place(start, step > 0 ? low : high)
  const to = place(stop, step > 0 ? high : low)
  return { kind: 'range', axis, start: from, count: Math.max(0, Math.ceil((to - from) / step)), step }
}

/** A part of an index whose lists have become arrays. */
type ReadyIndex = Exclude<Index, NestedArray>

const isPart = (x: unknown): boolean => x === null || typeof x === 'string' || x instanceof Slice

/** More parts than any array has axes. */
const MOST_PARTS = 64

/** Lists of numbers as arrays; a list of parts, as one would hand over in Python, is refused. */
const readyIndex = (index: Index): ReadyIndex => {
  if (!Array.isArray(index)) return index as ReadyIndex
  if ((index as readonly unknown[]).slice(0, MOST_PARTS).some(isPart)) {
    throw new IndexError(
      `at: the parts of an index came as one list, ${show(index)}. Give them one by one, as in x.at(0, ':'), or x.at(...parts).`,
    )
  }
  return asIndices('at', index as NestedArray)
}

const isMask = (index: ReadyIndex): index is NDArray => index instanceof NDArray && index.aval.dtype === 'bool'

/** Number of axes of the array that a part speaks for. */
const axesTaken = (index: ReadyIndex): number => {
  if (index === null || index === '...') return 0
  return isMask(index) ? index.aval.rank : 1
}

/** Positions of the true elements, one array of coordinates for each axis of the mask. */
const maskParts = (mask: NDArray, axis: number, shape: Shape): Part[] => {
  const own = mask.aval.shape
  if (!sameShape(own, shape.slice(axis, axis + own.length))) {
    throw new IndexError(
      `at: a mask of shape ${showShape(own)} does not fit axes ${axis}.. of shape ${showShape(shape)}.`,
    )
  }
  const data = mask.body.host('a boolean mask as an index') as Uint8Array
  const places = Array.from(data.keys()).filter((i) => data[i] !== 0)
  const strides = stridesOf(own)
  return own.map((n, d) =>
    knownPart(
      axis + d,
      Int32Array.from(places, (p) => Math.floor(p / strides[d]!) % n),
    ),
  )
}

/** A vector of places along an axis. */
export const knownPart = (axis: number, places: Int32Array): Part => {
  const indices = fromHost(new Aval('int32', [places.length]), places)
  return { kind: 'array', axis, indices, given: indices }
}

const parsePart = (index: ReadyIndex, axis: number, shape: Shape): Part[] => {
  const n = shape[axis]!
  if (index === null) return [{ kind: 'new' }]
  if (index === ':') return [{ kind: 'range', axis, start: 0, count: n, step: 1 }]
  if (index instanceof Slice) return [resolveSlice(index, axis, n)]
  if (typeof index === 'number') {
    if (!Number.isInteger(index)) throw new IndexError(`at: an index is an integer, got ${index}.`)
    return [{ kind: 'position', axis, at: index < 0 ? index + n : index }]
  }
  if (index instanceof NDArray) {
    if (isMask(index)) return maskParts(index, axis, shape)
    const given = asIndices('at', index)
    return [{ kind: 'array', axis, indices: wrapNegative(e.cast(given, 'int32'), n), given }]
  }
  throw new IndexError(
    `at: ${show(index)} is not an index. Known: integers, np.slice, ':', '...', null, integer and boolean arrays.`,
  )
}

/** Negative indices count from the end. */
const wrapNegative = (indices: NDArray, n: number): NDArray =>
  e.select(e.lt(indices, zerosLike(indices)), e.add(indices, fullLike(indices, n)), indices)

export const parse = (x: NDArray, given: readonly Index[]): Part[] => {
  const { shape, rank } = x.aval
  const indices = given.map(readyIndex)
  const taken = indices.reduce<number>((n, i) => n + axesTaken(i), 0)
  if (taken > rank) throw new IndexError(`at: ${taken} indices for an array of rank ${rank} (${x.aval}).`)
  const dots = indices.filter((i) => i === '...').length
  if (dots > 1) throw new IndexError("at: an index has at most one '...'.")
  const whole = Array.from({ length: rank - taken }, (): ReadyIndex => ':')
  const all = dots === 1 ? indices.flatMap((i) => (i === '...' ? whole : [i])) : [...indices, ...whole]
  let axis = 0
  return all.flatMap((index) => {
    const parts = parsePart(index, axis, shape)
    axis += axesTaken(index)
    return parts
  })
}

const isBasic = (parts: readonly Part[], shape: Shape): boolean =>
  parts.every((p) => p.kind !== 'array' && !(p.kind === 'position' && (p.at < 0 || p.at >= shape[p.axis]!)))

/** Positions, ranges and new axes only: slices, reversals and a reshape. */
const getBasic = (x: NDArray, parts: readonly Part[]): NDArray => {
  const start: number[] = []
  const limit: number[] = []
  const strides: number[] = []
  const reversed: number[] = []
  const shape: number[] = []
  for (const p of parts) {
    if (p.kind === 'new') shape.push(1)
    else if (p.kind === 'position') {
      start.push(p.at)
      limit.push(p.at + 1)
      strides.push(1)
    } else if (p.kind === 'range') {
      const { count, step } = p
      const last = p.start + (count - 1) * step
      const low = count === 0 ? 0 : Math.min(p.start, last)
      start.push(low)
      limit.push(count === 0 ? low : Math.max(p.start, last) + 1)
      strides.push(Math.abs(step))
      if (step < 0) reversed.push(p.axis)
      shape.push(count)
    }
  }
  return reshape(rev(slice(x, start, limit, strides), reversed), shape)
}

/** An index as a gather: the result of the gather has the axes of the starts, then those of the window. */
export interface Plan {
  readonly starts: NDArray
  readonly startShape: Shape
  readonly indexMap: readonly number[]
  readonly collapsed: readonly number[]
  readonly sliceSizes: Shape
  /** What gives the axes of the gather's result in the order that the user expects, before new axes. */
  readonly permutation: readonly number[]
  /** The shape that the user expects, new axes included. */
  readonly shape: Shape
}

/** Axes of the result: of the arrays together, of a strided range, of a window, or new. */
type Token =
  | { readonly kind: 'arrays' }
  | { readonly kind: 'strided'; readonly part: Range }
  | { readonly kind: 'window'; readonly part: Range }
  | { readonly kind: 'new' }

const isAdvanced = (p: Part): boolean => p.kind === 'array' || p.kind === 'position'

// NumPy: axes of index arrays stand where the arrays stood if those are neighbours, else in front.
const tokensOf = (parts: readonly Part[]): Token[] => {
  const hasArrays = parts.some((p) => p.kind === 'array')
  const places = parts.flatMap((p, i) => (isAdvanced(p) ? [i] : []))
  const adjacent = places.every((p, i) => i === 0 || p === places[i - 1]! + 1)
  const tokens = parts.flatMap((part, i): Token[] => {
    if (part.kind === 'new') return [{ kind: 'new' }]
    if (part.kind === 'range') return [{ kind: part.step === 1 ? 'window' : 'strided', part }]
    return hasArrays && adjacent && i === places[0] ? [{ kind: 'arrays' }] : []
  })
  return hasArrays && !adjacent ? [{ kind: 'arrays' }, ...tokens] : tokens
}

export const planIndex = (x: NDArray, parts: readonly Part[]): Plan => {
  const arrays = parts.filter((p) => p.kind === 'array')
  const arraysShape = arrays.reduce<Shape>((s, p) => broadcastTwo('at', s, p.indices.aval.shape), [])
  const tokens = tokensOf(parts)
  const strided = tokens.filter((t) => t.kind === 'strided')
  const windows = tokens.filter((t) => t.kind === 'window').toSorted((a, b) => a.part.axis - b.part.axis)
  const startShape = [...arraysShape, ...strided.map((t) => t.part.count)]
  const columns: NDArray[] = []
  const indexMap: number[] = []
  const addColumn = (axis: number, column: NDArray): void => {
    indexMap.push(axis)
    columns.push(column)
  }
  const collapsed: number[] = []
  const sliceSizes = x.aval.shape.map(() => 1)
  for (const p of parts) {
    if (p.kind === 'new') continue
    if (p.kind === 'range' && p.step === 1) {
      sliceSizes[p.axis] = p.count
      if (p.start !== 0) addColumn(p.axis, full(startShape, p.start, 'int32'))
      continue
    }
    collapsed.push(p.axis)
    if (p.kind === 'position') addColumn(p.axis, full(startShape, p.at, 'int32'))
    if (p.kind === 'array') {
      const padded = reshape(p.indices, [...p.indices.aval.shape, ...strided.map(() => 1)])
      addColumn(p.axis, broadcastTo(padded, startShape))
    }
    if (p.kind === 'range') {
      const place = arraysShape.length + strided.findIndex((t) => t.part === p)
      const steps = e.mul(iota('int32', [p.count], 0), full([p.count], p.step, 'int32'))
      addColumn(p.axis, broadcast(e.add(steps, full([p.count], p.start, 'int32')), startShape, [place]))
    }
  }
  const starts =
    columns.length === 0
      ? full([...startShape, 0], 0, 'int32')
      : concatenate(
          columns.map((c) => expandDims(c, c.aval.rank)),
          startShape.length,
        )
  const permutation = tokens.flatMap((t): number[] => {
    if (t.kind === 'arrays') return range(arraysShape.length)
    if (t.kind === 'strided') return [arraysShape.length + strided.indexOf(t)]
    return t.kind === 'window' ? [startShape.length + windows.indexOf(t)] : []
  })
  const shape = tokens.flatMap((t): Shape => {
    if (t.kind === 'arrays') return arraysShape
    return t.kind === 'new' ? [1] : [t.part.count]
  })
  return {
    starts,
    startShape,
    indexMap,
    collapsed: collapsed.toSorted((a, b) => a - b),
    sliceSizes,
    permutation,
    shape,
  }
}

const windowDims = ({ startShape, sliceSizes, collapsed }: Plan): number[] =>
  range(sliceSizes.length - collapsed.length).map((i) => startShape.length + i)

const gatherParams = (plan: Plan, mode: IndexMode): GatherParams => ({
  offsetDims: windowDims(plan),
  collapsedSliceDims: plan.collapsed,
  operandBatchingDims: [],
  startIndicesBatchingDims: [],
  startIndexMap: plan.indexMap,
  sliceSizes: plan.sliceSizes,
  mode,
})

export const scatterParams = (plan: Plan, mode: IndexMode, uniqueIndices: boolean): ScatterParams => ({
  updateWindowDims: windowDims(plan),
  insertedWindowDims: plan.collapsed,
  operandBatchingDims: [],
  scatterIndicesBatchingDims: [],
  scatterDimsToOperandDims: plan.indexMap,
  mode,
  uniqueIndices,
})

/** From the gather's order of axes to the user's. */
const arrange = (plan: Plan, y: NDArray): NDArray => reshape(transpose(y, plan.permutation), plan.shape)

/** From the user's order of axes to the scatter's. */
export const arrangeBack = (plan: Plan, y: NDArray): NDArray => {
  const inverse = inversePermutation(plan.permutation)
  const gathered = [...plan.startShape, ...plan.sliceSizes.filter((_, d) => !plan.collapsed.includes(d))]
  const ordered = plan.permutation.map((p) => gathered[p]!)
  return transpose(reshape(y, ordered), inverse)
}

/** Whether each start lies inside, stretched over the window. */
const insideMask = (x: NDArray, plan: Plan): NDArray => {
  const { starts, indexMap } = plan
  const limits = indexMap.map((d) => x.aval.shape[d]! - plan.sliceSizes[d]!)
  const limit = broadcastTo(fromHost(new Aval('int32', [limits.length]), Int32Array.from(limits)), starts.aval.shape)
  const inside = e.and(e.ge(starts, zerosLike(starts)), e.le(starts, limit))
  const each = reduceAnd(inside, [starts.aval.rank - 1])
  const shape = [...plan.startShape, ...plan.sliceSizes.filter((_, d) => !plan.collapsed.includes(d))]
  return broadcast(each, shape, range(plan.startShape.length))
}

const gatherPlan = (x: NDArray, plan: Plan, { mode, fillValue }: GetOptions): NDArray => {
  // Nothing is read, so an axis of extent 0 may be indexed.
  if (plan.shape.includes(0)) return zerosOf(x.aval.withShape(plan.shape))
  const chosen = mode ?? (fillValue === undefined ? 'clip' : 'fill')
  const y = gather(x, plan.starts, gatherParams(plan, chosen))
  if (fillValue === undefined || chosen !== 'fill') return arrange(plan, y)
  return arrange(plan, e.select(insideMask(x, plan), y, fullLike(y, fillValue)))
}

const getOptions: OptionTable<GetOptions> = { mode: oneOf(['clip', 'fill', 'promiseInBounds']), fillValue: number }
const getDoor = door('at(...).get', { options: optionsOf(getOptions) })

export const get = (x: NDArray, parts: readonly Part[], options: GetOptions = {}): NDArray => {
  getDoor(options)
  return isBasic(parts, x.aval.shape) ? getBasic(x, parts) : gatherPlan(x, planIndex(x, parts), options)
}

/** Indices made ready for a mode: negatives count from the end, except where they are clipped or wrapped round. */
const takeIndices = (indices: NDArray, n: number, mode: 'fill' | 'clip' | 'wrap'): NDArray => {
  if (mode === 'wrap') return e.cast(remainder(indices, scalar(n, 'int32')), 'int32')
  return mode === 'fill' ? wrapNegative(indices, n) : indices
}

const takeOptions: OptionTable<TakeOptions> = {
  axis: nullable(oneAxis),
  mode: oneOf(['fill', 'clip', 'wrap']),
  fillValue: number,
}
const takeDoor = door('np.take', { x: arrayLike, indices: arrayLike, options: optionsOf(takeOptions) })

export const take = (x: ArrayLike, indices: ArrayLike, options: TakeOptions = {}): NDArray => {
  takeDoor(x, indices, options)
  const { axis = null, mode = 'fill', fillValue } = options
  const array = asArray(x)
  if (axis === null) return take(reshape(array, [array.aval.size]), indices, { ...options, axis: 0 })
  const along = normalizeAxis('np.take', axis, array.aval.rank)
  const n = array.aval.shape[along]!
  const where = takeIndices(e.cast(asIndices('np.take', indices), 'int32'), n, mode)
  if (n === 0 && sizeOf(where.aval.shape) > 0)
    throw new IndexError(`np.take: axis ${along} of ${array.aval} has no elements.`)
  const parts = array.aval.shape.map((count, d): Part =>
    d === along
      ? { kind: 'array', axis: d, indices: where, given: where }
      : { kind: 'range', axis: d, start: 0, count, step: 1 },
  )
  const gatherMode = mode === 'wrap' ? 'clip' : mode
  return gatherPlan(array, planIndex(array, parts), {
    mode: gatherMode,
    ...(fillValue === undefined ? {} : { fillValue }),
  })
}
