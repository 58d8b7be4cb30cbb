/** Folds along axes, running ones, windows that slide, and sorting. */
import { isFloat, isHalf } from '../../core/dtype.ts'
import type { DType } from '../../core/dtype.ts'
import { dropAxes, range, sizeOf } from '../../core/shape.ts'
import type { AxesParams, AxisParams, CumulativeParams, SelectParams, WindowParams } from '../../ir/op.ts'
import { slidingAxes } from '../../primitives/convolution/sliding.ts'
import { identityOf } from '../../primitives/folds.ts'
import type { FoldName } from '../../primitives/folds.ts'
import type { Sliding } from '../../primitives/convolution/sliding.ts'
import { carrierOf } from '../writer.ts'
import type { Value, Writer } from '../writer.ts'
import type { Rule, RuleOf, Rules } from './rule.ts'

/** A fold: its name here, its operator along axes, and that on two elements. */
interface Monoid {
  readonly name: FoldName
  readonly op: 'ReduceSum' | 'ReduceProd' | 'ReduceMax' | 'ReduceMin'
  readonly fold: 'Add' | 'Mul' | 'Max' | 'Min'
}

const sum: Monoid = { name: 'sum', op: 'ReduceSum', fold: 'Add' }
const product: Monoid = { name: 'prod', op: 'ReduceProd', fold: 'Mul' }
const max: Monoid = { name: 'max', op: 'ReduceMax', fold: 'Max' }
const min: Monoid = { name: 'min', op: 'ReduceMin', fold: 'Min' }

/**
 * Folds in the dtype that engines fold; integers of 64 bits without a sign are ordered as those with one once their first bit is turned
 * round. Operands are whole.
 */
const folded = (w: Writer, { op }: Monoid, x: Value, f: (wide: Value) => Value): Value => {
  if (x.dtype !== 'uint64' || op === 'ReduceSum' || op === 'ReduceProd') return w.computed([x], (y) => f(y))
  const turned = (y: Value): Value => w.apply('BitwiseXor', y, w.like(-(2n ** 63n), y))
  return w.cast(turned(f(turned(w.cast(x, 'int64')))), 'uint64')
}

/** What the fold begins with, in the dtype that it is computed in. */
const startOf = ({ name }: Monoid, dtype: DType): number | bigint =>
  identityOf(name, dtype === 'uint64' ? 'int64' : dtype)

const reduced = (w: Writer, monoid: Monoid, x: Value, axes: readonly number[]): Value => {
  if (sizeOf(x.shape) === 0) return w.constant(identityOf(monoid.name, x.dtype), x.dtype, dropAxes(x.shape, axes))
  return folded(w, monoid, x, (y) => propagating(w, monoid, y, axes))
}

/** Extrema with a NaN among them are NaN: engines look past some. */
const propagating = (w: Writer, { op }: Monoid, x: Value, axes: readonly number[]): Value => {
  const result = w.reduce(op, x, axes)
  if (!isFloat(x.dtype) || op === 'ReduceSum' || op === 'ReduceProd') return result
  const marks = w.reduce('ReduceMax', w.cast(w.isNaN(x), 'int32'), axes)
  return w.select(w.cast(marks, 'bool'), w.like(NaN, result), result)
}

const reduce =
  (monoid: Monoid): RuleOf<AxesParams> =>
  (w, [x], { axes }) => [reduced(w, monoid, x!, axes)]

/** CumSum has no kin: others combine x with itself moved by 1, 2, 4, … places, with the identity moved in. */
const cumulative =
  (monoid: Monoid): RuleOf<CumulativeParams> =>
  (w, [x], { axis, reverse }) => {
    if (monoid === sum) {
      const attributes = { reverse: reverse ? 1 : 0 }
      return [w.computed([x!], (y) => w.one('CumSum', [y, w.integers([axis], [])], y, attributes))]
    }
    const extent = x!.shape[axis]!
    const start = identityOf(monoid.name, x!.dtype)
    let y = w.whole(x!)
    for (let by = 1; by < extent; by *= 2) {
      const before = y.shape.map(() => 0)
      const [from, to] = [[...before], [...y.shape]]
      if (reverse) from[axis] = by
      else to[axis] = extent - by
      const kept = w.slice(
        y,
        from,
        to,
        y.shape.map(() => 1),
      )
      const filling = w.constant(
        start,
        y.dtype,
        y.shape.map((n, d) => (d === axis ? by : n)),
      )
      const moved = w.concatenate(reverse ? [kept, filling] : [filling, kept], axis)
      y = combined(w, monoid, y, moved)
    }
    return [y]
  }

const combined = (w: Writer, { fold }: Monoid, x: Value, y: Value): Value => {
  if (x.dtype === 'uint64' && (fold === 'Max' || fold === 'Min')) return w.apply(fold, x, y)
  return w.computed([x, y], (a, b) => w.apply(fold, a, b))
}

/** The first of the best; NaN is best of all. */
const argument =
  (op: 'ArgMax' | 'ArgMin'): RuleOf<AxisParams> =>
  (w, [x], { axis }, [out]) => {
    const { dtype } = x!
    const wide = w.cast(x!, dtype === 'uint64' ? 'int64' : carrierOf(dtype))
    const keys = dtype === 'uint64' ? w.apply('BitwiseXor', wide, w.like(-(2n ** 63n), wide)) : wide
    return [w.cast(bestAlong(w, op, keys, axis), out!.dtype)]
  }

/** Where the best of an axis is, as int64; of floats, the first NaN if there is one. */
const bestAlong = (w: Writer, op: 'ArgMax' | 'ArgMin', x: Value, axis: number): Value => {
  const shape = dropAxes(x.shape, [axis])
  const along = (name: string, y: Value): Value => w.one(name, [y], { dtype: 'int64', shape }, { axis, keepdims: 0 })
  const best = along(op, x)
  if (!isFloat(x.dtype)) return best
  const marks = w.cast(w.isNaN(x), 'int32')
  const isThere = w.cast(w.reduce('ReduceMax', marks, [axis]), 'bool')
  return w.select(isThere, along('ArgMax', marks), best)
}

/**
 * Which element each place of a window meets, along one axis: `out` rows of `window` numbers. Where there is none, between elements or
 * beyond the ends, it is `extent`, the place after the last.
 */
const meetings = ({ extent, window, out, stride, low, baseDilation, windowDilation }: Sliding): readonly number[] =>
  range(out).flatMap((p) =>
    range(window).map((k) => {
      const at = stride * p + windowDilation * k - low
      const i = at / baseDilation
      return at >= 0 && Number.isInteger(i) && i < extent ? i : extent
    }),
  )

/** Windows along an axis: its place is taken by two, of the windows and of what is inside of each; `filling` where they meet nothing. */
export const windowsAlong = (w: Writer, x: Value, sliding: Sliding, axis: number, filling: Value): Value => {
  const places = meetings(sliding)
  const isFull = places.every((i) => i < sliding.extent)
  const end = { ...filling, shape: x.shape.map((n, d) => (d === axis ? 1 : n)) }
  const source = isFull ? x : w.concatenate([x, end], axis)
  return w.take(source, w.integers(places, [sliding.out, sliding.window]), axis)
}

/** Window by window along one axis after the other. */
const window =
  (monoid: Monoid): RuleOf<WindowParams> =>
  (w, [x], params, [out]) => {
    if (sizeOf(x!.shape) === 0) return [w.like(identityOf(monoid.name, x!.dtype), out!)]
    const axes = slidingAxes(x!.shape, params)
    return [
      folded(w, monoid, x!, (wide) => {
        const filling = w.constant(startOf(monoid, x!.dtype), wide.dtype)
        return axes.reduce((y, sliding, axis) => {
          if (sliding.window === 1 && sliding.out === sliding.extent && sliding.low === 0 && sliding.stride === 1)
            return y
          return propagating(w, monoid, windowsAlong(w, y, sliding, axis, filling), [axis + 1])
        }, wide)
      }),
    ]
  }

/** All elements of each window in a last axis, as places in a line; `size` where there is none. */
const allMeetings = (shape: readonly number[], params: WindowParams): readonly number[] => {
  const axes = slidingAxes(shape, params)
  const size = sizeOf(shape)
  const rows = axes.map((sliding) => ({ sliding, places: meetings(sliding) }))
  const outs = axes.reduce<readonly (readonly number[])[]>(
    (all, { out }) => all.flatMap((p) => range(out).map((i) => [...p, i])),
    [[]],
  )
  const inside = axes.reduce<readonly (readonly number[])[]>(
    (all, { window: n }) => all.flatMap((p) => range(n).map((k) => [...p, k])),
    [[]],
  )
  return outs.flatMap((p) =>
    inside.map((k) =>
      rows.reduce((at, { sliding, places }, d) => {
        const i = places[p[d]! * sliding.window + k[d]!]!
        return at >= size || i >= sliding.extent ? size : at * sliding.extent + i
      }, 0),
    ),
  )
}

/** Of each window, the place in a line of its best key, the first of equals; `size` where it meets none. */
const bestPlaces = (w: Writer, keys: Value, params: SelectParams, count: number): Value => {
  const size = sizeOf(keys.shape)
  const meeting = allMeetings(keys.shape, params)
  const places = w.integers(meeting, [count, meeting.length / count])
  const worst = w.constant(params.select === 'max' ? -Infinity : Infinity, keys.dtype, [1])
  const line = w.concatenate([w.reshape(keys, [size]), worst], 0)
  const found = w.take(line, places, 0)
  const best = bestAlong(w, params.select === 'max' ? 'ArgMax' : 'ArgMin', found, 1)
  const column = w.reshape(best, [count, 1])
  return w.reshape(w.one('GatherElements', [places, column], { dtype: 'int64', shape: [count, 1] }, { axis: 1 }), [
    count,
  ])
}

const inFloat32 = (w: Writer, x: Value): Value => (isHalf(x.dtype) ? w.cast(x, 'float32') : x)

const selectAndGatherAdd: Rule<'selectAndGatherAdd'> = (w, [x, keys], params, [out]) => {
  const size = sizeOf(x!.shape)
  if (size === 0) return [w.like(0, out!)]
  const places = bestPlaces(w, inFloat32(w, keys!), params, out!.size)
  const line = w.concatenate([w.reshape(x!, [size]), w.constant(0, x!.dtype, [1])], 0)
  return [w.reshape(w.take(line, places, 0), out!.shape)]
}

const selectAndScatterAdd: Rule<'selectAndScatterAdd'> = (w, [x, keys], params, [out]) => {
  const [count, size] = [sizeOf(x!.shape), out!.size]
  if (count === 0) return [w.like(0, out!)]
  const places = bestPlaces(w, inFloat32(w, keys!), params, count)
  return [
    w.computed([x!], (wide) => {
      const zeros = w.constant(0, wide.dtype, [size + 1])
      const operands = [zeros, places, w.reshape(wide, [count])]
      const sums = w.one('ScatterElements', operands, zeros, { axis: 0, reduction: 'add' })
      return w.reshape(w.slice(sums, [0], [size], [1]), out!.shape)
    }),
  ]
}

/** What is sorted by: for floats, first whether they are NaN, which come last, then their values. */
const keysOf = (w: Writer, x: Value): readonly Value[] => {
  if (x.dtype === 'uint64') {
    const wide = w.cast(x, 'int64')
    return [w.apply('BitwiseXor', wide, w.like(-(2n ** 63n), wide))]
  }
  const wide = w.cast(x, carrierOf(x.dtype))
  if (!isFloat(wide.dtype)) return [wide]
  const isNaN = w.isNaN(wide)
  return [w.cast(isNaN, 'int32'), w.select(isNaN, w.like(0, wide), wide)]
}

/** By one key after the other, the last first: TopK leaves equals in their order. */
const sort: Rule<'sort'> = (w, operands, { axis, numKeys }) => {
  const { shape } = operands[0]!
  const count = w.vector([shape[axis]!])
  const type = { dtype: 'int64' as const, shape }
  const attributes = { axis, largest: 0, sorted: 1 }
  const ordered = (x: Value, order: Value): Value =>
    w.one('GatherElements', [x, order], { dtype: x.dtype, shape }, { axis })
  const keys = operands.slice(0, numKeys).flatMap((x) => keysOf(w, x))
  const order = keys.reduceRight<Value | null>((before, key) => {
    const now = w.whole(before === null ? key : ordered(key, before))
    const [, places] = w.node('TopK', [now, count], attributes, [now, type])
    return before === null ? places! : ordered(before, places!)
  }, null)
  return operands.map((x) => ordered(x, order!))
}

export const reduction = {
  reduceSum: reduce(sum),
  reduceProd: reduce(product),
  reduceMax: reduce(max),
  reduceMin: reduce(min),
  reduceAnd: reduce(min),
  reduceOr: reduce(max),
  argmax: argument('ArgMax'),
  argmin: argument('ArgMin'),
  cumsum: cumulative(sum),
  cumprod: cumulative(product),
  cummax: cumulative(max),
  cummin: cumulative(min),
  reduceWindowSum: window(sum),
  reduceWindowMax: window(max),
  reduceWindowMin: window(min),
  selectAndGatherAdd,
  selectAndScatterAdd,
  sort,
} satisfies Partial<Rules>
