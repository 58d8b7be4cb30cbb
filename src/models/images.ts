/**
 * Pictures as inputs of models, as `preprocessor_config.json` specifies; each step equals that of `transformers` with Pillow,
 * bit for bit: resizing in 8 bits, cropping, rescaling in float64, normalising in float32.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray, toHost } from '../trace/value.ts'
import type { ConfigError, ConfigReader } from './config.ts'
import { readConfig } from './config.ts'
import type { Pixels, Resampling } from './resample.ts'
import { resample } from './resample.ts'

/**
 * A picture with 8 bits per channel, row by row: grey, RGB or RGBA, depending on the number of bytes per pixel. The `ImageData`
 * of a canvas is one.
 */
export interface ImageLike {
  readonly data: Uint8Array | Uint8ClampedArray
  readonly width: number
  readonly height: number
}

/** The steps of processing a picture. */
interface Steps {
  /** Fixed height and width, the length of the shortest edge, or null to leave the size. */
  readonly size: { readonly height: number; readonly width: number } | { readonly shortest: number } | null
  readonly resampling: Resampling
  readonly crop: { readonly height: number; readonly width: number } | null
  readonly factor: number | null
  readonly mean: readonly number[]
  readonly std: readonly number[] | null
}

/** Makes the inputs of a model from one picture or several. */
export type ImageProcessor = (images: ImageLike | NDArray | readonly (ImageLike | NDArray)[]) => {
  /** float32 of shape `[batch, channels, height, width]`. */
  readonly pixelValues: NDArray
}

// The configuration.

/** The defaults of a kind of processor. */
interface Defaults {
  readonly size: unknown
  /** Whether a single number as size is the shortest edge; otherwise it is both height and width. */
  readonly shortest: boolean
  readonly crop: number | null
  readonly resample: number
}

const vit: Defaults = { size: 224, shortest: false, crop: null, resample: 2 }
const kinds: { readonly [name: string]: Defaults } = {
  ViT: vit,
  DeiT: { size: 256, shortest: false, crop: 224, resample: 3 },
  ConvNext: { size: { shortest_edge: 384 }, shortest: true, crop: null, resample: 3 },
}

const kindNames = Object.keys(kinds)

/** From the class that the configuration names: `ViTImageProcessor`, `ViTFeatureExtractor` of older files. */
const kindOf = (config: ConfigReader): string => {
  const key = config.get('image_processor_type') === undefined ? 'feature_extractor_type' : 'image_processor_type'
  const type = config.get(key) ?? 'ViTImageProcessor'
  const name = typeof type === 'string' ? /^(\w+?)(ImageProcessor(Fast|Pil)?|FeatureExtractor)$/.exec(type)?.[1] : null
  const known = kindNames.find((kind) => kind === name)
  return known ?? config.fail(key, `one of ${kindNames.map((kind) => `${kind}ImageProcessor`).join(', ')}`)
}

/** Indexed by Pillow's numbers. */
const resamplings: readonly (Resampling | null)[] = [null, 'lanczos', 'bilinear', 'bicubic', 'box']

/** The longest side that a configuration may request. */
const MAX_SIDE = 2 ** 14

const sideOf = (config: ConfigReader, key: string): number => {
  const side = config.count(key)
  return side <= MAX_SIDE ? side : config.fail(key, `at most ${MAX_SIDE}`)
}

const sizeOf = (config: ConfigReader, key: string, { size, shortest }: Pick<Defaults, 'size' | 'shortest'>) => {
  const given = config.get(key) ?? size
  const isNumber = typeof given === 'number'
  const json = isNumber ? (shortest ? { shortest_edge: given } : { height: given, width: given }) : given
  const sides = config.inside(key, json)
  if (sides.get('shortest_edge') === undefined) {
    return { height: sideOf(sides, 'height'), width: sideOf(sides, 'width') }
  }
  if (sides.get('longest_edge') !== undefined) sides.fail('longest_edge', 'left out: images keep their longer edge')
  return { shortest: sideOf(sides, 'shortest_edge') }
}

const cropOf = (config: ConfigReader, fallback: number | null): Steps['crop'] => {
  if (!config.flag('do_center_crop', fallback !== null)) return null
  const size = sizeOf(config, 'crop_size', { size: fallback ?? 224, shortest: false })
  return 'shortest' in size ? config.fail('crop_size', 'a height and a width') : size
}

/** ConvNeXt, below 384: the shortest edge becomes `size / crop_pct`, then the middle is cropped; from 384 on a square. */
const convNextSizes = (config: ConfigReader, edge: number): Pick<Steps, 'size' | 'crop'> => {
  const square = { height: edge, width: edge }
  if (edge >= 384) return { size: square, crop: null }
  const part = config.number('crop_pct', 224 / 256)
  if (part <= 0 || part > 1) return config.fail('crop_pct', 'above 0, and at most 1')
  const shortest = Math.trunc(edge / part)
  if (shortest > MAX_SIDE) return config.fail('crop_pct', `such that images have at most ${MAX_SIDE} rows`)
  return { size: { shortest }, crop: square }
}

const sizesOf = (config: ConfigReader, kind: string, defaults: Defaults): Pick<Steps, 'size' | 'crop'> => {
  const size = config.flag('do_resize', true) ? sizeOf(config, 'size', defaults) : null
  if (kind !== 'ConvNext' || size === null) return { size, crop: cropOf(config, defaults.crop) }
  return 'shortest' in size
    ? convNextSizes(config, size.shortest)
    : config.fail('size', 'the length of the shortest edge')
}

const readSteps = (config: ConfigReader): Steps => {
  const kind = kindOf(config)
  const defaults = kinds[kind] ?? vit
  const resampling = resamplings[config.count('resample', defaults.resample, 0)] ?? null
  const mean = config.numbers('image_mean', [0.5, 0.5, 0.5])
  const std = config.numbers('image_std', [0.5, 0.5, 0.5])
  if (std.length !== mean.length) config.fail('image_std', 'as many numbers as image_mean')
  if (std.includes(0)) config.fail('image_std', 'other than 0')
  if (mean.length !== 1 && mean.length !== 3) config.fail('image_mean', 'one number, or three: of grey or of RGB')
  config.only('do_pad', false)
  return {
    ...sizesOf(config, kind, defaults),
    resampling: resampling ?? config.fail('resample', '1 (Lanczos), 2 (bilinear), 3 (bicubic) or 4 (box)'),
    factor: config.flag('do_rescale', true) ? config.number('rescale_factor', 1 / 255) : null,
    mean,
    std: config.flag('do_normalize', true) ? std : null,
  }
}

// Pictures.

const pictures =
  '{ data, width, height } of bytes, grey, RGB or RGBA, or a uint8 array of shape [height, width, channels], or a list of such'
const aPicture = `images must be ${pictures}`

const fromArray = (x: NDArray): Pixels => {
  const [height, width, channels] = x.shape
  if (x.ndim !== 3 || x.dtype !== 'uint8' || height === undefined || width === undefined || channels === undefined) {
    throw new ArgumentError(`imageProcessor: ${aPicture}, got ${x.aval}.`)
  }
  return { data: toHost(x, 'imageProcessor').data as Uint8Array, height, width, channels }
}

const pixelsOf = (image: ImageLike | NDArray): Pixels => {
  const { data, height, width, channels } =
    image instanceof NDArray
      ? fromArray(image)
      : { ...image, data: new Uint8Array(image.data), channels: image.data.length / (image.width * image.height) }
  if ([1, 3, 4].includes(channels) && height > 0 && width > 0) return { data, height, width, channels }
  throw new ArgumentError(
    `imageProcessor: ${aPicture}; ${data.length} bytes are not those of ${height} rows of ${width} pixels.`,
  )
}

/**
 * The same picture with this number of channels: alpha is dropped, and grey is copied to red, green and blue, as Pillow
 * converts to RGB.
 */
const withChannels = (image: Pixels, channels: number): Pixels => {
  if (image.channels === channels) return image
  if (channels === 1) {
    throw new ArgumentError('imageProcessor: the model takes grey pictures, and this one has colours.')
  }
  const { data, height, width } = image
  const target = new Uint8Array(height * width * channels)
  for (let pixel = 0; pixel < height * width; pixel++) {
    for (let c = 0; c < channels; c++) {
      target[pixel * channels + c] = data[pixel * image.channels + (image.channels === 1 ? 0 : c)]!
    }
  }
  return { data: target, height, width, channels }
}

// Steps.

const resized = (image: Pixels, { size, resampling }: Steps): Pixels => {
  if (size === null) return image
  if (!('shortest' in size)) return resample(image, size.height, size.width, resampling)
  const { shortest } = size
  const [short, long] = [Math.min(image.height, image.width), Math.max(image.height, image.width)]
  const other = Math.trunc((shortest * long) / short)
  return image.width <= image.height
    ? resample(image, other, shortest, resampling)
    : resample(image, shortest, other, resampling)
}

/** The start of a centred crop; it is negative if the crop is larger, and the missing pixels are zeros. */
const startOf = (places: number, wanted: number): number =>
  wanted <= places ? Math.floor((places - wanted) / 2) : -Math.ceil((wanted - places) / 2)

const cropped = (image: Pixels, { crop }: Steps): Pixels => {
  if (crop === null) return image
  const { data, channels } = image
  const { height, width } = crop
  const [top, left] = [startOf(image.height, height), startOf(image.width, width)]
  const target = new Uint8Array(height * width * channels)
  const [first, last] = [Math.max(0, left), Math.min(image.width, left + width)]
  for (let row = 0; row < height; row++) {
    const from = row + top
    if (from < 0 || from >= image.height) continue
    const bytes = data.subarray((from * image.width + first) * channels, (from * image.width + last) * channels)
    target.set(bytes, (row * width + first - left) * channels)
  }
  return { data: target, height, width, channels }
}

/** float32 values, channel by channel: `(x · factor - mean) / std`. */
const planes = ({ data, height, width, channels }: Pixels, { factor, mean, std }: Steps): Float32Array => {
  const target = new Float32Array(data.length)
  for (let c = 0; c < channels; c++) {
    const [m, s] = [Math.fround(mean[c]!), Math.fround(std?.[c] ?? 1)]
    // A table of the 256 values of a byte, each rounded as in NumPy.
    const values = Float32Array.from({ length: 256 }, (_, byte) => {
      const scaled = Math.fround(factor === null ? byte : byte * factor)
      return std === null ? scaled : Math.fround(scaled - m) / s
    })
    const plane = target.subarray(c * height * width, (c + 1) * height * width)
    for (let pixel = 0; pixel < plane.length; pixel++) plane[pixel] = values[data[pixel * channels + c]!]!
  }
  return target
}

const pixelValuesOf = (steps: Steps, images: readonly (ImageLike | NDArray)[]): NDArray => {
  const channels = steps.mean.length
  const ready = images.map((image) => cropped(resized(withChannels(pixelsOf(image), channels), steps), steps))
  const [first] = ready
  if (first === undefined) throw new ArgumentError('imageProcessor: there is no image.')
  const other = ready.find(({ height, width }) => height !== first.height || width !== first.width)
  if (other !== undefined) {
    throw new ShapeError(
      `imageProcessor: images of ${first.height} × ${first.width} and ${other.height} × ${other.width} make no batch: ` +
        'by its configuration the processor keeps proportions and does not crop. Give them one by one.',
    )
  }
  const size = channels * first.height * first.width
  const all = new Float32Array(ready.length * size)
  ready.forEach((image, i) => {
    all.set(planes(image, steps), i * size)
  })
  return np.reshape(np.array(all), [ready.length, channels, first.height, first.width])
}

const isOne = (images: Parameters<ImageProcessor>[0]): images is ImageLike | NDArray => !Array.isArray(images)

const isPicture = (x: unknown): boolean => {
  if (x instanceof NDArray) return true
  if (typeof x !== 'object' || x === null || !('data' in x && 'width' in x && 'height' in x)) return false
  return (
    (x.data instanceof Uint8Array || x.data instanceof Uint8ClampedArray) &&
    must.count.accepts(x.width) &&
    must.count.accepts(x.height)
  )
}

const processorDoor = must.door('imageProcessor', {
  images: must.kind(pictures, (x) => isPicture(x) || (Array.isArray(x) && x.every(isPicture))),
})

/**
 * Reads a `preprocessor_config.json`: of ViT, DeiT or ConvNeXt, which ResNets have, too. What it returns makes pictures of 8
 * bits a channel into inputs, with the numbers of `transformers` on Pillow: alpha is left out, and grey pictures become RGB.
 *
 * The processor throws an `ArgumentError` if pictures are not what they must be, and a `ShapeError` if they end up at different sizes.
 *
 * @example
 * ```ts
 * import { imageProcessor } from 'pullback/models'
 * const processor = imageProcessor({ size: { height: 4, width: 4 }, resample: 3 })
 * if (processor._tag === 'Left') throw new Error(processor.left.message)
 * const red = Uint8Array.from({ length: 6 * 8 * 4 }, (_, i) => (i % 4 === 0 || i % 4 === 3 ? 255 : 0))
 * const { pixelValues } = processor.right({ data: red, width: 8, height: 6 })
 * pixelValues.shape // => 1,3,4,4
 * pixelValues.at(0, ':', 1, 1).get() // => [ 1. -1. -1.]
 * ```
 */
export const imageProcessor = (json: unknown): Either<ConfigError, ImageProcessor> => {
  const steps = readConfig(json, readSteps)
  if (steps._tag === 'Left') return steps
  return {
    _tag: 'Right',
    right: (images) => {
      processorDoor(images)
      return { pixelValues: pixelValuesOf(steps.right, isOne(images) ? [images] : images) }
    },
  }
}
