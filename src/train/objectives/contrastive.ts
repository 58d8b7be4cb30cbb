/** Contrastive learning: matching pairs of texts among others. */
import { ShapeError } from '../../core/errors.ts'
import { arrayOfRank } from '../../models/doors.ts'
import { normalize } from '../../models/pooling.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import { classLoss } from './classes.ts'
import type { Objective } from './objective.ts'
import { objectiveOf, widened } from './objective.ts'

/** Options of `contrastive`. */
export interface ContrastiveOptions {
  /** Divides the similarities; 0.05 by default, which is sentence-transformers' scale of 20. */
  readonly temperature?: number
  /** Whether the loss also matches candidates to anchors, as in CLIP; false by default. */
  readonly symmetric?: boolean
  /** The cosine of the angle (default), or the product. */
  readonly similarity?: 'cosine' | 'dot'
}

const vectors = arrayOfRank(2, '[rows, features]')

const contrastiveDoor = must.door('contrastive', {
  anchors: vectors,
  candidates: vectors,
  options: must.optionsOf<ContrastiveOptions>({
    temperature: must.positive,
    symmetric: must.boolean,
    similarity: must.oneOf(['cosine', 'dot']),
  }),
})

/**
 * Contrastive learning with in-batch negatives: row i of the anchors matches row i of the candidates, and no other. InfoNCE,
 * van den Oord et al. (2018); sentence-transformers' MultipleNegativesRankingLoss. Further candidates are negatives for all
 * anchors.
 *
 * Negatives are those of a micro-batch: accumulating micro-batches is another loss than one big batch.
 *
 * @param anchors - shape `[rows, features]`.
 * @param candidates - shape `[rows + hard negatives, features]`.
 * @throws ShapeError where there are fewer candidates than anchors, or they have other features.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { contrastive } from 'pullback/train'
 * const { loss, metrics } = contrastive(np.eye(2), np.array([[1, 0], [1, 1]]), { temperature: 1 })
 * loss.item().toFixed(4) // => 0.4791
 * metrics['accuracy'] // => 1.
 * ```
 */
export const contrastive = (anchors: NDArray, candidates: NDArray, options: ContrastiveOptions = {}): Objective => {
  contrastiveDoor(anchors, candidates, options)
  const { temperature = 0.05, symmetric = false, similarity = 'cosine' } = options
  const [rows, features] = anchors.shape as readonly [number, number]
  if (candidates.shape[0]! < rows || candidates.shape[1] !== features || rows === 0) {
    throw new ShapeError(
      `contrastive: each of the anchors ${anchors.aval} has its own candidate, of as many features; got ${candidates.aval}.`,
    )
  }
  const ready = (x: NDArray): NDArray => (similarity === 'cosine' ? normalize(widened(x)) : widened(x))
  const scores = np.divide(np.matmul(ready(anchors), np.transpose(ready(candidates))), temperature)
  const own = np.arange(rows)
  const there = classLoss('contrastive', scores, own, {})
  if (!symmetric) return there
  const back = classLoss('contrastive', np.transpose(scores.at(':', np.slice(0, rows)).get()), own, {})
  return objectiveOf(np.multiply(np.add(there.total, back.total), 0.5), there.weight, there.metrics)
}
