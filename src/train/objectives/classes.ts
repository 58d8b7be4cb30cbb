/** Cross-entropy of classes: of texts, of tokens, of words of a vocabulary. */
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import { isFloat } from '../../core/dtype.ts'
import { sameShape, showShape } from '../../core/shape.ts'
import { anArray, arrayOfRank } from '../../models/doors.ts'
import { rowsOf } from '../../models/layers.ts'
import { IGNORED, logProbabilityAt, nextLabels } from '../../models/losses.ts'
import * as nn from '../../nn/index.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { checkCounted, labelsBeside, withinSegments } from './labels.ts'
import type { Objective } from './objective.ts'
import { objectiveOf, widened } from './objective.ts'

/** How classes are weighted. */
export interface ClassOptions {
  /** A weight for each class, shape `[classes]`: the loss is the weighted mean, as PyTorch's `CrossEntropyLoss(weight=...)` takes it. */
  readonly classWeights?: ArrayLike
  /**
   * The share of the label's probability that is spread evenly over all classes, as in `transformers`' LabelSmoother; 0 by
   * default.
   */
  readonly labelSmoothing?: number
  /** The focus on uncertain rows: terms are multiplied by `(1 - p)^focal`. 0 (none) by default. Lin et al. (2017). */
  readonly focal?: number
}

const classTable: must.OptionTable<ClassOptions> = {
  classWeights: must.arrayLike,
  labelSmoothing: must.fraction,
  focal: must.notNegative,
}

/** A vector with one weight for each class. */
const weightsOf = (operation: string, weights: ArrayLike, classes: number): NDArray => {
  const given = np.asarray(weights)
  if (sameShape(given.shape, [classes]) && isFloat(given.dtype)) return given
  throw new ShapeError(`${operation}: classWeights are one float for each of ${classes} classes, got ${given.aval}.`)
}

/** `q^γ` where q may be 0, at which a fractional power has no derivative: that of `q^γ log(1 - q)` is 0. */
const focus = (q: NDArray, gamma: number): NDArray => {
  const positive = np.greater(q, 0)
  return np.where(positive, np.power(np.where(positive, q, 1), gamma), 0)
}

/** `-(1 - ε) w_y (1 - p_y)^γ log p_y - ε/C Σ_c w_c log p_c`, summed over labels that count, over the sum of their `w_y`. */
export const classLoss = (operation: string, scores: NDArray, labels: NDArray, options: ClassOptions): Objective => {
  const { classWeights, labelSmoothing = 0, focal = 0 } = options
  if (labelSmoothing > 0 && focal > 0) {
    throw new ArgumentError(`${operation}: labelSmoothing and focal work against each other; choose one of them.`)
  }
  checkCounted(operation, labels)
  const classes = scores.shape.at(-1)!
  const logits = widened(scores)
  const counts = np.notEqual(labels, IGNORED)
  const safe = np.where(counts, rowsOf(labels, classes, `${operation}: labels`, IGNORED), 0)
  const picked = logProbabilityAt(logits, safe)
  const perClass = classWeights === undefined ? null : weightsOf(operation, classWeights, classes).astype(logits.dtype)
  const weights = perClass === null ? np.onesLike(picked) : np.take(perClass, safe, { axis: 0 })
  const sharp = np.negative(np.multiply(picked, weights))
  const focused = focal === 0 ? sharp : np.multiply(focus(np.negative(np.expm1(picked)), focal), sharp)
  const flat = (): NDArray => {
    const logs = nn.logSoftmax(logits)
    return np.negative(np.mean(perClass === null ? logs : np.multiply(logs, perClass), { axis: -1 }))
  }
  const losses =
    labelSmoothing === 0
      ? focused
      : np.add(np.multiply(focused, 1 - labelSmoothing), np.multiply(flat(), labelSmoothing))
  const counted = np.where(counts, weights, 0)
  const hits = np.equal(np.argmax(logits, { axis: -1 }), labels)
  const weight = np.sum(counted)
  const accuracy = np.divide(np.sum(np.where(hits, counted, 0)), weight)
  return objectiveOf(np.sum(np.where(counts, losses, 0)), weight, { accuracy })
}

const door = (name: string, scores: must.Check) =>
  must.door(name, { logits: scores, labels: must.arrayLike, options: must.optionsOf(classTable) })

const ofTokens = arrayOfRank(3, '[batch, length, classes]')
const ofTexts = arrayOfRank(2, '[batch, classes]')

/** Options of `causalLM`. */
export interface CausalOptions extends ClassOptions {
  /**
   * The sample in a row that each token belongs to, shape `[batch, length]`: the first token of a sample is not predicted from
   * the token before it.
   */
  readonly segmentIds?: ArrayLike
}

const causalDoor = must.door('causalLM', {
  logits: ofTokens,
  labels: must.arrayLike,
  options: must.optionsOf<CausalOptions>({ ...classTable, segmentIds: must.arrayLike }),
})

/**
 * Causal language modelling: each token's scores against the next token's label.
 *
 * @param logits - shape `[batch, length, vocabulary]`.
 * @param labels - integers of shape `[batch, length]`: the tokens themselves, not shifted; -100 where a token does not count,
 *   as in prompts.
 * @returns the weight counts tokens; `accuracy` is among the metrics.
 * @throws ArgumentError if it is known that no label counts: where labels are traced, as under `jit`, the loss is NaN.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { causalLM } from 'pullback/train'
 * const logits = np.zeros([1, 4, 10])
 * const { loss, weight } = causalLM(logits, [[-100, -100, 7, 8]])
 * loss.item().toFixed(4) // => 2.3026
 * weight // => 2.
 * ```
 */
export const causalLM = (logits: NDArray, labels: ArrayLike, options: CausalOptions = {}): Objective => {
  causalDoor(logits, labels, options)
  const { segmentIds, ...weighing } = options
  const given = labelsBeside('causalLM', labels, logits)
  const own = segmentIds === undefined ? given : withinSegments('causalLM', given, segmentIds)
  return classLoss('causalLM', logits, nextLabels(own), weighing)
}

const maskedDoor = door('maskedLM', ofTokens)

/**
 * Masked language modelling: the scores at masked tokens against the original ones, as `maskTokens` returns both.
 *
 * @param logits - shape `[batch, length, vocabulary]`.
 * @param labels - integers of shape `[batch, length]`, -100 where nothing was masked.
 * @throws ArgumentError if it is known that no label counts.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { maskedLM } from 'pullback/train'
 * // One token of four was masked.
 * maskedLM(np.zeros([1, 4, 10]), [[-100, 7, -100, -100]]).weight // => 1.
 * ```
 */
export const maskedLM = (logits: NDArray, labels: ArrayLike, options: ClassOptions = {}): Objective => {
  maskedDoor(logits, labels, options)
  return classLoss('maskedLM', logits, labelsBeside('maskedLM', labels, logits), options)
}

const tokenDoor = door('tokenClassification', ofTokens)

/**
 * One class for each token.
 *
 * @param logits - shape `[batch, length, classes]`.
 * @param labels - integers of shape `[batch, length]`, -100 at padding and at later pieces of words.
 * @throws ArgumentError if it is known that no label counts.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { tokenClassification } from 'pullback/train'
 * const logits = np.array([[[9, 0], [0, 9], [0, 9]]])
 * tokenClassification(logits, [[0, 1, -100]]).metrics['accuracy'] // => 1.
 * ```
 */
export const tokenClassification = (logits: NDArray, labels: ArrayLike, options: ClassOptions = {}): Objective => {
  tokenDoor(logits, labels, options)
  return classLoss('tokenClassification', logits, labelsBeside('tokenClassification', labels, logits), options)
}

const sequenceDoor = door('sequenceClassification', ofTexts)

/**
 * One class for each text.
 *
 * @param logits - shape `[batch, classes]`.
 * @param labels - integers of shape `[batch]`, -100 for rows that do not count.
 * @throws ArgumentError if it is known that no label counts.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { sequenceClassification } from 'pullback/train'
 * const logits = np.array([[2, 0], [0, 0]])
 * const plain = sequenceClassification(logits, [0, 1])
 * plain.loss.item().toFixed(4) // => 0.4100
 * plain.metrics['accuracy'] // => 0.5
 * // The second class is rare: it counts for three.
 * sequenceClassification(logits, [0, 1], { classWeights: np.array([1, 3]) }).loss.item().toFixed(4) // => 0.5516
 * ```
 */
export const sequenceClassification = (logits: NDArray, labels: ArrayLike, options: ClassOptions = {}): Objective => {
  sequenceDoor(logits, labels, options)
  return classLoss('sequenceClassification', logits, labelsBeside('sequenceClassification', labels, logits), options)
}

const seq2seqDoor = door('seq2seq', ofTokens)

/**
 * Sequence to sequence: the scores at each position against the label there. The model's decoder gets the labels shifted right,
 * as by `shiftRight` (the models do this themselves, if they get labels).
 *
 * @param logits - shape `[batch, length, vocabulary]`.
 * @param labels - integers of shape `[batch, length]`, -100 where a token does not count.
 * @throws ArgumentError if it is known that no label counts.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { seq2seq } from 'pullback/train'
 * seq2seq(np.zeros([1, 3, 10]), [[7, 8, -100]]).weight // => 2.
 * ```
 */
export const seq2seq = (logits: NDArray, labels: ArrayLike, options: ClassOptions = {}): Objective => {
  seq2seqDoor(logits, labels, options)
  return classLoss('seq2seq', logits, labelsBeside('seq2seq', labels, logits), options)
}

const multiLabelDoor = must.door('multiLabelClassification', {
  logits: anArray,
  labels: must.arrayLike,
  options: must.optionsOf<{ readonly positiveWeights?: ArrayLike }>({ positiveWeights: must.arrayLike }),
})

/**
 * Any number of classes for each text: the mean of `-w_c y log σ(x) - (1 - y) log σ(-x)` over rows and classes, as PyTorch's
 * `BCEWithLogitsLoss(pos_weight=...)` takes it.
 *
 * @param logits - shape `[batch, classes]`.
 * @param labels - of the same shape, 0 or 1 or between.
 * @param options - `positiveWeights`: w, one for each class; 1 by default.
 * @throws ShapeError for labels of another shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { multiLabelClassification } from 'pullback/train'
 * const { loss, metrics } = multiLabelClassification(np.array([[4, -4, 4]]), [[1, 0, 0]])
 * loss.item().toFixed(4) // => 1.3515
 * metrics['accuracy']!.item().toFixed(4) // => 0.6667
 * ```
 */
export const multiLabelClassification = (
  logits: NDArray,
  labels: ArrayLike,
  options: { readonly positiveWeights?: ArrayLike } = {},
): Objective => {
  multiLabelDoor(logits, labels, options)
  const scores = widened(logits)
  const y = np.asarray(labels).astype(scores.dtype)
  if (!sameShape(y.shape, scores.shape)) {
    throw new ShapeError(
      `multiLabelClassification: labels have shape ${showShape(y.shape)}, and scores ${showShape(scores.shape)}: one number for each.`,
    )
  }
  const present = np.multiply(y, nn.logSigmoid(scores))
  const { positiveWeights } = options
  const weighed = positiveWeights === undefined ? present : np.multiply(present, positiveWeights)
  const absent = np.multiply(np.subtract(1, y), nn.logSigmoid(np.negative(scores)))
  const count = np.full([], scores.size, { dtype: scores.dtype })
  const hits = np.equal(np.greater(scores, 0), np.greater(y, 0.5))
  return objectiveOf(np.negative(np.sum(np.add(weighed, absent))), count, {
    accuracy: np.mean(hits.astype(scores.dtype)),
  })
}
