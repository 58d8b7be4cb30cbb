/** A step among transformations: compiled, donated, mapped over ensembles, differentiated; with adapters and a frozen base. */
import { describe, expect, test } from 'vitest'
import { explain, grad, jit, np, optim, random, tree, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import type { ParamTree } from 'pullback/models'
import { Adapter, causalLM, makeStep, regression } from 'pullback/train'
import { largest, tinyModel, treeDifference } from '../support.ts'

interface Params {
  readonly w: NDArray
  readonly b: NDArray
}
interface Batch {
  readonly x: NDArray
  readonly y: NDArray
}

const params: Params = { w: random.normal(random.key(1), [3]), b: np.array(0.5) }
const batch: Batch = { x: random.normal(random.key(2), [6, 3]), y: random.normal(random.key(3), [6]) }
const loss = (p: Params, { x, y }: Batch) => regression(np.add(np.matmul(x, p.w), p.b), y)
const made = makeStep({ loss, optimizer: optim.adam(0.1), ema: 0.9, clip: 1 })

test('donated states give what others give', () => {
  const donating = jit(made.step, { donateArgnums: [0] })
  let [plain, donated] = [made.initState(params, { key: random.key(4) }), made.initState(tree.map((x: NDArray) => x.add(0), params), { key: random.key(4) })] // prettier-ignore
  for (let i = 0; i < 5; i++) {
    plain = jit(made.step)(plain, batch)[0]
    donated = donating(donated, batch)[0]
  }
  expect(tree.equal(donated, plain)).toBe(true)
  expect(largest(params.w)).toBeGreaterThan(0)
})

test('an ensemble: states side by side, each as it would be alone', () => {
  const members = [0, 1, 2].map((i) => ({ w: random.normal(random.key(i), [3]), b: np.array(i) }))
  const stacked = tree.map((...xs: NDArray[]) => np.stack(xs), ...(members.map((p) => made.initState(p)) as [never]))
  const [together, metrics] = vmap(made.step, { inAxes: [0, null] })(stacked, batch) as unknown as [
    { readonly params: Params },
    { readonly loss: NDArray },
  ]
  members.forEach((p, i) => {
    const [alone, own] = made.step(made.initState(p), batch)
    expect(
      treeDifference(
        tree.map((x: NDArray) => x.at(i).get(), together.params),
        alone.params,
      ),
    ).toBeLessThan(1e-6)
    expect(metrics.loss.at(i).get().item()).toBeCloseTo(own['loss']!.item(), 5)
  })
})

test('the loss after a step has a derivative by what the step was made of', () => {
  const after = (rate: NDArray): NDArray => {
    const { initState, step } = makeStep({ loss, optimizer: optim.sgd(rate) })
    const [state] = step(initState(params), batch)
    return loss(state.params, batch).loss
  }
  const slope = grad(after)(np.array(0.05)).item()
  const difference = (after(np.array(0.06)).item() - after(np.array(0.04)).item()) / 0.02
  expect(Math.abs(slope - difference)).toBeLessThan(1e-3 * Math.abs(slope))
})

describe('a frozen base', () => {
  const base = random.normal(random.key(5), [3])
  const shifted = (delta: NDArray, { x, y }: Batch, _: object, frozen: NDArray) =>
    regression(np.matmul(x, np.add(frozen, delta)), y)
  const optimizer = optim.sgd(0.1)
  const expected = (): NDArray => {
    const closed = makeStep({ loss: (d: NDArray, b: Batch) => shifted(d, b, {}, base), optimizer })
    return closed.step(closed.initState(np.zeros([3])), batch)[0].params
  }

  test('is the third argument of a step: of one batch, of a stack, of a list', () => {
    const one = makeStep({ loss: shifted, optimizer })
    const begin = one.initState(np.zeros([3]))
    const stacked = makeStep({ loss: shifted, optimizer, accumulate: true })
    const stack = { x: np.reshape(batch.x, [3, 2, 3]), y: np.reshape(batch.y, [3, 2]) }
    const parts = [0, 2, 4].map((i) => ({ x: batch.x.at(np.slice(i, i + 2)).get(), y: batch.y.at(np.slice(i, i + 2)).get() })) // prettier-ignore
    const all = [
      jit(one.step)(begin, batch, base)[0],
      jit(stacked.step)(stacked.initState(np.zeros([3])), stack, base)[0],
      one.stepOver(begin, parts, base)[0],
    ]
    for (const { params: found } of all) expect(treeDifference(found, expected())).toBeLessThan(1e-6)
  })

  test('an adapter is trained as any tree: it stays one, and nothing else has slots', () => {
    const adapter = new Adapter({ method: 'shift' }, { layer: { delta: np.zeros([3]) } })
    const { initState, step } = makeStep({
      loss: (a: Adapter, b: Batch, run, frozen: NDArray) => shifted(a.weights['layer']!['delta']!, b, run, frozen),
      optimizer: optim.adam(0.1),
      ema: 0.5,
    })
    const [state] = jit(step)(initState(adapter), batch, base)
    expect(state.params).toBeInstanceOf(Adapter)
    expect(largest(state.params.weights['layer']!['delta']!)).toBeCloseTo(0.1, 3)
    // Both moments of three numbers, and a count.
    expect(tree.size(state.optimizer)).toBe(7)
  })
})

test('a stack of micro-batches needs the memory of one of them, not of the batch', () => {
  const { model, params: whole } = tinyModel('LlamaForCausalLM', { max_position_embeddings: 64 })
  const ids = np.remainder(np.arange(8 * 64), 32).reshape([8, 64])
  const lossOf = (p: ParamTree, { input_ids }: { readonly input_ids: NDArray }) =>
    causalLM(model.apply(p, { input_ids })['logits']!, input_ids)
  const peak = (accumulate: boolean): number => {
    const { initState, step } = makeStep({ loss: lossOf, optimizer: optim.sgd(0.1), accumulate })
    const input_ids = accumulate ? ids.reshape([8, 1, 64]) : ids
    return explain(jit(step), initState(whole), { input_ids }).livePeak
  }
  expect(peak(true)).toBeLessThan(0.4 * peak(false))
})
