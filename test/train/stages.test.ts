import type { NDArray } from 'pullback'
import { grad, np, optim, random, tree } from 'pullback'
import { carryState, combine, nextStage, partition, unfreeze } from 'pullback/train'
import { expect, test } from 'vitest'
import { begun, bert, close, inputIds } from './support/tiny.ts'

const params = begun(bert)
const lossOf = (p: typeof params): NDArray => np.mean(np.square(bert.apply(p, { inputIds }).logits))

test('moments of the leaves that stay move over; the others begin anew', () => {
  const optimizer = optim.adam(0.01)
  let adapter = unfreeze.init(random.key(0), params, { layers: 0 })
  let state = optimizer.init(adapter)
  for (let step = 0; step < 3; step++) {
    const gradients = grad((a: typeof adapter) => lossOf(unfreeze.apply(params, a)))(adapter)
    const [updates, next] = optimizer.update(gradients, state, adapter)
    ;[adapter, state] = [optim.applyUpdates(adapter, updates), next]
  }
  const [base, wider] = nextStage(params, adapter, { layers: 1 })
  // Nothing is lost of what was learnt.
  close('loss', lossOf(unfreeze.apply(base, wider)), lossOf(unfreeze.apply(params, adapter)), 0)
  const carried = carryState(state, optimizer.init(wider))
  const moments = tree.flattenWithPath(carried as never)[0] as readonly (readonly [readonly unknown[], NDArray])[]
  const before = new Map(
    (tree.flattenWithPath(state as never)[0] as readonly (readonly [readonly unknown[], NDArray])[]).map(
      ([path, x]) => [path.join('/'), x],
    ),
  )
  let fresh = 0
  for (const [path, moment] of moments) {
    const was = before.get(path.join('/'))
    if (was === undefined) {
      fresh++
      expect(np.max(np.abs(moment)).item()).toBe(0)
    } else expect(moment).toBe(was)
  }
  expect(fresh).toBe(2 * 16)
  expect(before.size).toBe(moments.length - fresh)
})

test('with an optimizer for each stage, what comes later takes its first steps as if it were alone', () => {
  const part = optim.adam(0.1)
  const labels = (path: readonly unknown[]): string => (path.join('.').includes('layer.2') ? 'second' : 'first')
  const [one, both] = [
    optim.multiTransform({ first: part }, labels),
    optim.multiTransform({ first: part, second: part }, labels),
  ]
  const head = unfreeze.init(random.key(0), params, { layers: 0 })
  const ones = tree.map(np.onesLike, head)
  const [, state] = one.update(ones, one.init(head))
  const [, later] = one.update(ones, state)
  const [, wider] = nextStage(params, head, { layers: 1 })
  const [updates, after] = both.update(tree.map(np.onesLike, wider), carryState(later, both.init(wider)))
  // Adam's first step is as long as its rate.
  close('first step', updates.saved['bert.encoder.layer.2.output.dense.bias']!, np.full([8], -0.1), 1e-5)
  const counts = tree
    .leaves(after as never)
    .filter((x: NDArray) => x.ndim === 0 && x.dtype === 'int32') as readonly NDArray[]
  expect(new Set(counts.map((x) => x.item()))).toEqual(new Set([3, 1]))
})

test('partitions as stages', () => {
  const optimizer = optim.trace(0.5)
  const [head] = partition(params, 'classifier.**')
  const [, state] = optimizer.update(tree.map(np.onesLike, head), optimizer.init(head))
  const [more, frozen] = partition(params, ['classifier.**', '**.layer.2.**'])
  const next = carryState(state, optimizer.init(more)) as { readonly trace: typeof more }
  const trace = combine(next.trace, frozen)
  expect(trace.classifier.bias!.toArray()).toEqual([1, 1, 1])
  expect(np.max(np.abs(trace.bert.encoder.layer[2]!.output.dense.weight)).item()).toBe(0)
})
