/** Reductions and cumulative operations. */
import type { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import { allocate, isFloat, isLong, longLimits } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import { dropAxes, range, stridesOf } from '../core/shape.ts'
import type { CumulativeParams, OpName } from '../ir/op.ts'
import { fullLike, zerosLike } from '../ops/creation.ts'
import * as elementwise from '../ops/elementwise.ts'
import { broadcast, concatenate, moveAxis, rev, sliceInDim } from '../ops/movement.ts'
import * as ops from '../ops/reduction.ts'
import { bind } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'
import type { Accepts } from './kinds.ts'
import { checkAccepts, checkAxes, linear, oneBatched, single } from './kinds.ts'
import type { FoldName } from './folds.ts'
import type { Primitive } from './primitive.ts'
import { gatherStrided } from './strided.ts'

const { add, div, eq, mul, select } = elementwise

/** Reduces a row. Elements are numbers, or bigints for 64-bit integers. */
type RowReducer<T = number, Row = Float64Array> = (xs: Row, start: number, end: number) => T
type BigRowReducer = RowReducer<bigint, BigInt64Array>

/** Reduces `axes` by passing contiguous rows to `reduce`. */
const reduceRows = (
  data: TypedArray,
  x: Aval,
  out: Aval,
  axes: readonly number[],
  reduce: RowReducer | BigRowReducer,
): TypedArray => {
  const kept = range(x.rank).filter((d) => !axes.includes(d))
  const order = [...kept, ...axes]
  const inOrder = order.every((d, i) => d === i)
  const strides = stridesOf(x.shape)
  const rows = inOrder
    ? data
    : gatherStrided(
        data,
        order.map((d) => x.shape[d]!),
        order.map((d) => strides[d]!),
        0,
        allocate(x.dtype, x.size),
      )
  const result = allocate(out.dtype, out.size) as Float64Array
  const length = out.size === 0 ? 0 : x.size / out.size
  // Rows of bigints have a reducer of bigints.
  const reduceRow = reduce as RowReducer
  for (let i = 0; i < result.length; i++) result[i] = reduceRow(rows as Float64Array, i * length, (i + 1) * length)
  return result
}

const bigPlus = (a: bigint, x: bigint): bigint => a + x

// In double precision, by halves: error grows with the logarithm of the length.
const pairwiseSum: RowReducer = (xs, start, end) => {
  if (end - start > 256) {
    const middle = (start + end) >>> 1
    return pairwiseSum(xs, start, middle) + pairwiseSum(xs, middle, end)
  }
  let sum = 0
  for (let i = start; i < end; i++) sum += xs[i]!
  return sum
}

const foldRows =
  (initial: number, f: (a: number, x: number) => number): RowReducer =>
  (xs, start, end) => {
    let a = initial
    for (let i = start; i < end; i++) a = f(a, xs[i]!)
    return a
  }

const foldBigRows =
  (initial: bigint, f: (a: bigint, x: bigint) => bigint): BigRowReducer =>
  (xs, start, end) => {
    let a = initial
    for (let i = start; i < end; i++) a = f(a, xs[i]!)
    return a
  }

const reduceType =
  (op: OpName, accepts: Accepts, nonEmpty: boolean) =>
  ({ axes }: { readonly axes: readonly number[] }, [x]: readonly Aval[]): readonly Aval[] => {
    checkAccepts(op, accepts, x!)
    checkAxes(op, axes, x!)
    const out = x!.withShape(dropAxes(x!.shape, axes))
    if (nonEmpty && out.size > 0 && x!.size === 0) {
      throw new ShapeError(`${op} of an empty axis has no value: operand ${x}, axes [${axes.join(', ')}].`)
    }
    return [out]
  }

const shiftedAxes = (axes: readonly number[], batchAxis: number): number[] =>
  axes.map((a) => (a < batchAxis ? a : a + 1))
const batchAxisAfter = (axes: readonly number[], batchAxis: number): number =>
  batchAxis - axes.filter((a) => a < batchAxis).length

/** Broadcasts a reduced array back over the reduced axes. */
const spread = (y: NDArray, shape: readonly number[], axes: readonly number[]): NDArray =>
  broadcast(
    y,
    shape,
    range(shape.length).filter((d) => !axes.includes(d)),
  )

const rowsByKind = (general: RowReducer, int: RowReducer, big: BigRowReducer) => (x: Aval) =>
  isFloat(x.dtype) ? general : isLong(x.dtype) ? big : int
const sumRows = rowsByKind(
  pairwiseSum,
  foldRows(0, (a, x) => (a + x) | 0),
  foldBigRows(0n, bigPlus),
)
const prodRows = rowsByKind(
  foldRows(1, (a, x) => a * x),
  foldRows(1, Math.imul),
  foldBigRows(1n, (a, x) => BigInt.asIntN(64, a * x)),
)

export const reduceSumP = linear('reduceSum', {
  type: reduceType('reduceSum', 'number', false),
  evaluate: ({ axes }, [data], [x], [out]) => [reduceRows(data!, x!, out!, axes, sumRows(x!))],
  transpose: ({ axes }, ct, { aval }) => spread(ct, aval.shape, axes),
  batch: ({ axes }, x, axis) => {
    const inner = shiftedAxes(axes, axis)
    return oneBatched(ops.reduceSum(x, inner), batchAxisAfter(inner, axis))
  },
  facts: { reduces: true, fold: 'sum', rounds: 'in any order' },
})

type ReduceName = 'reduceProd' | 'reduceMax' | 'reduceMin' | 'reduceAnd' | 'reduceOr'

const reducer = (
  op: ReduceName,
  fold: FoldName,
  accepts: Accepts,
  rows: (x: Aval) => RowReducer | BigRowReducer,
  jvp: Primitive<ReduceName>['jvp'],
): Primitive<ReduceName> => ({
  type: reduceType(op, accepts, op === 'reduceMax' || op === 'reduceMin'),
  evaluate: ({ axes }, [data], [x], [out]) => [reduceRows(data!, x!, out!, axes, rows(x!))],
  jvp,
  batch: ({ axes }, [x], [axis]) => {
    const inner = shiftedAxes(axes, axis!)
    return oneBatched(bind(op, { axes: inner }, [x!]), batchAxisAfter(inner, axis!))
  },
  facts: fold === 'prod' ? { reduces: true, fold, rounds: 'freely' } : { reduces: true, fold },
})

/** A value and its tangent. */
type Pair = readonly [NDArray, NDArray]

// d(ab) = a·db + b·da: no division, so zeros among the factors do no harm.
const mulPairs = ([a, ta]: Pair, [b, tb]: Pair): Pair => [mul(a, b), add(mul(ta, b), mul(a, tb))]

const mapPair = (p: Pair, f: (x: NDArray) => NDArray): Pair => [f(p[0]), f(p[1])]

/** The product along an axis by halves. */
const productTree = (pair: Pair, axis: number): Pair => {
  let current = pair
  for (;;) {
    const n = current[0].aval.shape[axis]!
    if (n === 1) return current
    const half = n >> 1
    const left = mapPair(current, (x) => sliceInDim(x, 0, half, axis))
    const right = mapPair(current, (x) => sliceInDim(x, half, 2 * half, axis))
    const rest = mapPair(current, (x) => sliceInDim(x, 2 * half, n, axis))
    const product = mulPairs(left, right)
    current =
      n % 2 === 0 ? product : [concatenate([product[0], rest[0]], axis), concatenate([product[1], rest[1]], axis)]
  }
}

export const reduceProdP = reducer('reduceProd', 'prod', 'number', prodRows, ({ axes }, [x], [t]) => {
  const out = ops.reduceProd(x!, axes)
  if (x!.aval.size === 0) return single(out, null)
  const tangent = axes.reduce<Pair>((pair, axis) => productTree(pair, axis), [x!, t!])[1]
  return single(out, ops.reduceSum(tangent, axes))
})

// Shared equally among the elements that attain the extremum.
const extremumJvp =
  (reduce: (x: NDArray, axes: readonly number[]) => NDArray): Primitive<'reduceMax'>['jvp'] =>
  ({ axes }, [x], [t]) => {
    const out = reduce(x!, axes)
    const attains = eq(x!, spread(out, x!.aval.shape, axes))
    const hits = ops.reduceSum(select(attains, fullLike(x!, 1), zerosLike(x!)), axes)
    return single(out, div(ops.reduceSum(select(attains, t!, zerosLike(t!)), axes), hits))
  }

// Written out, as sums are: no call per element.
const maxRows: RowReducer = (xs, start, end) => {
  let a = -Infinity
  for (let i = start; i < end; i++) a = Math.max(a, xs[i]!)
  return a
}
const minRows: RowReducer = (xs, start, end) => {
  let a = Infinity
  for (let i = start; i < end; i++) a = Math.min(a, xs[i]!)
  return a
}
// For 64-bit integers, starting from the value that loses against all others.
const maxOf = (x: Aval): RowReducer | BigRowReducer =>
  isLong(x.dtype) ? foldBigRows(longLimits(x.dtype)[0], (a, v) => (v > a ? v : a)) : maxRows
const minOf = (x: Aval): RowReducer | BigRowReducer =>
  isLong(x.dtype) ? foldBigRows(longLimits(x.dtype)[1], (a, v) => (v < a ? v : a)) : minRows
export const reduceMaxP = reducer('reduceMax', 'max', 'any', maxOf, extremumJvp(ops.reduceMax))
export const reduceMinP = reducer('reduceMin', 'min', 'any', minOf, extremumJvp(ops.reduceMin))
const andRows = foldRows(-1, (a, x) => a & x)
const allRows = foldRows(1, (a, x) => a & x)
const bigAndRows = foldBigRows(-1n, (a, x) => a & x)
const bigOrRows = foldBigRows(0n, (a, x) => a | x)
export const reduceAndP = reducer(
  'reduceAnd',
  'and',
  'bits',
  (x) => (x.dtype === 'bool' ? allRows : isLong(x.dtype) ? bigAndRows : andRows),
  ({ axes }, [x]) => single(ops.reduceAnd(x!, axes), null),
)
const orRows = foldRows(0, (a, x) => a | x)
export const reduceOrP = reducer(
  'reduceOr',
  'or',
  'bits',
  (x) => (isLong(x.dtype) ? bigOrRows : orRows),
  ({ axes }, [x]) => single(ops.reduceOr(x!, axes), null),
)

const argument = (op: 'argmax' | 'argmin', better: (x: number, best: number) => boolean): Primitive<typeof op> => ({
  type: ({ axis }, [x]) => {
    checkAccepts(op, 'any', x!)
    checkAxes(op, [axis], x!)
    if (x!.shape[axis] === 0) throw new ShapeError(`${op} of an empty axis has no value: operand ${x}, axis ${axis}.`)
    return [x!.withShape(dropAxes(x!.shape, [axis])).withDType('int32')]
  },
  evaluate: ({ axis }, [data], [x], [out]) => {
    const first: RowReducer = (xs, start, end) => {
      let best = start
      for (let i = start; i < end; i++) {
        // No bigint is NaN.
        if (Number.isNaN(xs[i]!)) return i - start
        if (better(xs[i]!, xs[best]!)) best = i
      }
      return best - start
    }
    return [reduceRows(data!, x!, out!, [axis], first)]
  },
  jvp: ({ axis }, [x]) => single(bind(op, { axis }, [x!]), null),
  batch: ({ axis }, [x], [batchAxis]) => {
    const inner = shiftedAxes([axis], batchAxis!)
    return oneBatched(bind(op, { axis: inner[0]! }, [x!]), batchAxisAfter(inner, batchAxis!))
  },
  facts: { reduces: true },
})

export const argmaxP = argument('argmax', (x, best) => x > best)
export const argminP = argument('argmin', (x, best) => x < best)

// ---- cumulative ----

type CumulativeName = 'cumsum' | 'cumprod' | 'cummax' | 'cummin'
type Combine = (a: number, x: number) => number

const cumulativeType =
  (op: CumulativeName, accepts: Accepts) =>
  ({ axis }: CumulativeParams, [x]: readonly Aval[]): readonly Aval[] => {
    checkAccepts(op, accepts, x!)
    checkAxes(op, [axis], x!)
    return [x!]
  }

/** Runs along one axis, in double precision for floats. */
const accumulate = (
  data: TypedArray,
  x: Aval,
  { axis, reverse }: CumulativeParams,
  combine: Combine | BigCombine,
): TypedArray => {
  const out = allocate(x.dtype, x.size) as Float64Array
  // Elements and what combines them are numbers both, or bigints both.
  const f = combine as Combine
  const xs = data as Float64Array
  const extent = x.shape[axis]!
  const inner = stridesOf(x.shape)[axis]!
  const step = reverse ? -inner : inner
  const lines = extent === 0 ? 0 : x.size / extent
  for (let line = 0; line < lines; line++) {
    const first = Math.floor(line / inner) * inner * extent + (line % inner)
    let place = reverse ? first + (extent - 1) * inner : first
    let a = xs[place]!
    out[place] = a
    for (let i = 1; i < extent; i++) {
      place += step
      a = f(a, xs[place]!)
      out[place] = a
    }
  }
  return out
}

const batchCumulative =
  (op: CumulativeName): Primitive<CumulativeName>['batch'] =>
  ({ axis, reverse }, [x], [batchAxis]) =>
    oneBatched(bind(op, { axis: shiftedAxes([axis], batchAxis!)[0]!, reverse }, [x!]), batchAxis!)

type BigCombine = (a: bigint, x: bigint) => bigint

const byKind = (general: Combine, int: Combine, big: BigCombine) => (x: Aval) =>
  isFloat(x.dtype) ? general : isLong(x.dtype) ? big : int
const plus = byKind(
  (a, v) => a + v,
  (a, v) => (a + v) | 0,
  bigPlus,
)
const timesBy = byKind(
  (a, v) => a * v,
  Math.imul,
  (a, v) => BigInt.asIntN(64, a * v),
)
const larger = byKind(Math.max, Math.max, (a, v) => (v > a ? v : a))
const smaller = byKind(Math.min, Math.min, (a, v) => (v < a ? v : a))

export const cumsumP: Primitive<'cumsum'> = {
  type: cumulativeType('cumsum', 'number'),
  evaluate: (params, [data], [x]) => [accumulate(data!, x!, params, plus(x!))],
  jvp: ({ axis, reverse }, [x], [t]) => single(ops.cumsum(x!, axis, reverse), ops.cumsum(t!, axis, reverse)),
  transpose: ({ axis, reverse }, [ct]) => [ops.cumsum(ct!, axis, !reverse)],
  batch: batchCumulative('cumsum'),
  facts: { linear: true, rounds: 'in any order' },
}

/**
 * The running combination of pairs along axis 0 in logarithmically many steps (Hillis and Steele, 1986): after step k each
 * position holds the combination of the 2^k positions up to it.
 */
const scanPairs = (pair: Pair, combine: (a: Pair, b: Pair) => Pair): Pair => {
  const n = pair[0].aval.shape[0]!
  let current = pair
  for (let d = 1; d < n; d *= 2) {
    const settled = mapPair(current, (x) => sliceInDim(x, 0, d, 0))
    const before = mapPair(current, (x) => sliceInDim(x, 0, n - d, 0))
    const after = mapPair(current, (x) => sliceInDim(x, d, n, 0))
    const combined = combine(before, after)
    current = [concatenate([settled[0], combined[0]], 0), concatenate([settled[1], combined[1]], 0)]
  }
  return current
}

const cumulativeByPairs = (
  op: 'cumprod' | 'cummax' | 'cummin',
  accepts: Accepts,
  f: (x: Aval) => Combine | BigCombine,
  combine: (a: Pair, b: Pair) => Pair,
): Primitive<typeof op> => ({
  type: cumulativeType(op, accepts),
  evaluate: (params, [data], [x]) => [accumulate(data!, x!, params, f(x!))],
  jvp: (params, [x], [t]) => {
    const out = bind(op, params, [x!])
    const { axis, reverse } = params
    const turned = (y: NDArray): NDArray => (reverse ? rev(y, [0]) : y)
    const front = mapPair([x!, t!], (y) => turned(moveAxis(y, axis, 0)))
    return single(out, moveAxis(turned(scanPairs(front, combine)[1]), 0, axis))
  },
  batch: batchCumulative(op),
  facts: op === 'cumprod' ? { rounds: 'freely' } : {},
})

// The tangent of the larger; of two equal ones, half of each.
const extremumPairs =
  (extremum: (x: NDArray, y: NDArray) => NDArray) =>
  ([a, ta]: Pair, [b, tb]: Pair): Pair => {
    const m = extremum(a, b)
    const half = elementwise.mul(add(ta, tb), fullLike(ta, 0.5))
    const one = select(eq(a, m), ta, tb)
    return [m, select(eq(a, b), half, one)]
  }

export const cumprodP = cumulativeByPairs('cumprod', 'number', timesBy, mulPairs)
export const cummaxP = cumulativeByPairs('cummax', 'number', larger, extremumPairs(elementwise.max))
export const cumminP = cumulativeByPairs('cummin', 'number', smaller, extremumPairs(elementwise.min))
