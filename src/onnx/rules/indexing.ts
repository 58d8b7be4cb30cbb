/** Gather and scatter, whose dimension numbers are XLA's, by places in a line; gathers of rows by ONNX's own operator. */
import { decodeElement, fillOf } from '../../core/convert.ts'
import { isFloat } from '../../core/dtype.ts'
import type { DType } from '../../core/dtype.ts'
import { range, sizeOf, stridesOf } from '../../core/shape.ts'
import type { Shape } from '../../core/shape.ts'
import type { GatherParams, ScatterParams } from '../../ir/op.ts'
import type { Typed } from '../format.ts'
import type { Value, Writer } from '../writer.ts'
import { carrierOf } from '../writer.ts'
import { numbersAlong } from './movement.ts'
import type { Rule, RuleOf, Rules } from './rule.ts'

/** What is common to both: slices of an array, and where each of them starts. */
interface Slices {
  /** Axes of the gathered array, or of the updates, that run over a slice. */
  readonly windowAxes: readonly number[]
  /** Axes of the array that slices do not have. */
  readonly dropped: readonly number[]
  readonly batching: readonly number[]
  readonly indicesBatching: readonly number[]
  /** The axis of the array that each coordinate is about. */
  readonly moved: readonly number[]
  /** How far starts may go along each of these. */
  readonly room: readonly number[]
}

const all64 = (w: Writer, x: Value): Value => w.cast(x, 'int64')

const clamped = (w: Writer, indices: Value, room: readonly number[]): Value => {
  const top = { ...w.vector(room.map((r) => Math.max(r, 0))), shape: indices.shape }
  return w.clamp(indices, w.like(0, indices), top)
}

/** Whether all coordinates of each start lie in range; of the shape of the starts. */
const isInside = (w: Writer, indices: Value, room: readonly number[]): Value => {
  const last = indices.shape.length - 1
  const top = { ...w.vector(room.map((r) => Math.max(r, -1))), shape: indices.shape }
  const both = w.test('And', w.test('GreaterOrEqual', indices, w.like(0, indices)), w.test('LessOrEqual', indices, top))
  if (room.length === 0) return w.constant(1, 'bool', indices.shape.slice(0, last))
  return w.cast(w.reduce('ReduceMin', w.cast(both, 'int32'), [last]), 'bool')
}

/** Starts' axes among those of the gathered array: the others, in order. */
const startAxes = (rank: number, windowAxes: readonly number[]): readonly number[] =>
  range(rank).filter((d) => !windowAxes.includes(d))

/** For each element of the gathered array, its place in the array in a line; starts are in range. */
const placesInLine = (w: Writer, x: Typed, starts: Value, shape: Shape, p: Slices): Value => {
  const strides = stridesOf(x.shape)
  const type = { dtype: 'int64' as const, shape }
  const outer = startAxes(shape.length, p.windowAxes)
  const batchShape = starts.shape.slice(0, -1)
  const weighted = { ...w.vector(p.moved.map((d) => strides[d]!)), shape: starts.shape }
  const first =
    p.moved.length === 0
      ? w.constant(0, 'int64', batchShape)
      : w.reduce('ReduceSum', w.apply('Mul', starts, weighted), [starts.shape.length - 1])
  const along = (axis: number, stride: number): Value => {
    const numbers = numbersAlong(w, type, axis)
    return w.apply('Mul', numbers, w.like(stride, numbers))
  }
  const kept = range(x.shape.length).filter((d) => !p.dropped.includes(d) && !p.batching.includes(d))
  const parts = [
    w.broadcast(first, shape, outer),
    ...p.batching.map((d, i) => along(outer[p.indicesBatching[i]!]!, strides[d]!)),
    ...p.windowAxes.map((axis, i) => along(axis, strides[kept[i]!]!)),
  ]
  return parts.reduce((sum, part) => w.apply('Add', sum, part))
}

/** Rows, planes, …: slices that are whole but along one axis, where they have one element and a start. */
const axisOfRows = (x: Typed, p: GatherParams): number | null => {
  const [axis] = p.startIndexMap
  if (p.startIndexMap.length !== 1 || p.operandBatchingDims.length > 0) return null
  if (p.collapsedSliceDims.length !== 1 || p.collapsedSliceDims[0] !== axis) return null
  return p.sliceSizes.every((n, d) => d === axis || n === x.shape[d]) ? axis! : null
}

const rows = (w: Writer, x: Value, starts: Value, p: GatherParams, axis: number): Value => {
  const places = w.reshape(starts, starts.shape.slice(0, -1))
  const rank = places.shape.length
  const taken = w.take(x, places, axis)
  // Axes of places stand together, at `axis`; where they are wanted, the others stand around them.
  const outer = startAxes(taken.shape.length, p.offsetDims)
  const order = range(taken.shape.length).map((d) => {
    const from = outer.indexOf(d)
    if (from >= 0) return axis + from
    const window = p.offsetDims.indexOf(d)
    return window < axis ? window : window + rank
  })
  return w.transpose(taken, order)
}

const gather: Rule<'gather'> = (w, [x, given], p, [out]) => {
  const filling = decodeElement(out!.dtype, fillOf(out!.dtype))
  if (sizeOf(x!.shape) === 0) return [w.constant(filling, out!.dtype, out!.shape)]
  const room = p.startIndexMap.map((d) => x!.shape[d]! - p.sliceSizes[d]!)
  const indices = all64(w, given!)
  const starts = clamped(w, indices, room)
  const axis = axisOfRows(x!, p)
  const slices = {
    windowAxes: p.offsetDims,
    dropped: p.collapsedSliceDims,
    batching: p.operandBatchingDims,
    indicesBatching: p.startIndicesBatchingDims,
    moved: p.startIndexMap,
    room,
  }
  const taken =
    axis === null
      ? w.take(w.reshape(x!, [sizeOf(x!.shape)]), placesInLine(w, x!, starts, out!.shape, slices), 0)
      : rows(w, x!, starts, p, axis)
  if (p.mode !== 'fill') return [taken]
  const inside = w.broadcast(isInside(w, indices, room), out!.shape, startAxes(out!.rank, p.offsetDims))
  return [w.select(inside, taken, w.constant(filling, out!.dtype, out!.shape))]
}

/** How far the places of a scatter may go along the axes that indices are about. */
const roomOf = (x: Typed, updates: Typed, p: ScatterParams): readonly number[] => {
  const moving = range(x.shape.length).filter(
    (d) => !p.insertedWindowDims.includes(d) && !p.operandBatchingDims.includes(d),
  )
  return p.scatterDimsToOperandDims.map((d) => {
    const at = moving.indexOf(d)
    return x.shape[d]! - (at < 0 ? 1 : updates.shape[p.updateWindowDims[at]!]!)
  })
}

/** The dtype that updates are folded in. */
const foldingOf = (dtype: DType, reduction: string): DType =>
  reduction === 'none' || dtype === 'uint64' || (isFloat(dtype) && carrierOf(dtype) === dtype)
    ? dtype
    : carrierOf(dtype)

/** Updates out of range go to one place more, after the last, which is cut off. */
const scatter =
  (reduction: 'none' | 'add' | 'mul' | 'min' | 'max'): RuleOf<ScatterParams> =>
  (w, [x, given, updates], p) => {
    const [size, count] = [sizeOf(x!.shape), sizeOf(updates!.shape)]
    if (size === 0 || count === 0) return [x!]
    const room = roomOf(x!, updates!, p)
    const indices = all64(w, given!)
    const slices = {
      windowAxes: p.updateWindowDims,
      dropped: p.insertedWindowDims,
      batching: p.operandBatchingDims,
      indicesBatching: p.scatterIndicesBatchingDims,
      moved: p.scatterDimsToOperandDims,
      room,
    }
    const { shape } = updates!
    const inLine = placesInLine(w, x!, clamped(w, indices, room), shape, slices)
    const inside = w.broadcast(isInside(w, indices, room), shape, startAxes(shape.length, p.updateWindowDims))
    const places = p.mode === 'clip' ? inLine : w.select(inside, inLine, w.like(size, inLine))
    const dtype = foldingOf(x!.dtype, reduction)
    const line = w.concatenate([w.reshape(w.cast(x!, dtype), [size]), w.constant(0, dtype, [1])], 0)
    const operands = [line, w.reshape(places, [count]), w.reshape(w.cast(updates!, dtype), [count])]
    const result = w.one('ScatterElements', operands, line, { axis: 0, reduction })
    return [w.cast(w.reshape(w.slice(result, [0], [size], [1]), x!.shape), x!.dtype)]
  }

export const indexing = {
  gather,
  scatter: scatter('none'),
  scatterAdd: scatter('add'),
  scatterMul: scatter('mul'),
  scatterMin: scatter('min'),
  scatterMax: scatter('max'),
} satisfies Partial<Rules>
