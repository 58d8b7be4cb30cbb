/** Sums and extrema over a sliding window. */
import type { Aval } from '../../core/aval.ts'
import type { TypedArray } from '../../core/dtype.ts'
import { allocate, isFloat, isLong } from '../../core/dtype.ts'
import { identityOf } from '../folds.ts'
import { ShapeError } from '../../core/errors.ts'
import { insertAt } from '../../core/shape.ts'
import type { OpName, WindowParams } from '../../ir/op.ts'
import { reduceWindowSum, selectAndGatherAdd } from '../../ops/convolution.ts'
import { bind } from '../../trace/interpreter.ts'
import { checkAccepts, linear, oneBatched, single } from '../kinds.ts'
import type { Primitive } from '../primitive.ts'
import { checkWindow, paddingToOperand, slidingAxes, windowTable } from './sliding.ts'

/** The operand's type with a window's output extents; throws for invalid windows. */
export const windowedType = (op: OpName, params: WindowParams, x: Aval): Aval => {
  checkWindow(op, x.rank, params, 'axes')
  if (!params.windowDimensions.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new ShapeError(`${op}: windows have positive extents, got [${params.windowDimensions.join(', ')}].`)
  }
  return x.withShape(slidingAxes(x.shape, params).map((axis) => axis.out))
}

/** The window over an operand with an added batch axis: along that, it has one element. */
export const withBatchAxis = <P extends WindowParams>(params: P, axis: number): P => ({
  ...params,
  windowDimensions: insertAt(params.windowDimensions, axis, 1),
  windowStrides: insertAt(params.windowStrides, axis, 1),
  padding: insertAt(params.padding, axis, [0, 0] as const),
  baseDilation: insertAt(params.baseDilation, axis, 1),
  windowDilation: insertAt(params.windowDilation, axis, 1),
})

type Combine = (a: number, x: number) => number
type BigCombine = (a: bigint, x: bigint) => bigint

/** Combines the elements of each window, starting from `initial`. */
const foldWindows = (
  params: WindowParams,
  data: TypedArray,
  x: Aval,
  out: Aval,
  initial: number | bigint,
  combine: Combine | BigCombine,
): TypedArray => {
  const table = windowTable(slidingAxes(x.shape, params))
  const xs = data as Float64Array
  const result = allocate(out.dtype, out.size) as Float64Array
  const area = out.size === 0 ? 0 : table.length / out.size
  for (let p = 0, n = 0; p < result.length; p++) {
    // Elements and the function that combines them are all numbers, or all bigints.
    let a = initial as number
    for (const end = n + area; n < end; n++) {
      const place = table[n]!
      if (place >= 0) a = (combine as Combine)(a, xs[place]!)
    }
    result[p] = a
  }
  return result
}

const reduceType =
  (op: OpName): Primitive<'reduceWindowSum'>['type'] =>
  (params, [x]) => {
    checkAccepts(op, 'number', x!)
    return [windowedType(op, params, x!)]
  }

const plus = (a: number, x: number): number => a + x
const plusWrapping = (a: number, x: number): number => (a + x) | 0
const plusBig = (a: bigint, x: bigint): bigint => a + x

export const reduceWindowSumP = linear('reduceWindowSum', {
  type: reduceType('reduceWindowSum'),
  evaluate: (params, [data], [x], [out]) => {
    if (isLong(x!.dtype)) return [foldWindows(params, data!, x!, out!, 0n, plusBig)]
    return [foldWindows(params, data!, x!, out!, 0, isFloat(x!.dtype) ? plus : plusWrapping)]
  },
  // A window of ones is its own reverse: the sum, over the outputs that an element went into, is over a window too.
  transpose: (params, ct, { aval }) =>
    reduceWindowSum(ct, {
      ...params,
      windowStrides: params.baseDilation,
      padding: slidingAxes(aval.shape, params).map(paddingToOperand),
      baseDilation: params.windowStrides,
    }),
  batch: (params, x, axis) => oneBatched(reduceWindowSum(x, withBatchAxis(params, axis)), axis),
  facts: { reduces: true, rounds: 'in any order' },
})

const bigger = (a: bigint, x: bigint): bigint => (x > a ? x : a)
const smaller = (a: bigint, x: bigint): bigint => (x < a ? x : a)

// dy = dx at the first position of the window's extremum.
const extremum = (op: 'reduceWindowMax' | 'reduceWindowMin', select: 'max' | 'min'): Primitive<typeof op> => ({
  type: reduceType(op),
  evaluate: (params, [data], [x], [out]) => {
    const initial = identityOf(select, x!.dtype)
    const combine = isLong(x!.dtype) ? (select === 'max' ? bigger : smaller) : Math[select]
    return [foldWindows(params, data!, x!, out!, initial, combine)]
  },
  jvp: (params, [x], [t]) => single(bind(op, params, [x!]), selectAndGatherAdd(t!, x!, { ...params, select })),
  batch: (params, [x], [axis]) => oneBatched(bind(op, withBatchAxis(params, axis!), [x!]), axis!),
  // A window over padding only has the least, or the greatest, integer as its infinity.
  facts: { reduces: true, narrow: 'as floats' },
})

export const reduceWindowMaxP = extremum('reduceWindowMax', 'max')
export const reduceWindowMinP = extremum('reduceWindowMin', 'min')
