/**
 * finetuning.md §5, item 11: gradient checkpointing where the inputs of a block are frozen gives no gradient (transformers #42489, #25841,
 * #26334; peft #404). Here a checkpointed function is differentiated by what it is differentiated by, closed over or handed in.
 */
import type { NDArray } from 'pullback'
import { checkpoint, checkpointPolicies, grad, jit, np, random, tree } from 'pullback'
import { bottleneck, combine, partition } from 'pullback/train'
import { describe, expect, test } from 'vitest'
import { begun, bert, close, inputIds } from '../support/tiny.ts'

const normal = (seed: number, shape: readonly number[]): NDArray => random.normal(random.key(seed), shape)

const params = {
  table: normal(1, [9, 4]),
  layers: Array.from({ length: 3 }, (_, i) => ({ frozen: normal(2 + i, [4, 4]), trained: normal(7 + i, [4, 4]) })),
}
const ids = np.array([[1, 2, 3]], { dtype: 'int32' })

type Layer = (typeof params.layers)[number]
const block = (layer: Layer, x: NDArray): NDArray =>
  np.add(x, np.matmul(np.tanh(np.matmul(x, layer.frozen)), layer.trained))

const lossWith =
  (run: (layer: Layer, x: NDArray) => NDArray) =>
  (p: typeof params): NDArray =>
    np.sum(np.square(p.layers.reduce((x, layer) => run(layer, x), np.take(p.table, ids, { axis: 0 }))))

const [trained, frozen] = partition(params, 'layers.*.trained')
const gradientsOf = (loss: (p: typeof params) => NDArray, transform = <F>(f: F): F => f): readonly NDArray[] =>
  tree.leaves(
    transform(grad(((part: typeof trained) => loss(combine(part, frozen))) as never))(trained as never) as never,
  )

const wanted = gradientsOf(lossWith(block))

describe('the inputs are frozen, and the gradients are those without a checkpoint', () => {
  const closed = (layer: Layer, x: NDArray): NDArray => checkpoint((y: NDArray) => block(layer, y))(x)
  test.each([
    ['handed in', checkpoint(block)],
    ['closed over', closed],
    ['products kept', checkpoint(block, { policy: checkpointPolicies.dotsSaveable })],
    ['common parts shared', checkpoint(block, { preventCse: false })],
  ])('%s', (_, run) => {
    for (const got of [gradientsOf(lossWith(run)), gradientsOf(lossWith(run), jit)]) {
      got.forEach((g, i) => {
        close(`layer ${i}`, g, wanted[i]!)
      })
      for (const g of got) expect(np.max(np.abs(g)).item()).toBeGreaterThan(0)
    }
  })
})

test('a whole model with adapters, of which nothing else is trained', () => {
  const given = begun(bert)
  const adapter = bottleneck.init(random.key(0), given, { size: 2 })
  const loss = (a: typeof adapter): NDArray =>
    np.sum(np.square(bert.apply(bottleneck.apply(given, a), { inputIds }).logits))
  const plain = tree.leaves(grad(loss)(adapter)) as readonly NDArray[]
  const careful = tree.leaves(grad(checkpoint(loss))(adapter)) as readonly NDArray[]
  plain.forEach((g, i) => {
    close(`leaf ${i}`, careful[i]!, g)
  })
  expect(plain.some((g) => np.max(np.abs(g)).item() > 0)).toBe(true)
})
