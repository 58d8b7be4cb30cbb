/** Sorting along an axis. */
import type { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import { allocate, isFloat } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { range, sameShape, stridesOf } from '../core/shape.ts'
import type { GatherParams, OpParams } from '../ir/op.ts'
import { iota } from '../ops/creation.ts'
import { gather } from '../ops/indexing.ts'
import { expandDims } from '../ops/movement.ts'
import { sort } from '../ops/sorting.ts'
import { bindAll } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'
import { checkAccepts, checkAxes, materialize } from './kinds.ts'
import type { Primitive } from './primitive.ts'

type SortParams = OpParams['sort']

const sortType = ({ axis, numKeys }: SortParams, operands: readonly Aval[]): readonly Aval[] => {
  const [first] = operands
  if (numKeys < 1 || numKeys > operands.length) {
    throw new ArgumentError(`sort: numKeys is ${numKeys} for ${operands.length} operands.`)
  }
  checkAxes('sort', [axis], first!)
  for (const x of operands.slice(0, numKeys)) checkAccepts('sort', 'any', x)
  for (const x of operands) {
    if (!sameShape(x.shape, first!.shape)) {
      throw new ShapeError(`sort takes operands of one shape, got ${operands.join(' and ')}.`)
    }
  }
  return operands
}

// NaN after everything; zeros of both signs are equal. No bigint is NaN.
const compareNumbers = (x: number, y: number): number => {
  if (x < y) return -1
  if (x > y) return 1
  return (Number.isNaN(x) ? 1 : 0) - (Number.isNaN(y) ? 1 : 0)
}

/** The sorted order of one line, as indices. Stable. */
const orderOfLine = (places: Int32Array, keys: readonly TypedArray[]): Int32Array => {
  if (keys.length === 1) {
    const xs = keys[0] as Float64Array
    return places.sort((p, q) => compareNumbers(xs[p]!, xs[q]!) || p - q)
  }
  return places.sort((p, q) => {
    for (const key of keys) {
      const c = compareNumbers(key[p] as number, key[q] as number)
      if (c !== 0) return c
    }
    return p - q
  })
}

const sortData = (
  { axis, numKeys }: SortParams,
  datas: readonly TypedArray[],
  avals: readonly Aval[],
): TypedArray[] => {
  const { shape, size } = avals[0]!
  const outs = avals.map((a) => allocate(a.dtype, a.size) as Float64Array)
  const extent = shape[axis]!
  const inner = stridesOf(shape)[axis]!
  const lines = extent === 0 ? 0 : size / extent
  const keys = datas.slice(0, numKeys)
  const places = new Int32Array(extent)
  for (let line = 0; line < lines; line++) {
    const first = Math.floor(line / inner) * inner * extent + (line % inner)
    for (let i = 0; i < extent; i++) places[i] = first + i * inner
    const order = orderOfLine(places, keys)
    outs.forEach((out, k) => {
      const xs = datas[k] as Float64Array
      for (let i = 0; i < extent; i++) out[first + i * inner] = xs[order[i]!]!
    })
  }
  return outs
}

/** `x` rearranged along an axis: element i of a line is its element `indices[i]`. */
const takeAlong = (x: NDArray, indices: NDArray, axis: number): NDArray => {
  const { rank, shape } = x.aval
  const others = range(rank).filter((d) => d !== axis)
  const params: GatherParams = {
    offsetDims: [],
    collapsedSliceDims: [axis],
    operandBatchingDims: others,
    startIndicesBatchingDims: others,
    startIndexMap: [axis],
    sliceSizes: shape.map((n) => Math.min(n, 1)),
    mode: 'promiseInBounds',
  }
  return gather(x, expandDims(indices, rank), params)
}

export const sortP: Primitive<'sort'> = {
  type: sortType,
  evaluate: (params, datas, avals) => sortData(params, datas, avals),
  // Tangents are permuted like their elements.
  jvp: (params, xs, ts) => {
    const places = iota('int32', xs[0]!.aval.shape, params.axis)
    const sorted = sort([...xs, places], params.axis, params)
    const order = sorted.at(-1)!
    return {
      primals: sorted.slice(0, -1),
      tangents: ts.map((t, i) => (t === null || !isFloat(xs[i]!.aval.dtype) ? null : takeAlong(t, order, params.axis))),
    }
  },
  batch: ({ axis, numKeys, stable }, xs, axes, size) => {
    const fronts = xs.map((x, i) => materialize(x, axes[i]!, 0, size))
    const outputs = bindAll('sort', { axis: axis + 1, numKeys, stable }, fronts)
    return { outputs, axes: outputs.map(() => 0) }
  },
  facts: {},
}
