/** Gather and scatter, whose dimension numbers are XLA's. */
import { isFloat, limitsOf } from '../../core/dtype.ts'
import type { DType } from '../../core/dtype.ts'
import { range } from '../../core/shape.ts'
import type { ScatterParams } from '../../ir/op.ts'
import { integers } from '../text.ts'
import type { Fold, Value, Writer } from '../writer.ts'
import { dimensionNumbers, element } from '../writer.ts'
import type { Rule, RuleOf, Rules } from './rule.ts'

/** What an index out of range gives, as in JAX: NaN, the greatest of unsigned integers, the least of others. */
const filling = (dtype: DType): number | bigint => {
  if (isFloat(dtype)) return NaN
  return limitsOf(dtype)[dtype === 'bool' || dtype.startsWith('uint') ? 1 : 0]
}

const gather: Rule<'gather'> = (w, [x, indices], params, [out]) => {
  const numbers = dimensionNumbers(
    'gather',
    {
      offset_dims: params.offsetDims,
      collapsed_slice_dims: params.collapsedSliceDims,
      operand_batching_dims: params.operandBatchingDims,
      start_indices_batching_dims: params.startIndicesBatchingDims,
      start_index_map: params.startIndexMap,
    },
    indices!,
  )
  const attributes = `dimension_numbers = ${numbers}, indices_are_sorted = false, slice_sizes = ${integers(params.sliceSizes)}`
  // Starts are clamped.
  const [taken] = w.generic('gather', [x!, indices!], { attributes }, [out!])
  if (params.mode !== 'fill') return [taken!]
  const isInside = w.isInside(
    indices!,
    params.startIndexMap.map((d) => x!.shape[d]! - params.sliceSizes[d]!),
  )
  const batch = range(out!.rank).filter((d) => !params.offsetDims.includes(d))
  return [w.select(w.broadcast(isInside, out!.shape, batch), taken!, w.like(filling(out!.dtype), out!))]
}

/** How far the places of a scatter may go along the axes that indices are about. */
const roomOf = (x: Value, updates: Value, params: ScatterParams): readonly number[] => {
  const { insertedWindowDims, operandBatchingDims, updateWindowDims } = params
  const moving = range(x.shape.length).filter(
    (d) => !insertedWindowDims.includes(d) && !operandBatchingDims.includes(d),
  )
  const size = (d: number): number => {
    const at = moving.indexOf(d)
    return at < 0 ? 1 : updates.shape[updateWindowDims[at]!]!
  }
  return params.scatterDimsToOperandDims.map((d) => x.shape[d]! - size(d))
}

const clamped = (w: Writer, indices: Value, room: readonly number[]): Value => {
  const top = w.broadcast(w.vector(room, indices.dtype), indices.shape, [indices.shape.length - 1])
  return w.plain('minimum', w.plain('maximum', indices, w.like(0, indices)), top)
}

/** Without coordinates XLA's simplifier goes wrong: one more axis in front, and the place 0 in it. */
const withPlace = (
  w: Writer,
  [x, given, updates]: readonly Value[],
  p: ScatterParams,
): readonly [readonly Value[], ScatterParams] => {
  const next = (axes: readonly number[]): readonly number[] => axes.map((axis) => axis + 1)
  const indices = w.constant(0, given!.dtype, [...given!.shape.slice(0, -1), 1])
  const params = {
    ...p,
    insertedWindowDims: [0, ...next(p.insertedWindowDims)],
    operandBatchingDims: next(p.operandBatchingDims),
    scatterDimsToOperandDims: [0],
  }
  return [[w.reshape(x!, [1, ...x!.shape]), indices, updates!], params]
}

/** A scatter; a fold of null keeps the update. Updates out of range are dropped. */
export const scatterInto = (w: Writer, fold: Fold | null, p: ScatterParams, operands: readonly Value[]): Value => {
  if (p.scatterDimsToOperandDims.length === 0) {
    const [placed, params] = withPlace(w, operands, p)
    return w.reshape(scatterInto(w, fold, params, placed), operands[0]!.shape)
  }
  const [x, given, updates] = operands
  const indices = p.mode === 'clip' ? clamped(w, given!, roomOf(x!, updates!, p)) : given!
  const one = element(x!.dtype)
  const region = w.region([one, one], ([a, b]) => [fold === null ? b! : w.plain(fold, a!, b!)])
  const numbers = dimensionNumbers(
    'scatter',
    {
      update_window_dims: p.updateWindowDims,
      inserted_window_dims: p.insertedWindowDims,
      input_batching_dims: p.operandBatchingDims,
      scatter_indices_batching_dims: p.scatterIndicesBatchingDims,
      scatter_dims_to_operand_dims: p.scatterDimsToOperandDims,
    },
    indices,
  )
  const attributes = `indices_are_sorted = false, scatter_dimension_numbers = ${numbers}, unique_indices = ${p.uniqueIndices}`
  return w.generic('scatter', [x!, indices, updates!], { attributes, regions: [region] }, [x!])[0]!
}

const scatter =
  (fold: Fold | null): RuleOf<ScatterParams> =>
  (w, operands, params) => [scatterInto(w, fold, params, operands)]

export const indexing = {
  gather,
  scatter: scatter(null),
  scatterAdd: scatter('add'),
  scatterMul: scatter('multiply'),
  scatterMin: scatter('minimum'),
  scatterMax: scatter('maximum'),
} satisfies Partial<Rules>
