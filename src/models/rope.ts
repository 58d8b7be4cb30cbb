/**
 * Rotary position embeddings: Su et al., "RoFormer" (2021), in the layout of `transformers`, where feature i is rotated with
 * feature i + d/2; and their scalings for contexts longer than in pretraining (`modeling_rope_utils.py`).
 */
import { isInteger } from '../core/dtype.ts'
import { ShapeError } from '../core/errors.ts'
import { sameShape, showShape } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import type { ConfigReader } from './config.ts'
import { aConfigReader } from './config.ts'
import { anArray, arrayOfRank, orNull, withMembers } from './doors.ts'

/** How frequencies are changed for long contexts. */
export type RopeScaling =
  | { readonly type: 'default' }
  /** Positions divided by a factor: Chen et al. (2023). */
  | { readonly type: 'linear'; readonly factor: number }
  /** A base that grows with lengths beyond that of pretraining. */
  | { readonly type: 'dynamic'; readonly factor: number }
  /** Low frequencies divided by a factor, high ones kept: Llama 3.1. */
  | {
      readonly type: 'llama3'
      readonly factor: number
      readonly lowFreqFactor: number
      readonly highFreqFactor: number
      readonly originalMaxPositionEmbeddings: number
    }
  /** Peng et al., "YaRN" (2023). */
  | {
      readonly type: 'yarn'
      readonly factor: number
      readonly betaFast: number
      readonly betaSlow: number
      readonly attentionFactor: number
      readonly originalMaxPositionEmbeddings: number
      readonly truncate: boolean
    }
  /**
   * Ding et al., "LongRoPE" (2024): each frequency divided by its own factor, from one list up to a length and from another
   * beyond.
   */
  | {
      readonly type: 'longrope'
      readonly shortFactor: readonly number[]
      readonly longFactor: readonly number[]
      readonly attentionFactor: number
      readonly originalMaxPositionEmbeddings: number
    }

/** The parameters of the rotation. */
export interface RopeConfig {
  /** Features of a head. */
  readonly headDim: number
  /** The base of the wavelengths. */
  readonly theta: number
  readonly maxPositionEmbeddings: number
  readonly scaling: RopeScaling
}

/** The parameters of each scaling. */
const scalings: {
  readonly [T in RopeScaling['type']]: must.OptionTable<Omit<Extract<RopeScaling, { type: T }>, 'type'>>
} = {
  default: {},
  linear: { factor: must.finite },
  dynamic: { factor: must.finite },
  llama3: {
    factor: must.finite,
    lowFreqFactor: must.finite,
    highFreqFactor: must.finite,
    originalMaxPositionEmbeddings: must.count,
  },
  yarn: {
    factor: must.finite,
    betaFast: must.finite,
    betaSlow: must.finite,
    attentionFactor: must.finite,
    originalMaxPositionEmbeddings: must.count,
    truncate: must.boolean,
  },
  longrope: {
    shortFactor: must.listOf(must.finite),
    longFactor: must.listOf(must.finite),
    attentionFactor: must.finite,
    originalMaxPositionEmbeddings: must.count,
  },
}

const isScaling = (x: unknown): boolean => {
  const { type } = (x ?? {}) as Partial<RopeScaling>
  return typeof type === 'string' && Object.hasOwn(scalings, type) && withMembers(scalings[type]).accepts(x)
}

/** Checks the description of a rotation. */
export const aRope = must.kind(
  'a rotation: { headDim, theta, maxPositionEmbeddings, scaling }, as ropeConfig reads it',
  (x) => {
    const { headDim, theta, maxPositionEmbeddings, scaling } = (x ?? {}) as Partial<RopeConfig>
    const isWhole = must.count.accepts(headDim) && must.count.accepts(maxPositionEmbeddings)
    return isWhole && must.finite.accepts(theta) && isScaling(scaling)
  },
)

const yarnOf = (c: ConfigReader, maxPositions: number): RopeScaling => {
  const factor = c.number('factor')
  const scaleOf = (mscale: number): number => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1)
  const [mscale, mscaleAll] = [c.number('mscale', 0), c.number('mscale_all_dim', 0)]
  const implied = mscale !== 0 && mscaleAll !== 0 ? scaleOf(mscale) / scaleOf(mscaleAll) : scaleOf(1)
  return {
    type: 'yarn',
    factor,
    betaFast: c.number('beta_fast', 32),
    betaSlow: c.number('beta_slow', 1),
    attentionFactor: c.number('attention_factor', implied),
    originalMaxPositionEmbeddings: c.count('original_max_position_embeddings', maxPositions),
    truncate: c.flag('truncate', true),
  }
}

/** One factor for each pair of features. */
const factorsOf = (c: ConfigReader, key: string, headDim: number): readonly number[] => {
  const factors = c.numbers(key, [])
  return factors.length === headDim / 2 && factors.every((factor) => factor > 0)
    ? factors
    : c.fail(key, `a list of ${headDim / 2} numbers above 0`)
}

const longRopeOf = (c: ConfigReader, maxPositions: number, headDim: number): RopeScaling => {
  const original = c.count('original_max_position_embeddings', maxPositions)
  const factor = c.number('factor', maxPositions / original)
  return {
    type: 'longrope',
    shortFactor: factorsOf(c, 'short_factor', headDim),
    longFactor: factorsOf(c, 'long_factor', headDim),
    attentionFactor: c.number(
      'attention_factor',
      factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original)),
    ),
    originalMaxPositionEmbeddings: original,
  }
}

const scalingOf = (c: ConfigReader, maxPositions: number, headDim: number): RopeScaling => {
  const key = c.get('rope_type') === undefined ? 'type' : 'rope_type'
  const type = c.word(key, ['default', 'linear', 'dynamic', 'llama3', 'yarn', 'longrope'], 'default')
  switch (type) {
    case 'default':
      return { type }
    case 'linear':
    case 'dynamic':
      return { type, factor: c.number('factor') }
    case 'llama3':
      return {
        type,
        factor: c.number('factor'),
        lowFreqFactor: c.number('low_freq_factor'),
        highFreqFactor: c.number('high_freq_factor'),
        originalMaxPositionEmbeddings: c.count('original_max_position_embeddings'),
      }
    case 'yarn':
      return yarnOf(c, maxPositions)
    case 'longrope':
      return longRopeOf(c, maxPositions, headDim)
  }
}

const ropeConfigDoor = must.door('ropeConfig', {
  config: aConfigReader,
  headDim: must.count,
  maxPositions: must.count,
  theta: must.optional(must.finite),
  scaling: must.optional(orNull(aConfigReader)),
})

/**
 * The rotation of a configuration: `rope_theta` and `rope_scaling`, or `rope_parameters` of newer files.
 *
 * @example
 * ```ts
 * import { layers, readConfig } from 'pullback/models'
 * const rope = readConfig({ rope_theta: 500000, rope_scaling: { rope_type: 'linear', factor: 4 } }, (config) =>
 *   layers.ropeConfig(config, 64, 2048),
 * )
 * rope._tag === 'Right' && rope.right.theta // => 500000
 * rope._tag === 'Right' && rope.right.scaling.type // => linear
 * ```
 */
export const ropeConfig = (
  config: ConfigReader,
  headDim: number,
  maxPositions: number,
  theta = 10_000,
  given?: ConfigReader | null,
): RopeConfig => {
  ropeConfigDoor(config, headDim, maxPositions, theta, given)
  const scaling = given === undefined ? (config.object('rope_parameters') ?? config.object('rope_scaling')) : given
  return {
    headDim,
    theta: scaling?.get('rope_theta') === undefined ? config.number('rope_theta', theta) : scaling.number('rope_theta'),
    maxPositionEmbeddings: maxPositions,
    scaling: scaling === null ? { type: 'default' } : scalingOf(scaling, maxPositions, headDim),
  }
}

const f32 = Math.fround

/** Wavelengths: θ^(-2i/d), i below d/2. */
const plainFrequencies = (theta: number, headDim: number): number[] =>
  Array.from({ length: headDim / 2 }, (_, i) => f32(1 / f32(theta ** f32((2 * i) / headDim))))

const llama3Frequency = (frequency: number, s: Extract<RopeScaling, { type: 'llama3' }>): number => {
  const wavelength = (2 * Math.PI) / frequency
  const [longest, shortest] = [
    s.originalMaxPositionEmbeddings / s.lowFreqFactor,
    s.originalMaxPositionEmbeddings / s.highFreqFactor,
  ]
  if (wavelength < shortest) return frequency
  if (wavelength > longest) return frequency / s.factor
  const smooth = (s.originalMaxPositionEmbeddings / wavelength - s.lowFreqFactor) / (s.highFreqFactor - s.lowFreqFactor)
  return ((1 - smooth) * frequency) / s.factor + smooth * frequency
}

/** A ramp between kept and stretched wavelengths, by their number of rotations in the original context. */
const yarnFrequencies = (config: RopeConfig, s: Extract<RopeScaling, { type: 'yarn' }>): number[] => {
  const { headDim, theta } = config
  const turning = (turns: number): number =>
    (headDim * Math.log(s.originalMaxPositionEmbeddings / (turns * 2 * Math.PI))) / (2 * Math.log(theta))
  const [first, last] = [turning(s.betaFast), turning(s.betaSlow)]
  const low = Math.max(s.truncate ? Math.floor(first) : first, 0)
  const high = Math.min(s.truncate ? Math.ceil(last) : last, headDim - 1)
  const width = high === low ? 0.001 : high - low
  return plainFrequencies(theta, headDim).map((frequency, i) => {
    const kept = 1 - Math.min(1, Math.max(0, (i - low) / width))
    return (frequency / s.factor) * (1 - kept) + frequency * kept
  })
}

/** The base grows with the largest position: `θ (f s/m - (f - 1))^(d/(d-2))`, and frequencies as before. */
const dynamicFrequencies = (
  { headDim, theta, maxPositionEmbeddings: most }: RopeConfig,
  factor: number,
  at: NDArray,
) => {
  const seen = np.maximum(np.add(np.max(at), 1), most)
  const grown = np.subtract(np.multiply(np.divide(seen, most), factor), factor - 1)
  const base = np.multiply(np.power(grown, headDim / (headDim - 2)), theta)
  const exponents = Array.from({ length: headDim / 2 }, (_, i) => (-2 * i) / headDim)
  return np.power(base, np.array(exponents))
}

/** Divides by one list of factors, or by the other if the largest position is beyond the original context. */
const longRopeFrequencies = (
  { headDim, theta }: RopeConfig,
  { shortFactor, longFactor, originalMaxPositionEmbeddings: original }: Extract<RopeScaling, { type: 'longrope' }>,
  at: NDArray,
): NDArray => {
  const dividedBy = (factors: readonly number[]): NDArray =>
    np.array(plainFrequencies(theta, headDim).map((frequency, i) => frequency / factors[i]!))
  return np.where(np.greaterEqual(np.max(at), original), dividedBy(longFactor), dividedBy(shortFactor))
}

/** Frequencies for tokens at the given positions. */
const frequencies = (config: RopeConfig, positions: NDArray): NDArray => {
  const { headDim, theta, scaling } = config
  const plain = plainFrequencies(theta, headDim)
  switch (scaling.type) {
    case 'default':
      return np.array(plain)
    case 'linear':
      return np.array(plain.map((frequency) => frequency / scaling.factor))
    case 'dynamic':
      return dynamicFrequencies(config, scaling.factor, positions)
    case 'llama3':
      return np.array(plain.map((frequency) => llama3Frequency(frequency, scaling)))
    case 'yarn':
      return np.array(yarnFrequencies(config, scaling))
    case 'longrope':
      return longRopeFrequencies(config, scaling, positions)
  }
}

/** Cosines and sines of the angles, shape `[batch, length, 1, headDim]`. */
export interface Rotation {
  readonly cos: NDArray
  readonly sin: NDArray
}

const areIntegers = (x: NDArray): boolean => x.ndim === 2 && isInteger(x.dtype)

const rotationAtDoor = must.door('rotationAt', {
  config: aRope,
  positions: must.kind('integers of shape [batch, length]', (x) => anArray.accepts(x) && areIntegers(x as NDArray), {
    error: ShapeError,
  }),
})

/**
 * The rotation at given positions. With `dynamic` scaling it depends on the largest of them; keys in a cache keep their
 * rotation, as in `transformers`.
 *
 * @param positions - integers of shape `[batch, length]`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const rope = { headDim: 4, theta: 10_000, maxPositionEmbeddings: 16, scaling: { type: 'default' } } as const
 * const { cos, sin } = layers.rotationAt(rope, np.array([[0, 1]], { dtype: 'int32' }))
 * cos.shape // => 1,2,1,4
 * // At place 0 nothing turns.
 * np.ravel(sin.at(0, 0).get()) // => [0. 0. 0. 0.]
 * ```
 */
export const rotationAt = (config: RopeConfig, positions: NDArray): Rotation => {
  rotationAtDoor(config, positions)
  if (config.headDim % 2 !== 0)
    throw new ShapeError(`rotationAt: features turn in pairs, and ${config.headDim} are not even.`)
  const turns = frequencies(config, positions)
  const angles = np.multiply(np.expandDims(positions.astype('float32'), [-1, -2]), turns)
  const both = np.concatenate([angles, angles], { axis: -1 })
  const scale = 'attentionFactor' in config.scaling ? config.scaling.attentionFactor : 1
  return { cos: np.multiply(np.cos(both), scale), sin: np.multiply(np.sin(both), scale) }
}

const rotateDoor = must.door('rotate', {
  x: arrayOfRank(4, '[batch, length, heads, headDim]'),
  rotation: withMembers({ cos: anArray, sin: anArray }),
})

/** Checks the shape of angles: one for each position and feature, shared by heads, and possibly by sequences. */
const checkAngles = (x: NDArray, angles: NDArray): void => {
  const [batch, length, , headDim] = x.shape as readonly [number, number, number, number]
  const [rows, ...rest] = angles.shape
  const fits = angles.ndim === 4 && (rows === 1 || rows === batch) && sameShape(rest, [length, 1, headDim])
  if (fits && headDim % 2 === 0) return
  throw new ShapeError(
    `rotate: ${x.aval} turns by angles of shape ${showShape([batch, length, 1, headDim])}, for an even headDim; ` +
      `got ${showShape(angles.shape)}.`,
  )
}

/**
 * `x · cos + (-x₂, x₁) · sin`, with x₁ and x₂ the halves of each head's features. Shape `[batch, length, heads, headDim]`.
 *
 * @throws ShapeError unless the angles fit.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const rope = { headDim: 2, theta: 1, maxPositionEmbeddings: 16, scaling: { type: 'default' } } as const
 * const rotation = layers.rotationAt(rope, np.array([[0, 1]], { dtype: 'int32' }))
 * // Two tokens of one head, that both are (1, 0): the second is turned by 1, and stays as long.
 * const turned = layers.rotate(np.array([[[[1, 0]], [[1, 0]]]]), rotation)
 * np.squeeze(turned) // => [[1.         0.        ]\n [0.5403023  0.84147096]]
 * ```
 */
export const rotate = (x: NDArray, rotation: Rotation): NDArray => {
  rotateDoor(x, rotation)
  const { cos, sin } = rotation
  for (const angles of [cos, sin]) checkAngles(x, angles)
  const [first, second] = np.split(x, 2, { axis: -1 })
  const turned = np.concatenate([np.negative(second), first], { axis: -1 })
  // Angles are float32, but a 16-bit x stays 16-bit, and so does everything after it.
  return np.add(np.multiply(x, cos), np.multiply(turned, sin)).astype(x.dtype)
}
