/** Gradients of micro-batches, and how they add up to that of the whole batch: each is weighted by how much counts in it. */
import { valueAndGrad } from '../../api/grad.ts'
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import { sameShape } from '../../core/shape.ts'
import { scan } from '../../lax/control.ts'
import * as np from '../../numpy/index.ts'
import { leavesOf, mapTree, zerosLike } from '../../optim/trees.ts'
import { NDArray } from '../../trace/value.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { ObjectiveMetrics, Objective } from '../objectives/objective.ts'
import { objectiveOf } from '../objectives/objective.ts'

/** The results of a micro-batch besides gradients. */
export interface Counted {
  readonly total: NDArray
  readonly weight: NDArray
  readonly metrics: ObjectiveMetrics
}

/** Gradients of a mean, with its total and weight. */
export interface Part<P, M = null> extends Counted {
  readonly gradients: P
  /** The model's state after it. */
  readonly modelState: M
}

const isObjective = (x: unknown): x is Objective =>
  typeof x === 'object' && x !== null && 'total' in x && 'weight' in x && 'metrics' in x

/** The result of a loss as an objective; a scalar has weight 1. */
const measured = (loss: unknown): Objective => {
  if (isObjective(loss)) return loss
  if ((loss instanceof NDArray && loss.ndim === 0) || typeof loss === 'number') {
    const value = np.asarray(loss)
    return objectiveOf(value, np.onesLike(value))
  }
  const got = loss instanceof NDArray ? String(loss.aval) : typeof loss
  throw new ShapeError(
    `makeStep: the loss must give an objective, as those of pullback/train do, or a scalar; got ${got}. Sum or average it.`,
  )
}

/** `x / n`, or `x` where n is 0: an empty sum and its gradient are 0. */
const over = (x: NDArray, n: NDArray): NDArray => np.divide(x, np.where(np.equal(n, 0), 1, n))

/** A model's next state, which must have the same structure as the one before it. */
const nextLike = <M>(next: unknown, before: M): M =>
  mapTree(
    'makeStep',
    (x, y) => {
      if (sameShape(x.shape, y.shape)) return x.astype(y.dtype)
      throw new ShapeError(
        `makeStep: the model's state had ${y.aval} where the loss gave ${x.aval}: they must be alike.`,
      )
    },
    next as M,
    before,
  )

/** The loss and the model's next state, from the result of a loss that was given this state. */
const lossAndState = <M>(given: unknown, before: M): readonly [Objective, M] => {
  const isPair = Array.isArray(given) && given.length === 2
  if (before === null) {
    if (!isPair) return [measured(given), before]
    throw new ArgumentError(
      'makeStep: the loss gives a state of the model besides, but there was none: begin with initState(params, { modelState }).',
    )
  }
  if (isPair) return [measured(given[0]), nextLike(given[1], before)]
  throw new ArgumentError(
    "makeStep: initState was given a model's state, so that the loss must give the next one besides: [loss, state].",
  )
}

/**
 * The gradient of a loss's mean with respect to the parameters. The mean is differentiated, not the sum: sums would overflow
 * float16 sooner.
 */
export const partOf = <P, M>(loss: (params: P) => unknown, params: P, scale: ArrayLike, before: M): Part<P, M> => {
  type Besides = Omit<Part<P, M>, 'gradients'>
  const scaled = (p: P): readonly [NDArray, Besides] => {
    const [{ total, weight, metrics }, modelState] = lossAndState(loss(p), before)
    return [np.multiply(over(total, weight), scale), { total, weight, metrics, modelState }]
  }
  const [[, counted], gradients] = valueAndGrad<[P], Besides>(scaled, { hasAux: true })(params)
  const unscaled = scale === 1 ? gradients : mapTree('makeStep', (g) => np.divide(g, scale), gradients)
  return { ...counted, modelState: counted.modelState as unknown as M, gradients: unscaled as P }
}

/** The weighted sum of gradients, before the first. */
export const noGradients = <P>(params: P): P => zerosLike(params)

export const addGradients = <P>(sum: P, { gradients, weight }: Pick<Part<P>, 'gradients' | 'weight'>): P =>
  mapTree('makeStep', (s, g) => np.add(s, np.multiply(g, weight.astype(g.dtype))), sum, gradients)

/** Weighted means of means; those with weight 0 are skipped. */
const meansOf = (metrics: ObjectiveMetrics, weights: NDArray): ObjectiveMetrics => {
  const nothing = np.equal(weights, 0)
  const mean = (x: NDArray): NDArray =>
    np.divide(np.sum(np.where(nothing, 0, np.multiply(x, weights))), np.sum(weights))
  return Object.fromEntries(Object.entries(metrics).map(([name, x]) => [name, mean(x)]))
}

/**
 * Joins all parts; `counted` has an axis for them. The weighted sum of gradients, divided by the total weight, is the gradient
 * of the mean over the whole batch.
 */
export const joinParts = <P, M>(sum: P, { total, weight: weights, metrics }: Counted, modelState: M): Part<P, M> => {
  const weight = np.sum(weights)
  return {
    gradients: mapTree('makeStep', (s) => over(s, weight.astype(s.dtype)), sum),
    total: np.sum(total),
    weight,
    metrics: meansOf(metrics, weights),
    modelState,
  }
}

/** Several parts as one tree, with an axis for them. */
export const stackCounted = (parts: readonly Counted[]): Counted => ({
  total: np.stack(parts.map((p) => p.total)),
  weight: np.stack(parts.map((p) => p.weight)),
  metrics: Object.fromEntries(
    Object.keys(parts[0]!.metrics).map((name) => [name, np.stack(parts.map((p) => p.metrics[name]!))]),
  ),
})

/** The parts of a stack of micro-batches, one after the other: each is given the model's state after the one before it. */
export const scanParts = <P, B, M>(
  part: (batch: B, place: NDArray, before: M) => Part<P, M>,
  params: P,
  stack: B,
  begin: M,
): Part<P, M> => {
  const counts = new Set(leavesOf(stack).map((x) => x.shape[0]))
  const [count] = counts
  if (counts.size !== 1 || count === undefined || count === 0) {
    throw new ShapeError(
      'makeStep: with accumulate, all arrays of a batch have one first axis, of micro-batches; ' +
        `got ${counts.size === 0 ? 'no arrays' : [...counts].join(', ')}.`,
    )
  }
  const body = (carry: unknown, x: unknown): readonly [never, Counted] => {
    const [sum, before] = carry as readonly [P, M]
    const [place, batch] = x as readonly [NDArray, B]
    const { gradients, modelState, ...counted } = part(batch, place, before)
    return [[addGradients(sum, { gradients, ...counted }), modelState] as never, counted]
  }
  const [carried, counted] = scan<unknown[], unknown[], Counted>(
    body as never,
    [noGradients(params), begin],
    [np.arange(count), stack],
  )
  const [sum, modelState] = carried as unknown as readonly [P, M]
  return joinParts(sum, counted, modelState)
}
