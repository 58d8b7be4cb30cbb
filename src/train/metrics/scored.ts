/** Scores and labels by row, as metrics read them. */
import { ShapeError } from '../../core/errors.ts'
import { sameShape, showShape } from '../../core/shape.ts'
import { isFloat } from '../../core/dtype.ts'
import { IGNORED } from '../../models/losses.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import { NDArray } from '../../trace/value.ts'
import { withFields } from './metric.ts'

/** A model's outputs for a batch, and the labels. */
export interface Scored {
  /**
   * Scores of classes, `[...rows, classes]`; or one number for each row, `[...rows]` or `[...rows, 1]`: the log-odds of class 1, or
   * what a regression predicts.
   */
  readonly logits: NDArray
  /** Of shape `[...rows]`: classes, where -100 does not count, or the numbers of a regression. */
  readonly labels: NDArray
  /**
   * Rows count where it is not 0. It has the labels' shape or that of its first axes, since the last batch may have padding
   * rows.
   */
  readonly mask?: NDArray
}

const anArray = must.instance('an array', NDArray)

/** Checks the arguments of metrics of scores. */
export const someScored = withFields('outputs of a model: { logits, labels } and perhaps a mask, arrays', {
  logits: anArray,
  labels: anArray,
  mask: must.optional(anArray),
})

/** What such metrics keep for a batch: arrays of rank 0, or with one number for each row. */
export const measuredArrays = (...names: readonly string[]): must.Check => {
  const wanted = `what measure gave: { ${names.join(', ')} }`
  return withFields(wanted, Object.fromEntries(names.map((name) => [name, anArray])))
}

/** Whether rows count, in the labels' shape. */
export const countsOf = (operation: string, { labels, mask }: Pick<Scored, 'labels' | 'mask'>): NDArray => {
  const labelled = isFloat(labels.dtype) ? np.ones(labels.shape, { dtype: 'bool' }) : np.notEqual(labels, IGNORED)
  if (mask === undefined) return labelled
  if (mask.ndim > labels.ndim || !sameShape(mask.shape, labels.shape.slice(0, mask.ndim))) {
    throw new ShapeError(
      `${operation}: the mask has shape ${showShape(mask.shape)}, and labels ${showShape(labels.shape)}: it has their shape, or their first axes.`,
    )
  }
  const wide = np.reshape(mask, [...mask.shape, ...labels.shape.slice(mask.ndim).map(() => 1)])
  return np.logicalAnd(labelled, np.notEqual(wide, 0))
}

/** Scores by rows: of classes, or log-odds of one. */
interface Rows {
  /** `[rows, classes]`, or null where there is one number for each row. */
  readonly scores: NDArray | null
  /** `[rows]`, where `scores` is null. */
  readonly odds: NDArray | null
  readonly labels: NDArray
  readonly counts: NDArray
}

const misfit = (operation: string, { logits, labels }: Scored): never => {
  throw new ShapeError(
    `${operation}: logits have shape ${showShape(logits.shape)}, and labels ${showShape(labels.shape)}: there is one label for ` +
      'all scores along the last axis, or one for each number.',
  )
}

/** Flattens scores with any number of axes to rows. */
export const rowsOf = (operation: string, scored: Scored): Rows => {
  const { logits, labels } = scored
  const counts = np.ravel(countsOf(operation, scored))
  const flat = np.ravel(labels)
  if (sameShape(logits.shape, labels.shape)) return { scores: null, odds: np.ravel(logits), labels: flat, counts }
  if (!sameShape(logits.shape.slice(0, -1), labels.shape)) misfit(operation, scored)
  const classes = logits.shape.at(-1)!
  if (classes === 1) return { scores: null, odds: np.ravel(logits), labels: flat, counts }
  return { scores: np.reshape(logits, [flat.size, classes]), odds: null, labels: flat, counts }
}

/** The class of each row, int32: the first with the greatest score; 1 for log-odds above 0. */
export const predictedOf = ({ scores, odds }: Rows): NDArray =>
  scores === null ? np.greater(odds!, 0).astype('int32') : np.argmax(scores, { axis: -1 }).astype('int32')

/** Scores of each token, and the token after it; unchanged without `shift`. */
export const shifted = (operation: string, scored: Scored, shift: boolean): Scored => {
  if (!shift) return scored
  const { logits, labels, mask } = scored
  if (labels.ndim < 2 || logits.ndim !== labels.ndim + 1) misfit(operation, scored)
  const length = labels.shape.at(-1)!
  const after = np.slice(1, length)
  return {
    logits: logits.at('...', np.slice(0, length - 1), ':').get(),
    labels: labels.at('...', after).get(),
    ...(mask === undefined ? {} : { mask: mask.ndim === labels.ndim ? mask.at('...', after).get() : mask }),
  }
}
