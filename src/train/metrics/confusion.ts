/** Metrics of classes, all computed from the confusion matrix. */
import { ArgumentError } from '../../core/errors.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Metric } from './metric.ts'
import { guarded, mapMetric } from './metric.ts'
import type { Scored } from './scored.ts'
import { measuredArrays, predictedOf, rowsOf, someScored } from './scored.ts'

/** Counts; rows are labels, columns are predictions. */
export type Confusion = readonly (readonly number[])[]

/** A prediction and a label for each row; -1 where the row does not count. */
export interface Classified {
  readonly predicted: NDArray
  readonly labels: NDArray
}

type ConfusionMetric<V> = Metric<Scored, V, Classified, Confusion>

/** The matrix has the square of this many entries. */
const someClasses = must.kind(
  'a number of classes, from 1 to 10000',
  (x) => must.count.accepts(x) && (x as number) <= 10_000,
)
const confusionDoor = must.door('confusionMatrix', { classes: someClasses })

const classified = (operation: string, scored: Scored, classes: number): Classified => {
  const rows = rowsOf(operation, scored)
  const width = rows.scores?.shape[1] ?? 2
  if (width !== classes) {
    throw new ArgumentError(`${operation}: logits are of ${width} classes, and { classes } says ${classes}.`)
  }
  return { predicted: predictedOf(rows), labels: np.where(rows.counts, rows.labels, -1).astype('int32') }
}

const counted = (operation: string, matrix: Confusion, { predicted, labels }: Classified): Confusion => {
  const next = matrix.map((row) => row.slice())
  const [guesses, truths] = [predicted.dataSync('int32'), labels.dataSync('int32')]
  truths.forEach((truth, i) => {
    if (truth === -1) return
    const row = next[truth]
    if (row === undefined) {
      throw new ArgumentError(
        `${operation}: ${truth} is not a label of ${matrix.length} classes, 0 to ${matrix.length - 1}.`,
      )
    }
    row[guesses[i]!] = (row[guesses[i]!] ?? 0) + 1
  })
  return next
}

const rowsOfNumbers = must.listOf(must.listOf(must.number))
const aMatrix = must.kind(
  'a state of the metric: a square table of counts',
  (x) => rowsOfNumbers.accepts(x) && (x as Confusion).every((row, _, rows) => row.length === rows.length),
)

const confusionOf = (operation: string, classes: number): ConfusionMetric<Confusion> =>
  guarded<Scored, Confusion, Classified, Confusion>(
    operation,
    { outputs: someScored, measured: measuredArrays('predicted', 'labels'), state: aMatrix },
    {
      init: Array.from({ length: classes }, () => Array.from({ length: classes }, () => 0)),
      measure: (scored) => classified(operation, scored, classes),
      update: (matrix, more) => counted(operation, matrix, more),
      compute: (matrix) => matrix,
    },
  )

/**
 * The confusion matrix: `matrix[label][predicted]` counts rows.
 *
 * @throws ArgumentError for labels that are not classes, or logits of another number of classes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { confusionMatrix } from 'pullback/train'
 * const metric = confusionMatrix(2)
 * const logits = np.array([[1, 0], [0, 1], [0, 1]])
 * const measured = metric.measure({ logits, labels: np.array([0, 1, 0], { dtype: 'int32' }) })
 * // Of two rows of class 0 one was taken for class 1.
 * metric.compute(metric.update(metric.init, measured)).map(String) // => 1,1,0,1
 * ```
 */
export const confusionMatrix = (classes: number): ConfusionMetric<Confusion> => {
  confusionDoor(classes)
  return confusionOf('confusionMatrix', classes)
}

/** How the values of the classes are averaged. */
export type Average = 'binary' | 'macro' | 'micro' | 'weighted' | 'none'

/** Options of `precision`, `recall` and `f1`. */
export interface ClassesOptions<A extends Average = Average> {
  /** 2 by default. */
  readonly classes?: number
  /**
   * - `binary`: of class 1, the default for 2 classes;
   * - `macro`: the mean over all classes, including those that never occur (scikit-learn: with `labels` given); the default for
   *   more classes;
   * - `weighted`: the mean, weighted by how often a class is a label;
   * - `micro`: from the counts of all classes together;
   * - `none`: a list, one value for each class.
   */
  readonly average?: A
}

interface Tally {
  /** Of the class, and taken for it. */
  readonly hits: number
  /** Taken for it. */
  readonly predicted: number
  /** Of the class. */
  readonly labelled: number
}

const sumOf = (xs: readonly number[]): number => xs.reduce((a, b) => a + b, 0)

const tallies = (matrix: Confusion): readonly Tally[] =>
  matrix.map((row, i) => ({
    hits: row[i]!,
    predicted: sumOf(matrix.map((other) => other[i]!)),
    labelled: sumOf(row),
  }))

/** 0 where there is nothing to divide by, as in scikit-learn. */
const share = (part: number, whole: number): number => (whole === 0 ? 0 : part / whole)

const scores = {
  precision: ({ hits, predicted }: Tally): number => share(hits, predicted),
  recall: ({ hits, labelled }: Tally): number => share(hits, labelled),
  f1: ({ hits, predicted, labelled }: Tally): number => share(2 * hits, predicted + labelled),
} as const

const added = (all: readonly Tally[]): Tally => ({
  hits: sumOf(all.map((t) => t.hits)),
  predicted: sumOf(all.map((t) => t.predicted)),
  labelled: sumOf(all.map((t) => t.labelled)),
})

const averaged = (
  score: (tally: Tally) => number,
  all: readonly Tally[],
  average: Average,
): number | readonly number[] => {
  const each = all.map(score)
  if (average === 'none') return each
  if (average === 'binary') return each[1]!
  if (average === 'micro') return score(added(all))
  if (average === 'macro') return sumOf(each) / each.length
  return share(sumOf(each.map((x, i) => x * all[i]!.labelled)), added(all).labelled)
}

const averages = ['binary', 'macro', 'micro', 'weighted', 'none'] as const
const classesDoor = (operation: string): must.Door =>
  must.door(operation, {
    options: must.optionsOf<ClassesOptions>({ classes: someClasses, average: must.oneOf(averages) }),
  })

/** What comes out: a list of `none`, else a number. */
export type Averaged<A extends Average> = [A] extends ['none'] ? readonly number[] : number

const byClasses = (operation: keyof typeof scores) => {
  const door = classesDoor(operation)
  return <A extends Average = 'binary' | 'macro'>(options: ClassesOptions<A> = {}): ConfusionMetric<Averaged<A>> => {
    door(options)
    const { classes = 2, average = classes === 2 ? 'binary' : 'macro' } = options
    if (average === 'binary' && classes !== 2) {
      throw new ArgumentError(`${operation}: { average: 'binary' } is for 2 classes, and there are ${classes}.`)
    }
    return mapMetric(
      confusionOf(operation, classes),
      (matrix) => averaged(scores[operation], tallies(matrix), average) as Averaged<A>,
    )
  }
}

/**
 * Of what was taken for a class, the share that is of it.
 *
 * @throws ArgumentError for labels that are not classes, or logits of another number of classes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { precision } from 'pullback/train'
 * const metric = precision()
 * const logits = np.array([[0, 1], [0, 1], [0, 1], [1, 0]])
 * const measured = metric.measure({ logits, labels: np.array([1, 1, 0, 1], { dtype: 'int32' }) })
 * // Three were taken for class 1, two of them rightly.
 * metric.compute(metric.update(metric.init, measured)) // => 0.6666666666666666
 * ```
 */
export const precision = byClasses('precision')

/**
 * Of what is of a class, the share that was taken for it.
 *
 * @throws ArgumentError for labels that are not classes, or logits of another number of classes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { recall } from 'pullback/train'
 * const metric = recall({ classes: 3, average: 'none' })
 * const logits = np.eye(3)
 * const measured = metric.measure({ logits, labels: np.array([0, 1, 1], { dtype: 'int32' }) })
 * // Of class 2 there is nothing: 0, as in scikit-learn.
 * metric.compute(metric.update(metric.init, measured)) // => 1,0.5,0
 * ```
 */
export const recall = byClasses('recall')

/**
 * The harmonic mean of precision and recall.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { f1 } from 'pullback/train'
 * const metric = f1({ classes: 3, average: 'none' })
 * const logits = np.eye(3)
 * const measured = metric.measure({ logits, labels: np.array([0, 1, 1], { dtype: 'int32' }) })
 * metric.compute(metric.update(metric.init, measured)) // => 1,0.6666666666666666,0
 * ```
 */
export const f1 = byClasses('f1')

const matthewsDoor = must.door('matthews', {
  options: must.optionsOf<Pick<ClassesOptions, 'classes'>>({ classes: someClasses }),
})

/**
 * Matthews' correlation coefficient, of Gorodkin's form for more classes; 0 where it has no meaning, as in scikit-learn.
 *
 * @throws ArgumentError for labels that are not classes, or logits of another number of classes.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { matthews } from 'pullback/train'
 * const metric = matthews()
 * const labels = np.array([0, 1, 1, 0], { dtype: 'int32' })
 * // All wrong.
 * const logits = np.array([[0, 1], [1, 0], [1, 0], [0, 1]])
 * metric.compute(metric.update(metric.init, metric.measure({ logits, labels }))) // => -1
 * ```
 */
export const matthews = (options: Pick<ClassesOptions, 'classes'> = {}): ConfusionMetric<number> => {
  matthewsDoor(options)
  return mapMetric(confusionOf('matthews', options.classes ?? 2), (matrix) => {
    const all = tallies(matrix)
    const { hits, labelled: count } = added(all)
    // (c s - Σ p t) / √((s² - Σ p²)(s² - Σ t²))
    const both = hits * count - sumOf(all.map((t) => t.predicted * t.labelled))
    const ofPredicted = count ** 2 - sumOf(all.map((t) => t.predicted ** 2))
    const ofLabels = count ** 2 - sumOf(all.map((t) => t.labelled ** 2))
    return share(both, Math.sqrt(ofPredicted * ofLabels))
  })
}
