/**
 * `pullback/interpret`: why a model says what it says, and how far it can be trusted.
 *
 * @module pullback/interpret
 */
export type { PrivacyGoal, PrivacyQuestion, PrivacySpent, PrivateRun } from './accountant.ts'
export { noiseMultiplierFor, privacySpent, renyiDivergence } from './accountant.ts'
export type { Integrated, IntegratedOptions, SmoothOptions } from './attributions.ts'
export { gradientTimesInput, integratedGradients, saliency, smoothGrad } from './attributions.ts'
export type { Counterfactual, CounterfactualOptions, Flipped, FlipOptions } from './counterfactuals.ts'
export { counterfactualTokens, flipTokens } from './counterfactuals.ts'
export type { EmbeddingOptions, EmbeddingView } from './embeddings.ts'
export { byEmbeddings, tokenScores } from './embeddings.ts'
export type { GradCamOptions, LayerGradients, WithLayers } from './layers.ts'
export { gradCam, layerGradients, layerRelevance } from './layers.ts'
