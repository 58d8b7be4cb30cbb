/** Learning from pairs of answers, one better than the other. Formulas are those of `trl`. */
import { ShapeError } from '../../core/errors.ts'
import { sameShape } from '../../core/shape.ts'
import { anArray, arrayOfRank } from '../../models/doors.ts'
import { rowsOf } from '../../models/layers.ts'
import { IGNORED, logProbabilityAt, nextLabels } from '../../models/losses.ts'
import * as nn from '../../nn/index.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { labelsBeside } from './labels.ts'
import type { ObjectiveMetrics, Objective } from './objective.ts'
import { objectiveOf, widened } from './objective.ts'

/** How likely a model finds answers. */
export interface LogProbs {
  /** The sum of the logarithms over the tokens that count, shape `[batch]`. */
  readonly total: NDArray
  /** How many count, shape `[batch]`. */
  readonly tokens: NDArray
}

/** The same of both answers. */
export interface PairLogProbs {
  readonly chosen: LogProbs
  readonly rejected: LogProbs
}

const logProbsDoor = must.door('sequenceLogProbs', {
  logits: arrayOfRank(3, '[batch, length, vocabulary]'),
  labels: must.arrayLike,
})

/**
 * How likely a causal model finds each row's answer.
 *
 * @param logits - shape `[batch, length, vocabulary]`.
 * @param labels - integers of shape `[batch, length]`: the tokens, not shifted, and -100 on the prompt and on padding.
 * @throws ShapeError for labels of another shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { sequenceLogProbs } from 'pullback/train'
 * const { total, tokens } = sequenceLogProbs(np.zeros([1, 4, 10]), [[-100, 5, 6, -100]])
 * total.at(0).get().item().toFixed(4) // => -4.6052
 * tokens // => [2.]
 * ```
 */
export const sequenceLogProbs = (logits: NDArray, labels: ArrayLike): LogProbs => {
  logProbsDoor(logits, labels)
  const wanted = nextLabels(labelsBeside('sequenceLogProbs', labels, logits))
  const counts = np.notEqual(wanted, IGNORED)
  const safe = np.where(counts, rowsOf(wanted, logits.shape[2]!, 'sequenceLogProbs: labels', IGNORED), 0)
  const picked = logProbabilityAt(widened(logits), safe)
  return {
    total: np.sum(np.where(counts, picked, 0), { axis: 1 }),
    tokens: np.sum(counts.astype(picked.dtype), { axis: 1 }),
  }
}

const isLogProbs = (x: unknown): x is LogProbs => {
  const { total, tokens } = (x ?? {}) as Partial<LogProbs>
  if (!anArray.accepts(total) || !anArray.accepts(tokens)) return false
  return total!.ndim === 1 && sameShape(total!.shape, tokens!.shape)
}

const aPair = must.kind('{ chosen, rejected }, each of them as sequenceLogProbs gives it', (x) => {
  const { chosen, rejected } = (x ?? {}) as Partial<PairLogProbs>
  return isLogProbs(chosen) && isLogProbs(rejected) && sameShape(chosen.total.shape, rejected.total.shape)
})

/** Of each token, on average: NaN for an answer without tokens. */
const meanLog = ({ total, tokens }: LogProbs): NDArray => np.divide(total, tokens)

const sums = ({ chosen, rejected }: PairLogProbs): readonly [NDArray, NDArray] => [chosen.total, rejected.total]
const means = ({ chosen, rejected }: PairLogProbs): readonly [NDArray, NDArray] => [meanLog(chosen), meanLog(rejected)]

/** What implicit rewards say: their means, by how much they differ, and how often the chosen answer has the greater. */
const rewardMetrics = (chosen: NDArray, rejected: NDArray): ObjectiveMetrics => ({
  'rewards/chosen': np.mean(chosen),
  'rewards/rejected': np.mean(rejected),
  'rewards/margins': np.mean(np.subtract(chosen, rejected)),
  'rewards/accuracies': np.mean(np.greater(chosen, rejected).astype(chosen.dtype)),
})

/** A pair counts as much as any other. */
const overPairs = (losses: NDArray, metrics: ObjectiveMetrics): Objective =>
  objectiveOf(np.sum(losses), np.full([], losses.size, { dtype: losses.dtype }), metrics)

/** The losses of how much better the chosen answer is, `x`. */
const pairLosses = {
  /** `-(1 - ε) log σ(βx) - ε log σ(-βx)`. */
  sigmoid: (x: NDArray, beta: number, smoothing: number): NDArray => {
    const scaled = np.multiply(x, beta)
    const right = np.multiply(nn.logSigmoid(scaled), smoothing - 1)
    return smoothing === 0 ? right : np.subtract(right, np.multiply(nn.logSigmoid(np.negative(scaled)), smoothing))
  },
  /** `max(0, 1 - βx)`. */
  hinge: (x: NDArray, beta: number): NDArray => nn.relu(np.subtract(1, np.multiply(x, beta))),
  /** `(x - 1/(2β))²`, with x of averages per token. */
  ipo: (x: NDArray, beta: number): NDArray => np.square(np.subtract(x, 1 / (2 * beta))),
} as const

/** Which loss of a pair: Rafailov et al. (2023), Zhao et al. (2023), Azar et al. (2023). */
export type PairLoss = keyof typeof pairLosses

const aLoss = must.oneOf(Object.keys(pairLosses))

/** Options of `dpo`. */
export interface DpoOptions {
  /** How closely the model stays with the reference; 0.1 by default. */
  readonly beta?: number
  /** 'sigmoid' by default. */
  readonly loss?: PairLoss
  /** The share of pairs that are the wrong way round, of the sigmoid loss; 0 by default. */
  readonly labelSmoothing?: number
}

const dpoDoor = must.door('dpo', {
  policy: aPair,
  reference: must.nullable(aPair),
  options: must.optionsOf<DpoOptions>({
    beta: must.positive,
    loss: aLoss,
    labelSmoothing: must.fraction,
  }),
})

/**
 * Direct preference optimisation: the model is to raise chosen answers above rejected ones, by more than the reference does. With x the
 * difference of both differences, the losses are `-log σ(βx)` (with label smoothing that of conservative DPO), `max(0, 1 - βx)`, and
 * `(x - 1/(2β))²` of averages per token. Rewards are `β (log π - log π_ref)`.
 *
 * @param policy - of the model that is trained.
 * @param reference - of the model that it began as, computed without gradients; null for none.
 * @returns what counts are pairs; metrics are `rewards/chosen`, `rewards/rejected`, `rewards/margins`, `rewards/accuracies`.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { dpo } from 'pullback/train'
 * const answers = (chosen: number, rejected: number) => ({
 *   chosen: { total: np.array([chosen]), tokens: np.array([4]) },
 *   rejected: { total: np.array([rejected]), tokens: np.array([4]) },
 * })
 * const { loss, metrics } = dpo(answers(-10, -30), answers(-20, -20), { beta: 0.1 })
 * loss.item().toFixed(4) // => 0.1269
 * metrics['rewards/margins'] // => 2.
 * ```
 */
export const dpo = (policy: PairLogProbs, reference: PairLogProbs | null, options: DpoOptions = {}): Objective => {
  dpoDoor(policy, reference, options)
  const { beta = 0.1, loss = 'sigmoid', labelSmoothing = 0 } = options
  if (reference !== null && !sameShape(policy.chosen.total.shape, reference.chosen.total.shape)) {
    throw new ShapeError(
      `dpo: model and reference score the same pairs, got ${policy.chosen.total.aval} and ${reference.chosen.total.aval}.`,
    )
  }
  const of = loss === 'ipo' ? means : sums
  const ratios = of(policy).map((logs, i) => (reference === null ? logs : np.subtract(logs, of(reference)[i]!)))
  const [chosen, rejected] = ratios as [NDArray, NDArray]
  const losses = pairLosses[loss](np.subtract(chosen, rejected), beta, labelSmoothing)
  return overPairs(losses, rewardMetrics(np.multiply(chosen, beta), np.multiply(rejected, beta)))
}

/** The mean cross-entropy of the chosen answers, of each token. */
const chosenLoss = ({ chosen }: PairLogProbs): NDArray =>
  np.negative(np.divide(np.sum(chosen.total), np.sum(chosen.tokens)))

/** Losses of pairs and, for each pair alike, a part of the cross-entropy of the chosen answers. */
const withChosen = (losses: NDArray, policy: PairLogProbs, share: number, metrics: ObjectiveMetrics): Objective => {
  if (share === 0) return overPairs(losses, metrics)
  const own = chosenLoss(policy)
  return overPairs(np.add(losses, np.multiply(own, share)), { ...metrics, chosenLoss: own })
}

/** Options of `cpo`. */
export interface CpoOptions extends DpoOptions {
  /** The factor of the cross-entropy of the chosen answers; 1 by default. */
  readonly alpha?: number
}

const cpoTable: must.OptionTable<CpoOptions> = {
  beta: must.positive,
  loss: aLoss,
  labelSmoothing: must.fraction,
  alpha: must.notNegative,
}

const cpoDoor = must.door('cpo', { policy: aPair, options: must.optionsOf(cpoTable) })

/**
 * Contrastive preference optimisation, Xu et al. (2024): `dpo` without a reference, and the cross-entropy of the chosen answers. Rewards
 * are `β log π`.
 *
 * The cross-entropy is a mean over the tokens of the batch: accumulation of micro-batches averages it by pairs.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { cpo } from 'pullback/train'
 * const pair = {
 *   chosen: { total: np.array([-2]), tokens: np.array([4]) },
 *   rejected: { total: np.array([-8]), tokens: np.array([4]) },
 * }
 * cpo(pair).loss.item().toFixed(4) // => 0.9375
 * ```
 */
export const cpo = (policy: PairLogProbs, options: CpoOptions = {}): Objective => {
  cpoDoor(policy, options)
  const { beta = 0.1, loss = 'sigmoid', labelSmoothing = 0, alpha = 1 } = options
  const [chosen, rejected] = loss === 'ipo' ? means(policy) : sums(policy)
  const losses = pairLosses[loss](np.subtract(chosen, rejected), beta, labelSmoothing)
  return withChosen(losses, policy, alpha, rewardMetrics(np.multiply(chosen, beta), np.multiply(rejected, beta)))
}

/** Options of `simpo`. */
export interface SimpoOptions {
  /** The factor of log-probabilities; 2 by default. */
  readonly beta?: number
  /** By how much, of rewards, chosen answers are to be better; 0.5 by default. */
  readonly gamma?: number
  readonly labelSmoothing?: number
  /** The factor of the cross-entropy of the chosen answers; 0 by default. */
  readonly alpha?: number
}

const simpoDoor = must.door('simpo', {
  policy: aPair,
  options: must.optionsOf<SimpoOptions>({
    beta: must.positive,
    gamma: must.finite,
    labelSmoothing: must.fraction,
    alpha: must.notNegative,
  }),
})

/**
 * SimPO, Meng et al. (2024): averages per token and a margin instead of a reference, `-log σ(β (x_w - x_l) - γ)`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { simpo } from 'pullback/train'
 * const pair = {
 *   chosen: { total: np.array([-2]), tokens: np.array([4]) },
 *   rejected: { total: np.array([-8]), tokens: np.array([4]) },
 * }
 * simpo(pair).loss.item().toFixed(4) // => 0.0789
 * ```
 */
export const simpo = (policy: PairLogProbs, options: SimpoOptions = {}): Objective => {
  simpoDoor(policy, options)
  const { beta = 2, gamma = 0.5, labelSmoothing = 0, alpha = 0 } = options
  const [chosen, rejected] = means(policy)
  const better = np.subtract(np.subtract(chosen, rejected), gamma / beta)
  const losses = pairLosses.sigmoid(better, beta, labelSmoothing)
  return withChosen(losses, policy, alpha, rewardMetrics(np.multiply(chosen, beta), np.multiply(rejected, beta)))
}

const orpoDoor = must.door('orpo', {
  policy: aPair,
  options: must.optionsOf<{ readonly beta?: number }>({ beta: must.positive }),
})

/** `log(1 - e^x)` of negative x. */
const logRest = (x: NDArray): NDArray => nn.log1mexp(np.negative(x))

/**
 * ORPO, Hong et al. (2024): the cross-entropy of the chosen answers, and `-β log σ` of the logarithm of the ratio of odds, of averages per
 * token.
 *
 * @param options - `beta`: 0.1 by default; the paper's λ.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { orpo } from 'pullback/train'
 * const pair = {
 *   chosen: { total: np.array([-2]), tokens: np.array([4]) },
 *   rejected: { total: np.array([-8]), tokens: np.array([4]) },
 * }
 * orpo(pair).loss.item().toFixed(4) // => 0.5097
 * ```
 */
export const orpo = (policy: PairLogProbs, options: { readonly beta?: number } = {}): Objective => {
  orpoDoor(policy, options)
  const { beta = 0.1 } = options
  const [chosen, rejected] = means(policy)
  const odds = np.subtract(np.subtract(chosen, rejected), np.subtract(logRest(chosen), logRest(rejected)))
  const ratio = nn.logSigmoid(odds)
  return withChosen(np.multiply(ratio, -beta), policy, 1, {
    ...rewardMetrics(np.multiply(chosen, beta), np.multiply(rejected, beta)),
    logOddsRatio: np.mean(ratio),
    logOdds: np.mean(odds),
  })
}
