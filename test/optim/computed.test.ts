/** Hyperparameters that are computed: under `jit`, `vmap` and `grad` they mean what they do as numbers. */
import { grad, jit, lax, nn, np, optim, random, tree, vmap } from 'pullback'
import type { ArrayLike, NDArray } from 'pullback'
import { checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

type Hyper = readonly [name: string, make: (v: ArrayLike) => optim.GradientTransformation, value: number]

const hypers: readonly Hyper[] = [
  ['sgd, learning rate', (v) => optim.sgd(v), 0.3],
  ['sgd, momentum', (v) => optim.sgd(0.1, { momentum: v }), 0.8],
  ['adam, learning rate', (v) => optim.adam(v), 0.3],
  ['adam, b1', (v) => optim.adam(0.1, { b1: v }), 0.8],
  ['adam, b2', (v) => optim.adam(0.1, { b2: v }), 0.9],
  ['adam, eps', (v) => optim.adam(0.1, { eps: v }), 0.1],
  ['adam, epsRoot', (v) => optim.adam(0.1, { epsRoot: v }), 0.1],
  ['nadam, b1', (v) => optim.nadam(0.1, { b1: v }), 0.8],
  ['adamw, weight decay', (v) => optim.adamw(0.1, { weightDecay: v }), 0.2],
  ['adamax, b2', (v) => optim.adamax(0.1, { b2: v }), 0.9],
  ['amsgrad, b1', (v) => optim.amsgrad(0.1, { b1: v }), 0.8],
  ['adabelief, b2', (v) => optim.adabelief(0.1, { b2: v, eps: 0.01 }), 0.9],
  ['yogi, b2', (v) => optim.yogi(0.1, { b2: v }), 0.9],
  ['radam, b2', (v) => optim.radam(0.1, { b2: v }), 0.9],
  ['novograd, b2', (v) => optim.novograd(0.1, { b2: v }), 0.5],
  ['novograd, weight decay', (v) => optim.novograd(0.1, { weightDecay: v }), 0.5],
  ['rmsprop, decay', (v) => optim.rmsprop(0.1, { decay: v }), 0.8],
  ['rmsprop, centred, eps', (v) => optim.rmsprop(0.1, { centered: true, eps: v }), 0.3],
  ['adagrad, eps', (v) => optim.adagrad(0.1, { eps: v }), 0.3],
  ['adadelta, rho', (v) => optim.adadelta(0.1, { rho: v, eps: 0.1 }), 0.8],
  ['lion, learning rate', (v) => optim.lion(v), 0.3],
  ['lamb, weight decay', (v) => optim.lamb(0.1, { weightDecay: v }), 0.3],
  ['lars, trust coefficient', (v) => optim.lars(0.1, { trustCoefficient: v }), 0.3],
  ['adafactor, decay rate', (v) => optim.adafactor(0.1, { decayRate: v }), 0.7],
  ['fromage, learning rate', (v) => optim.fromage(v), 0.3],
  ['clip', (v) => optim.clip(v), 0.4],
  ['clipByBlockRms', (v) => optim.clipByBlockRms(v), 0.4],
  ['clipByGlobalNorm', (v) => optim.clipByGlobalNorm(v), 0.4],
  ['adaptiveGradClip', (v) => optim.adaptiveGradClip(v), 0.1],
  ['normalizeByUpdateNorm', (v) => optim.normalizeByUpdateNorm({ scaleFactor: v }), 0.4],
  ['ema', (v) => optim.ema(v), 0.8],
  ['noisySgd', (v) => optim.noisySgd(0.1, random.key(0), { eta: v }), 0.4],
]

const parameters = (dtype: 'float32' | 'float64') =>
  tree.map((x: NDArray) => x.astype(dtype), { w: np.array([[0.5, -1.5], [2, 0.25]]), b: np.array([1, -0.7]) }) // prettier-ignore

/** What is left of parameters after some steps downhill. */
const trained = (transformation: optim.GradientTransformation, dtype: 'float32' | 'float64', steps = 3): NDArray => {
  let params = parameters(dtype)
  let state = transformation.init(params)
  for (let i = 0; i < steps; i++) {
    const gradients = tree.map((p: NDArray) => np.add(np.multiply(p, 0.7), np.sin(p)), params)
    const [updates, next] = transformation.update(gradients, state, params)
    params = optim.applyUpdates(params, updates)
    state = next
  }
  return np.concatenate([np.ravel(params.w), params.b])
}

const agree = (a: NDArray, b: NDArray): void => {
  expect(np.allclose(a, b, { rtol: 1e-5, atol: 1e-6 }).bool()).toBe(true)
}

describe('hyperparameters of optimizers', () => {
  it.each(hypers)('%s: an array under jit is the number', (_, make, value) => {
    const f = (v: ArrayLike): NDArray => trained(make(v), 'float32')
    agree(jit(f)(np.array(value)), f(value))
    agree(vmap(f)(np.array([value, 0.9 * value])).at(1).get(), f(0.9 * value)) // prettier-ignore
  })

  it.each(hypers)('%s: has the right derivatives', (name, make, value) => {
    // The sign of Lion's direction and the bits of noise are drawn in float32.
    if (name === 'noisySgd') return
    // RAdam adapts from the sixth step on.
    const steps = name.startsWith('radam') ? 7 : 3
    checkGrads((v: NDArray) => trained(make(v), 'float64', steps), [np.array(value, { dtype: 'float64' })], {
      rtol: 2e-4,
    })
  })

  it.each(hypers)('%s: keeps the dtypes of states, so that steps can be scanned', (_, make, value) => {
    const params = parameters('float32')
    const run = (v: NDArray) => {
      const transformation = make(v)
      return lax.scan(
        (state: optim.OptState) => [transformation.update(params, state, params)[1], null] as const,
        transformation.init(params),
        null,
        { length: 2 },
      )[0]
    }
    const dtypes = (state: unknown) => tree.leaves(state as NDArray[]).map((x) => x.dtype)
    expect(dtypes(jit(run)(np.array(value, { dtype: 'float64' })))).toEqual(dtypes(make(value).init(params)))
  })
})

describe('values of schedules', () => {
  const schedules: readonly (readonly [string, (v: ArrayLike) => optim.ArraySchedule])[] = [
    ['constant', (v) => optim.constantSchedule(v)],
    ['linear', (v) => optim.linearSchedule({ initValue: v, endValue: 2, transitionSteps: 5 })],
    ['linear, its end', (v) => optim.linearSchedule({ initValue: 2, endValue: v, transitionSteps: 5 })],
    ['polynomial, its power', (v) => optim.polynomialSchedule({ initValue: 2, endValue: 0.1, transitionSteps: 5, power: v })],
    ['exponential', (v) => optim.exponentialDecay({ initValue: v, decayRate: 0.5, transitionSteps: 5, endValue: 0.1 })],
    ['exponential, its rate', (v) => optim.exponentialDecay({ initValue: 1, decayRate: v, transitionSteps: 5, endValue: 0.1 })],
    ['cosine', (v) => optim.cosineDecaySchedule({ initValue: v, decaySteps: 5 })],
    ['cosine, alpha', (v) => optim.cosineDecaySchedule({ initValue: 1, decaySteps: 5, alpha: v })],
    ['piecewise constant', (v) => optim.piecewiseConstantSchedule({ initValue: v, boundariesAndScales: { 2: 0.5 } })],
    ['piecewise constant, a scale', (v) => optim.piecewiseConstantSchedule({ initValue: 1, boundariesAndScales: { 2: v } })],
    ['piecewise cosine', (v) => optim.piecewiseInterpolateSchedule({ interpolateType: 'cosine', initValue: v, boundariesAndScales: { 2: 0.5, 6: 3 } })],
    ['one cycle', (v) => optim.cosineOnecycleSchedule({ transitionSteps: 9, peakValue: v })],
    ['linear one cycle', (v) => optim.linearOnecycleSchedule({ transitionSteps: 9, peakValue: v })],
    ['warm-up and cosine', (v) => optim.warmupCosineDecaySchedule({ initValue: 0, peakValue: v, warmupSteps: 2, decaySteps: 8, endValue: 0.1 })],
    ['warm-up and exponential', (v) => optim.warmupExponentialDecaySchedule({ initValue: 0, peakValue: v, warmupSteps: 2, transitionSteps: 4, decayRate: 0.5 })],
  ] // prettier-ignore

  it.each(schedules)('%s', (_, make) => {
    const f = (v: ArrayLike): NDArray => np.stack([0, 1, 3, 7].map((step) => np.asarray(make(v)(step))))
    agree(jit(f)(np.array(0.6)), f(0.6))
    checkGrads((v: NDArray) => f(v), [np.array(0.6)], { rtol: 1e-2, atol: 1e-2 })
  })

  it('a learning rate is learned through a schedule', () => {
    const loss = (rate: NDArray): NDArray => {
      const schedule = optim.linearSchedule({ initValue: rate, endValue: 0, transitionSteps: 4 })
      return np.sum(np.square(trained(optim.sgd(schedule), 'float32')))
    }
    expect(jit(grad(loss))(np.array(0.2)).item()).toBeLessThan(0)
  })

  it('numbers of steps are known', () => {
    const options = { initValue: 1, endValue: 0, transitionSteps: np.array(3) as unknown as number }
    expect(() => optim.linearSchedule(options)).toThrow(/transitionSteps must be a number/)
  })
})

describe('losses and layers', () => {
  const x = np.array([0.3, -1.2, 2.5], { dtype: 'float64' })
  const y = np.array([1, 0, 1], { dtype: 'float64' })
  const functions: readonly (readonly [string, (v: ArrayLike) => NDArray])[] = [
    ['huberLoss', (v) => optim.huberLoss(x, y, { delta: v })],
    ['sigmoidFocalLoss, alpha', (v) => optim.sigmoidFocalLoss(x, y, { alpha: v })],
    ['sigmoidFocalLoss, gamma', (v) => optim.sigmoidFocalLoss(x, y, { gamma: v })],
    ['polyLossCrossEntropy', (v) => optim.polyLossCrossEntropy(x, np.divide(y, 2), { epsilon: v })],
    ['cosineSimilarity', (v) => optim.cosineSimilarity(x, y, { epsilon: np.multiply(v, 100) })],
    ['smoothLabels', (v) => optim.smoothLabels(y, v)],
    ['incrementalUpdate', (v) => optim.incrementalUpdate(x, y, v)],
    ['leakyRelu', (v) => nn.leakyRelu(x, v)],
    ['elu', (v) => nn.elu(x, v)],
    ['celu', (v) => nn.celu(x, v)],
    ['squareplus', (v) => nn.squareplus(x, v)],
    ['standardize', (v) => nn.standardize(x, { epsilon: v })],
    ['layerNorm', (v) => nn.layerNorm(3, { epsilon: v }).apply({ scale: null, bias: null }, x)],
    ['rmsNorm', (v) => nn.rmsNorm(3, { epsilon: v }).apply({ scale: null, bias: null }, x)],
    ['dropout', (v) => nn.dropout(random.key(1), x, v)],
    ['attention', (v) => nn.dotProductAttention(x.reshape([1, 3, 1, 1]), y.reshape([1, 3, 1, 1]), x.reshape([1, 3, 1, 1]), { scale: v })],
    ['initializers.normal', (v) => nn.initializers.normal({ stddev: v })(random.key(0), [3], 'float64')],
    ['initializers.uniform', (v) => nn.initializers.uniform({ scale: v })(random.key(0), [3], 'float64')],
    ['initializers.constant', (v) => nn.initializers.constant({ value: v })(random.key(0), [3], 'float64')],
    ['initializers.truncatedNormal', (v) => nn.initializers.truncatedNormal({ stddev: v })(random.key(0), [3], 'float64')],
    ['initializers.varianceScaling', (v) => nn.initializers.varianceScaling({ scale: v, mode: 'fanIn', distribution: 'uniform' })(random.key(0), [3, 2], 'float64')],
    ['random.uniform', (v) => random.uniform(random.key(0), [3], { minval: v, maxval: 2, dtype: 'float64' })],
  ] // prettier-ignore

  it.each(functions)('%s', (name, f) => {
    agree(jit(f)(np.array(0.4)), f(0.4))
    agree(vmap(f)(np.array([0.4, 0.6])).at(1).get(), f(0.6)) // prettier-ignore
    checkGrads((v: NDArray) => f(v), [np.array(0.4, { dtype: 'float64' })], name === 'dropout' ? {} : { order: 2 })
  })

  it('draws with computed chances and bounds', () => {
    const key = random.key(3)
    const chance = (p: ArrayLike): NDArray => random.bernoulli(key, p, [64])
    expect(jit(chance)(np.array(0.3)).toArray()).toEqual(chance(0.3).toArray())
    const below = (n: ArrayLike): NDArray => random.randint(key, [64], 0, n)
    expect(jit(below)(np.array(Int32Array.of(7)).reshape([])).toArray()).toEqual(below(7).toArray())
    const within = (low: ArrayLike): NDArray => random.truncatedNormal(key, low, 1, [64])
    agree(jit(within)(np.array(-0.5)), within(-0.5))
  })

  it('dropout of everything is zeros, and has finite derivatives', () => {
    const f = (rate: NDArray): NDArray => np.sum(nn.dropout(random.key(1), x, rate))
    expect(f(np.array(1)).item()).toBe(0)
    expect(grad(f)(np.array(1)).item()).toBeCloseTo(0)
    expect(() => nn.dropout(random.key(1), x, 1.5)).toThrow(/rate is a probability/)
  })
})
