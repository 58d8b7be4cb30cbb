/**
 * A training recipe as it stands in many optax programs, line by line: warm-up and cosine decay, clipping, decay of kernels only,
 * other rates for other parts, gradients accumulated over micro-batches, bad steps left out, and an average of the parameters.
 */
import { jit, nn, np, optim, random, tree, valueAndGrad } from 'pullback'
import type { NDArray, Path } from 'pullback'

const parts = { body: nn.sequential(nn.linear(4, 32), nn.tanh, nn.linear(32, 32), nn.tanh), head: nn.linear(32, 1) }
const model = nn.layer({
  init: (key, dtype) => nn.initAll(key, parts, dtype),
  apply: (params, x: NDArray) => parts.head.apply(params.head, parts.body.apply(params.body, x)),
})
type Params = ReturnType<typeof model.init>

const loss = (params: Params, x: NDArray, y: NDArray): NDArray =>
  np.mean(optim.huberLoss(model.apply(params, x).get(':', 0), y))

/** Micro-batches for one step of the optimizer. */
const micro = 4

export interface Recipe {
  readonly steps: number
  readonly peak: number
}

const scheduleOf = ({ steps, peak }: Recipe) =>
  optim.warmupCosineDecaySchedule({
    initValue: 0,
    peakValue: peak,
    warmupSteps: Math.round(steps / 10),
    decaySteps: steps,
    endValue: peak / 100,
  })

const isKernel = (path: Path): boolean => path[path.length - 1] === 'kernel'

/** `optax.chain(clip_by_global_norm, multi_transform({...}, labels))`, in `MultiSteps`, in `apply_if_finite`. */
const optimizerOf = (recipe: Recipe) => {
  const schedule = scheduleOf(recipe)
  const body = optim.chain(
    optim.scaleByAdam({ b2: 0.99 }),
    optim.addDecayedWeights(1e-2, { mask: isKernel }),
    optim.scaleByLearningRate(schedule),
  )
  const head = optim.sgd((count: NDArray) => schedule(count).mul(3), { momentum: 0.9, nesterov: true })
  const parts = optim.multiTransform({ body, head }, (path) => String(path[0]))
  return optim.applyIfFinite(optim.multiSteps(optim.chain(optim.clipByGlobalNorm(1), parts), micro), 3)
}

export interface Result {
  readonly before: number
  readonly after: number
  /** The loss at the exponential average of the parameters. */
  readonly averaged: number
  /** How often parameters changed, and how many gradients had a NaN. */
  readonly changes: number
  readonly refused: number
  /** The schedule at its peak and at its end. */
  readonly rates: readonly [peak: number, end: number]
}

export const run = (recipe: Recipe): Result => {
  const optimizer = optimizerOf(recipe)
  const params = model.init(random.key(0))
  const initial = { params, average: params, state: optimizer.init(params) }

  const step = jit(({ params, average, state }: typeof initial, x: NDArray, y: NDArray) => {
    const [, gradient] = valueAndGrad(loss)(params, x, y)
    const [updates, next] = optimizer.update(gradient, state, params)
    const moved = optim.applyUpdates(params, updates)
    return { params: moved, average: optim.incrementalUpdate(moved, average, 0.05), state: next }
  })

  const draw = (key: random.Key, count: number): readonly [NDArray, NDArray] => {
    const x = random.uniform(key, [count, 4], { minval: -1, maxval: 1 })
    const [a, b, c, d] = np.split(x, 4, { axis: 1 })
    return [x, a.mul(b).add(c.mul(2).sin()).sub(d.square()).get(':', 0)]
  }

  let at = initial
  let changes = 0
  let i = 0
  for (const key of random.split(random.key(1), recipe.steps * micro)) {
    const [x, y] = draw(key, 16)
    const before = at.params
    // A measurement that failed.
    at = step(at, x, i++ === 10 ? y.mul(NaN) : y)
    if (!tree.equal(before, at.params)) changes++
  }
  const [x, y] = draw(random.key(2), 512)
  const error = (params: Params): number => loss(params, x, y).item()
  const schedule = scheduleOf(recipe)
  return {
    before: error(params),
    after: error(at.params),
    averaged: error(at.average),
    changes,
    refused: at.state.totalNotFinite.item(),
    rates: [schedule(Math.round(recipe.steps / 10)).item(), schedule(recipe.steps).item()],
  }
}
