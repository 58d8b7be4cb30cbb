/** `nn`: convolution as a layer, after flax: images with features last, kernels `[...kernelSize, in / groups, out]`. */
import { ShapeError } from '../core/errors.ts'
import { range, sizeOf } from '../core/shape.ts'
import type { Padding } from '../ir/op.ts'
import { convGeneralDilated } from '../lax/convolution.ts'
import { featuresLast } from '../lax/layouts.ts'
import type { PaddingOption } from '../lax/padding.ts'
import { aPadding } from '../lax/padding.ts'
import * as np from '../numpy/index.ts'
import { consume, splitTwo } from '../random/keys.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { inexact, promoteAll } from '../conversions/promote.ts'
import { composite } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'
import type { Initializer } from './initializers.ts'
import { lecunNormal, zeros } from './initializers.ts'
import type { Layer } from './layer.ts'
import { applyDoor, checkFeatures, initDoor } from './layer.ts'

/** Parameters of `conv`. */
export interface ConvLayerParams {
  /** Shape `[...kernelSize, inFeatures / groups, outFeatures]`. */
  readonly kernel: NDArray
  /** Shape `[outFeatures]`, or null. */
  readonly bias: NDArray | null
}

/** Options of `conv`. One number may be given instead of a list, for all spatial axes. */
export interface ConvLayerOptions {
  /** How far windows move from one output to the next; 1 by default. */
  readonly strides?: number | readonly number[]
  /** `'SAME'` by default; a number is that many elements on every side. */
  readonly padding?: PaddingOption | number
  /** The spacing of the elements of the kernel; 1 by default. */
  readonly dilation?: number | readonly number[]
  /** The number of groups of features, each convolved separately; 1 by default. */
  readonly groups?: number
  /** Whether to add a bias; true by default. */
  readonly bias?: boolean
  /** `lecunNormal()` by default. */
  readonly kernelInit?: Initializer
  /** `zeros` by default. */
  readonly biasInit?: Initializer
}

const convLayerOptions: must.OptionTable<ConvLayerOptions> = {
  strides: must.anyOf(must.count, must.positiveExtents),
  padding: must.anyOf(must.natural, aPadding),
  dilation: must.anyOf(must.count, must.positiveExtents),
  groups: must.count,
  bias: must.boolean,
  kernelInit: must.func,
  biasInit: must.func,
}

const each = (x: number | readonly number[], count: number): readonly number[] =>
  typeof x === 'number' ? range(count).map(() => x) : x

/** Merges all axes before the last `kept` ones into one, and returns how to restore them. */
export const withOneBatch = (
  name: string,
  x: NDArray,
  kept: number,
): readonly [x: NDArray, restore: (y: NDArray) => NDArray] => {
  const batch = x.shape.slice(0, Math.max(x.ndim - kept, 0))
  if (x.ndim < kept)
    throw new ShapeError(`${name}: x has at least ${kept} axes, spatial ones and features, got ${x.aval}.`)
  const restore = (y: NDArray): NDArray => np.reshape(y, [...batch, ...y.shape.slice(1)])
  return [np.reshape(x, [sizeOf(batch), ...x.shape.slice(batch.length)]), restore]
}

const convDoor = must.door('nn.conv', {
  inFeatures: must.count,
  outFeatures: must.count,
  kernelSize: must.positiveExtents,
  options: must.optionsOf(convLayerOptions),
})

/**
 * Convolution over the spatial axes of images with features last, `[...batch, height, width, features]` with a kernel of two
 * axes. All axes before these are batch axes; there may be none.
 *
 * @param kernelSize - the extent of the kernel along each spatial axis; its length is the number of spatial axes.
 * @throws ShapeError if `x` does not have `inFeatures` in its last axis, or groups do not divide features.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const model = nn.sequential(
 *   nn.conv(1, 8, [3, 3]),
 *   nn.relu,
 *   (x) => nn.maxPool(x, [2, 2], { strides: [2, 2] }),
 *   nn.conv(8, 16, [3, 3], { strides: 2 }),
 * )
 * const params = model.init(random.key(0))
 * model.apply(params, np.ones([5, 28, 28, 1])).shape // => 5,7,7,16
 * ```
 */
export const conv = (
  inFeatures: number,
  outFeatures: number,
  kernelSize: readonly number[],
  options: ConvLayerOptions = {},
): Layer<ConvLayerParams> => {
  convDoor(inFeatures, outFeatures, kernelSize, options)
  const { padding = 'SAME', groups = 1, bias = true, kernelInit = lecunNormal(), biasInit = zeros } = options
  const count = kernelSize.length
  if (inFeatures % groups !== 0 || outFeatures % groups !== 0) {
    throw new ShapeError(`nn.conv: ${groups} groups do not divide ${inFeatures} and ${outFeatures} features.`)
  }
  const settings = {
    windowStrides: each(options.strides ?? 1, count),
    rhsDilation: each(options.dilation ?? 1, count),
    padding: typeof padding === 'number' ? kernelSize.map((): Padding => [padding, padding]) : padding,
    dimensionNumbers: featuresLast(count),
    featureGroupCount: groups,
  }
  const enterInit = initDoor('nn.conv')
  const enter = applyDoor('nn.conv', 'kernel', 'bias')
  return {
    init: (key, dtype = 'float32') => {
      enterInit(key, dtype)
      consume('nn.conv', key)
      const [forKernel, forBias] = splitTwo(key)
      return {
        kernel: kernelInit(forKernel, [...kernelSize, inFeatures / groups, outFeatures], dtype),
        bias: bias ? biasInit(forBias, [outFeatures], dtype) : null,
      }
    },
    apply: (params, x) =>
      composite('conv', () => {
        enter(params, x)
        const { kernel, bias: offset } = params
        const array = inexact(asArray(x))
        checkFeatures('nn.conv', array, inFeatures)
        const [images, restore] = withOneBatch('nn.conv', array, count + 1)
        const [left, right] = promoteAll([images, kernel])
        const out = restore(convGeneralDilated(left!, right!, settings))
        return offset === null ? out : np.add(out, offset)
      }),
  }
}
