/** Gather and scatter: XLA's operations, with batching dimensions. */
import type { Aval } from '../core/aval.ts'
import { fillOf } from '../core/convert.ts'
import type { TypedArray } from '../core/dtype.ts'
import { allocate, isFloat, isInteger, isLong } from '../core/dtype.ts'
import { DTypeError, ProgramError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { range, showShape, sizeOf, stridesOf } from '../core/shape.ts'
import type { GatherParams, IndexMode, OpName, ScatterParams } from '../ir/op.ts'
import { full, fullLike, iota, zerosLike, zerosOf } from '../ops/creation.ts'
import { and, cast, div, eq, ge, le, mul, or, select } from '../ops/elementwise.ts'
import { gather, scatterWith } from '../ops/indexing.ts'
import { broadcast, reshape, sliceInDim } from '../ops/movement.ts'
import type { ScatterName } from '../ops/indexing.ts'
import type { NDArray } from '../trace/value.ts'
import { addTangents, checkAccepts, instantiate, isLinear, materialize, oneBatched, single } from './kinds.ts'
import type { Accepts } from './kinds.ts'
import type { BatchAxis, Batched, Facts, Linear, Primitive, Tangent } from './primitive.ts'
import { productOfOtherFactors } from './products.ts'

const without = (rank: number, removed: readonly number[]): number[] => range(rank).filter((d) => !removed.includes(d))

// ---- the walk that both share ----

/** How slices of an operand correspond to a grid of starts and a window in another array. */
interface Walk {
  readonly operand: Aval
  readonly indices: Aval
  /** Shape of the window in the operand: 1 along collapsed and batching axes. */
  readonly window: Shape
  /** Axes of the other array over the window, in order; the rest run over the starts. */
  readonly windowDims: readonly number[]
  /** The operand axes of those. */
  readonly windowOperandDims: readonly number[]
  readonly operandBatchingDims: readonly number[]
  readonly indicesBatchingDims: readonly number[]
  readonly indexMap: readonly number[]
  readonly mode: IndexMode
  /** Shape of the other array: the result of a gather, or the updates of a scatter. */
  readonly shape: Shape
}

/**
 * Calls `visit(place, operandPlace)` for each element of the other array in row-major order of starts, then window;
 * `operandPlace` is -1 for an element out of bounds in mode `fill`.
 */
const walkSlices = (w: Walk, indices: TypedArray, visit: (place: number, operandPlace: number) => void): void => {
  const { operand, window } = w
  const strides = stridesOf(operand.shape)
  const otherStrides = stridesOf(w.shape)
  const startDims = without(w.shape.length, w.windowDims)
  const startShape = startDims.map((d) => w.shape[d]!)
  const coordinates = w.indexMap.length
  const limit = operand.shape.map((n, d) => n - window[d]!)
  const windowExtents = w.windowOperandDims.map((d) => window[d]!)
  const [windowPlaces, windowOffsets] = windowTable(w, windowExtents, strides, otherStrides)
  const starts = sizeOf(startShape)
  const index = new Int32Array(startShape.length)
  for (let s = 0; s < starts; s++) {
    let place = 0
    for (let i = 0; i < index.length; i++) place += index[i]! * otherStrides[startDims[i]!]!
    let offset = 0
    let inside = true
    for (let c = 0; c < coordinates; c++) {
      const d = w.indexMap[c]!
      let start = Number(indices[s * coordinates + c]!)
      if (start < 0 || start > limit[d]!) {
        if (w.mode === 'fill') inside = false
        start = Math.min(Math.max(start, 0), limit[d]!)
      }
      offset += start * strides[d]!
    }
    // A batching axis of the starts gives the operand's coordinate along the matching axis.
    for (let b = 0; b < w.indicesBatchingDims.length; b++) {
      offset += index[w.indicesBatchingDims[b]!]! * strides[w.operandBatchingDims[b]!]!
    }
    for (let i = 0; i < windowPlaces.length; i++)
      visit(place + windowPlaces[i]!, inside ? offset + windowOffsets[i]! : -1)
    for (let d = index.length - 1; d >= 0; d--) {
      if (++index[d]! < startShape[d]!) break
      index[d] = 0
    }
  }
}

const windowTable = (
  w: Walk,
  extents: readonly number[],
  strides: readonly number[],
  otherStrides: readonly number[],
): readonly [Int32Array, Int32Array] => {
  const count = sizeOf(extents)
  const places = new Int32Array(count)
  const offsets = new Int32Array(count)
  const index = new Int32Array(extents.length)
  for (let i = 0; i < count; i++) {
    for (let d = 0; d < extents.length; d++) {
      places[i] = places[i]! + index[d]! * otherStrides[w.windowDims[d]!]!
      offsets[i] = offsets[i]! + index[d]! * strides[w.windowOperandDims[d]!]!
    }
    for (let d = index.length - 1; d >= 0; d--) {
      if (++index[d]! < extents[d]!) break
      index[d] = 0
    }
  }
  return [places, offsets]
}

// ---- gather ----

const gatherShape = (p: GatherParams, x: Aval, indices: Aval): Shape => {
  const starts = indices.shape.slice(0, -1)
  const windows = without(x.rank, [...p.collapsedSliceDims, ...p.operandBatchingDims]).map((d) => p.sliceSizes[d]!)
  const rank = starts.length + windows.length
  let s = 0
  let o = 0
  return range(rank).map((d) => (p.offsetDims.includes(d) ? windows[o++]! : starts[s++]!))
}

const gatherWalk = (p: GatherParams, operand: Aval, indices: Aval, shape: Shape): Walk => ({
  operand,
  indices,
  window: p.sliceSizes,
  windowDims: p.offsetDims,
  windowOperandDims: without(operand.rank, [...p.collapsedSliceDims, ...p.operandBatchingDims]),
  operandBatchingDims: p.operandBatchingDims,
  indicesBatchingDims: p.startIndicesBatchingDims,
  indexMap: p.startIndexMap,
  mode: p.mode,
  shape,
})

const checkIndices = (op: OpName, indices: Aval, coordinates: number): void => {
  if (!isInteger(indices.dtype) || indices.rank < 1 || indices.shape.at(-1) !== coordinates) {
    throw new DTypeError(
      `${op} takes integer indices with ${coordinates} coordinates in the last axis, got ${indices}.`,
    )
  }
}

const gatherType = (p: GatherParams, [x, indices]: readonly Aval[]): readonly Aval[] => {
  checkIndices('gather', indices!, p.startIndexMap.length)
  const sizesFit = p.sliceSizes.length === x!.rank && p.sliceSizes.every((n, d) => n >= 0 && n <= x!.shape[d]!)
  const collapsedFit = [...p.collapsedSliceDims, ...p.operandBatchingDims].every((d) => p.sliceSizes[d]! <= 1)
  if (!sizesFit || !collapsedFit) {
    throw new ShapeError(`gather: slices of shape ${showShape(p.sliceSizes)} do not fit an operand ${x}.`)
  }
  return [x!.withShape(gatherShape(p, x!, indices!))]
}

/** The scatter that sends a gather's results back to their sources. */
const scatterOf = (p: GatherParams): ScatterParams => ({
  updateWindowDims: p.offsetDims,
  insertedWindowDims: p.collapsedSliceDims,
  operandBatchingDims: p.operandBatchingDims,
  scatterIndicesBatchingDims: p.startIndicesBatchingDims,
  scatterDimsToOperandDims: p.startIndexMap,
  mode: p.mode,
  uniqueIndices: false,
})

const gatherOf = (p: ScatterParams, x: Aval, updates: Aval): GatherParams => ({
  offsetDims: p.updateWindowDims,
  collapsedSliceDims: p.insertedWindowDims,
  operandBatchingDims: p.operandBatchingDims,
  startIndicesBatchingDims: p.scatterIndicesBatchingDims,
  startIndexMap: p.scatterDimsToOperandDims,
  sliceSizes: scatterWindow(p, x, updates),
  mode: p.mode,
})

const up = (axes: readonly number[]): number[] => axes.map((d) => d + 1)

export const gatherP: Primitive<'gather'> = {
  type: gatherType,
  evaluate: (p, [data, indices], [x, i], [out]) => {
    const xs = data as Float64Array
    const ys = allocate(out!.dtype, out!.size) as Float64Array
    const fill = fillOf(x!.dtype) as number
    walkSlices(gatherWalk(p, x!, i!, out!.shape), indices!, (place, from) => {
      ys[place] = from < 0 ? fill : xs[from]!
    })
    return [ys]
  },
  // The fill has no tangent: the tangent is gathered with a fill of 0.
  jvp: (p, [x, indices], [t]) => single(gather(x!, indices!, p), gatherZeroFill(t!, indices!, p)),
  transpose: (p, [ct], [x, indices]) => [
    scatterWith('scatterAdd', zerosOf(x!.aval), indices as NDArray, ct!, scatterOf(p)),
    null,
  ],
  batch: (p, [x, indices], [axis, indicesAxis], size) => {
    if (indicesAxis === null) {
      const operand = materialize(x!, axis!, 0, size)
      const whole: GatherParams = {
        ...p,
        offsetDims: [0, ...up(p.offsetDims)],
        collapsedSliceDims: up(p.collapsedSliceDims),
        operandBatchingDims: up(p.operandBatchingDims),
        startIndexMap: up(p.startIndexMap),
        sliceSizes: [size, ...p.sliceSizes],
      }
      return oneBatched(gather(operand, indices!, whole), 0)
    }
    const starts = materialize(indices!, indicesAxis!, 0, size)
    if (axis === null) {
      return oneBatched(
        gather(x!, starts, {
          ...p,
          offsetDims: up(p.offsetDims),
          startIndicesBatchingDims: up(p.startIndicesBatchingDims),
        }),
        0,
      )
    }
    const both: GatherParams = {
      ...p,
      offsetDims: up(p.offsetDims),
      collapsedSliceDims: up(p.collapsedSliceDims),
      operandBatchingDims: [0, ...up(p.operandBatchingDims)],
      startIndicesBatchingDims: [0, ...up(p.startIndicesBatchingDims)],
      startIndexMap: up(p.startIndexMap),
      sliceSizes: [size === 0 ? 0 : 1, ...p.sliceSizes],
    }
    return oneBatched(gather(materialize(x!, axis!, 0, size), starts, both), 0)
  },
  facts: { narrow: 'as they are', indices: [1, 1] },
}

/** A gather in which indices out of bounds give 0: linear in `x`. */
const gatherZeroFill = (x: NDArray, indices: NDArray, p: GatherParams): NDArray => {
  const y = gather(x, indices, p)
  if (p.mode !== 'fill') return y
  const inside = startsInside(x.aval, indices, p)
  if (inside === null) return y
  const startDims = without(y.aval.rank, p.offsetDims)
  return select(broadcast(inside, y.aval.shape, startDims), y, zerosLike(y))
}

/** Which slices are inside the operand; null where a start has no coordinates, so that all are. */
const startsInside = ({ shape }: Aval, indices: NDArray, p: GatherParams): NDArray | null => {
  // Small integers would not hold the limits; for 64 bits, a double is precise enough.
  const starts = cast(indices, isLong(indices.aval.dtype) ? 'float64' : 'int32')
  const { rank } = starts.aval
  const fits = p.startIndexMap.map((d, c) => {
    const start = reshape(sliceInDim(starts, c, c + 1, rank - 1), starts.aval.shape.slice(0, -1))
    return and(ge(start, zerosLike(start)), le(start, fullLike(start, shape[d]! - p.sliceSizes[d]!)))
  })
  return fits.length === 0 ? null : fits.reduce((a, b) => and(a, b))
}

// ---- scatter ----

const scatterWindow = (p: ScatterParams, x: Aval, updates: Aval): Shape => {
  const removed = [...p.insertedWindowDims, ...p.operandBatchingDims]
  let w = 0
  return range(x.rank).map((d) =>
    removed.includes(d) ? Math.min(1, x.shape[d]!) : updates.shape[p.updateWindowDims[w++]!]!,
  )
}

const scatterType =
  (op: ScatterName, accepts: Accepts) =>
  (p: ScatterParams, [x, indices, updates]: readonly Aval[]): readonly Aval[] => {
    checkAccepts(op, accepts, x!)
    checkIndices(op, indices!, p.scatterDimsToOperandDims.length)
    if (updates!.dtype !== x!.dtype)
      throw new DTypeError(`${op} takes updates of the operand's dtype, got ${updates} for ${x}.`)
    const window = scatterWindow(p, x!, updates!)
    const starts = without(updates!.rank, p.updateWindowDims).map((d) => updates!.shape[d]!)
    const expected = indices!.shape.slice(0, -1)
    const fits = starts.length === expected.length && starts.every((n, i) => n === expected[i])
    if (!fits || window.some((n, d) => !(n <= x!.shape[d]!))) {
      throw new ShapeError(`${op}: updates ${updates} do not fit an operand ${x} at indices ${indices}.`)
    }
    return [x!]
  }

const scatterWalk = (p: ScatterParams, operand: Aval, indices: Aval, updates: Aval): Walk => ({
  operand,
  indices,
  window: scatterWindow(p, operand, updates),
  windowDims: p.updateWindowDims,
  windowOperandDims: without(operand.rank, [...p.insertedWindowDims, ...p.operandBatchingDims]),
  operandBatchingDims: p.operandBatchingDims,
  indicesBatchingDims: p.scatterIndicesBatchingDims,
  indexMap: p.scatterDimsToOperandDims,
  mode: p.mode,
  shape: updates.shape,
})

type Combine = (old: number, update: number) => number
type BigCombine = (old: bigint, update: bigint) => bigint

const scatterData = (
  p: ScatterParams,
  [data, indices, updates]: readonly TypedArray[],
  [x, i, u]: readonly Aval[],
  combine: Combine | BigCombine,
): TypedArray => {
  const out = data!.slice() as Float64Array
  const us = updates as Float64Array
  // Elements and the function that combines them are both numbers, or both bigints.
  const combined = combine as Combine
  walkSlices(scatterWalk(p, x!, i!, u!), indices!, (place, to) => {
    if (to >= 0) out[to] = combined(out[to]!, us[place]!)
  })
  return out
}

const batchScatter =
  (op: ScatterName) =>
  (
    p: ScatterParams,
    [x, indices, updates]: readonly NDArray[],
    [axis, indicesAxis, updatesAxis]: readonly BatchAxis[],
    size: number,
  ): Batched => {
    const operand = materialize(x!, axis!, 0, size)
    const u = materialize(updates!, updatesAxis!, 0, size)
    if (indicesAxis === null) {
      const whole: ScatterParams = {
        ...p,
        updateWindowDims: [0, ...up(p.updateWindowDims)],
        insertedWindowDims: up(p.insertedWindowDims),
        operandBatchingDims: up(p.operandBatchingDims),
        scatterDimsToOperandDims: up(p.scatterDimsToOperandDims),
      }
      return oneBatched(scatterWith(op, operand, indices!, u, whole), 0)
    }
    const both: ScatterParams = {
      ...p,
      updateWindowDims: up(p.updateWindowDims),
      insertedWindowDims: up(p.insertedWindowDims),
      operandBatchingDims: [0, ...up(p.operandBatchingDims)],
      scatterIndicesBatchingDims: [0, ...up(p.scatterIndicesBatchingDims)],
      scatterDimsToOperandDims: up(p.scatterDimsToOperandDims),
    }
    return oneBatched(scatterWith(op, operand, materialize(indices!, indicesAxis!, 0, size), u, both), 0)
  }

const scatterFacts: { readonly [N in ScatterName]?: Facts } = {
  scatter: { narrow: 'as they are' },
  scatterAdd: { rounds: 'in any order' },
  scatterMul: { rounds: 'freely' },
}

const scatterKind = (
  op: ScatterName,
  accepts: Accepts,
  combine: (x: Aval) => Combine | BigCombine,
  rules: Pick<Primitive<ScatterName>, 'jvp' | 'transpose'>,
): Primitive<ScatterName> => ({
  type: scatterType(op, accepts),
  evaluate: (p, data, operands) => [scatterData(p, data, operands, combine(operands[0]!))],
  ...rules,
  batch: batchScatter(op),
  facts: { ...scatterFacts[op], indices: [1, 1] },
})

// Gathers values back for the updates; a dropped update had no effect.
const gatherBack = (p: ScatterParams, ct: NDArray, indices: NDArray, updates: Aval): NDArray =>
  gatherZeroFill(ct, indices, gatherOf(p, ct.aval, updates))

const byKind = (general: Combine, int: Combine, big: BigCombine) => (x: Aval) =>
  isFloat(x.dtype) ? general : isLong(x.dtype) ? big : int
const plus = byKind(
  (a, b) => a + b,
  (a, b) => (a + b) | 0,
  (a, b) => a + b,
)
const timesBy = byKind(
  (a, b) => a * b,
  Math.imul,
  (a, b) => a * b,
)
const larger = byKind(Math.max, Math.max, (a, b) => (b > a ? b : a))
const smaller = byKind(Math.min, Math.min, (a, b) => (b < a ? b : a))

export const scatterAddP = scatterKind('scatterAdd', 'number', plus, {
  jvp: (p, [x, indices, updates], [tx, , tu]) =>
    single(
      scatterWith('scatterAdd', x!, indices!, updates!, p),
      scatterWith('scatterAdd', instantiate(tx!, x!.aval), indices!, instantiate(tu!, updates!.aval), p),
    ),
  transpose: (p, [ct], [x, indices, updates]) => [
    isLinear(x!) ? ct! : null,
    null,
    isLinear(updates!) ? gatherBack(p, ct!, indices as NDArray, updates.aval) : null,
  ],
})

/**
 * The last update of each element: a scatter of the updates' numbers, so that one linear mask serves the derivative even where
 * elements are written twice.
 */
const winners = (
  p: ScatterParams,
  x: NDArray,
  indices: NDArray,
  updates: NDArray,
): { mask: NDArray; kept: NDArray } => {
  const numbers = numberElements(updates.aval)
  const none = full(x.aval.shape, -1, 'int32')
  const latest = scatterWith('scatter', none, indices, numbers, p)
  const kept = eq(latest, none)
  const mask = eq(gather(latest, indices, gatherOf(p, x.aval, updates.aval)), numbers)
  return { mask, kept }
}

const last = (_: number, b: number): number => b

export const scatterP = scatterKind('scatter', 'any', () => last, {
  // x: t where nothing was written; updates: t where the update was the last one written.
  jvp: (p, [x, indices, updates], [tx, , tu]) => {
    const out = scatterWith('scatter', x!, indices!, updates!, p)
    const { mask, kept } = winners(p, x!, indices!, updates!)
    const base = select(kept, instantiate(tx!, x!.aval), zerosLike(x!))
    if (tu === null) return single(out, base)
    return single(out, scatterWith('scatterAdd', base, indices!, select(mask, tu!, zerosLike(updates!)), p))
  },
})

/** The factors of a scatter, which is not linear in them, since it keeps elements that are not written. */
const factor = (updates: NDArray | Linear): NDArray => {
  if (!isLinear(updates)) return updates
  throw new ProgramError(`transpose: scatterMul is not linear in its updates (${updates.aval}).`)
}

// x: t·(product of its updates);  u: t·x·(product of the other updates of its element).
export const scatterMulP = scatterKind('scatterMul', 'number', timesBy, {
  jvp: (p, [x, indices, updates], [tx, , tu]) => {
    const out = scatterWith('scatterMul', x!, indices!, updates!, p)
    const dx = tx === null ? null : scatterWith('scatterMul', tx!, indices!, updates!, p)
    if (tu === null) return single(out, dx)
    const old = gatherBack(p, x!, indices!, updates!.aval)
    const slope = p.uniqueIndices ? old : mul(old, productOfOthers(p, x!.aval, indices!, updates!))
    const moved = scatterWith('scatterAdd', zerosLike(x!), indices!, mul(tu!, slope), p)
    return single(out, addTangents(dx, moved))
  },
  transpose: (p, [ct], [, indices, updates]) => [
    scatterWith('scatterMul', ct!, indices as NDArray, factor(updates!), p),
    null,
    null,
  ],
})

/** For each update the product of the others of its element. */
const productOfOthers = (p: ScatterParams, x: Aval, indices: NDArray, updates: NDArray): NDArray => {
  const { shape, size } = updates.aval
  const places = reshape(gather(numberElements(x), indices, gatherOf(p, x, updates.aval)), [size])
  // A gather fills with the least integer: such updates are dropped.
  const kept = ge(places, zerosLike(places))
  const factors = reshape(updates, [size])
  return reshape(productOfOtherFactors(select(kept, factors, fullLike(factors, 1)), places), shape)
}

// Shared equally among the operand and the updates that attain the extremum.
const extremumRules = (op: 'scatterMin' | 'scatterMax'): Pick<Primitive<ScatterName>, 'jvp'> => ({
  jvp: (p, [x, indices, updates], [tx, , tu]) => {
    const out = scatterWith(op, x!, indices!, updates!, p)
    const ones = fullLike(updates!, 1)
    const zeros = zerosLike(updates!)
    // An element that is not written stays, NaN or not.
    const untouched = eq(scatterWith('scatterAdd', zerosLike(x!), indices!, ones, p), zerosLike(x!))
    const hitX = select(or(untouched, eq(x!, out)), fullLike(x!, 1), zerosLike(x!))
    const hitU = select(eq(updates!, gatherBack(p, out, indices!, updates!.aval)), ones, zeros)
    const count = scatterWith('scatterAdd', hitX, indices!, hitU, p)
    const dx: Tangent = tx === null ? zerosLike(x!) : mul(tx!, hitX)
    const du = tu === null ? zeros : mul(tu!, hitU)
    return single(out, div(scatterWith('scatterAdd', dx, indices!, du, p), count))
  },
})

export const scatterMinP = scatterKind('scatterMin', 'any', smaller, extremumRules('scatterMin'))
export const scatterMaxP = scatterKind('scatterMax', 'any', larger, extremumRules('scatterMax'))

/** The indices of an array's elements in row-major order, as int32. */
const numberElements = (aval: Aval): NDArray => reshape(iota('int32', [aval.size], 0), aval.shape)
