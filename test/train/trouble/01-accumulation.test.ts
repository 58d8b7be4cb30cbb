/**
 * finetuning trouble 1: gradient accumulation averaged per micro-batch instead of per token, and a short last accumulation. Here it equals
 * the big batch to rounding, whatever the parts are.
 */
import { describe, expect, test } from 'vitest'
import { jit, np, optim, random } from 'pullback'
import type { NDArray } from 'pullback'
import type { ParamTree } from 'pullback/models'
import { causalLM, makeStep } from 'pullback/train'
import type { ObjectiveMetrics, StepState } from 'pullback/train'
import { tinyModel, treeDifference } from '../support.ts'

const { model, params } = tinyModel('LlamaForCausalLM')

interface Batch {
  readonly input_ids: NDArray
  readonly labels: NDArray
}

const loss = (p: ParamTree, { input_ids, labels }: Batch) => causalLM(model.apply(p, { input_ids })['logits']!, labels)

/** Rows of which very unequal parts count: 1, 2, 9, 4, ... tokens. */
const rows = 7
const ids = random.randint(random.key(3), [rows, 10], 2, 32)
const counted = np.array([9, 1, 2, 8, 3, 9, 1], { dtype: 'int32' })
const answer = np.greaterEqual(np.arange(10), np.subtract(10, np.expandDims(counted, 1)))
const whole: Batch = { input_ids: ids, labels: np.where(answer, ids, -100) }

const part = ({ input_ids, labels }: Batch, from: number, to: number): Batch => {
  const rowsOf = (x: NDArray): NDArray => x.at(np.slice(from, to)).get()
  return { input_ids: rowsOf(input_ids), labels: rowsOf(labels) }
}

const optimizer = optim.sgd(1)
const big = makeStep({ loss, optimizer, clip: 1 })
const [afterBig, bigMetrics] = jit(big.step)(big.initState(params), whole)

const agrees = (state: StepState<ParamTree, unknown>, metrics: ObjectiveMetrics): void => {
  expect(treeDifference(state.params, afterBig.params)).toBeLessThan(2e-6)
  for (const name of ['loss', 'weight', 'gradNorm', 'accuracy']) {
    expect(metrics[name]!.item(), name).toBeCloseTo(bigMetrics[name]!.item(), 4)
  }
  expect([state.step.item(), state.seen.item()]).toEqual([1, 33])
}

describe('micro-batches of a stack', () => {
  const { initState, step } = makeStep({ loss, optimizer, clip: 1, accumulate: true })
  const run = jit(step)
  const stack = (size: number): Batch => {
    const count = Math.ceil(rows / size)
    const missing = count * size - rows
    const pad = (x: NDArray, value: number): NDArray =>
      np.pad(x, [[0, missing], [0, 0]], { constantValues: value }).reshape([count, size, 10]) // prettier-ignore
    return { input_ids: pad(whole.input_ids, 2), labels: pad(whole.labels, -100) }
  }

  test.each([1, 2, 3, 4, 7])('of %d rows, the last filled up with rows that do not count', (size) => {
    agrees(...run(initState(params), stack(size)))
  })

  test('a micro-batch in which nothing counts adds nothing', () => {
    const { input_ids, labels } = stack(7)
    const more = { input_ids: np.concatenate([input_ids, input_ids]), labels: np.concatenate([labels, np.full(labels.shape, -100, { dtype: 'int32' })]) } // prettier-ignore
    agrees(...run(initState(params), more))
  })

  test('all arrays have the same first axis', () => {
    const bad = { ...stack(1), labels: stack(7).labels }
    expect(() => step(initState(params), bad)).toThrow(
      /makeStep: with accumulate, all arrays of a batch have one first axis/,
    )
  })
})

describe('micro-batches of different shapes', () => {
  const { initState, stepOver } = makeStep({ loss, optimizer, clip: 1 })
  test.each([
    ['one', [0, 7]],
    ['an uneven last one', [0, 3, 6, 7]],
    ['each a row', [0, 1, 2, 3, 4, 5, 6, 7]],
    ['a big last one', [0, 1, 7]],
  ])('%s', (_, cuts) => {
    const batches = cuts.slice(1).map((to, i) => part(whole, cuts[i]!, to))
    agrees(...stepOver(initState(params), batches))
  })

  test('lengths may differ too', () => {
    const batches = Array.from({ length: rows }, (_, i) => {
      const row = part(whole, i, i + 1)
      // From the token before the answer on, as if the text began there, it would be another text: pad on the right instead.
      const pad = (x: NDArray, value: number): NDArray => np.pad(x, [[0, 0], [0, i]], { constantValues: value }) // prettier-ignore
      return { input_ids: pad(row.input_ids, 2), labels: pad(row.labels, -100) }
    })
    agrees(...stepOver(initState(params), batches))
  })
})

test('the mean of means is another thing, and what others took for it', () => {
  const { initState, stepOver } = makeStep({
    loss: (p: ParamTree, batch: Batch) => loss(p, batch).loss,
    optimizer,
    clip: 1,
  })
  const batches = Array.from({ length: rows }, (_, i) => part(whole, i, i + 1))
  const [, metrics] = stepOver(initState(params), batches)
  expect(Math.abs(metrics['loss']!.item() - bigMetrics['loss']!.item())).toBeGreaterThan(0.01)
})
