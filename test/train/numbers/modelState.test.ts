/** A model's own state in a step: statistics that are gathered in training, by no gradient. */
import type { NDArray } from 'pullback'
import { jit, np, optim, random, tree } from 'pullback'
import { layers } from 'pullback/models'
import { causalLM, latestCheckpoint, makeStep, memoryStore, saveCheckpoint } from 'pullback/train'
import type { LossRun } from 'pullback/train'
import { describe, expect, test } from 'vitest'
import { get } from '../../io/support/recorded.ts'

const momentum = 0.1
const begin = {
  params: { norm: { weight: np.array([1, 1.5]), bias: np.array([0, 0.25]) }, head: np.array([0.5, -0.5]) },
  state: { running_mean: np.zeros([2]), running_var: np.ones([2]), seen: np.array(0, { dtype: 'int32' }) },
}
type Params = typeof begin.params
type State = typeof begin.state
interface Batch {
  readonly x: NDArray
  readonly y: NDArray
}

const batchOf = (seed: number, rows = 4): Batch => {
  const [forX, forY] = random.split(random.key(seed))
  return { x: np.add(random.normal(forX, [rows, 2, 3, 3]), seed % 3), y: random.normal(forY, [rows]) }
}

/** One batch norm and a product. */
const run = (params: Params, x: NDArray, { seen, ...statistics }: State, training: boolean) => {
  const [y, next] = layers.applyBatchNorm(params.norm, statistics, x, { training, epsilon: 1e-5, momentum })
  return [np.matmul(np.mean(np.tanh(y), { axis: [2, 3] }), params.head), { ...next, seen: np.add(seen, 1) }] as const
}

const loss = (params: Params, { x, y }: Batch, { state }: LossRun<State>) => {
  const [out, next] = run(params, x, state, true)
  return [np.mean(np.square(np.subtract(out, y))), next] as const
}

const settings = { loss, optimizer: optim.sgd(0.1) }
const made = makeStep(settings)
const start = () => made.initState(begin.params, { modelState: begin.state })

const expectClose = (a: unknown, b: unknown): void => {
  const [one, two] = [tree.leaves(a as State), tree.leaves(b as State)]
  expect(one.length).toBe(two.length)
  one.forEach((x, i) => {
    expect(np.allclose(x, two[i]!, { rtol: 1e-6, atol: 1e-7 }).bool()).toBe(true)
  })
}
const isSame = (a: unknown, b: unknown): boolean => {
  const [one, two] = [tree.leaves(a as State), tree.leaves(b as State)]
  return one.length === two.length && one.every((x, i) => x.dtype === two[i]!.dtype && np.arrayEqual(x, two[i]!).bool())
}

/** The statistics after batches, by their formula. */
const statisticsAfter = (batches: readonly Batch[]): State =>
  batches.reduce((state: State, { x }) => {
    const count = x.size / 2
    const mixed = (old: NDArray, now: NDArray) => np.add(np.multiply(old, 1 - momentum), np.multiply(now, momentum))
    return {
      running_mean: mixed(state.running_mean, np.mean(x, { axis: [0, 2, 3] })),
      running_var: mixed(state.running_var, np.multiply(np.var(x, { axis: [0, 2, 3] }), count / (count - 1))),
      seen: np.add(state.seen, 1),
    }
  }, begin.state)

const batches = [1, 2, 3, 4].map((seed) => batchOf(seed))

describe('a step', () => {
  test('gathers what batches have, eager and compiled; parameters go as without it', () => {
    const step = jit(made.step)
    let [eager, compiled] = [start(), start()]
    for (const batch of batches) {
      ;[eager] = made.step(eager, batch)
      ;[compiled] = step(compiled, batch)
    }
    expectClose(eager.modelState, statisticsAfter(batches))
    expectClose(compiled.modelState, eager.modelState)
    expect(compiled.modelState.seen.dtype).toBe('int32')
    const plain = makeStep({
      loss: (params: Params, batch: Batch) => loss(params, batch, { state: begin.state })[0],
      optimizer: optim.sgd(0.1),
    })
    let alone = plain.initState(begin.params)
    for (const batch of batches) [alone] = plain.step(alone, batch)
    expectClose(compiled.params, alone.params)
    expect(alone.modelState).toBe(null)
  })

  test('takes in micro-batches one after the other, stacked or not', () => {
    const accumulating = makeStep({ ...settings, accumulate: true })
    const stack = { x: np.stack(batches.map(({ x }) => x)), y: np.stack(batches.map(({ y }) => y)) }
    const [stacked] = jit(accumulating.step)(start(), stack)
    expectClose(stacked.modelState, statisticsAfter(batches))
    const [over] = made.stepOver(start(), batches)
    expectClose(over.modelState, stacked.modelState)
    expectClose(over.params, stacked.params)
    const uneven = [batchOf(1), batchOf(2, 7)]
    expectClose(made.stepOver(start(), uneven)[0].modelState, statisticsAfter(uneven))
  })

  test('that is left out leaves it as it was', () => {
    const step = jit(made.step)
    const [before] = step(start(), batches[0]!)
    const bad = { ...batches[1]!, x: np.multiply(batches[1]!.x, Infinity) }
    const [after, metrics] = step(before, bad)
    expect(metrics['finite']!.item()).toBe(0)
    expect(isSame(after.modelState, before.modelState)).toBe(true)
    const heedless = makeStep({ ...settings, onNonFinite: 'apply' })
    const [poisoned] = heedless.step(before, bad)
    expect(np.all(np.isfinite(poisoned.modelState.running_mean)).bool()).toBe(false)
  })

  test('keeps its dtypes where the loss is computed in 16 bits', () => {
    const narrow = makeStep({ ...settings, compute: 'bfloat16' })
    const [{ modelState }] = narrow.step(narrow.initState(begin.params, { modelState: begin.state }), batches[0]!)
    expect([modelState.running_mean.dtype, modelState.seen.dtype]).toEqual(['float32', 'int32'])
  })
})

describe('what is evaluated', () => {
  test('without a running mean: the state after the last step', () => {
    const [state] = made.step(start(), batches[0]!)
    expect(made.averageModelState(state)).toBe(state.modelState)
    expect(made.average(state)).toBe(state.params)
  })

  test('with one: the mean of floats by the same decay, and counters as they are', () => {
    const decay = 0.9
    const averaging = makeStep({ ...settings, ema: decay })
    let state = averaging.initState(begin.params, { modelState: begin.state })
    expect(isSame(averaging.averageModelState(state), begin.state)).toBe(true)
    let [mean, count] = [np.zeros([2]), 0]
    for (const batch of batches) {
      ;[state] = averaging.step(state, batch)
      mean = np.add(np.multiply(mean, decay), np.multiply(state.modelState.running_mean, 1 - decay))
      count += 1
    }
    const averaged = averaging.averageModelState(state)
    expectClose(averaged.running_mean, np.divide(mean, 1 - decay ** count))
    expect(averaged.seen.item()).toBe(4)
    expect(averaged.seen.dtype).toBe('int32')
  })
})

test('a checkpoint has it: a run that goes on ends where one without interruption does, bit for bit', async () => {
  const averaging = makeStep({ ...settings, ema: 0.9 })
  const step = jit(averaging.step)
  const initial = averaging.initState(begin.params, { modelState: begin.state, key: random.key(0) })
  const after = (from: typeof initial, some: readonly Batch[]) =>
    some.reduce((state, batch) => step(state, batch)[0], from)
  const store = memoryStore()
  const half = after(initial, batches.slice(0, 2))
  await get(saveCheckpoint('run', { step: 2, state: half, position: null }, { store }))
  const found = await get(latestCheckpoint('run', initial, { store }))
  expect(isSame(after(found.checkpoint!.state, batches.slice(2)), after(initial, batches))).toBe(true)
})

describe('what does not fit is said', () => {
  test('a state without a beginning, and a beginning without a state', () => {
    const without = makeStep({ loss: (params: Params) => np.sum(params.head), optimizer: optim.sgd(0.1) })
    const state = without.initState(begin.params, { modelState: begin.state as never })
    expect(() => without.step(state, batches[0]!)).toThrow(/must give the next one besides: \[loss, state\]/)
    const besides = makeStep({
      loss: (params: Params) => [np.sum(params.head), begin.state] as const,
      optimizer: optim.sgd(0.1),
    })
    expect(() => besides.step(besides.initState(begin.params), batches[0]!)).toThrow(/begin with initState/)
  })

  test('a state of another tree, or of other shapes', () => {
    const shaped = makeStep({
      loss: (params: Params, _: Batch, { state }: LossRun<State>) =>
        [np.sum(params.head), { ...state, running_mean: np.zeros([3]) }] as const,
      optimizer: optim.sgd(0.1),
    })
    const state = shaped.initState(begin.params, { modelState: begin.state })
    expect(() => shaped.step(state, batches[0]!)).toThrow(/f32\[2\].*f32\[3\]/)
  })
})

test('an objective may come with a state, too', () => {
  const objective = makeStep({
    loss: (w: NDArray, batch: { readonly labels: NDArray }, { state }: LossRun<NDArray>) =>
      [causalLM(np.broadcastTo(w, [1, 3, 4]), batch.labels), np.add(state, 1)] as const,
    optimizer: optim.sgd(1),
  })
  const [state, metrics] = objective.step(objective.initState(np.zeros([4]), { modelState: np.array(0) }), {
    labels: np.array([[0, 1, 2]], { dtype: 'int32' }),
  })
  expect(state.modelState.item()).toBe(1)
  expect(metrics['weight']!.item()).toBe(2)
})
