/** How small a perturbation changes a model's prediction: attacks on inputs, and accuracy under attack. */
import { grad } from '../api/grad.ts'
import type { Scalar } from '../api/types.ts'
import { ShapeError } from '../core/errors.ts'
import { range } from '../core/shape.ts'
import * as nn from '../nn/index.ts'
import * as np from '../numpy/index.ts'
import { aKey, split } from '../random/keys.ts'
import type { Key } from '../random/keys.ts'
import { normal, uniform } from '../random/index.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { compiled } from './compiled.ts'

/** The valid range of inputs. */
export interface InputRange {
  /** The smallest and the largest element of inputs, for example 0 and 1 for pictures; unbounded by default. */
  readonly lower?: number
  readonly upper?: number
}

const rangeTable: must.OptionTable<InputRange> = { lower: must.number, upper: must.number }

const within = (x: NDArray, { lower, upper }: InputRange): NDArray => {
  const above = lower === undefined ? x : np.maximum(x, lower)
  return upper === undefined ? above : np.minimum(above, upper)
}

const fgsmDoor = must.door('fgsm', {
  loss: must.func,
  x: must.arrayLike,
  epsilon: must.notNegative,
  options: must.optionsOf<InputRange>(rangeTable),
})

/**
 * The fast gradient sign method: one step of length ε in each element, in the direction in which the loss rises. Goodfellow et
 * al., "Explaining and Harnessing Adversarial Examples" (2015).
 *
 * @param loss - of a batch of inputs: the sum or the mean over its examples, which must not depend on each other.
 * @param x - shape `[batch, ...]`.
 * @returns inputs of that shape, each element within ε of its original value.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { fgsm } from 'pullback/interpret'
 * const loss = (x: NDArray) => np.sum(np.matmul(x, np.array([2, -3])))
 * fgsm(loss, np.array([[1, 1]]), 0.5) // => [[1.5 0.5]]
 * ```
 */
export const fgsm = (
  loss: (x: NDArray) => Scalar,
  x: ArrayLike,
  epsilon: number,
  options: InputRange = {},
): NDArray => {
  fgsmDoor(loss, x, epsilon, options)
  const at = asArray(x)
  return within(np.add(at, np.multiply(np.sign(grad(loss)(at)), epsilon)), options)
}

/** Options of `pgd`. */
export interface PgdOptions extends InputRange {
  /** The radius of the ball. */
  readonly epsilon: number
  /** Its norm: the largest change of an element (`linf`, the default), or the Euclidean norm of an example's change (`l2`). */
  readonly norm?: 'linf' | 'l2'
  /** Steps; 10 by default. */
  readonly steps?: number
  /** The length of a step, in that norm; `2.5 ε / steps` by default. */
  readonly stepSize?: number
  /** Starts at a random point of the ball; without a key, at the inputs themselves. */
  readonly key?: Key
}

/** The norms of examples' changes, broadcast to them. */
const lengths = (x: NDArray): NDArray => np.sqrt(np.sum(np.square(x), { axis: range(x.ndim).slice(1), keepdims: true }))

const unit = (x: NDArray): NDArray => {
  const length = lengths(x)
  return np.divide(x, np.where(np.equal(length, 0), 1, length))
}

/** For each ball: a step, the projection onto it, and a random start. */
const balls = {
  linf: {
    step: (g: NDArray) => np.sign(g),
    project: (d: NDArray, epsilon: number) => np.clip(d, -epsilon, epsilon),
    start: (key: Key, x: NDArray, epsilon: number) =>
      uniform(key, x.shape, { minval: -epsilon, maxval: epsilon }).astype(x.dtype),
  },
  l2: {
    step: unit,
    project: (d: NDArray, epsilon: number) =>
      np.multiply(d, np.minimum(1, np.divide(epsilon, np.maximum(lengths(d), Number.MIN_VALUE)))),
    // A direction, and a radius r with r^n uniform: uniform in the ball.
    start: (key: Key, x: NDArray, epsilon: number) => {
      const size = x.size / Math.max(1, x.shape[0]!)
      // With two keys: shared bits would correlate radius and direction.
      const [ofRadius, ofDirection] = split(key)
      const radius = np.power(
        uniform(ofRadius, [x.shape[0]!, ...range(x.ndim - 1).map(() => 1)]),
        1 / Math.max(1, size),
      )
      return np.multiply(np.multiply(unit(normal(ofDirection, x.shape)), radius), epsilon).astype(x.dtype)
    },
  },
} as const

const ballTable = { ...rangeTable, norm: must.oneOf(['linf', 'l2']), steps: must.count, key: aKey }

const pgdTable: must.OptionTable<PgdOptions> = {
  ...ballTable,
  epsilon: must.required(must.notNegative),
  stepSize: must.notNegative,
}

const attack = (operation: string, loss: (x: NDArray) => Scalar, x: NDArray, options: PgdOptions): NDArray => {
  if (x.ndim === 0) throw new ShapeError(`${operation}: inputs are [batch, ...], got ${x.aval}.`)
  const { epsilon, norm = 'linf', steps = 10, stepSize = (2.5 * epsilon) / steps, key } = options
  const ball = balls[norm]
  const moved = (change: NDArray): NDArray => within(np.add(x, ball.project(change, epsilon)), options)
  const gradientAt = compiled(operation, (at: NDArray) => grad(loss)(at))
  let at = key === undefined ? x : moved(ball.start(key, x, epsilon))
  for (let i = 0; i < steps; i++) {
    const change = np.add(np.subtract(at, x), np.multiply(ball.step(gradientAt(at)), stepSize))
    at = moved(change)
  }
  return at
}

const pgdDoor = must.door('pgd', {
  loss: must.func,
  x: must.arrayLike,
  options: must.required(must.optionsOf<PgdOptions>(pgdTable)),
})

/**
 * Projected gradient descent: steps in the direction in which the loss rises, each projected back into the ball of radius ε
 * around the inputs. Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks" (2018). For a targeted
 * attack, negate the loss of the target class.
 *
 * @param loss - of a batch of inputs: the sum or the mean over its examples, which must not depend on each other.
 * @param x - shape `[batch, ...]`.
 * @throws ShapeError if `x` has no axis of examples.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { pgd } from 'pullback/interpret'
 * const loss = (x: NDArray) => np.sum(np.matmul(x, np.array([3, -4])))
 * pgd(loss, np.array([[0, 0]]), { epsilon: 1, norm: 'l2' }) // => [[ 0.6 -0.8]]
 * ```
 */
export const pgd = (loss: (x: NDArray) => Scalar, x: ArrayLike, options: PgdOptions): NDArray => {
  pgdDoor(loss, x, options)
  return attack('pgd', loss, asArray(x), options)
}

/** The accuracy under perturbations up to ε. */
export interface RobustAccuracy {
  readonly epsilon: number
  readonly accuracy: number
}

/** Options of `robustnessCurve`. */
export interface RobustnessOptions extends Omit<PgdOptions, 'epsilon' | 'stepSize'> {
  /** The radii, one for each point of the curve. */
  readonly epsilons: readonly number[]
}

const curveDoor = must.door('robustnessCurve', {
  logits: must.func,
  x: must.arrayLike,
  labels: must.arrayLike,
  options: must.required(
    must.optionsOf<RobustnessOptions>({ ...ballTable, epsilons: must.required(must.listOf(must.notNegative)) }),
  ),
})

/**
 * Accuracy under attack by `pgd` on the cross-entropy, for each ε. An example counts as correct only if it is also correct
 * without an attack, and under all smaller ε of the list, so the curve never rises.
 *
 * @param logits - from inputs `[batch, ...]` to scores `[batch, classes]`.
 * @param labels - shape `[batch]`, integers.
 * @throws ShapeError if there is not one label per example.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { robustnessCurve } from 'pullback/interpret'
 * const logits = (x: NDArray) => np.concatenate([x, np.negative(x)], { axis: 1 })
 * const labels = np.array([0, 1, 0], { dtype: 'int32' })
 * const curve = robustnessCurve(logits, np.array([[1], [-2], [3]]), labels, { epsilons: [0, 1.5, 4] })
 * curve.map(({ accuracy }) => accuracy.toFixed(2)) // => 1.00,0.67,0.00
 * ```
 */
export const robustnessCurve = (
  logits: (x: NDArray) => NDArray,
  x: ArrayLike,
  labels: ArrayLike,
  options: RobustnessOptions,
): readonly RobustAccuracy[] => {
  curveDoor(logits, x, labels, options)
  const [inputs, wanted] = [asArray(x), asArray(labels)]
  if (inputs.ndim === 0 || wanted.ndim !== 1 || wanted.shape[0] !== inputs.shape[0]) {
    throw new ShapeError(
      `robustnessCurve: there is one label for each example, got inputs ${inputs.aval} and labels ${wanted.aval}.`,
    )
  }
  const { epsilons, ...rest } = options
  const loss = (at: NDArray): NDArray => {
    const scores = nn.logSoftmax(logits(at))
    return np.negative(np.sum(np.takeAlongAxis(scores, np.expandDims(wanted, 1), 1)))
  }
  const isRight = (at: NDArray): NDArray => np.equal(np.argmax(logits(at), { axis: 1 }), wanted)
  const clean = isRight(inputs)
  const ascending = epsilons.map((epsilon, i) => ({ epsilon, i })).sort((a, b) => a.epsilon - b.epsilon)
  const accuracies = new Array<number>(epsilons.length)
  let right = clean
  for (const { epsilon, i } of ascending) {
    if (epsilon > 0)
      right = np.logicalAnd(right, isRight(attack('robustnessCurve', loss, inputs, { ...rest, epsilon })))
    accuracies[i] = np.mean(right.astype('float32')).item()
  }
  return epsilons.map((epsilon, i) => ({ epsilon, accuracy: accuracies[i]! }))
}
