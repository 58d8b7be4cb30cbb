/** `makeStep`: what a step does to a state, beside the plain computation. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { grad, jit, np, optim, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { castFloats, layerNorms, makeStep, sequenceClassification } from 'pullback/train'
import { int32, largest, treeDifference } from '../support.ts'

interface Params {
  readonly layer: readonly { readonly w: NDArray }[]
  readonly head: { readonly w: NDArray; readonly b: NDArray }
}
interface Batch {
  readonly x: NDArray
  readonly labels: NDArray
}

const params: Params = {
  layer: [0, 1].map((i) => ({ w: random.normal(random.key(i), [4, 4]) })),
  head: { w: random.normal(random.key(2), [4, 3]), b: np.zeros([3]) },
}
const batch: Batch = { x: random.normal(random.key(3), [8, 4]), labels: np.remainder(np.arange(8), 3) }

const logitsOf = (p: Params, x: NDArray): NDArray => {
  const inner = p.layer.reduce((h, { w }) => np.tanh(np.matmul(h, w)), x)
  return np.add(np.matmul(inner, p.head.w), p.head.b)
}
const loss = (p: Params, { x, labels }: Batch) => sequenceClassification(logitsOf(p, x), labels)

describe('a step', () => {
  test('is the optimizer on the gradient, and reports what it did', () => {
    const optimizer = optim.adamw(0.1)
    const { initState, step } = makeStep({ loss, optimizer, layerNorms: true })
    const before = initState(params)
    const [state, metrics] = jit(step)(before, batch)
    const gradient = grad((p: Params) => loss(p, batch).loss)(params)
    const [updates] = optimizer.update(gradient, optimizer.init(params), params)
    expect(treeDifference(state.params, optim.applyUpdates(params, updates))).toBeLessThan(1e-5)
    expect(metrics['gradNorm']!.item()).toBeCloseTo(optim.globalNorm(gradient).item(), 5)
    expect(metrics['weight']!.item()).toBe(8)
    expect([state.step.item(), state.seen.item(), state.skipped.item()]).toEqual([1, 8, 0])
    expect(metrics['finite']!.item()).toBe(1)
    const names = ['gradNorm/head', 'gradNorm/layer.0', 'gradNorm/layer.1']
    expect(Object.keys(metrics).filter((k) => k.startsWith('gradNorm/')).sort()).toEqual(names) // prettier-ignore
    const squares = names.reduce((sum, name) => sum + metrics[name]!.item() ** 2, 0)
    expect(Math.sqrt(squares)).toBeCloseTo(metrics['gradNorm']!.item(), 4)
    for (const x of Object.values(metrics)) expect(x.ndim).toBe(0)
    // The state that went in is as it was.
    expect(treeDifference(before.params, params)).toBe(0)
  })

  test('takes a scalar for a loss, and nothing of another shape', () => {
    const scalar = (p: Params, b: Batch) => loss(p, b).loss
    const one = makeStep({ loss: scalar, optimizer: optim.sgd(0.1) })
    const [state, metrics] = one.step(one.initState(params), batch)
    expect(metrics['weight']!.item()).toBe(1)
    const other = makeStep({ loss, optimizer: optim.sgd(0.1) })
    expect(treeDifference(state.params, other.step(other.initState(params), batch)[0].params)).toBeLessThan(1e-6)
    const vector = makeStep({ loss: (p: Params) => p.head.b, optimizer: optim.sgd(0.1) })
    expect(() => vector.step(vector.initState(params), batch)).toThrow(/makeStep: the loss must give an objective/)
  })

  test('clips all gradients together, and says the norm before and after', () => {
    const { initState, step } = makeStep({ loss, optimizer: optim.sgd(1), clip: 0.01 })
    const [state, metrics] = step(initState(params), batch)
    const moved = tree.map((a: NDArray, b: NDArray) => np.subtract(a, b), state.params, params)
    expect(optim.globalNorm(moved).item()).toBeCloseTo(0.01, 5)
    expect(metrics['gradNorm']!.item()).toBeGreaterThan(0.01)
    expect(metrics['clippedNorm']!.item()).toBeCloseTo(0.01, 6)
    const wide = makeStep({ loss, optimizer: optim.sgd(1), clip: 1e6 })
    const [, free] = wide.step(wide.initState(params), batch)
    expect(free['clippedNorm']!.item()).toBe(free['gradNorm']!.item())
  })

  test('a rate by steps, and by what has been seen', () => {
    const learningRate = optim.linearSchedule({ initValue: 1, endValue: 0, transitionSteps: 16 })
    const optimizer = (rate: NDArray) => optim.sgd(rate)
    const rates = (scheduleBy: 'step' | 'seen'): readonly number[] => {
      const { initState, step } = makeStep({ loss, optimizer, learningRate, scheduleBy })
      const run = jit(step)
      let state = initState(params)
      return [0, 1, 2].map(() => {
        const [next, metrics] = run(state, batch)
        state = next
        return metrics['learningRate']!.item()
      })
    }
    expect(rates('step')).toEqual([1, 15 / 16, 14 / 16])
    expect(rates('seen')).toEqual([1, 0.5, 0])
    // Eight rows a step: by what is seen, the schedule is over after two.
    expect(() => makeStep({ loss, optimizer: optim.sgd(1), learningRate })).toThrow(
      /with a learningRate, the optimizer is a function/,
    )
    expect(() => makeStep({ loss, optimizer })).toThrow(/needs a learningRate/)
  })

  test('dropout: each step has its own key, the same again from the same state', () => {
    const keys: NDArray[] = []
    const noisy = (p: Params, b: Batch, { key }: { readonly key?: NDArray }) => {
      if (key !== undefined) keys.push(key)
      return loss(p, b)
    }
    const { initState, step } = makeStep({ loss: noisy, optimizer: optim.sgd(0.1) })
    const first = initState(params, { key: random.key(9) })
    const [second] = step(first, batch)
    step(second, batch)
    step(first, batch)
    const bits = keys.map((k) => np.asarray(random.bits(k)).item())
    expect(bits[0]).not.toBe(bits[1])
    expect(bits[2]).toBe(bits[0])
    step(initState(params), batch)
    expect(keys.length).toBe(3)
  })
})

describe('what is not finite', () => {
  const bad: Batch = { ...batch, x: batch.x.at(0, 0).set(NaN) }
  const options = { loss, optimizer: optim.adam(0.1), ema: 0.9 }

  test('is left out and counted: parameters, slots and means stay bit for bit', () => {
    const { initState, step } = makeStep(options)
    const [state] = step(initState(params), batch)
    const [next, metrics] = jit(step)(state, bad)
    const kept = ({ params: p, optimizer, ema, step: s, seen }: typeof state) => [p, optimizer, ema, s, seen]
    expect(tree.equal(kept(next), kept(state))).toBe(true)
    expect(next.skipped.item()).toBe(1)
    expect(metrics['finite']!.item()).toBe(0)
    expect(metrics['loss']!.item()).toBeNaN()
    expect(step(next, batch)[1]['finite']!.item()).toBe(1)
  })

  test('or applied all the same', () => {
    const { initState, step } = makeStep({ ...options, onNonFinite: 'apply' })
    const [next, metrics] = step(initState(params), bad)
    expect(largest(np.isnan(next.params.head.b).astype('int32'))).toBe(1)
    expect(metrics['finite']!.item()).toBe(0)
  })

  test('nor is a batch in which nothing counts', () => {
    const { initState, step } = makeStep(options)
    const none = { ...batch, labels: np.full([8], -100, { dtype: 'int32' }) }
    const [next, metrics] = jit(step)(initState(params), none)
    expect([metrics['weight']!.item(), metrics['finite']!.item(), next.skipped.item()]).toEqual([0, 0, 1])
    expect(treeDifference(next.params, params)).toBe(0)
  })
})

describe('a running mean of parameters', () => {
  test.each([0, 0.5, 0.9, 0.999, 0.99999])('decay %d: the weighted mean of all that were', (ema) => {
    const { initState, step, average } = makeStep({ loss, optimizer: optim.sgd(0.5), ema })
    const run = jit(step)
    let state = initState(params)
    expect(treeDifference(average(state), params)).toBe(0)
    const seen: number[] = []
    for (let i = 0; i < 6; i++) {
      ;[state] = run(state, batch)
      seen.push(state.params.head.w.at(0, 0).get().item())
    }
    const weights = seen.map((_, i) => ema ** (seen.length - 1 - i))
    const total = weights.reduce((a, b) => a + b)
    const mean = seen.reduce((sum, x, i) => sum + (x * weights[i]!) / total, 0)
    expect(Math.abs(average(state).head.w.at(0, 0).get().item() - mean)).toBeLessThan(
      1e-5 * Math.max(1, Math.abs(mean)),
    )
  })

  test('of what does not move is that, after very many steps too', () => {
    const still = makeStep({ loss, optimizer: optim.sgd(0), ema: 0.9999 })
    const run = jit(still.step)
    let state = still.initState(params)
    for (let i = 0; i < 300; i++) [state] = run(state, batch)
    expect(treeDifference(still.average(state), params)).toBeLessThan(1e-5)
  })
})

describe('the scale of a loss', () => {
  test('moves as that of GradScaler', () => {
    const { scales } = JSON.parse(
      readFileSync(join(import.meta.dirname, '../objectives/data/goldens.json'), 'utf8'),
    ) as { readonly scales: readonly { readonly finite: boolean; readonly scale: number; readonly weight: number }[] }
    const { initState, step } = makeStep({
      loss: (w: NDArray, slope: NDArray) => np.multiply(w, slope),
      optimizer: optim.sgd(1),
      lossScale: { initScale: 8, growthFactor: 2, backoffFactor: 0.5, growthInterval: 2 },
    })
    const run = jit(step)
    let state = initState(np.array(0))
    for (const { finite, scale, weight } of scales) {
      const [next, metrics] = run(state, np.array(finite ? 1 : Infinity))
      state = next
      expect(metrics['finite']!.item()).toBe(finite ? 1 : 0)
      expect(state.lossScale!.scale.item()).toBe(scale)
      expect(state.params.item()).toBe(weight)
    }
  })
})

test('layerNorms: by the first number of a path, or the module', () => {
  const norms = layerNorms({
    a: { b: { c: np.array([3, 4]) } },
    layer: { 0: { w: np.array([1]) }, 10: { w: np.array([2]) } },
  })
  expect(Object.entries(norms).map(([k, x]) => [k, x.item()])).toEqual([['a.b', 5], ['layer.0', 1], ['layer.10', 2]]) // prettier-ignore
})

test('castFloats: floats and nothing else', () => {
  const cast = castFloats({ w: np.ones([2]), ids: int32([[1]]), nothing: null }, 'float16')
  expect([cast.w.dtype, cast.ids.dtype, cast.nothing]).toEqual(['float16', 'int32', null])
})

test('what is handed over by mistake is said to be that', () => {
  const { initState, step, stepOver, average } = makeStep({ loss, optimizer: optim.sgd(0.1) })
  const state = initState(params)
  const wrong = (x: unknown) => x as never
  expect(() => step(wrong(params), batch)).toThrow(/^makeStep: state must be a state, as initState/)
  expect(() => stepOver(state, wrong(batch))).toThrow(/^makeStep: batches must be a list of at least one batch/)
  expect(() => stepOver(state, [])).toThrow(/^makeStep: batches/)
  expect(() => average(wrong(null))).toThrow(/^makeStep: state/)
  expect(() => initState(params, wrong({ key: 7 }))).toThrow(/^makeStep: a key is a uint32 array/)
  const options = { loss, optimizer: optim.sgd(0.1) }
  expect(() => makeStep({ ...options, clip: 0 })).toThrow(/^makeStep: clip must be a number above 0/)
  expect(() => makeStep({ ...options, ema: 1 })).toThrow(/^makeStep: ema must be a number from 0 to below 1/)
  expect(() => makeStep({ ...options, lossScale: wrong('static') })).toThrow(/^makeStep: lossScale must be/)
  expect(() => makeStep(wrong({ ...options, clipNorm: 1 }))).toThrow(/^makeStep: there is no option 'clipNorm'/)
  expect(() => makeStep({ ...options, optimizer: wrong({}) })).toThrow(/^makeStep: optimizer must be/)
})
