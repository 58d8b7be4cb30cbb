/** Pictures against `transformers` on Pillow (record_images.py): every pixel value is the same number. */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { openTensors, readTensors } from 'pullback/io'
import { imageProcessor, modelOfConfig } from 'pullback/models'
import type { ImageProcessor } from 'pullback/models'
import { toHost } from '../../src/trace/value.ts'
import { MUTATIONS } from '../io/support/mutations.ts'
import { get, leftOf, rightOf } from '../io/support/recorded.ts'

const folder = resolve(import.meta.dirname, 'images')
const configs = JSON.parse(readFileSync(join(folder, 'configs.json'), 'utf8')) as { readonly [kind: string]: object }
const recorded = await get(readTensors(await get(openTensors(join(folder, 'images.safetensors')))))
const pictures = Object.entries(recorded).flatMap(([name, x]) =>
  name.startsWith('image.') ? [[name.slice('image.'.length), x] as const] : [],
)

const bytes = (x: NDArray): Uint8Array => toHost(x, 'test').data as Uint8Array
const processorOf = (json: unknown): ImageProcessor => rightOf(imageProcessor(json))
const valuesOf = (x: NDArray): readonly number[] => np.ravel(x).toArray({ rank: 1 })

describe.each(Object.keys(configs))('%s', (kind) => {
  test.each(pictures)('%s', (name, picture) => {
    const { pixelValues } = processorOf(configs[kind])(picture)
    const expected = recorded[`pixel_values.${kind}.${name}`]!
    expect(pixelValues.dtype).toBe('float32')
    expect(pixelValues.shape).toEqual(expected.shape)
    expect(np.max(np.abs(np.subtract(pixelValues, expected))).item()).toBe(0)
  })
})

const [, picture] = pictures.find(([name]) => name === '13x17')!
const [height, width] = [13, 17]
const bicubic = processorOf(configs['vit-bicubic'])

test('pixels of a canvas, with alpha, are those of the RGB picture', () => {
  const rgb = bytes(picture)
  const data = new Uint8ClampedArray(height * width * 4).fill(7)
  for (let i = 0; i < height * width; i++) data.set(rgb.subarray(3 * i, 3 * i + 3), 4 * i)
  const expected = bicubic(picture).pixelValues
  expect(valuesOf(bicubic({ data, width, height }).pixelValues)).toEqual(valuesOf(expected))
  expect(valuesOf(bicubic({ data: rgb, width, height }).pixelValues)).toEqual(valuesOf(expected))
})

test('a grey picture is red, green and blue alike, or stays grey for a model of grey pictures', () => {
  const data = Uint8Array.from({ length: 12 }, (_, i) => 20 * i)
  const { pixelValues } = processorOf({ size: 3 })({ data, width: 4, height: 3 })
  const [red, green, blue] = [0, 1, 2].map((c) => valuesOf(pixelValues.at(0, c).get()))
  expect(red).toEqual(green)
  expect(red).toEqual(blue)
  const grey = processorOf({ size: 3, image_mean: [0.5], image_std: [0.5] })({ data, width: 4, height: 3 })
  expect(grey.pixelValues.shape).toEqual([1, 1, 3, 3])
  expect(valuesOf(grey.pixelValues.at(0, 0).get())).toEqual(red)
})

test('several pictures of different sizes are one batch', () => {
  const all = bicubic(pictures.map(([, x]) => x)).pixelValues
  expect(all.shape).toEqual([pictures.length, 3, 8, 8])
  pictures.forEach(([, x], i) => {
    expect(valuesOf(all.at(i).get())).toEqual(valuesOf(bicubic(x).pixelValues.at(0).get()))
  })
  const shortest = processorOf(configs['vit-shortest'])
  expect(() => shortest(pictures.map(([, x]) => x))).toThrow(/make no batch/)
})

test('a picture of one colour keeps it, at every size and by every filter', () => {
  const sides = fc.integer({ min: 1, max: 40 })
  fc.assert(
    fc.property(
      sides,
      sides,
      sides,
      sides,
      fc.nat(255),
      fc.integer({ min: 1, max: 4 }),
      (h, w, y, x, grey, resample) => {
        const processor = processorOf({
          size: { height: y, width: x },
          resample,
          do_rescale: false,
          do_normalize: false,
        })
        const { pixelValues } = processor({ data: new Uint8Array(h * w).fill(grey), height: h, width: w })
        expect(pixelValues.shape).toEqual([1, 3, y, x])
        expect([np.min(pixelValues).item(), np.max(pixelValues).item()]).toEqual([grey, grey])
      },
    ),
    { numRuns: 100 },
  )
})

test('what it gives is what a ViT takes', () => {
  const model = rightOf(
    modelOfConfig({
      model_type: 'vit',
      image_size: 8,
      patch_size: 4,
      hidden_size: 12,
      num_hidden_layers: 0,
      num_attention_heads: 2,
    }),
  )
  const { pixelValues } = bicubic(picture)
  const outputs = model.apply(model.init(random.key(0)), { pixel_values: pixelValues })
  expect(outputs['last_hidden_state']!.shape).toEqual([1, 5, 12])
})

test.each<[unknown, RegExp]>([
  [{ image_processor_type: 'DetrImageProcessor' }, /image_processor_type must be one of ViTImageProcessor/],
  [{ feature_extractor_type: 7 }, /feature_extractor_type/],
  [{ resample: 0 }, /resample must be 1 \(Lanczos\)/],
  [{ size: { shortest_edge: 8, longest_edge: 10 } }, /size.longest_edge must be left out/],
  [{ size: { height: 8 } }, /size.width must be a whole number/],
  [{ size: { height: 8, width: 2 ** 40 } }, /size.width must be at most 16384/],
  [{ image_mean: [0.5] }, /image_std must be as many numbers/],
  [{ image_std: [0, 1, 1] }, /image_std must be other than 0/],
  [{ image_mean: [1, 2], image_std: [1, 2] }, /of grey or of RGB/],
  [{ do_pad: true }, /do_pad/],
  [{ image_processor_type: 'ConvNextImageProcessor', size: { height: 8, width: 8 } }, /shortest edge/],
  [{ image_processor_type: 'ConvNextImageProcessor', size: 8, crop_pct: 0 }, /crop_pct must be above 0/],
  [[], /must be an object/],
])('configuration %j', (json, message) => {
  expect(leftOf(imageProcessor(json)).message).toMatch(message)
})

test('any configuration is a processor or an error', () => {
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom(0, 1, 2, 3, 8, 2 ** 53, -1, 0.5, true, null))
  const keys = [
    'size',
    'crop_size',
    'do_center_crop',
    'resample',
    'image_mean',
    'image_std',
    'rescale_factor',
    'crop_pct',
  ]
  const config = fc.dictionary(fc.constantFrom('image_processor_type', 'do_resize', ...keys), value)
  fc.assert(
    fc.property(config, (json) => {
      const result = imageProcessor(json)
      if (result._tag === 'Left') expect(result.left._tag).toBe('Config')
    }),
    { numRuns: MUTATIONS },
  )
})

test.each<[Parameters<ImageProcessor>[0], RegExp]>([
  [{ data: new Uint8Array(10), width: 2, height: 2 }, /10 bytes are not those of 2 rows of 2 pixels/],
  [{ data: new Uint8Array(0), width: 0, height: 2 }, /width: 0, height: 2/],
  [np.ones([2, 2, 3]), /uint8 array of shape/],
  [np.ones([2, 2], { dtype: 'uint8' }), /uint8 array of shape/],
  [[], /there is no image/],
])('pictures that are none', (image, message) => {
  expect(() => bicubic(image)).toThrow(message)
})
