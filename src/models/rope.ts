/**
 * Rotary position embeddings: Su et al., "RoFormer" (2021), in the layout of `transformers`, where feature i turns with feature
 * i + d/2; and their scalings for contexts longer than those of pretraining (`modeling_rope_utils.py`).
 */
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import type { ConfigReader } from './config.ts'

/** How frequencies are changed for long contexts. */
export type RopeScaling =
  | { readonly type: 'default' }
  /** Positions divided by a factor: Chen et al. (2023). */
  | { readonly type: 'linear'; readonly factor: number }
  /** A base that grows with the length beyond that of pretraining. */
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

/** What the rotation depends on. */
export interface RopeConfig {
  /** Features of a head. */
  readonly headDim: number
  /** The base of the wavelengths. */
  readonly theta: number
  readonly maxPositionEmbeddings: number
  readonly scaling: RopeScaling
}

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

const scalingOf = (c: ConfigReader, maxPositions: number): RopeScaling => {
  const key = c.get('rope_type') === undefined ? 'type' : 'rope_type'
  const type = c.word(key, ['default', 'linear', 'dynamic', 'llama3', 'yarn'], 'default')
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
  }
}

/** The rotation that a configuration asks for: `rope_theta` and `rope_scaling`, or `rope_parameters` of newer files. */
export const ropeConfig = (
  config: ConfigReader,
  headDim: number,
  maxPositions: number,
  theta = 10_000,
  scaling = config.object('rope_parameters') ?? config.object('rope_scaling'),
): RopeConfig => {
  return {
    headDim,
    theta: scaling?.get('rope_theta') === undefined ? config.number('rope_theta', theta) : scaling.number('rope_theta'),
    maxPositionEmbeddings: maxPositions,
    scaling: scaling === null ? { type: 'default' } : scalingOf(scaling, maxPositions),
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

/** A ramp from wavelengths that are kept to those that are stretched, by how often they turn in the original context. */
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

/** The base grows with the furthest position that there is: `θ (f s/m - (f - 1))^(d/(d-2))`, and frequencies as before. */
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
  }
}

/** Cosines and sines of the angles, shape `[batch, length, 1, headDim]`. */
export interface Rotation {
  readonly cos: NDArray
  readonly sin: NDArray
}

/**
 * The rotation at given positions. With `dynamic` scaling it depends on the furthest of them; keys in a cache keep the rotation
 * that they were given, as in `transformers`.
 *
 * @param positions - integers of shape `[batch, length]`.
 */
export const rotationAt = (config: RopeConfig, positions: NDArray): Rotation => {
  const turns = frequencies(config, positions)
  const angles = np.multiply(np.expandDims(positions.astype('float32'), [-1, -2]), turns)
  const both = np.concatenate([angles, angles], { axis: -1 })
  const scale = config.scaling.type === 'yarn' ? config.scaling.attentionFactor : 1
  return { cos: np.multiply(np.cos(both), scale), sin: np.multiply(np.sin(both), scale) }
}

/** `x · cos + (-x₂, x₁) · sin`, with x₁ and x₂ the halves of each head's features. Shape `[batch, length, heads, headDim]`. */
export const rotate = (x: NDArray, { cos, sin }: Rotation): NDArray => {
  const [first, second] = np.split(x, 2, { axis: -1 })
  const turned = np.concatenate([np.negative(second), first], { axis: -1 })
  // Angles are float32; x of 16 bits stays so, and with it all that follows.
  return np.add(np.multiply(x, cos), np.multiply(turned, sin)).astype(x.dtype)
}
