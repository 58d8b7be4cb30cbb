/**
 * Common parts of image models: inputs of shape `[batch, channels, height, width]`, convolutions with weights in PyTorch's
 * layout, and sizes, which configurations give as one number or as two.
 */
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { isFloat } from '../core/dtype.ts'
import { convGeneralDilated } from '../lax/convolution.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { ConfigReader } from './config.ts'
import { aConfigReader } from './config.ts'
import { arrayOfRank, aVector, orNull, withMembers } from './doors.ts'
import type { ParameterSpec } from './spec.ts'
import { aSize, parameter } from './spec.ts'

/** The inputs of an image model. */
export interface ImageInputs {
  /** Shape `[batch, channels, height, width]`, normalised as the model was trained. */
  readonly pixelValues: ArrayLike
}

/** Height and width. */
export type Size = readonly [height: number, width: number]

const readSizeDoor = must.door('readSize', { config: aConfigReader, key: must.string, fallback: must.count })

/**
 * A size from a configuration: `224`, or `[224, 192]`.
 *
 * @example
 * ```ts
 * import { layers, readConfig } from 'pullback/models'
 * const sizeOf = (json: unknown) => readConfig(json, (config) => layers.readSize(config, 'image_size', 224))
 * const [square, given] = [sizeOf({}), sizeOf({ image_size: [32, 48] })]
 * square._tag === 'Right' && square.right // => 224,224
 * given._tag === 'Right' && given.right // => 32,48
 * ```
 */
export const readSize = (config: ConfigReader, key: string, fallback: number): Size => {
  readSizeDoor(config, key, fallback)
  if (!Array.isArray(config.get(key))) {
    const side = config.count(key, fallback)
    return [side, side]
  }
  const sides = config.counts(key)
  return sides.length === 2 ? (sides as Size) : config.fail(key, 'one number, or height and width')
}

const showSize = (size: Size | null): string => (size === null ? 'height, width' : size.join(', '))

/** The outputs of a convolutional network. */
export interface ConvOutput {
  /** Shape `[batch, channels, height, width]`. */
  readonly lastHiddenState: NDArray
  /** The input of the stages, then each stage's output. */
  readonly hiddenStates: readonly NDArray[]
  /** The mean over each channel, shape `[batch, channels, 1, 1]`. */
  readonly poolerOutput: NDArray
}

/** With scores, shape `[batch, numLabels]`. */
export interface ConvHeadOutput extends ConvOutput {
  readonly logits: NDArray
}

const imageArrayDoor = must.door('imageArray', {
  operation: must.string,
  pixels: must.arrayLike,
  channels: must.natural,
  size: orNull(must.pairOf(must.natural, 'height and width')),
})

/**
 * Floats of shape `[batch, channels, height, width]`; of any size if `size` is null.
 *
 * @throws ArgumentError for other ranks, channels, sizes or dtypes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * layers.imageArray('myModel', np.zeros([1, 3, 8, 8]), 3, null).shape // => 1,3,8,8
 * layers.imageArray('myModel', np.zeros([3, 8, 8]), 3, null) // throws ArgumentError
 * ```
 */
export const imageArray = (operation: string, pixels: ArrayLike, channels: number, size: Size | null): NDArray => {
  imageArrayDoor(operation, pixels, channels, size)
  const given = np.asarray(pixels)
  const fits = size === null || (given.shape[2] === size[0] && given.shape[3] === size[1])
  if (given.ndim === 4 && given.shape[1] === channels && fits && isFloat(given.dtype)) return given
  throw new ArgumentError(
    `${operation}: pixelValues are floats of shape [batch, ${channels}, ${showSize(size)}], got ${given.aval}. A single image is ` +
      'np.expandDims(image, 0); channels go before height and width.',
  )
}

/** Weight `[outputs, inputs / groups, height, width]`, bias `[outputs]` or null. */
export interface ConvParams {
  readonly weight: NDArray
  readonly bias: NDArray | null
}

/** The parameters of a convolution, without values. */
export interface ConvSpec {
  readonly weight: ParameterSpec
  readonly bias: ParameterSpec | null
}

const conv2dDoor = must.door('conv2d', { outputs: aSize, inputs: aSize, side: aSize })

/**
 * A convolution without a bias, as a batch norm follows. Initialised for rectifiers: He et al., "Delving Deep into Rectifiers"
 * (2015), by fan-out.
 *
 * @param inputs - input channels of each output: all channels, divided by the groups.
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * const { weight, bias } = layers.conv2d(16, 3, 7)
 * weight.shape // => 16,3,7,7
 * bias // => null
 * ```
 */
export const conv2d = (outputs: number, inputs: number, side: number): ConvSpec => {
  conv2dDoor(outputs, inputs, side)
  return { weight: parameter([outputs, inputs, side, side], Math.sqrt(2 / (outputs * side * side))), bias: null }
}

const patchProjectionDoor = must.door('patchProjection', {
  outputs: aSize,
  inputs: aSize,
  patch: must.pairOf(aSize, 'height and width'),
})

/**
 * A linear map of patches, which is a convolution with non-overlapping windows.
 *
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.patchProjection(32, 3, [16, 16]).weight.shape // => 32,3,16,16
 * ```
 */
export const patchProjection = (outputs: number, inputs: number, patch: Size): ConvSpec => {
  patchProjectionDoor(outputs, inputs, patch)
  return { weight: parameter([outputs, inputs, ...patch]), bias: parameter([outputs], 'zeros') }
}

/** Strides and padding. */
export interface ConvOptions {
  readonly stride?: number | Size
  /** The number of rows and columns of zeros on each side, 0 by default; `'SAME'` as in TensorFlow. */
  readonly padding?: number | 'SAME'
  readonly groups?: number
}

const images = arrayOfRank(4, '[batch, channels, height, width]')

const applyConvDoor = must.door('applyConv', {
  params: withMembers({ weight: arrayOfRank(4, '[outputs, inputs / groups, height, width]'), bias: orNull(aVector) }),
  x: images,
  options: must.optionsOf<ConvOptions>({
    stride: must.anyOf(must.count, must.pairOf(must.count)),
    padding: must.anyOf(must.natural, must.oneOf(['SAME'])),
    groups: must.count,
  }),
})

/**
 * A convolution of images, `[batch, channels, height, width]`.
 *
 * @throws ShapeError if image, kernels and bias do not fit.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const params = { weight: np.ones([2, 1, 3, 3]), bias: np.array([0, 100]) }
 * const y = layers.applyConv(params, np.ones([1, 1, 4, 4]), { stride: 2, padding: 1 })
 * y.shape // => 1,2,2,2
 * y.at(0, 1).get() // => [[104. 106.]\n [106. 109.]]
 * ```
 */
export const applyConv = (params: ConvParams, x: NDArray, options: ConvOptions = {}): NDArray => {
  applyConvDoor(params, x, options)
  const { weight, bias } = params
  const { stride = 1, padding = 0, groups = 1 } = options
  if (bias !== null && bias.size !== weight.shape[0]) {
    throw new ShapeError(`applyConv: ${weight.shape[0]!} outputs have a bias of as many numbers, got ${bias.aval}.`)
  }
  const y = convGeneralDilated(x, weight, {
    windowStrides: typeof stride === 'number' ? [stride, stride] : stride,
    padding:
      typeof padding === 'number'
        ? [
            [padding, padding],
            [padding, padding],
          ]
        : padding,
    featureGroupCount: groups,
  })
  return bias === null ? y : np.add(y, np.reshape(bias, [bias.size, 1, 1]))
}

const channelMeansDoor = must.door('channelMeans', { x: images })

/**
 * The mean over height and width, which stay with extent 1.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * layers.channelMeans(np.reshape(np.array([1, 2, 3, 4, 10, 10, 10, 10]), [1, 2, 2, 2])).shape // => 1,2,1,1
 * np.ravel(layers.channelMeans(np.reshape(np.array([1, 2, 3, 4]), [1, 1, 2, 2]))) // => [2.5]
 * ```
 */
export const channelMeans = (x: NDArray): NDArray => {
  channelMeansDoor(x)
  return np.mean(x, { axis: [2, 3], keepdims: true })
}
