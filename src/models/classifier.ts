/** Heads with one score for each class: the number of classes, and the loss for their labels. */
import * as nn from '../nn/index.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { ConfigReader } from './config.ts'
import { aConfigReader } from './config.ts'
import { isFloat } from '../core/dtype.ts'
import { anArray } from './doors.ts'
import { crossEntropy } from './losses.ts'

/** The kind of labels: numbers, one class of several, or any number of classes. */
export const problemTypes = ['regression', 'single_label_classification', 'multi_label_classification'] as const

/** The keys of `config.json` about classes. */
export interface ClassifierConfig {
  /** The number of classes. */
  readonly numLabels: number
  /** The kind of labels; null to infer it from `numLabels` and the labels' dtype, as in `transformers`. */
  readonly problemType: (typeof problemTypes)[number] | null
}

const classifierConfigDoor = must.door('classifierConfig', { config: aConfigReader })

/**
 * The number of classes is that of `id2label`; the default is two.
 *
 * @example
 * ```ts
 * import { layers, readConfig } from 'pullback/models'
 * const config = readConfig({ id2label: { 0: 'sad', 1: 'glad', 2: 'mad' } }, layers.classifierConfig)
 * config._tag === 'Right' && config.right.numLabels // => 3
 * ```
 */
export const classifierConfig = (config: ConfigReader): ClassifierConfig => {
  classifierConfigDoor(config)
  const labels = config.get('id2label')
  const count = typeof labels === 'object' && labels !== null ? Object.keys(labels).length : 2
  return {
    numLabels: config.count('num_labels', count),
    problemType: config.get('problem_type') === undefined ? null : config.word('problem_type', problemTypes),
  }
}

const meanSquaredError = (logits: NDArray, labels: ArrayLike): NDArray =>
  np.mean(np.square(np.subtract(logits, np.reshape(labels, logits.shape))))

/** `-y log σ(x) - (1 - y) log σ(-x)`, its mean over everything. */
const binaryCrossEntropy = (logits: NDArray, labels: ArrayLike): NDArray => {
  const y = np.asarray(labels).astype(logits.dtype)
  const present = np.multiply(y, nn.logSigmoid(logits))
  const absent = np.multiply(np.subtract(1, y), nn.logSigmoid(np.negative(logits)))
  return np.negative(np.mean(np.add(present, absent)))
}

/** The part of a configuration that the loss needs. */
const aClassifierConfig = must.kind('a configuration with numLabels and problemType', (x) => {
  const { numLabels, problemType } = (x ?? {}) as Partial<ClassifierConfig>
  return must.count.accepts(numLabels) && [...problemTypes, null].some((known) => known === problemType)
})

const classificationLossDoor = must.door('classificationLoss', {
  config: aClassifierConfig,
  logits: anArray,
  labels: must.arrayLike,
})

/**
 * The loss of a classifier's scores, as `transformers` chooses it: mean squared error for one score, cross-entropy for integer
 * labels, binary cross-entropy for labels of several classes at once.
 *
 * @param logits - shape `[batch, numLabels]`.
 * @param labels - shape `[batch]`; for several classes at once, and for several numbers, `[batch, numLabels]`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { classificationLoss } from 'pullback/models'
 * const config = { numLabels: 2, problemType: null }
 * const logits = np.array([[0, 0]])
 * // An integer is a class.
 * classificationLoss(config, logits, [1]) // => 0.6931472
 * // Floats say yes or no to each class.
 * classificationLoss(config, logits, np.array([[1, 0]])) // => 0.6931472
 * // A single score is a number to be met.
 * classificationLoss({ numLabels: 1, problemType: null }, np.array([[3]]), np.array([5])) // => 4.
 * ```
 */
export const classificationLoss = (config: ClassifierConfig, logits: NDArray, labels: ArrayLike): NDArray => {
  classificationLossDoor(config, logits, labels)
  const { numLabels, problemType } = config
  const several = isFloat(np.asarray(labels).dtype) ? 'multi_label_classification' : 'single_label_classification'
  const kind = problemType ?? (numLabels === 1 ? 'regression' : several)
  if (kind === 'regression') return meanSquaredError(logits, labels)
  return kind === 'multi_label_classification' ? binaryCrossEntropy(logits, labels) : crossEntropy(logits, labels)
}
