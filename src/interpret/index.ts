/**
 * `pullback/interpret`: why a model predicts what it does, and how far it can be trusted.
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
export type { RolloutOptions } from './rollout.ts'
export { attentionRollout } from './rollout.ts'
export type { ImageHtmlOptions, Offset, TextHtmlOptions, WordScore } from './html.ts'
export { htmlPage, imageHtml, textHtml, wordScores } from './html.ts'
export type { BatchLoss, Influence, InfluenceData, InfluenceOptions, TrainedCheckpoint } from './influence.ts'
export { influence, perExampleGradients, tracIn } from './influence.ts'
export type { Membership } from './membership.ts'
export { membershipTest } from './membership.ts'
export type { InputRange, PgdOptions, RobustAccuracy, RobustnessOptions } from './robustness.ts'
export { fgsm, pgd, robustnessCurve } from './robustness.ts'
