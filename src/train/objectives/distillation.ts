/** Knowledge distillation: learning from another model's scores. */
import { stopGradient } from '../../api/derivatives.ts'
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import { sameShape } from '../../core/shape.ts'
import { anArray } from '../../models/doors.ts'
import { IGNORED } from '../../models/losses.ts'
import * as nn from '../../nn/index.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { classLoss } from './classes.ts'
import { allButFirst, allButLast, checkCounted, labelsBeside } from './labels.ts'
import type { Objective } from './objective.ts'
import { objectiveOf, widened } from './objective.ts'

/** Options of `distillation`. */
export interface DistillationOptions {
  /** Divides both models' scores; 2 by default. */
  readonly temperature?: number
  /**
   * Integers of shape `[...]`, -100 where nothing counts: the hard labels, which also mark the positions that count for the
   * soft ones.
   */
  readonly labels?: ArrayLike
  /** The weight of the teacher in the loss; the labels have the rest. 0.5 by default with labels, 1 without. */
  readonly alpha?: number
  /** Whether labels are the tokens themselves, each predicted from the position before, as in `causalLM`; false by default. */
  readonly shifted?: boolean
}

const someScores = must.kind('an array of shape [..., classes]', (x) => anArray.accepts(x) && (x as NDArray).ndim > 0, {
  error: ShapeError,
})

const distillationDoor = must.door('distillation', {
  student: someScores,
  teacher: someScores,
  options: must.optionsOf<DistillationOptions>({
    temperature: must.positive,
    labels: must.arrayLike,
    alpha: must.fraction,
    shifted: must.boolean,
  }),
})

/** `Σ_c t_c (log t_c - log s_c)`; classes to which the teacher gives probability 0 add nothing. */
const divergence = (student: NDArray, teacher: NDArray): NDArray => {
  const [logS, logT] = [nn.logSoftmax(student), nn.logSoftmax(teacher)]
  const p = np.exp(logT)
  const difference = np.subtract(logT, logS)
  return np.sum(np.where(np.greater(p, 0), np.multiply(p, difference), 0), { axis: -1 })
}

/**
 * Distillation: `α T² KL(teacher ‖ student)` at temperature T, and `1 - α` of the cross-entropy of hard labels. Hinton et al.
 * (2015): the factor T² keeps both terms in proportion for any T. No gradient flows into the teacher.
 *
 * @param student - scores of shape `[..., classes]`.
 * @param teacher - of the same shape.
 * @returns the weight counts positions; among the metrics are `softLoss` and, with labels, `hardLoss`.
 * @throws ArgumentError if it is known that no label counts; ShapeError for scores of another shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { distillation } from 'pullback/train'
 * const teacher = np.array([[2, 0, 0]])
 * distillation(teacher, teacher).loss // => 0.
 * distillation(np.zeros([1, 3]), teacher, { temperature: 1 }).loss.item().toFixed(4) // => 0.4330
 * ```
 */
export const distillation = (student: NDArray, teacher: NDArray, options: DistillationOptions = {}): Objective => {
  distillationDoor(student, teacher, options)
  const { temperature = 2, labels, alpha = labels === undefined ? 1 : 0.5, shifted = false } = options
  if (!sameShape(student.shape, teacher.shape)) {
    throw new ShapeError(`distillation: both models score the same, got ${student.aval} and ${teacher.aval}.`)
  }
  if (labels === undefined && (alpha !== 1 || shifted)) {
    throw new ArgumentError(
      'distillation: without labels there is the teacher alone; give labels, or leave out alpha and shifted.',
    )
  }
  if (shifted && student.ndim !== 3) {
    throw new ShapeError(`distillation: scores of tokens are [batch, length, classes], got ${student.aval}.`)
  }
  const given = labels === undefined ? null : labelsBeside('distillation', labels, student)
  const hard = given === null ? null : shifted ? allButFirst(given) : given
  const [own, other] = [student, stopGradient(teacher)].map((x) => widened(shifted ? allButLast(x) : x)) as [
    NDArray,
    NDArray,
  ]
  const soft = np.multiply(divergence(np.divide(own, temperature), np.divide(other, temperature)), temperature ** 2)
  if (hard === null) {
    const total = np.sum(soft)
    const weight = np.full([], soft.size, { dtype: soft.dtype })
    return objectiveOf(total, weight, { softLoss: np.divide(total, weight) })
  }
  checkCounted('distillation', hard)
  const { total: hardTotal, weight, metrics, loss: hardLoss } = classLoss('distillation', own, hard, {})
  const softTotal = np.sum(np.where(np.notEqual(hard, IGNORED), soft, 0))
  const total = np.add(np.multiply(softTotal, alpha), np.multiply(hardTotal, 1 - alpha))
  return objectiveOf(total, weight, { ...metrics, softLoss: np.divide(softTotal, weight), hardLoss })
}
