/**
 * Building blocks for your own models: descriptions of parameters in PyTorch's layout (`linear`, `layerNorm`, ...), the
 * functions that compute with them (`applyLinear`, `attend`, ...), masks, and checks of inputs. See
 * docs/bring-your-own-model.md.
 */
export type { AttendOptions } from './attention.ts'
export { attend } from './attention.ts'
export type { BatchNormParams, BatchNormRun, RunningStatistics } from './batchNorm.ts'
export { applyBatchNorm, batchCounts, batchNorm, inTurn, runningStatistics } from './batchNorm.ts'
export { cachedLength, extendCache } from './cache.ts'
export { classifierConfig } from './classifier.ts'
export { lastPlaces } from './decoder.ts'
export type { EncoderArrays } from './encoder.ts'
export { encoderArrays } from './encoder.ts'
export { besideTokens, checkLength, integersBesideTokens, tokenArray } from './inputs.ts'
export type { Activation, Drop, LinearParams } from './layers.ts'
export {
  activationNames,
  applyActivation,
  applyEmbedding,
  applyLayerNorm,
  applyLinear,
  applyRmsNorm,
  makeDrop,
  splitHeads,
} from './layers.ts'
export type { Span } from './masks.ts'
export { bothMasks, causalMask, paddingMask, segmentMask, segmentPositions } from './masks.ts'
export type { RopeConfig, RopeScaling, Rotation } from './rope.ts'
export { ropeConfig, rotate, rotationAt } from './rope.ts'
export type { Beginning, LinearSpec } from './spec.ts'
export { embedding, layerNorm, linear, parameter, repeated, rmsNorm } from './spec.ts'
export type { ConvOptions, ConvParams, ConvSpec, Size } from './vision.ts'
export { applyConv, channelMeans, conv2d, imageArray, patchProjection, readSize } from './vision.ts'
