/** Losses of classes and of distributions over them, one value per example: take `np.mean` of them. After optax. */
import { ShapeError } from '../core/errors.ts'
import { normalizeAxes, normalizeAxis, sameShape } from '../core/shape.ts'
import { logSigmoid } from '../nn/activations.ts'
import { logSoftmax, logsumexp, oneHot, softmax } from '../nn/softmax.ts'
import * as np from '../numpy/index.ts'
import { asIndices } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { composite } from '../trace/interpreter.ts'
import { complement } from '../surface/hyperparameters.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { LossOptions } from './lossTools.ts'
import { lossOptions, floatOnly, sumWhere } from './lossTools.ts'

const whereOf = (where: ArrayLike | undefined): { where?: ArrayLike } => (where === undefined ? {} : { where })

const softmaxCrossEntropyDoor = must.door('optim.softmaxCrossEntropy', {
  logits: must.arrayLike,
  labels: must.arrayLike,
  options: must.optionsOf(lossOptions),
})

/**
 * `-sum(labels · logSoftmax(logits))` along the axis of classes.
 *
 * @param logits - unnormalised log probabilities, floats `[..., classes]`.
 * @param labels - probabilities of classes, of a shape that broadcasts to the logits'.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.softmaxCrossEntropy(np.array([[0, 0]]), np.array([[1, 0]])) // => [0.6931472]
 * ```
 */
export const softmaxCrossEntropy = (logits: ArrayLike, labels: ArrayLike, options: LossOptions = {}): NDArray => {
  softmaxCrossEntropyDoor(logits, labels, options)
  const { axis = -1, where } = options
  return composite('softmaxCrossEntropy', () => {
    const given = floatOnly('optim.softmaxCrossEntropy', logits)
    const logP = logSoftmax(given, { axis, ...whereOf(where) })
    return np.negative(sumWhere(np.multiply(labels, logP), { axis, ...whereOf(where) }))
  })
}

const safeSoftmaxCrossEntropyDoor = must.door('optim.safeSoftmaxCrossEntropy', {
  logits: must.arrayLike,
  labels: must.arrayLike,
})

/**
 * As `softmaxCrossEntropy`, but the infinite logit of an excluded class contributes 0 if its label is 0.
 *
 * @param logits - floats `[..., classes]`.
 * @param labels - probabilities, of the same shape.
 * @throws DTypeError if the logits are not floats.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const logits = np.array([0, 0, -Infinity])
 * const labels = np.array([1, 0, 0])
 * optim.safeSoftmaxCrossEntropy(logits, labels) // => 0.6931472
 * optim.softmaxCrossEntropy(logits, labels) // => nan
 * ```
 */
export const safeSoftmaxCrossEntropy = (logits: ArrayLike, labels: ArrayLike): NDArray => {
  safeSoftmaxCrossEntropyDoor(logits, labels)
  return composite('safeSoftmaxCrossEntropy', () => {
    const logP = logSoftmax(floatOnly('optim.safeSoftmaxCrossEntropy', logits))
    const none = np.equal(labels, 0)
    return np.negative(np.sum(np.where(none, 0, np.multiply(labels, np.where(none, 1, logP))), { axis: -1 }))
  })
}

const softmaxCrossEntropyWithIntegerLabelsDoor = must.door('optim.softmaxCrossEntropyWithIntegerLabels', {
  logits: must.arrayLike,
  labels: must.arrayLike,
  options: must.optionsOf<{ readonly axis?: number; readonly where?: ArrayLike }>({
    axis: must.axis,
    where: must.arrayLike,
  }),
})

/**
 * `logsumexp(logits) - logits[label]`: cross-entropy with class indices as labels.
 *
 * @param logits - floats `[..., classes]`.
 * @param labels - integers, of the logits' shape without the axis of classes.
 * @throws DTypeError if the labels are floats.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.softmaxCrossEntropyWithIntegerLabels(np.array([[0, 0], [0, 100]]), [0, 1]) // => [0.6931472 0.       ]
 * ```
 */
export const softmaxCrossEntropyWithIntegerLabels = (
  logits: ArrayLike,
  labels: ArrayLike,
  options: { readonly axis?: number; readonly where?: ArrayLike } = {},
): NDArray => {
  softmaxCrossEntropyWithIntegerLabelsDoor(logits, labels, options)
  const { axis = -1, where } = options
  return composite('softmaxCrossEntropyWithIntegerLabels', () => {
    const operation = 'optim.softmaxCrossEntropyWithIntegerLabels'
    const given = floatOnly(operation, logits)
    const along = normalizeAxis(operation, axis, given.ndim)
    const indices = asIndices(operation, labels)
    const expected = given.shape.filter((_, d) => d !== along)
    if (!sameShape(indices.shape, expected)) {
      throw new ShapeError(
        `${operation}: labels ${indices.aval} must have the shape [${expected.join(', ')}] of logits ${given.aval} without axis ${along}.`,
      )
    }
    const chosen = np.squeeze(np.takeAlongAxis(given, np.expandDims(indices, along), along), { axis: along })
    const loss = np.subtract(logsumexp(given, { axis: along, ...whereOf(where) }), chosen)
    return where === undefined ? loss : np.where(np.any(where, { axis: along }), loss, 0)
  })
}

const sigmoidBinaryCrossEntropyDoor = must.door('optim.sigmoidBinaryCrossEntropy', {
  logits: must.arrayLike,
  labels: must.arrayLike,
})

/**
 * `-labels · log σ(logits) - (1 - labels) · log σ(-logits)`, element by element: for independent binary labels.
 *
 * @param logits - floats.
 * @param labels - 0, 1, or probabilities between; of the same shape.
 * @throws DTypeError if the logits are not floats.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.sigmoidBinaryCrossEntropy(np.array([0, -100]), np.array([1, 1])) // => [  0.6931472 100.       ]
 * optim.sigmoidBinaryCrossEntropy(np.array([0]), np.array([0.5])) // => [0.6931472]
 * ```
 */
export const sigmoidBinaryCrossEntropy = (logits: ArrayLike, labels: ArrayLike): NDArray => {
  sigmoidBinaryCrossEntropyDoor(logits, labels)
  return composite('sigmoidBinaryCrossEntropy', () => {
    const given = floatOnly('optim.sigmoidBinaryCrossEntropy', logits)
    const wanted = np.astype(labels, given.dtype)
    const yes = np.multiply(wanted, logSigmoid(given))
    const no = np.multiply(np.subtract(1, wanted), logSigmoid(np.negative(given)))
    return np.subtract(np.negative(yes), no)
  })
}

const sigmoidFocalLossDoor = must.door('optim.sigmoidFocalLoss', {
  logits: must.arrayLike,
  labels: must.arrayLike,
  options: must.optionsOf<{ readonly alpha?: ArrayLike; readonly gamma?: ArrayLike }>({
    alpha: must.arrayLike,
    gamma: must.arrayLike,
  }),
})

/**
 * Binary cross-entropy times `(1 - p)^gamma`, p the probability of the true answer: easy examples count less. Lin et al., "Focal loss
 * for dense object detection" (2017).
 *
 * @param options - `gamma`: 2 by default; `alpha`: the weight of label 1, while label 0 has `1 - alpha`; unweighted by default.
 * @throws DTypeError if the logits are not floats.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const logits = np.array([4, -4])
 * const labels = np.array([1, 1])
 * optim.sigmoidFocalLoss(logits, labels) // => [5.8715705e-06 3.8749070e+00]
 * optim.sigmoidFocalLoss(logits, labels, { gamma: 0 }) // => [0.01814993 4.01815   ]
 * ```
 */
export const sigmoidFocalLoss = (
  logits: ArrayLike,
  labels: ArrayLike,
  options: { readonly alpha?: ArrayLike; readonly gamma?: ArrayLike } = {},
): NDArray => {
  sigmoidFocalLossDoor(logits, labels, options)
  const { alpha, gamma = 2 } = options
  return composite('sigmoidFocalLoss', () => {
    const given = floatOnly('optim.sigmoidFocalLoss', logits)
    const wanted = np.astype(labels, given.dtype)
    const other = np.subtract(1, wanted)
    const logs = np.stack([logSigmoid(given), logSigmoid(np.negative(given))], { axis: -1 })
    const logMiss = logsumexp(logs, { axis: -1, b: np.stack([other, wanted], { axis: -1 }) })
    const loss = np.multiply(sigmoidBinaryCrossEntropy(given, wanted), np.exp(np.multiply(gamma, logMiss)))
    if (alpha === undefined) return loss
    return np.multiply(np.add(np.multiply(alpha, wanted), np.multiply(complement(alpha), other)), loss)
  })
}

const polyLossCrossEntropyDoor = must.door('optim.polyLossCrossEntropy', {
  logits: must.arrayLike,
  labels: must.arrayLike,
  options: must.optionsOf<LossOptions & { readonly epsilon?: ArrayLike }>({
    axis: must.nullable(must.axes),
    where: must.arrayLike,
    epsilon: must.arrayLike,
  }),
})

/**
 * Cross-entropy plus `epsilon · (1 - p)` of the true class. Leng et al., "PolyLoss" (2022).
 *
 * @param options - `epsilon`: 2 by default; `axis`: of classes, the last by default; `where`: which elements count.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const logits = np.array([0, 0])
 * const labels = np.array([1, 0])
 * optim.polyLossCrossEntropy(logits, labels, { epsilon: 0 }) // => 0.6931472
 * // 2 · (1 - 0.5) more.
 * optim.polyLossCrossEntropy(logits, labels) // => 1.6931472
 * ```
 */
export const polyLossCrossEntropy = (
  logits: ArrayLike,
  labels: ArrayLike,
  options: LossOptions & { readonly epsilon?: ArrayLike } = {},
): NDArray => {
  polyLossCrossEntropyDoor(logits, labels, options)
  const { epsilon = 2, axis = -1, where } = options
  return composite('polyLossCrossEntropy', () => {
    const options = { axis, ...whereOf(where) }
    const miss = np.multiply(labels, np.subtract(1, softmax(floatOnly('optim.polyLossCrossEntropy', logits), options)))
    return np.add(softmaxCrossEntropy(logits, labels, options), np.multiply(epsilon, sumWhere(miss, options)))
  })
}

const klDivergenceDoor = must.door('optim.klDivergence', {
  logPredictions: must.arrayLike,
  targets: must.arrayLike,
  options: must.optionsOf(lossOptions),
})

/**
 * `sum(targets · (log targets - logPredictions))` over the classes; terms with a target of 0 are 0. Kullback and Leibler, "On
 * information and sufficiency" (1951).
 *
 * @param logPredictions - logarithms of probabilities, as from `nn.logSoftmax`.
 * @param targets - probabilities.
 * @example
 * ```ts
 * import { nn, np, optim } from 'pullback'
 * const p = np.array([0.5, 0.5, 0])
 * optim.klDivergence(np.log(np.array([0.25, 0.25, 0.5])), p) // => 0.6931472
 * optim.klDivergence(nn.logSoftmax(np.array([0, 0])), np.array([0.5, 0.5])) // => 0.
 * ```
 */
export const klDivergence = (logPredictions: ArrayLike, targets: ArrayLike, options: LossOptions = {}): NDArray => {
  klDivergenceDoor(logPredictions, targets, options)
  return composite('klDivergence', () => {
    const p = floatOnly('optim.klDivergence', targets)
    const none = np.equal(p, 0)
    const logP = np.where(none, 0, np.log(np.where(none, 1, p)))
    return sumWhere(np.multiply(p, np.subtract(logP, floatOnly('optim.klDivergence', logPredictions))), options)
  })
}

const klDivergenceWithLogTargetsDoor = must.door('optim.klDivergenceWithLogTargets', {
  logPredictions: must.arrayLike,
  logTargets: must.arrayLike,
  options: must.optionsOf(lossOptions),
})

/**
 * `klDivergence` of targets given by their logarithms.
 *
 * @example
 * ```ts
 * import { nn, np, optim } from 'pullback'
 * const [student, teacher] = [np.array([0, 0]), np.array([0, 100])]
 * optim.klDivergenceWithLogTargets(nn.logSoftmax(student), nn.logSoftmax(teacher)) // => 0.6931472
 * ```
 */
export const klDivergenceWithLogTargets = (
  logPredictions: ArrayLike,
  logTargets: ArrayLike,
  options: LossOptions = {},
): NDArray => {
  klDivergenceWithLogTargetsDoor(logPredictions, logTargets, options)
  return composite('klDivergenceWithLogTargets', () => {
    const logP = floatOnly('optim.klDivergenceWithLogTargets', logTargets)
    return sumWhere(np.multiply(np.exp(logP), np.subtract(logP, logPredictions)), options)
  })
}

const hingeLossDoor = must.door('optim.hingeLoss', { predictorOutputs: must.arrayLike, targets: must.arrayLike })

/**
 * `max(0, 1 - predictorOutputs · targets)`, with targets -1 and 1.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.hingeLoss(np.array([0.3, 2, -1]), np.array([1, 1, 1])) // => [0.7 0.  2. ]
 * ```
 */
export const hingeLoss = (predictorOutputs: ArrayLike, targets: ArrayLike): NDArray => {
  hingeLossDoor(predictorOutputs, targets)
  return composite('hingeLoss', () => np.maximum(0, np.subtract(1, np.multiply(predictorOutputs, targets))))
}

const perceptronLossDoor = must.door('optim.perceptronLoss', {
  predictorOutputs: must.arrayLike,
  targets: must.arrayLike,
})

/**
 * `max(0, -predictorOutputs · targets)`, with targets -1 and 1: correct predictions cost nothing. Rosenblatt, "The perceptron"
 * (1958).
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.perceptronLoss(np.array([0.3, 2, -1]), np.array([1, -1, 1])) // => [0. 2. 1.]
 * ```
 */
export const perceptronLoss = (predictorOutputs: ArrayLike, targets: ArrayLike): NDArray => {
  perceptronLossDoor(predictorOutputs, targets)
  return composite('perceptronLoss', () => np.maximum(0, np.multiply(np.negative(predictorOutputs), targets)))
}

const multiclassHingeLossDoor = must.door('optim.multiclassHingeLoss', {
  scores: must.arrayLike,
  labels: must.arrayLike,
})

/**
 * The margin by which the best score, plus 1 for wrong classes, exceeds the label's. Crammer and Singer, "On the algorithmic
 * implementation of multiclass kernel-based vector machines" (2001).
 *
 * @param scores - floats `[..., classes]`.
 * @param labels - integers, of the scores' shape without the axis of classes.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const scores = np.array([[3, 1, 0], [3, 2.5, 0]])
 * optim.multiclassHingeLoss(scores, [0, 0]) // => [0.  0.5]
 * ```
 */
export const multiclassHingeLoss = (scores: ArrayLike, labels: ArrayLike): NDArray => {
  multiclassHingeLossDoor(scores, labels)
  return composite('multiclassHingeLoss', () => {
    const given = floatOnly('optim.multiclassHingeLoss', scores)
    const truth = oneHot(labels, given.shape.at(-1) ?? 0)
    const best = np.max(np.subtract(np.add(given, 1), truth), { axis: -1 })
    return np.subtract(best, np.sum(np.multiply(given, truth), { axis: -1 }))
  })
}

const multiclassPerceptronLossDoor = must.door('optim.multiclassPerceptronLoss', {
  scores: must.arrayLike,
  labels: must.arrayLike,
})

/**
 * The margin by which the best score exceeds the label's.
 *
 * @param scores - floats `[..., classes]`.
 * @param labels - integers, of the scores' shape without the axis of classes.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.multiclassPerceptronLoss(np.array([[3, 1, 0], [3, 1, 0]]), [0, 1]) // => [0. 2.]
 * ```
 */
export const multiclassPerceptronLoss = (scores: ArrayLike, labels: ArrayLike): NDArray => {
  multiclassPerceptronLossDoor(scores, labels)
  return composite('multiclassPerceptronLoss', () => {
    const given = floatOnly('optim.multiclassPerceptronLoss', scores)
    const truth = oneHot(labels, given.shape.at(-1) ?? 0)
    return np.subtract(np.max(given, { axis: -1 }), np.sum(np.multiply(given, truth), { axis: -1 }))
  })
}

const smoothLabelsDoor = must.door('optim.smoothLabels', {
  labels: must.arrayLike,
  alpha: must.arrayLike,
  options: must.optionsOf(lossOptions),
})

/**
 * `(1 - alpha) · labels + alpha / classes`. Szegedy et al., "Rethinking the inception architecture" (2016).
 *
 * @example
 * ```ts
 * import { nn, np, optim } from 'pullback'
 * optim.smoothLabels(np.array([1, 0, 0, 0]), 0.2) // => [0.85 0.05 0.05 0.05]
 * optim.smoothLabels(nn.oneHot([1], 2), 0.1) // => [[0.05 0.95]]
 * ```
 */
export const smoothLabels = (labels: ArrayLike, alpha: ArrayLike, options: LossOptions = {}): NDArray => {
  smoothLabelsDoor(labels, alpha, options)
  const { axis = -1, where } = options
  return composite('smoothLabels', () => {
    const given = floatOnly('optim.smoothLabels', labels)
    const classes =
      where === undefined
        ? normalizeAxes('optim.smoothLabels', axis, given.ndim).reduce((n, d) => n * given.shape[d]!, 1)
        : np.sum(np.astype(where, given.dtype), { axis, keepdims: true })
    return np.add(np.multiply(np.subtract(1, alpha), given), np.divide(alpha, classes))
  })
}
