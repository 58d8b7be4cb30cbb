/** Creation and movement: output elements are operand elements, rearranged. */
import { Aval } from '../core/aval.ts'
import { convert } from '../core/convert.ts'
import type { TypedArray } from '../core/dtype.ts'
import { allocate } from '../core/dtype.ts'
import { DTypeError, ShapeError } from '../core/errors.ts'
import {
  dropAxes,
  insertAt,
  inversePermutation,
  range,
  sameShape,
  showShape,
  sizeOf,
  stridesOf,
} from '../core/shape.ts'
import type { OpName } from '../ir/op.ts'
import { iota, scalar } from '../ops/creation.ts'
import { select, sub } from '../ops/elementwise.ts'
import * as ops from '../ops/movement.ts'
import { reduceSum } from '../ops/reduction.ts'
import type { NDArray } from '../trace/value.ts'
import { checkAccepts, checkAxes, instantiate, isLinear, linear, materialize, oneBatched, single } from './kinds.ts'
import type { Primitive } from './primitive.ts'
import { gatherStrided, scatterStrided } from './strided.ts'

const view = { view: true } as const

const misfit = (op: OpName, details: string, operand: Aval): never => {
  throw new ShapeError(`${op}: ${details} does not fit an operand ${operand}.`)
}

export const iotaP: Primitive<'iota'> = {
  type: ({ dtype, shape, axis }) => {
    checkAccepts('iota', 'number', new Aval(dtype, shape))
    if (axis < 0 || axis >= shape.length)
      throw new ShapeError(`iota: axis ${axis} is not in shape ${showShape(shape)}.`)
    return [new Aval(dtype, shape)]
  },
  evaluate: ({ dtype, shape, axis }) => {
    const line = convert(
      Float64Array.from({ length: shape[axis]! }, (_, i) => i),
      'float64',
      dtype,
    )
    const strides = shape.map((_, i) => (i === axis ? 1 : 0))
    return [gatherStrided(line, shape, strides, 0, allocate(dtype, sizeOf(shape)))]
  },
  jvp: ({ dtype, shape, axis }) => single(iota(dtype, shape, axis), null),
  batch: ({ dtype, shape, axis }) => oneBatched(iota(dtype, shape, axis), null),
  facts: { narrow: 'as they are' },
}

export const broadcastP = linear('broadcast', {
  type: ({ shape, dims }, [x]) => {
    const fits = dims.every((d, i) => d >= 0 && d < shape.length && (x!.shape[i] === 1 || x!.shape[i] === shape[d]))
    const increasing = dims.every((d, i) => i === 0 || dims[i - 1]! < d)
    if (dims.length !== x!.rank || !fits || !increasing) {
      misfit('broadcast', `to shape ${showShape(shape)} along axes [${dims.join(', ')}]`, x!)
    }
    return [x!.withShape(shape)]
  },
  evaluate: ({ shape, dims }, [data], [x], [out]) => {
    const result = allocate(out!.dtype, out!.size)
    if (data!.length === 1) return [(result as Float64Array).fill((data as Float64Array)[0]!)]
    const from = stridesOf(x!.shape)
    const strides = shape.map(() => 0)
    dims.forEach((d, i) => (strides[d] = x!.shape[i] === 1 ? 0 : from[i]!))
    return [gatherStrided(data!, shape, strides, 0, result)]
  },
  // The sum over the axes that were added or broadcast.
  transpose: ({ shape, dims }, ct, { aval }) => {
    const place = new Map(dims.map((d, i) => [d, i]))
    const summed = range(shape.length).filter((d) => {
      const i = place.get(d)
      return i === undefined || aval.shape[i] !== shape[d]
    })
    return ops.reshape(reduceSum(ct, summed), aval.shape)
  },
  batch: ({ shape, dims }, x, axis, size) => {
    const front = ops.moveAxis(x, axis, 0)
    return oneBatched(ops.broadcast(front, [size, ...shape], [0, ...dims.map((d) => d + 1)]), 0)
  },
  facts: view,
})

export const reshapeP = linear('reshape', {
  type: ({ shape }, [x]) => {
    if (sizeOf(shape) !== x!.size) {
      throw new ShapeError(
        `reshape: ${x} has ${x!.size} elements, shape ${showShape(shape)} has ${sizeOf(shape)}. ` +
          'The numbers of elements must be equal.',
      )
    }
    return [x!.withShape(shape)]
  },
  evaluate: (_, [data]) => [data!],
  transpose: (_, ct, { aval }) => ops.reshape(ct, aval.shape),
  batch: ({ shape }, x, axis, size) => oneBatched(ops.reshape(ops.moveAxis(x, axis, 0), [size, ...shape]), 0),
  facts: view,
})

export const transposeP = linear('transpose', {
  type: ({ permutation }, [x]) => {
    const sorted = permutation.toSorted((a, b) => a - b)
    if (permutation.length !== x!.rank || sorted.some((p, i) => p !== i)) {
      misfit('transpose', `the permutation [${permutation.join(', ')}]`, x!)
    }
    return [x!.withShape(permutation.map((p) => x!.shape[p]!))]
  },
  evaluate: ({ permutation }, [data], [x], [out]) => {
    const from = stridesOf(x!.shape)
    const strides = permutation.map((p) => from[p]!)
    return [gatherStrided(data!, out!.shape, strides, 0, allocate(out!.dtype, out!.size))]
  },
  transpose: ({ permutation }, ct) => ops.transpose(ct, inversePermutation(permutation)),
  batch: ({ permutation }, x, axis) => {
    const rest = range(x.aval.rank).filter((d) => d !== axis)
    return oneBatched(ops.transpose(x, [axis, ...permutation.map((p) => rest[p]!)]), 0)
  },
  facts: view,
})

/** Axes of an operand without its batch axis, as axes of the operand with it. */
const shifted = (axes: readonly number[], batchAxis: number): number[] => axes.map((a) => (a < batchAxis ? a : a + 1))

export const revP = linear('rev', {
  type: ({ axes }, [x]) => {
    checkAxes('rev', axes, x!)
    return [x!]
  },
  evaluate: ({ axes }, [data], [x], [out]) => {
    const strides = stridesOf(x!.shape)
    let start = 0
    for (const a of axes) {
      start += strides[a]! * Math.max(x!.shape[a]! - 1, 0)
      strides[a] = -strides[a]!
    }
    return [gatherStrided(data!, x!.shape, strides, start, allocate(out!.dtype, out!.size))]
  },
  transpose: ({ axes }, ct) => ops.rev(ct, axes),
  batch: ({ axes }, x, axis) => oneBatched(ops.rev(x, shifted(axes, axis)), axis),
  facts: view,
})

export const sliceP = linear('slice', {
  type: ({ start, limit, strides }, [x]) => {
    const fits = x!.shape.every((n, i) => {
      const [s, l, d] = [start[i]!, limit[i]!, strides[i]!]
      return s >= 0 && s <= l && l <= n && d >= 1
    })
    if (start.length !== x!.rank || limit.length !== x!.rank || strides.length !== x!.rank || !fits) {
      misfit('slice', `start ${showShape(start)}, limit ${showShape(limit)}, strides ${showShape(strides)}`, x!)
    }
    return [x!.withShape(x!.shape.map((_, i) => Math.ceil((limit[i]! - start[i]!) / strides[i]!)))]
  },
  evaluate: ({ start, strides }, [data], [x], [out]) => {
    const from = stridesOf(x!.shape)
    const offset = start.reduce((sum, s, i) => sum + s * from[i]!, 0)
    const steps = from.map((f, i) => f * strides[i]!)
    return [gatherStrided(data!, out!.shape, steps, offset, allocate(out!.dtype, out!.size))]
  },
  transpose: ({ start, strides }, ct, { aval }) => {
    const covered = ct.aval.shape.map((n, i) => (n === 0 ? 0 : start[i]! + (n - 1) * strides[i]! + 1))
    const low = start.map((s, i) => (ct.aval.shape[i] === 0 ? 0 : s))
    const high = aval.shape.map((n, i) => n - covered[i]!)
    return ops.pad(
      ct,
      scalar(0, ct.aval.dtype),
      low,
      high,
      strides.map((s) => s - 1),
    )
  },
  part: ({ start, limit, strides }, { shape }) => {
    const cut = range(shape.length).filter((d) => limit[d]! - start[d]! !== shape[d])
    const [axis] = cut
    if (axis === undefined || cut.length > 1 || strides.some((s) => s !== 1)) return null
    return { axis, start: start[axis]!, limit: limit[axis]! }
  },
  batch: ({ start, limit, strides }, x, axis, size) =>
    oneBatched(ops.slice(x, insertAt(start, axis, 0), insertAt(limit, axis, size), insertAt(strides, axis, 1)), axis),
  facts: view,
})

const paddedExtent = (n: number, low: number, high: number, interior: number): number =>
  low + high + n + Math.max(n - 1, 0) * interior

// The padded array is a strided view of the result, without what negative edges crop.
const padData = (
  data: TypedArray,
  value: TypedArray,
  x: Aval,
  out: Aval,
  low: readonly number[],
  interior: readonly number[],
): TypedArray => {
  const result = (allocate(out.dtype, out.size) as Float64Array).fill((value as Float64Array)[0]!)
  const to = stridesOf(out.shape)
  const from = stridesOf(x.shape)
  // For each axis: the first operand index inside, and their number.
  const step = interior.map((i) => i + 1)
  const first = step.map((s, d) => Math.max(0, Math.ceil(-low[d]! / s)))
  const count = step.map((s, d) => {
    const last = Math.min(x.shape[d]! - 1, Math.floor((out.shape[d]! - 1 - low[d]!) / s))
    return Math.max(0, last - first[d]! + 1)
  })
  if (count.includes(0)) return result
  const offsetIn = first.reduce((sum, f, d) => sum + f * from[d]!, 0)
  const inside = gatherStrided(data, count, from, offsetIn, allocate(x.dtype, sizeOf(count)))
  const offsetOut = first.reduce((sum, f, d) => sum + (low[d]! + f * step[d]!) * to[d]!, 0)
  const strides = to.map((t, d) => t * step[d]!)
  return scatterStrided(inside, count, strides, offsetOut, result)
}

export const padP: Primitive<'pad'> = {
  type: ({ low, high, interior }, [x, value]) => {
    if (value!.rank !== 0 || value!.dtype !== x!.dtype) {
      throw new DTypeError(`pad takes a value of rank 0 and of the operand's dtype, got ${value} for ${x}.`)
    }
    const extents = x!.shape.map((n, i) => paddedExtent(n, low[i]!, high[i]!, interior[i]!))
    const lengths = low.length === x!.rank && high.length === x!.rank && interior.length === x!.rank
    if (!lengths || extents.some((n) => !(n >= 0)) || interior.some((i) => i < 0)) {
      misfit('pad', `low ${showShape(low)}, high ${showShape(high)}, interior ${showShape(interior)}`, x!)
    }
    return [x!.withShape(extents)]
  },
  evaluate: ({ low, interior }, [data, value], [x], [out]) => [padData(data!, value!, x!, out!, low, interior)],
  jvp: ({ low, high, interior }, [x, value], [tx, tv]) =>
    single(
      ops.pad(x!, value!, low, high, interior),
      ops.pad(instantiate(tx!, x!.aval), instantiate(tv!, value!.aval), low, high, interior),
    ),
  // x: the cotangents at its elements; the value: the sum of the rest.
  transpose: ({ low, high, interior }, [ct], [x, value]) => {
    const zero = scalar(0, ct!.aval.dtype)
    const negated = (xs: readonly number[]): number[] => xs.map((n) => -n)
    const spread = ops.pad(ct!, zero, negated(low), negated(high))
    const ctX = ops.slice(
      spread,
      low.map(() => 0),
      spread.aval.shape,
      interior.map((i) => i + 1),
    )
    const all = range(ct!.aval.rank)
    return [isLinear(x!) ? ctX : null, isLinear(value!) ? sub(reduceSum(ct!, all), reduceSum(ctX, all)) : null]
  },
  batch: ({ low, high, interior }, [x, value], [axis, valueAxis], size) => {
    if (valueAxis === null) {
      const zero = (xs: readonly number[]): number[] => insertAt(xs, axis!, 0)
      return oneBatched(ops.pad(x!, value!, zero(low), zero(high), zero(interior)), axis!)
    }
    // A value for each element of the batch: pads a mask of where the value goes, and selects.
    const front = materialize(x!, axis!, 0, size)
    const zero = (xs: readonly number[]): number[] => [0, ...xs]
    const filler = scalar(0, front.aval.dtype)
    const padded = ops.pad(front, filler, zero(low), zero(high), zero(interior))
    return oneBatched(selectPadding(padded, value!, front.aval, [zero(low), zero(high), zero(interior)]), 0)
  },
  facts: { linear: true, narrow: 'as they are' },
}

const selectPadding = (
  padded: NDArray,
  values: NDArray,
  x: Aval,
  [low, high, interior]: readonly [number[], number[], number[]],
): NDArray => {
  const inside = ops.pad(ops.broadcast(scalar(1, 'bool'), x.shape, []), scalar(0, 'bool'), low, high, interior)
  return select(inside, padded, ops.broadcast(values, padded.aval.shape, [0]))
}

export const concatenateP: Primitive<'concatenate'> = {
  type: ({ axis }, xs) => {
    const [first] = xs
    if (first === undefined) throw new ShapeError('concatenate takes at least one operand.')
    checkAxes('concatenate', [axis], first)
    for (const x of xs) {
      if (x.dtype !== first.dtype) {
        throw new DTypeError(`concatenate takes operands of one dtype, got ${xs.join(' and ')}.`)
      }
      if (x.rank !== first.rank || !sameShape(dropAxes(x.shape, [axis]), dropAxes(first.shape, [axis]))) {
        throw new ShapeError(`concatenate: shapes may differ along axis ${axis} only, got ${xs.join(' and ')}.`)
      }
    }
    const extent = xs.reduce((n, x) => n + x.shape[axis]!, 0)
    const strong = xs.find((x) => !x.weak) ?? first
    return [strong.withShape(first.shape.with(axis, extent))]
  },
  evaluate: ({ axis }, datas, xs, [out]) => {
    const result = allocate(out!.dtype, out!.size)
    const strides = stridesOf(out!.shape)
    let place = 0
    datas.forEach((data, i) => {
      const { shape } = xs[i]!
      scatterStrided(data, shape, strides, place * strides[axis]!, result)
      place += shape[axis]!
    })
    return [result]
  },
  jvp: ({ axis }, xs, ts) =>
    single(
      ops.concatenate(xs, axis),
      ops.concatenate(
        ts.map((t, i) => instantiate(t, xs[i]!.aval)),
        axis,
      ),
    ),
  transpose: ({ axis }, [ct], xs) => {
    let place = 0
    return xs.map((x) => {
      const start = place
      place += x.aval.shape[axis]!
      return isLinear(x) ? ops.sliceInDim(ct!, start, place, axis) : null
    })
  },
  batch: ({ axis }, xs, axes, size) => {
    const fronts = xs.map((x, i) => materialize(x, axes[i]!, 0, size))
    return oneBatched(ops.concatenate(fronts, axis + 1), 0)
  },
  facts: { linear: true, narrow: 'as they are' },
}
