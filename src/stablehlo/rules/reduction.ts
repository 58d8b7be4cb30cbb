/** Folds along axes, and windows that slide. */
import { isFloat } from '../../core/dtype.ts'
import { dropAxes, range, sizeOf } from '../../core/shape.ts'
import type { Shape } from '../../core/shape.ts'
import type { AxesParams, AxisParams, CumulativeParams, SelectParams, WindowParams } from '../../ir/op.ts'
import type { FoldName } from '../../primitives/folds.ts'
import { identityOf } from '../../primitives/folds.ts'
import { integers, pairs, windowAttributes } from '../text.ts'
import type { Typed } from '../text.ts'
import type { Fold, Value, Writer } from '../writer.ts'
import { element, placesOf } from '../writer.ts'
import { scatterInto } from './indexing.ts'
import type { Rule, RuleOf, Rules } from './rule.ts'

const folds: { readonly [F in FoldName]: Fold } = {
  sum: 'add',
  prod: 'multiply',
  max: 'maximum',
  min: 'minimum',
  and: 'and',
  or: 'or',
}

const reduce =
  (fold: FoldName): RuleOf<AxesParams> =>
  (w, [x], { axes }) => [w.reduce(folds[fold], identityOf(fold, x!.dtype), x!, axes)]

const slide = (w: Writer, fold: FoldName, x: Value, params: WindowParams, shape: Shape): Value => {
  const options = { attributes: windowAttributes(params), regions: [w.reducer(folds[fold], x.dtype)] }
  const start = w.constant(identityOf(fold, x.dtype), x.dtype)
  return w.generic('reduce_window', [x, start], options, [{ dtype: x.dtype, shape }])[0]!
}

const window =
  (fold: FoldName): RuleOf<WindowParams> =>
  (w, [x], params, [out]) => [slide(w, fold, x!, params, out!.shape)]

/** As a window over all elements up to one's own; XLA makes scans of such. */
const cumulative =
  (fold: FoldName): RuleOf<CumulativeParams> =>
  (w, [x], { axis, reverse }) => {
    const { shape } = x!
    if (sizeOf(shape) === 0) return [x!]
    const n = shape[axis]!
    const ones = shape.map(() => 1)
    const padding = shape.map((_, i): readonly [number, number] => {
      if (i !== axis) return [0, 0]
      return reverse ? [0, n - 1] : [n - 1, 0]
    })
    const windowDimensions = shape.map((_, i) => (i === axis ? n : 1))
    const params = { windowDimensions, windowStrides: ones, padding, baseDilation: ones, windowDilation: ones }
    return [slide(w, fold, x!, params, shape)]
  }

/** The first of the best; NaN is best of all. */
const argument =
  (how: 'GT' | 'LT', fold: 'max' | 'min'): RuleOf<AxisParams> =>
  (w, [x], { axis }, [out]) => {
    const places = w.iota({ dtype: out!.dtype, shape: x!.shape }, axis)
    const start = [w.constant(identityOf(fold, x!.dtype), x!.dtype), w.constant(0, out!.dtype)]
    const types = [element(x!.dtype), element(out!.dtype)]
    const region = w.region([...types, ...types], ([a, i, b, j]) => {
      const [aIsNaN, bIsNaN] = [w.isNaN(a!), w.isNaN(b!)]
      const isBetter = w.plain('and', w.plain('or', w.compare(how, a!, b!), aIsNaN), w.plain('not', bIsNaN))
      const isEqual = w.plain('or', w.compare('EQ', a!, b!), w.plain('and', aIsNaN, bIsNaN))
      const takes = w.plain('or', isBetter, w.plain('and', isEqual, w.compare('LT', i!, j!)))
      return [w.select(takes, a!, b!), w.select(takes, i!, j!)]
    })
    const shape = dropAxes(x!.shape, [axis])
    const results = [
      { dtype: x!.dtype, shape },
      { dtype: out!.dtype, shape },
    ]
    const options = { attributes: `dimensions = array<i64: ${axis}>`, regions: [region] }
    return [w.generic('reduce', [x!, places, ...start], options, results)[1]!]
  }

/** Of two pairs of a key and a value, that with the better key: the first of equals, and the first NaN before all. */
const betterPair = (w: Writer, { select }: SelectParams, key: Typed, value: Typed): string =>
  w.region([key, value, key, value], ([k, a, l, b]) => {
    const takes = w.plain('or', w.compare(select === 'max' ? 'GE' : 'LE', k!, l!), w.isNaN(k!))
    return [w.select(takes, k!, l!), w.select(takes, a!, b!)]
  })

/** Windows over pairs of a key and a value: the values whose keys are the best. */
const selectPairs = (
  w: Writer,
  keys: Value,
  values: Value,
  rest: number,
  params: SelectParams,
  shape: Shape,
): Value => {
  const start = [w.constant(identityOf(params.select, keys.dtype), keys.dtype), w.constant(rest, values.dtype)]
  const region = betterPair(w, params, element(keys.dtype), element(values.dtype))
  const results = [keys, values].map(({ dtype }) => ({ dtype, shape }))
  const options = { attributes: windowAttributes(params), regions: [region] }
  return w.generic('reduce_window', [keys, values, ...start], options, results)[1]!
}

const selectAndGatherAdd: Rule<'selectAndGatherAdd'> = (w, [x, keys], params, [out]) => [
  selectPairs(w, keys!, x!, 0, params, out!.shape),
]

/** With dilation, which StableHLO's operation does not have: where each window's best is, then one scatter. */
const scatterToBest = (w: Writer, x: Value, keys: Value, params: SelectParams): Value => {
  const [count, updates] = [sizeOf(keys.shape), sizeOf(x.shape)]
  // A window of nothing but padding has its best beyond the end, where updates are dropped.
  const best = selectPairs(w, keys, placesOf(w, keys.shape), count, params, x.shape)
  const flat = scatterInto(
    w,
    'add',
    {
      updateWindowDims: [],
      insertedWindowDims: [0],
      operandBatchingDims: [],
      scatterIndicesBatchingDims: [],
      scatterDimsToOperandDims: [0],
      mode: 'fill',
      uniqueIndices: false,
    },
    [w.constant(0, x.dtype, [count]), w.reshape(best, [updates, 1]), w.reshape(x, [updates])],
  )
  return w.reshape(flat, keys.shape)
}

const selectAndScatterAdd: Rule<'selectAndScatterAdd'> = (w, [x, keys], params, [out]) => {
  // XLA ends the process on rank 0.
  if (x!.shape.length === 0) return [x!]
  if ([...params.baseDilation, ...params.windowDilation].some((d) => d !== 1))
    return [scatterToBest(w, x!, keys!, params)]
  const key = element(keys!.dtype)
  const better = w.region([key, key], ([a, b]) => [
    w.plain('or', w.compare(params.select === 'max' ? 'GE' : 'LE', a!, b!), w.isNaN(a!)),
  ])
  const attributes = [
    `padding = ${pairs(params.padding)}`,
    `window_dimensions = ${integers(params.windowDimensions)}`,
    `window_strides = ${integers(params.windowStrides)}`,
  ].join(', ')
  const options = { attributes, regions: [better, w.reducer('add', x!.dtype)] }
  return w.generic('select_and_scatter', [keys!, x!, w.constant(0, x!.dtype)], options, [out!])
}

/** Keys in one order of all: one zero, one NaN, and NaN last. */
const ordered = (w: Writer, x: Value): Value => {
  if (!isFloat(x.dtype)) return x
  const zero = w.constant(0, x.dtype)
  return w.select(w.isNaN(x), w.constant(NaN, x.dtype), w.select(w.compare('EQ', x, zero), zero, x))
}

const sort: Rule<'sort'> = (w, operands, { axis, numKeys, stable }) => {
  const types = operands.flatMap(({ dtype }) => [element(dtype), element(dtype)])
  const region = w.region(types, (elements) => {
    const isLess = range(numKeys).reduceRight<Value | null>((rest, key) => {
      const [a, b] = [ordered(w, elements[2 * key]!), ordered(w, elements[2 * key + 1]!)]
      const less = w.compare('LT', a, b, true)
      return rest === null ? less : w.plain('or', less, w.plain('and', w.compare('EQ', a, b, true), rest))
    }, null)
    return [isLess!]
  })
  const attributes = `dimension = ${axis} : i64, is_stable = ${stable}`
  return w.generic('sort', operands, { attributes, regions: [region] }, operands)
}

export const reduction = {
  reduceSum: reduce('sum'),
  reduceProd: reduce('prod'),
  reduceMax: reduce('max'),
  reduceMin: reduce('min'),
  reduceAnd: reduce('and'),
  reduceOr: reduce('or'),
  argmax: argument('GT', 'max'),
  argmin: argument('LT', 'min'),
  cumsum: cumulative('sum'),
  cumprod: cumulative('prod'),
  cummax: cumulative('max'),
  cummin: cumulative('min'),
  reduceWindowSum: window('sum'),
  reduceWindowMax: window('max'),
  reduceWindowMin: window('min'),
  selectAndGatherAdd,
  selectAndScatterAdd,
  sort,
} satisfies Partial<Rules>
