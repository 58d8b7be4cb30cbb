/** Which training examples are responsible for a model's predictions. */
import { grad } from '../api/grad.ts'
import { hvp } from '../api/jacobian.ts'
import { vmap } from '../api/vmap.ts'
import type { Scalar } from '../api/types.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { flatten } from '../core/tree.ts'
import * as np from '../numpy/index.ts'
import { mapTree } from '../optim/trees.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { compiled } from './compiled.ts'

/** The mean loss of a batch: a tree of arrays whose first axes are examples. */
export type BatchLoss<P, B> = (params: P, batch: B) => Scalar

/** The number of examples in a batch. */
const examplesOf = (operation: string, batch: unknown): number => {
  const shapes = flatten(batch).leaves.map((x) => asArray(x as ArrayLike).shape)
  const count = shapes[0]?.[0]
  if (count === undefined || shapes.some((shape) => shape[0] !== count)) {
    throw new ShapeError(
      `${operation}: a batch is a tree of arrays with as many examples along axis 0 each, got shapes ${shapes.map((s) => `[${s.join(', ')}]`).join(', ') || 'of nothing'}.`,
    )
  }
  return count
}

/** One example as a batch of one. */
const exampleAt = <B>(operation: string, batch: B, index: ArrayLike): B =>
  mapTree(operation, (x) => np.expandDims(np.take(x, index, { axis: 0 }), 0), batch)

const dot = (a: unknown, b: unknown): NDArray => {
  const others = flatten(b).leaves as readonly NDArray[]
  return flatten(a).leaves.reduce<NDArray>((sum, x, i) => np.add(sum, np.vdot(x as NDArray, others[i]!)), np.zeros([]))
}

const perExampleDoor = must.door('perExampleGradients', {
  loss: must.func,
  params: must.anything,
  batch: must.anything,
})

/**
 * The gradient of each example's loss, all at once, as `optim.dpAggregate` takes it.
 *
 * @param loss - of a batch; each example is given to it as a batch of one.
 * @param batch - a tree of arrays whose first axes are examples.
 * @returns a tree like `params`, with the examples along a new first axis of each leaf. * @throws ShapeError if leaves of the
 *   batch have different numbers of examples.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { perExampleGradients } from 'pullback/interpret'
 * const loss = (w: NDArray, { x }: { readonly x: NDArray }) => np.mean(np.square(np.matmul(x, w)))
 * perExampleGradients(loss, np.array([1, 1]), { x: np.array([[1, 0], [0, 2]]) }) // => [[2. 0.]\n [0. 8.]]
 * ```
 */
export const perExampleGradients = <P, B>(loss: BatchLoss<P, B>, params: P, batch: B): P => {
  perExampleDoor(loss, params, batch)
  const count = examplesOf('perExampleGradients', batch)
  const gradientAt = (index: NDArray): P => grad(loss)(params, exampleAt('perExampleGradients', batch, index)) as P
  return vmap(gradientAt)(np.arange(count)) as P
}

// TracIn.

/** A state during training. */
export interface TrainedCheckpoint<P> {
  readonly params: P
  /** The learning rate around it; 1 by default. */
  readonly learningRate?: number
}

/** Training examples, and test examples whose losses are explained. */
export interface InfluenceData<B> {
  readonly train: B
  readonly test: B
}

const tracInDoor = must.door('tracIn', {
  loss: must.func,
  checkpoints: must.required(
    must.listOf(must.kind('an object with params', (x) => typeof x === 'object' && x !== null && 'params' in x)),
  ),
  data: must.required(
    must.optionsOf<InfluenceData<unknown>>({ train: must.required(must.anything), test: must.required(must.anything) }),
  ),
})

/**
 * How much each training example lowered the loss of each test example: the sum over checkpoints of `η ∇ℓ(train) · ∇ℓ(test)`,
 * the effect of steps on the one on the other, to first order. Positive: it helped. Pruthi et al., "Estimating Training Data
 * Influence by Tracing Gradient Descent" (TracInCP, 2020). The gradients of all test examples are in memory at once, those of
 * training examples one at a time.
 *
 * @param loss - the mean loss of a batch.
 * @returns shape `[train examples, test examples]`.
 * @throws ShapeError if leaves of a batch have different numbers of examples.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { tracIn } from 'pullback/interpret'
 * const loss = (w: NDArray, { x, y }: { readonly x: NDArray; readonly y: NDArray }) =>
 *   np.mean(np.square(np.subtract(np.matmul(x, w), y)))
 * const data = {
 *   train: { x: np.array([[1, 0], [0, 1]]), y: np.array([1, 1]) },
 *   test: { x: np.array([[1, 0]]), y: np.array([2]) },
 * }
 * tracIn(loss, [{ params: np.zeros([2]), learningRate: 0.1 }], data) // => [[0.8]\n [0. ]]
 * ```
 */
export const tracIn = <P, B>(
  loss: BatchLoss<P, B>,
  checkpoints: readonly TrainedCheckpoint<P>[],
  data: InfluenceData<B>,
): NDArray => {
  tracInDoor(loss, checkpoints, data)
  const operation = 'tracIn'
  const [trains, tests] = [examplesOf(operation, data.train), examplesOf(operation, data.test)]
  if (checkpoints.length === 0) throw new ArgumentError('tracIn: there are no checkpoints.')
  const gradientAt = compiled(operation, (params: P, batch: B) => grad(loss)(params, batch) as P)
  const of = (params: P, batch: B, i: number): P => gradientAt(params, exampleAt(operation, batch, i))
  let influences = np.zeros([trains, tests])
  for (const { params, learningRate = 1 } of checkpoints) {
    const explained = Array.from({ length: tests }, (_, j) => of(params, data.test, j))
    const rows = Array.from({ length: trains }, (_, i) => {
      const gradient = of(params, data.train, i)
      return np.stack(explained.map((g) => dot(gradient, g)))
    })
    influences = np.add(influences, np.multiply(np.stack(rows), learningRate))
  }
  return influences
}

// The inverse Hessian.

/** Options of `influence`. */
export interface InfluenceOptions<P, B> {
  /** Added to the Hessian's diagonal, which makes it positive where training has not ended at a minimum; 0.01 by default. */
  readonly damping?: number
  /** The training objective; the mean loss of the training examples by default. Include regularisation here. */
  readonly objective?: (params: P) => Scalar
  /** The quantity to explain for a test example; its loss by default. */
  readonly of?: BatchLoss<P, B>
  /** Steps of conjugate gradients at most; 100 by default. */
  readonly iterations?: number
  /** The relative residual at which they stop; 1e-5 by default. */
  readonly tolerance?: number
}

/** The effect of leaving out each example, and the residuals of the equations. */
export interface Influence {
  /** Shape `[train examples, test examples]`: by how much the test example's loss would rise without the training example. */
  readonly influences: NDArray
  /** The relative residual for each test example: if it is above `tolerance`, more iterations are needed. */
  readonly residuals: readonly number[]
}

const addScaled = <P>(a: P, b: P, scale: number): P =>
  mapTree('influence', (x, y) => np.add(x, np.multiply(y, scale)), a, b)

/** A x = b by conjugate gradients, for A positive definite. Hestenes and Stiefel (1952). */
const conjugateGradients = <P>(
  multiply: (v: P) => P,
  b: P,
  iterations: number,
  tolerance: number,
): readonly [x: P, residual: number] => {
  let x = mapTree('influence', (leaf) => np.zerosLike(leaf), b)
  let [residual, direction] = [b, b]
  const start = dot(b, b).item()
  let power = start
  for (let i = 0; i < iterations && power > tolerance * tolerance * start; i++) {
    const image = multiply(direction)
    const curvature = dot(direction, image).item()
    if (!(curvature > 0)) {
      throw new ArgumentError(
        `influence: the Hessian has curvature ${(curvature / dot(direction, direction).item()).toPrecision(3)} in some direction and is not positive. Give more damping than that.`,
      )
    }
    const step = power / curvature
    x = addScaled(x, direction, step)
    residual = addScaled(residual, image, -step)
    const next = dot(residual, residual).item()
    direction = addScaled(residual, direction, next / power)
    power = next
  }
  return [x, start === 0 ? 0 : Math.sqrt(power / start)]
}

const influenceDoor = must.door('influence', {
  loss: must.func,
  params: must.anything,
  data: must.required(
    must.optionsOf<InfluenceData<unknown>>({ train: must.required(must.anything), test: must.required(must.anything) }),
  ),
  options: must.optionsOf<InfluenceOptions<unknown, unknown>>({
    damping: must.notNegative,
    objective: must.func,
    of: must.func,
    iterations: must.count,
    tolerance: must.positive,
  }),
})

/**
 * How much the loss of each test example would rise if a training example were left out: `∇ℓ(test)ᵀ (H + λ I)⁻¹ ∇ℓ(train) / n`,
 * with H the Hessian of the objective. It is solved by conjugate gradients, one system per test example, with Hessian-vector
 * products: no matrix is built. Positive: the example helped, as with `tracIn`. Koh and Liang, "Understanding Black-box
 * Predictions via Influence Functions" (2017).
 *
 * @param params - the parameters at the end of training.
 * @throws ArgumentError if the damped Hessian is not positive definite, with the curvature found.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { influence } from 'pullback/interpret'
 * // The mean of 1, 2 and 6, by least squares.
 * const loss = (m: NDArray, { x }: { readonly x: NDArray }) => np.mean(np.square(np.subtract(x, m)))
 * const data = { train: { x: np.array([1, 2, 6]) }, test: { x: np.array([7]) } }
 * influence(loss, np.array(3), data, { damping: 0 }).influences // => [[-5.3333335]\n [-2.6666667]\n [ 8.       ]]
 * ```
 */
export const influence = <P, B>(
  loss: BatchLoss<P, B>,
  params: P,
  data: InfluenceData<B>,
  options: InfluenceOptions<P, B> = {},
): Influence => {
  influenceDoor(loss, params, data, options)
  const operation = 'influence'
  const {
    damping = 0.01,
    objective = (p: P) => loss(p, data.train),
    of = loss,
    iterations = 100,
    tolerance = 1e-5,
  } = options
  const [trains, tests] = [examplesOf(operation, data.train), examplesOf(operation, data.test)]
  const multiply = compiled(operation, (p: P, v: P): P => addScaled(hvp(objective, p, v) as P, v, damping))
  const gradientOf = compiled(operation, (p: P, batch: B) => grad(loss)(p, batch) as P)
  const gradients = Array.from({ length: tests }, (_, j) => grad(of)(params, exampleAt(operation, data.test, j)) as P)
  const solved = gradients.map((b) => conjugateGradients((v: P) => multiply(params, v), b, iterations, tolerance))
  const rows = Array.from({ length: trains }, (_, i) => {
    const gradient = gradientOf(params, exampleAt(operation, data.train, i))
    return np.stack(solved.map(([x]) => np.divide(dot(gradient, x), trains)))
  })
  return {
    influences: tests === 0 || trains === 0 ? np.zeros([trains, tests]) : np.stack(rows),
    residuals: solved.map(([, residual]) => residual),
  }
}
