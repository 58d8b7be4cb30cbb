/** NumPy's indexing: one gather or one scatter per index. `updates.ts` has the updates. */
import type { OptionTable } from '../core/arguments.ts'
import { axis as oneAxis, door, nullable, number, oneOf, optionsOf } from '../core/arguments.ts'
import type { Part, Range } from '../conversions/indices.ts'
import { wrapNegative } from '../conversions/indices.ts'
import { Aval } from '../core/aval.ts'
import { IndexError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { broadcastTwo, inversePermutation, normalizeAxis, range, sizeOf } from '../core/shape.ts'
import type { GatherParams, IndexMode, ScatterParams } from '../ir/op.ts'
import { full, fullLike, iota, scalar, zerosLike, zerosOf } from '../ops/creation.ts'
import * as e from '../ops/elementwise.ts'
import { gather } from '../ops/indexing.ts'
import { broadcast, broadcastTo, concatenate, expandDims, reshape, rev, slice, transpose } from '../ops/movement.ts'
import { reduceAnd } from '../ops/reduction.ts'
import type { ArrayLike, GetOptions, TakeOptions } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { fromHost } from '../trace/value.ts'
import { remainder } from './arithmetic.ts'
import { arrayLike } from '../conversions/arguments.ts'
import { asArray, asIndices } from '../conversions/convert.ts'

const isBasic = (parts: readonly Part[], shape: Shape): boolean =>
  parts.every((p) => p.kind !== 'array' && !(p.kind === 'position' && (p.at < 0 || p.at >= shape[p.axis]!)))

/** Only positions, ranges and new axes: slices, reversals and a reshape. */
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
interface Plan {
  readonly starts: NDArray
  readonly startShape: Shape
  readonly indexMap: readonly number[]
  readonly collapsed: readonly number[]
  readonly sliceSizes: Shape
  /** Puts the axes of the gather's result in the order that the user expects, before new axes are added. */
  readonly permutation: readonly number[]
  /** The shape that the user expects, new axes included. */
  readonly shape: Shape
}

/** Axes of the result: of the index arrays together, of a strided range, of a window, or new. */
type Token =
  | { readonly kind: 'arrays' }
  | { readonly kind: 'strided'; readonly part: Range }
  | { readonly kind: 'window'; readonly part: Range }
  | { readonly kind: 'new' }

const isAdvanced = (p: Part): boolean => p.kind === 'array' || p.kind === 'position'

// NumPy: the axes of adjacent index arrays take their place; otherwise they come first.
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

/** Whether each start is in range, broadcast over the window. */
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
  // Nothing is read, so even an axis of extent 0 may be indexed.
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

/** Prepares indices for a mode: negative ones count from the end, unless they are clipped or wrapped around. */
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
