/** The `nn` namespace: activations, the softmax family, initializers and layers. */
export * from './activations.ts'
export * as initializers from './initializers.ts'
export type { Initializer } from './initializers.ts'
export type {
  DropoutOptions,
  EmbeddingParams,
  Layer,
  LinearOptions,
  LinearParams,
  NormOptions,
  NormParams,
  SequentialParams,
} from './layers.ts'
export { dropout, embedding, layerNorm, linear, rmsNorm, sequential } from './layers.ts'
export * from './attention.ts'
export type { ConvLayerOptions, ConvLayerParams } from './convolution.ts'
export { conv } from './convolution.ts'
export * from './pooling.ts'
export * from './recurrent.ts'
export * from './softmax.ts'
