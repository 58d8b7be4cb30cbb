/** `lax`: convolution. As in JAX, kernels are not flipped: mathematically it is a cross-correlation. */
import { ArgumentError, ShapeError } from '../core/errors.ts'
import type { Padding } from '../ir/op.ts'
import * as ops from '../primitives/convolution/operations.ts'
import { moveAxis, rev } from '../ops/movement.ts'
import { dilated } from '../primitives/convolution/sliding.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { DimensionNumbers } from './layouts.ts'
import { MOST_SPATIAL, featuresFirst, featuresLast } from './layouts.ts'
import type { PaddingName, PaddingOption } from './padding.ts'
import { aPadding, paddingOf } from './padding.ts'

interface Specs {
  readonly lhsSpec: readonly number[]
  readonly rhsSpec: readonly number[]
  readonly outSpec: readonly number[]
}

/** The axes with these letters: the two given ones, then the spatial ones in the order of `spatial`. */
const axesOf = (name: string, layout: string, rank: number, letters: string, spatial: readonly string[]): number[] => {
  const axes = [...Array.from(letters), ...spatial].map((letter) => layout.indexOf(letter))
  if (layout.length === rank && axes.length === rank && new Set(axes).size === rank && !axes.includes(-1)) return axes
  throw new ArgumentError(
    `${name}: '${layout}' does not name the ${rank} axes of an array: it takes the letters ${Array.from(letters).join(' and ')}` +
      `${spatial.length === 0 ? '' : ` and those of the kernels, ${spatial.join(' and ')}`}, each once.`,
  )
}

const specsOf = (name: string, [lhs, rhs, out]: DimensionNumbers, rank: number): Specs => {
  const spatial = Array.from(rhs).filter((letter) => letter !== 'O' && letter !== 'I')
  return {
    lhsSpec: axesOf(name, lhs, rank, 'NC', spatial),
    rhsSpec: axesOf(name, rhs, rank, 'OI', spatial),
    outSpec: axesOf(name, out, rank, 'NC', spatial),
  }
}

const spatialCount = (name: string, x: NDArray): number => {
  const spatial = x.ndim - 2
  if (spatial >= 0 && spatial <= MOST_SPATIAL) return spatial
  throw new ShapeError(`${name} takes arrays of rank 2 to ${2 + MOST_SPATIAL}, got ${x.aval}.`)
}

/** Options of `convGeneralDilated`. Lists have an entry for each spatial axis, in the order of the kernels' axes. */
export interface ConvOptions {
  /** How far windows move from one output to the next; 1 by default. */
  readonly windowStrides?: readonly number[]
  /** `'VALID'` by default. */
  readonly padding?: PaddingOption
  /** The spacing of the elements of `lhs`, with zeros between them; 1 by default. */
  readonly lhsDilation?: readonly number[]
  /** The spacing of the elements of the kernels; 1 by default. */
  readonly rhsDilation?: readonly number[]
  /** `['NCHW', 'OIHW', 'NCHW']` by default, with as many spatial axes as there are. */
  readonly dimensionNumbers?: DimensionNumbers
  /** The number of groups into which features and output features are split; each group is convolved separately; 1 by default. */
  readonly featureGroupCount?: number
  /** The number of groups into which the batch and output features are split; 1 by default. */
  readonly batchGroupCount?: number
}

const convOptions: must.OptionTable<ConvOptions> = {
  windowStrides: must.positiveExtents,
  padding: aPadding,
  lhsDilation: must.positiveExtents,
  rhsDilation: must.positiveExtents,
  dimensionNumbers: must.listOf(must.string, "three strings, such as ['NHWC', 'HWIO', 'NHWC']", 3),
  featureGroupCount: must.count,
  batchGroupCount: must.count,
}

const convTransposeOptions: must.OptionTable<ConvTransposeOptions> = {
  strides: must.positiveExtents,
  padding: aPadding,
  rhsDilation: must.positiveExtents,
  dimensionNumbers: must.listOf(must.string, "three strings, such as ['NHWC', 'HWIO', 'NHWC']", 3),
  transposeKernel: must.boolean,
}

const convGeneralDilatedDoor = must.door('lax.convGeneralDilated', {
  lhs: must.arrayLike,
  rhs: must.arrayLike,
  options: must.optionsOf(convOptions),
})

/**
 * Convolution with strides, padding, dilations and groups: each output is the sum of products of a window of `lhs` with a
 * kernel of `rhs`.
 *
 * @param lhs - images: a batch, with features.
 * @param rhs - kernels: of output and input features.
 * @throws ShapeError if images and kernels do not fit; DTypeError if their dtypes differ; ArgumentError for dimension
 * numbers that do not name the axes.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const images = np.ones([1, 1, 3, 4])
 * const kernels = np.ones([2, 1, 2, 2])
 * lax.convGeneralDilated(images, kernels).shape // => 1,2,2,3
 * lax.convGeneralDilated(images, kernels, { windowStrides: [1, 2], padding: 'SAME' }).shape // => 1,2,3,2
 * ```
 */
export const convGeneralDilated = (lhs: ArrayLike, rhs: ArrayLike, options: ConvOptions = {}): NDArray => {
  convGeneralDilatedDoor(lhs, rhs, options)
  const name = 'convGeneralDilated'
  const [images, kernels] = [asArray(lhs), asArray(rhs)]
  const count = spatialCount(name, images)
  const ones = new Array<number>(count).fill(1)
  const { windowStrides = ones, padding = 'VALID', lhsDilation = ones, rhsDilation = ones } = options
  const { dimensionNumbers = featuresFirst(count), featureGroupCount = 1, batchGroupCount = 1 } = options
  if (typeof padding === 'string' && lhsDilation.some((d) => d !== 1)) {
    throw new ArgumentError(`${name}: with lhsDilation, padding is given in numbers. See convTranspose.`)
  }
  const specs = specsOf(name, dimensionNumbers, images.ndim)
  const extents = specs.lhsSpec.slice(2).map((d) => images.shape[d]!)
  const windows = windowsOf(kernels, specs, rhsDilation)
  return ops.conv(images, kernels, {
    windowStrides,
    padding: paddingOf(padding, extents, windows, windowStrides),
    lhsDilation,
    rhsDilation,
    ...specs,
    featureGroupCount,
    batchGroupCount,
  })
}

/** Extents of the kernels, dilated. */
const windowsOf = (kernels: NDArray, { rhsSpec }: Specs, rhsDilation: readonly number[]): number[] =>
  rhsSpec.slice(2).map((d, i) => dilated(kernels.shape[d] ?? 0, rhsDilation[i]!))

const convDoor = must.door('lax.conv', {
  lhs: must.arrayLike,
  rhs: must.arrayLike,
  options: must.optionsOf<Pick<ConvOptions, 'windowStrides' | 'padding'>>({
    windowStrides: convOptions.windowStrides,
    padding: convOptions.padding,
  }),
})

/**
 * Convolution of images `NCHW` with kernels `OIHW`, of any number of spatial axes.
 *
 * @throws as `convGeneralDilated`.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * lax.conv(np.array([[[1, 2, 3, 4]]]), np.array([[[1, -1]]])) // => [[[-1. -1. -1.]]]
 * ```
 */
export const conv = (
  lhs: ArrayLike,
  rhs: ArrayLike,
  options: Pick<ConvOptions, 'windowStrides' | 'padding'> = {},
): NDArray => {
  convDoor(lhs, rhs, options)
  return convGeneralDilated(lhs, rhs, options)
}

/** Options of `convTranspose`. */
export interface ConvTransposeOptions {
  /** The spacing of the elements of `lhs`, which is the factor by which extents grow; 1 by default. */
  readonly strides?: readonly number[]
  /**
   * `'SAME'` (the default): extents are multiplied by the strides. `'VALID'`: every element that a kernel reaches. Pairs: the
   * padding of the dilated images.
   */
  readonly padding?: PaddingOption
  readonly rhsDilation?: readonly number[]
  /** `['NHWC', 'HWIO', 'NHWC']` by default, with as many spatial axes as there are. */
  readonly dimensionNumbers?: DimensionNumbers
  /** Flips the kernels and exchanges input and output features: this is the gradient of the convolution with these kernels. */
  readonly transposeKernel?: boolean
}

// The reach of a window of `window` elements on both sides; with 'SAME', the part of it for which extents grow by the stride.
const transposedPadding = (name: PaddingName, window: number, stride: number): Padding => {
  if (name === 'VALID') return [window - 1, window - 1 + Math.max(stride - window, 0)]
  const total = window + stride - 2
  const low = stride > window - 1 ? window - 1 : Math.ceil(total / 2)
  return [low, total - low]
}

const convTransposeDoor = must.door('lax.convTranspose', {
  lhs: must.arrayLike,
  rhs: must.arrayLike,
  options: must.optionsOf(convTransposeOptions),
})

/**
 * "Transposed convolution" (also fractionally strided): images grow by the strides, and are convolved.
 *
 * @throws as `convGeneralDilated`; ArgumentError for an unknown name of padding.
 * @example
 * ```ts
 * import { lax, np } from 'pullback'
 * const images = np.ones([1, 3, 3, 2])
 * lax.convTranspose(images, np.ones([3, 3, 2, 5]), { strides: [2, 2] }).shape // => 1,6,6,5
 * ```
 */
export const convTranspose = (lhs: ArrayLike, rhs: ArrayLike, options: ConvTransposeOptions = {}): NDArray => {
  convTransposeDoor(lhs, rhs, options)
  const name = 'convTranspose'
  const [images, given] = [asArray(lhs), asArray(rhs)]
  const count = spatialCount(name, images)
  const ones = new Array<number>(count).fill(1)
  const { strides = ones, padding = 'SAME', rhsDilation = ones, transposeKernel = false } = options
  const { dimensionNumbers = featuresLast(count) } = options
  const specs = specsOf(name, dimensionNumbers, images.ndim)
  if (padding === 'SAME_LOWER') throw new ArgumentError(`${name}: padding is 'SAME', 'VALID' or pairs of numbers.`)
  const windows = windowsOf(given, specs, rhsDilation)
  const pairs =
    typeof padding === 'string' ? windows.map((w, d) => transposedPadding(padding, w, strides[d]!)) : padding
  const kernels = transposeKernel ? exchangeFeatures(rev(given, specs.rhsSpec.slice(2)), specs) : given
  return convGeneralDilated(images, kernels, { padding: pairs, lhsDilation: strides, rhsDilation, dimensionNumbers })
}

/** Input and output features exchanged. */
const exchangeFeatures = (kernels: NDArray, { rhsSpec }: Specs): NDArray => {
  const [first, second] = rhsSpec.slice(0, 2).toSorted((a, b) => a - b) as [number, number]
  return moveAxis(moveAxis(kernels, first, second), second - 1, first)
}
