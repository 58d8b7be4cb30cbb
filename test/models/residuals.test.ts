/** What reverse mode keeps of the largest arrays of a model, and that the rules by which it keeps less are right. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { explain, grad, jit, nn, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { crossEntropy, layers, nextTokenLoss } from 'pullback/models'
import { checkGrads } from 'pullback/testing'

const { attend } = layers

const [BATCH, LENGTH, HEADS, FEATURES] = [2, 5, 4, 3]

const parts = (key: number): readonly [NDArray, NDArray, NDArray] => {
  const [q, k, v] = random.split(random.key(key), 3)
  const shape = (heads: number) => [BATCH, LENGTH, heads, FEATURES]
  return [random.normal(q, shape(HEADS)), random.normal(k, shape(2)), random.normal(v, shape(2))]
}

test('the gradient of attention takes two arrays of the size of its weights: they, and what comes back to them', () => {
  const [heads, length] = [8, 128]
  const x = random.normal(random.key(0), [1, length, heads, 4])
  const loss = (p: readonly [NDArray, NDArray, NDArray]): NDArray => np.sum(np.square(attend(...p)))
  const { livePeak } = explain(jit(grad(loss)), [x, x, x] as const)
  expect(livePeak).toBeLessThan(2.5 * 4 * heads * length * length)
})

test('derivatives of attention, in both modes and of the second order', () => {
  checkGrads(
    (...p: readonly [NDArray, NDArray, NDArray]) => np.square(attend(...p)),
    parts(1).map((x) => x.astype('float64')) as never,
    { order: 2 },
  )
})

test('attention of a query that sees one key only moves neither that key nor the query', () => {
  const mask = np.equal(np.arange(LENGTH), 2)
  const [q, k] = grad(([a, b, c]: readonly [NDArray, NDArray, NDArray]) =>
    np.sum(np.square(attend(a, b, c, { mask }))),
  )(parts(2))
  expect(np.max(np.abs(q)).item()).toBe(0)
  expect(np.max(np.abs(k)).item()).toBe(0)
})

test('the loss of a model of language takes two arrays of the size of its scores beside them', () => {
  const logits = random.normal(random.key(0), [1, 64, 4096])
  const labels = random.randint(random.key(1), [1, 64], 0, 4096)
  const { livePeak } = explain(jit(grad((x: NDArray) => nextTokenLoss(x, labels))), logits)
  expect(livePeak).toBeLessThan(3.1 * 4 * logits.size)
})

const scores = fc.array(
  fc.oneof(fc.double({ min: -50, max: 50, noNaN: true }), fc.constantFrom(-Infinity, 1e30, -1e30)),
  {
    minLength: 3,
    maxLength: 8,
  },
)

test('cross-entropy is that of logSoftmax, as is its gradient', () => {
  fc.assert(
    fc.property(scores, fc.nat(), (row, n) => {
      const label = n % row.length
      const x = np.array([[...row.slice(0, -1), 1]])
      const wanted = (y: NDArray): NDArray => np.negative(nn.logSoftmax(y).at(0, label).get())
      const ours = (y: NDArray): NDArray => crossEntropy(y, [label])
      // No difference between 0 and -0 is meant.
      expect(ours(x).item() + 0).toBe(wanted(x).item() + 0)
      const [a, b] = [grad(ours)(x), grad(wanted)(x)]
      expect(np.allclose(a, b, { rtol: 1e-5, atol: 1e-7, equalNan: true }).bool()).toBe(true)
    }),
  )
})

test('a traced label that is not a class makes the loss NaN', () => {
  const loss = jit((x: NDArray, label: NDArray) => crossEntropy(x, label))
  const x = np.array([[1, 2, 3]])
  const at = (label: number): number => loss(x, np.array([label], { dtype: 'int32' })).item()
  expect([at(3), at(-1), at(7)]).toEqual([NaN, NaN, NaN])
  expect(at(2)).toBeCloseTo(0.4076, 4)
})

test('of the last token nothing is foretold, of one token nothing at all', () => {
  const logits = random.normal(random.key(0), [2, 4, 7])
  const labels = np.array([[1, 2, 3, 4], [5, 6, -100, 0]], { dtype: 'int32' }) // prettier-ignore
  const g = grad((x: NDArray) => nextTokenLoss(x, labels))(logits)
  const moves = np.any(np.notEqual(g, 0), { axis: 2 })
  expect(moves.toArray()).toEqual([[true, true, true, false], [true, false, true, false]]) // prettier-ignore
  expect(nextTokenLoss(np.zeros([1, 1, 7]), [[3]]).item()).toBeNaN()
})
