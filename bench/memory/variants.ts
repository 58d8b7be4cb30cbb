/** A perceptron so deep that what its gradient keeps outweighs its parameters by far. */
export const depth = 48
export const width = 64
export const batch = 4096
/** Layers between two checkpoints: near the square root of the depth. */
export const segment = 8

export const variants = {
  none: 'no checkpoint',
  dots: 'each layer, keeping products (`dotsSaveable`)',
  layers: 'each layer',
  segments: `every ${segment} layers`,
} as const

export type Variant = keyof typeof variants
export const variantNames = Object.keys(variants) as readonly Variant[]

/** What a gradient needs. */
export interface Kept {
  /** Of values that the backward pass needs, besides the arguments. */
  readonly savedBytes: number
  /** Largest resident set of the process. */
  readonly peakBytes: number
  readonly milliseconds: number
}
