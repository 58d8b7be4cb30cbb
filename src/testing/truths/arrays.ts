/** True values of operations on whole arrays, by hand. */
import type { WindowParams } from '../../ir/op.ts'
import type { Truths } from './truth.ts'
import { all, application } from './truth.ts'

const matrix = [
  [1, 2, 3],
  [4, 5, 6],
]

export const iota = application<'iota'>({ dtype: 'int32', shape: [2, 3], axis: 1 }, [], {
  int32: [
    [0, 1, 2],
    [0, 1, 2],
  ],
})
export const broadcast = application<'broadcast'>(
  { shape: [2, 3], dims: [0] },
  [[1, 2]],
  [
    [1, 1, 1],
    [2, 2, 2],
  ],
)
export const reshape = application<'reshape'>(
  { shape: [3, 2] },
  [matrix],
  [
    [1, 2],
    [3, 4],
    [5, 6],
  ],
)
export const transpose = application<'transpose'>(
  { permutation: [1, 0] },
  [matrix],
  [
    [1, 4],
    [2, 5],
    [3, 6],
  ],
)
export const rev = application<'rev'>(
  { axes: [1] },
  [matrix],
  [
    [3, 2, 1],
    [6, 5, 4],
  ],
)
export const pad = application<'pad'>({ low: [1], high: [-1], interior: [1] }, [[1, 2, 3], 9], [9, 1, 9, 2, 9])
export const slice = application<'slice'>(
  { start: [0, 0], limit: [2, 3], strides: [1, 2] },
  [matrix],
  [
    [1, 3],
    [4, 6],
  ],
)
export const concatenate = application<'concatenate'>({ axis: 0 }, [[1, 2], [3], []], [1, 2, 3])
/** Starts are clamped so that the slice lies inside. */
export const dynamicSlice = application<'dynamicSlice'>(
  { sizes: [1, 2] },
  [matrix, { int32: 1 }, { int32: 5 }],
  [[5, 6]],
)
export const dynamicUpdateSlice = application<'dynamicUpdateSlice'>({}, [[1, 2, 3], [8, 9], { int32: 7 }], [1, 8, 9])

export const reduceSum = application<'reduceSum'>({ axes: [1] }, [matrix], [6, 15])
export const reduceProd = application<'reduceProd'>({ axes: [0] }, [matrix], [4, 10, 18])
export const reduceMax = all<'reduceMax'>(
  application({ axes: [1] }, [matrix], [3, 6]),
  application({ axes: [0] }, [[1, NaN, 2]], NaN),
  application({ axes: [0] }, [[-3, -Infinity]], -3),
)
export const reduceMin = all<'reduceMin'>(
  application({ axes: [1] }, [matrix], [1, 4]),
  application({ axes: [0] }, [[1, NaN, 2]], NaN),
)
export const reduceAnd = application<'reduceAnd'>(
  { axes: [1] },
  [
    {
      bool: [
        [1, 1],
        [1, 0],
      ],
    },
  ],
  { bool: [1, 0] },
)
export const reduceOr = application<'reduceOr'>(
  { axes: [1] },
  [
    {
      bool: [
        [0, 0],
        [1, 0],
      ],
    },
  ],
  { bool: [0, 1] },
)
/** The first of equals; NaN counts as an extremum. */
export const argmax = application<'argmax'>(
  { axis: 1 },
  [
    [
      [1, 3, 3],
      [1, NaN, 3],
    ],
  ],
  { int32: [1, 1] },
)
export const argmin = application<'argmin'>(
  { axis: 1 },
  [
    [
      [3, 1, 1],
      [1, NaN, 3],
    ],
  ],
  { int32: [1, 1] },
)
export const cumsum = all<'cumsum'>(
  application({ axis: 0, reverse: false }, [[1, 2, 3]], [1, 3, 6]),
  application({ axis: 0, reverse: true }, [[1, 2, 3]], [6, 5, 3]),
)
export const cumprod = application<'cumprod'>({ axis: 0, reverse: false }, [[2, -3, 4]], [2, -6, -24])
export const cummax = application<'cummax'>({ axis: 0, reverse: false }, [[1, 3, 2]], [1, 3, 3])
export const cummin = application<'cummin'>({ axis: 0, reverse: true }, [[1, 3, 2]], [1, 2, 2])

export const dotGeneral = all<'dotGeneral'>(
  application(
    { contract: [[1], [0]], batch: [[], []] },
    [
      matrix,
      [
        [1, 0],
        [0, 1],
        [1, -1],
      ],
    ],
    [
      [4, -1],
      [10, -1],
    ],
  ),
  application({ contract: [[1], [1]], batch: [[0], [0]] }, [matrix, matrix], [14, 77]),
)
export const conv = application<'conv'>(
  {
    windowStrides: [1],
    padding: [[1, 0]],
    lhsDilation: [1],
    rhsDilation: [1],
    lhsSpec: [0, 1, 2],
    rhsSpec: [0, 1, 2],
    outSpec: [0, 1, 2],
    featureGroupCount: 1,
    batchGroupCount: 1,
  },
  [[[[1, 2, 3]]], [[[10, 1]]]],
  [[[1, 12, 23]]],
)

const window: WindowParams = {
  windowDimensions: [2],
  windowStrides: [1],
  padding: [[0, 1]],
  baseDilation: [1],
  windowDilation: [1],
}
export const reduceWindowSum = application<'reduceWindowSum'>(window, [[1, 3, 2]], [4, 5, 2])
export const reduceWindowMax = application<'reduceWindowMax'>(window, [[1, 3, 2]], [3, 3, 2])
export const reduceWindowMin = application<'reduceWindowMin'>(window, [[1, 3, 2]], [1, 2, 2])
export const selectAndGatherAdd = application<'selectAndGatherAdd'>(
  { ...window, select: 'max' },
  [
    [10, 20, 30],
    [1, 3, 2],
  ],
  [20, 20, 30],
)
export const selectAndScatterAdd = application<'selectAndScatterAdd'>(
  { ...window, select: 'max' },
  [
    [10, 20, 30],
    [1, 3, 2],
  ],
  [0, 30, 30],
)

const taken = {
  offsetDims: [1],
  collapsedSliceDims: [0],
  operandBatchingDims: [],
  startIndicesBatchingDims: [],
  startIndexMap: [0],
  sliceSizes: [1, 3],
}
export const gather = all<'gather'>(
  application(
    { ...taken, mode: 'clip' },
    [matrix, { int32: [[1], [0], [7]] }],
    [
      [4, 5, 6],
      [1, 2, 3],
      [4, 5, 6],
    ],
  ),
  application(
    { ...taken, mode: 'fill' },
    [matrix, { int32: [[1], [7]] }],
    [
      [4, 5, 6],
      [NaN, NaN, NaN],
    ],
  ),
)

const written = {
  updateWindowDims: [],
  insertedWindowDims: [0],
  operandBatchingDims: [],
  scatterIndicesBatchingDims: [],
  scatterDimsToOperandDims: [0],
  mode: 'fill',
  uniqueIndices: false,
} as const
/** At index 1 twice, at 0 once, and out of range. */
const places = { int32: [[1], [1], [0], [9]] }
export const scatter = application<'scatter'>(written, [[1, 2, 3], { int32: [[1], [9]] }, [7, 8]], [1, 7, 3])
export const scatterAdd = application<'scatterAdd'>(written, [[1, 2, 3], places, [10, 20, 30, 40]], [31, 32, 3])
export const scatterMul = application<'scatterMul'>(written, [[1, 2, 3], places, [2, 3, 4, 5]], [4, 12, 3])
export const scatterMin = application<'scatterMin'>(written, [[1, 2, 3], places, [0, 5, 4, -9]], [1, 0, 3])
export const scatterMax = application<'scatterMax'>(written, [[1, 2, 3], places, [0, 5, 4, 99]], [4, 5, 3])

/** The second operand is permuted along; NaN comes last. */
export const sort = application<'sort'>(
  { axis: 0, numKeys: 1, stable: true },
  [[2, NaN, -Infinity, 2], { int32: [0, 1, 2, 3] }],
  [-Infinity, 2, 2, NaN],
  { int32: [2, 0, 3, 1] },
)

/** A scale of 0.5 (float16), then 32 bytes. */
const block = [0x00, 0x38, 2, 0xff, ...Array.from({ length: 30 }, () => 0)]
const expanded = [1, -0.5, ...Array.from({ length: 30 }, () => 0)]
export const dequantize = application<'dequantize'>({ kind: 'q8_0' }, [{ uint8: block }], { float32: expanded })
export const quantizedDot: Truths<'quantizedDot'> = application(
  { kind: 'q8_0', transposed: false },
  [[expanded.map((_, i) => i + 1)], { uint8: [block] }],
  [[0]],
)
