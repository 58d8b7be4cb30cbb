/**
 * Resizes 8-bit images, bit for bit as Pillow does (`Image.resize`, `src/libImaging/Resample.c`): weights of a
 * filter that widens as an image shrinks, in fixed point, along rows and along columns, rounded to 8 bits after each.
 */

/** A filter: its values, and how far from 0 it reaches. */
interface Filter {
  readonly support: number
  readonly at: (x: number) => number
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x))

/** Keys' cubic with a = -1/2. */
const cubic = (x: number): number => {
  const a = -0.5
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0
}

const filters = {
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, at: (x) => cubic(Math.abs(x)) },
  lanczos: { support: 3, at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  box: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
} as const satisfies { readonly [name: string]: Filter }

/** The name of a filter. */
export type Resampling = keyof typeof filters

/** Fractional bits: a sum of weights times 255 fits in 32 bits, with a sign and a bit for overshooting. */
const PRECISION = 22

/** The inputs of one output pixel: from `from` on, with weights in fixed point. */
interface Window {
  readonly from: number
  readonly weights: Int32Array
}

const windowsOf = (inputs: number, outputs: number, { support, at }: Filter): readonly Window[] => {
  const scale = inputs / outputs
  const width = Math.max(1, scale)
  const reach = support * width
  return Array.from({ length: outputs }, (_, i) => {
    const centre = (i + 0.5) * scale
    const from = Math.max(0, Math.trunc(centre - reach + 0.5))
    const to = Math.min(inputs, Math.trunc(centre + reach + 0.5))
    const inverse = 1 / width
    const values = Array.from({ length: to - from }, (_, x) => at((x + from - centre + 0.5) * inverse))
    const total = values.reduce((a, b) => a + b, 0)
    const fixed = values.map((w) => (total === 0 ? w : w / total) * 2 ** PRECISION)
    return { from, weights: Int32Array.from(fixed, (w) => Math.trunc(w < 0 ? w - 0.5 : w + 0.5)) }
  })
}

/** An image: rows of pixels of `channels` bytes. */
export interface Pixels {
  readonly data: Uint8Array
  readonly height: number
  readonly width: number
  readonly channels: number
}

/**
 * One pass: each of `lines` lines is resampled to as many positions as there are windows.
 *
 * @param step - the distance of positions in a line, in bytes; `pitch` the distance of lines, in the input and in the output.
 */
const pass = (
  source: Uint8Array,
  target: Uint8Array,
  windows: readonly Window[],
  lines: number,
  { step, pitch, targetPitch }: { readonly step: number; readonly pitch: number; readonly targetPitch: number },
): void => {
  windows.forEach(({ from, weights }, i) => {
    for (let line = 0; line < lines; line++) {
      let sum = 2 ** (PRECISION - 1)
      let at = line * pitch + from * step
      for (const weight of weights) {
        sum += weight * source[at]!
        at += step
      }
      target[line * targetPitch + i * step] = Math.min(255, Math.max(0, sum >> PRECISION))
    }
  })
}

const alongRows = (image: Pixels, width: number, filter: Filter): Pixels => {
  const { data, height, channels } = image
  if (width === image.width) return image
  const target = new Uint8Array(height * width * channels)
  const windows = windowsOf(image.width, width, filter)
  for (let c = 0; c < channels; c++) {
    const pitches = { step: channels, pitch: image.width * channels, targetPitch: width * channels }
    pass(data.subarray(c), target.subarray(c), windows, height, pitches)
  }
  return { data: target, height, width, channels }
}

const alongColumns = (image: Pixels, height: number, filter: Filter): Pixels => {
  const { data, width, channels } = image
  if (height === image.height) return image
  const row = width * channels
  const target = new Uint8Array(height * row)
  // A column of bytes is a line: next to each other, a row apart inside.
  pass(data, target, windowsOf(image.height, height, filter), row, { step: row, pitch: 1, targetPitch: 1 })
  return { data: target, height, width, channels }
}

/**
 * Whether columns come first, which matters since bytes are rounded in between: Pillow 13 begins with them if they shrink by
 * more than twice the factor of rows. Older versions never do.
 */
const columnsFirst = (image: Pixels, height: number, width: number): boolean =>
  height < image.height && image.height - height > 2 * (image.width - width)

/** The image at another size. */
export const resample = (image: Pixels, height: number, width: number, how: Resampling): Pixels => {
  const filter = filters[how]
  return columnsFirst(image, height, width)
    ? alongRows(alongColumns(image, height, filter), width, filter)
    : alongColumns(alongRows(image, width, filter), height, filter)
}
