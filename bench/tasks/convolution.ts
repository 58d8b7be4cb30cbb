/** W6: a whole training step of a small convolutional network on images of digits' size, by plain gradient descent. */
import { classes, kernel, uniform } from './data.ts'
import type { Rows } from './row.ts'

export const batch = 64
export const side = 28
export const classCount = 10
export const learningRate = 0.05

/** Both convolutions are 3 × 3 at stride 1, keep the size ('SAME'), and go through relu and 2 × 2 max pooling. */
export const channels = [1, 16, 32] as const
/** Pixels on a side when both pools are through. */
export const pooledSide = side / 4
export const features = pooledSide * pooledSide * channels[2]

/** Kernels are HWIO, and the dense kernel's rows are in the order height, width, channel. */
export interface ConvolutionData {
  readonly first: Float32Array<ArrayBuffer>
  readonly second: Float32Array<ArrayBuffer>
  readonly dense: Float32Array<ArrayBuffer>
  /** `[batch, side, side, 1]`, which has the elements of `[batch, 1, side, side]` too. */
  readonly x: Float32Array<ArrayBuffer>
  readonly y: Float32Array<ArrayBuffer>
}

export const makeData = (): ConvolutionData => ({
  first: kernel(20, 9 * channels[0] * channels[1], 9 * channels[0]),
  second: kernel(21, 9 * channels[1] * channels[2], 9 * channels[1]),
  dense: kernel(22, features * classCount, features),
  x: uniform(23, batch * side * side),
  y: classes(24, batch, classCount),
})

/** A kernel HWIO as OIHW, which libraries with channels first take. */
export const toOihw = (hwio: Float32Array, [i, o]: readonly [number, number]): Float32Array<ArrayBuffer> =>
  new Float32Array(hwio.length).map(
    (_, at) => hwio[((at % 9) * i + (Math.floor(at / 9) % i)) * o + Math.floor(at / 9 / i)]!,
  )

/** The dense kernel for features in the order channel, height, width. */
export const toChannelsFirst = (dense: Float32Array): Float32Array<ArrayBuffer> => {
  const pixels = pooledSide * pooledSide
  return new Float32Array(dense.length).map((_, at) => {
    const [feature, out] = [Math.floor(at / classCount), at % classCount]
    return dense[((feature % pixels) * channels[2] + Math.floor(feature / pixels)) * classCount + out]!
  })
}

export const rows: Rows<'W6'> = {
  W6: {
    what: 'CNN: (conv 3 × 3 → relu → max pool) twice, 1 → 16 → 32 channels, dense → 10, SGD, a step of batch 64 of 28 × 28',
    agreement: 'losses',
    target: { timesFaster: 8 },
  },
}
