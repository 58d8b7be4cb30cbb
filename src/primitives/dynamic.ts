/** Slices with computed starts. Starts are clamped so that a slice is always inside its operand. */
import type { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import { allocate, isInteger } from '../core/dtype.ts'
import { DTypeError, ShapeError } from '../core/errors.ts'
import type { Shape } from '../core/shape.ts'
import { insertAt, range, showShape, stridesOf } from '../core/shape.ts'
import type { OpName } from '../ir/op.ts'
import { scalar, zerosOf } from '../ops/creation.ts'
import { cast } from '../ops/elementwise.ts'
import { gather, scatterWith } from '../ops/indexing.ts'
import { addAxis, concatenate, dynamicSlice, dynamicUpdateSlice, moveAxis } from '../ops/movement.ts'
import type { NDArray } from '../trace/value.ts'
import { instantiate, isLinear, materialize, oneBatched, single } from './kinds.ts'
import type { BatchAxis, Primitive } from './primitive.ts'
import { gatherStrided, scatterStrided } from './strided.ts'

const checkStarts = (op: OpName, x: Aval, sizes: Shape, starts: readonly Aval[]): void => {
  const fits = sizes.length === x.rank && sizes.every((n, i) => n >= 0 && n <= x.shape[i]!)
  if (!fits) throw new ShapeError(`${op}: a slice of shape ${showShape(sizes)} does not fit in ${x}.`)
  if (starts.length !== x.rank || starts.some((s) => s.rank !== 0 || !isInteger(s.dtype))) {
    throw new DTypeError(`${op} takes an integer of rank 0 for each axis of ${x}, got ${starts.join(', ')}.`)
  }
}

const offsetOf = (starts: readonly TypedArray[], shape: Shape, sizes: Shape): number => {
  const strides = stridesOf(shape)
  return starts.reduce((offset, s, i) => {
    const start = Math.min(Math.max(Number(s[0]), 0), shape[i]! - sizes[i]!)
    return offset + start * strides[i]!
  }, 0)
}

/** The starts of each element of a batch as rows of one index array [size, rank]. */
const startRows = (starts: readonly NDArray[], axes: readonly BatchAxis[], size: number): NDArray => {
  const columns = starts.map((s, i) => addAxis(cast(materialize(s, axes[i]!, 0, size), 'int32'), 1, 1))
  return concatenate(columns, 1)
}

export const dynamicSliceP: Primitive<'dynamicSlice'> = {
  type: ({ sizes }, [x, ...starts]) => {
    checkStarts('dynamicSlice', x!, sizes, starts)
    return [x!.withShape(sizes)]
  },
  evaluate: ({ sizes }, [data, ...starts], [x], [out]) => [
    gatherStrided(
      data!,
      sizes,
      stridesOf(x!.shape),
      offsetOf(starts, x!.shape, sizes),
      allocate(out!.dtype, out!.size),
    ),
  ],
  jvp: ({ sizes }, [x, ...starts], [t]) => single(dynamicSlice(x!, starts, sizes), dynamicSlice(t!, starts, sizes)),
  transpose: (_, [ct], [x, ...starts]) => [
    dynamicUpdateSlice(zerosOf(x!.aval), ct!, starts as NDArray[]),
    ...starts.map(() => null),
  ],
  batch: ({ sizes }, [x, ...starts], [axis, ...startAxes], size) => {
    if (startAxes.every((a) => a === null)) {
      const zero = scalar(0, starts[0]?.aval.dtype ?? 'int32')
      return oneBatched(dynamicSlice(x!, insertAt(starts, axis!, zero), insertAt(sizes, axis!, size)), axis!)
    }
    const batched = axis !== null
    const operand = batched ? moveAxis(x!, axis!, 0) : x!
    const shift = batched ? 1 : 0
    const rank = sizes.length
    return oneBatched(
      gather(operand, startRows(starts, startAxes, size), {
        offsetDims: range(rank).map((d) => d + 1),
        collapsedSliceDims: [],
        operandBatchingDims: batched ? [0] : [],
        startIndicesBatchingDims: batched ? [0] : [],
        startIndexMap: range(rank).map((d) => d + shift),
        sliceSizes: batched ? [1, ...sizes] : sizes,
        mode: 'clip',
      }),
      0,
    )
  },
  facts: { narrow: 'as they are', indices: [1, Infinity] },
}

export const dynamicUpdateSliceP: Primitive<'dynamicUpdateSlice'> = {
  type: (_, [x, update, ...starts]) => {
    if (update!.dtype !== x!.dtype) {
      throw new DTypeError(`dynamicUpdateSlice takes an update of the operand's dtype, got ${update} for ${x}.`)
    }
    checkStarts('dynamicUpdateSlice', x!, update!.shape, starts)
    return [x!]
  },
  evaluate: (_, [data, update, ...starts], [x, u]) => {
    const offset = offsetOf(starts, x!.shape, u!.shape)
    return [scatterStrided(update!, u!.shape, stridesOf(x!.shape), offset, data!.slice())]
  },
  jvp: (_, [x, update, ...starts], [tx, tu]) =>
    single(
      dynamicUpdateSlice(x!, update!, starts),
      dynamicUpdateSlice(instantiate(tx!, x!.aval), instantiate(tu!, update!.aval), starts),
    ),
  transpose: (_, [ct], [x, update, ...starts]) => {
    const places = starts as NDArray[]
    const ctX = isLinear(x!) ? dynamicUpdateSlice(ct!, zerosOf(update!.aval), places) : null
    return [ctX, isLinear(update!) ? dynamicSlice(ct!, places, update.aval.shape) : null, ...starts.map(() => null)]
  },
  batch: (_, [x, update, ...starts], [axis, updateAxis, ...startAxes], size) => {
    const operand = materialize(x!, axis!, 0, size)
    const updates = materialize(update!, updateAxis!, 0, size)
    if (startAxes.every((a) => a === null)) {
      const zero = scalar(0, starts[0]?.aval.dtype ?? 'int32')
      return oneBatched(dynamicUpdateSlice(operand, updates, [zero, ...starts]), 0)
    }
    const window = range(updates.aval.rank - 1).map((d) => d + 1)
    return oneBatched(
      scatterWith('scatter', operand, startRows(starts, startAxes, size), updates, {
        updateWindowDims: window,
        insertedWindowDims: [],
        operandBatchingDims: [0],
        scatterIndicesBatchingDims: [0],
        scatterDimsToOperandDims: window,
        mode: 'clip',
        uniqueIndices: true,
      }),
      0,
    )
  },
  facts: { narrow: 'as they are', indices: [2, Infinity] },
}
