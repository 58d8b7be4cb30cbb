/** What objectives have in common: what does not count does not count, and what should not matter does not. */
import { describe, expect, test } from 'vitest'
import { grad, jit, np, random, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { causalLM, contrastive, cpo, distillation, dpo, maskedLM, maskTokens, multiLabelClassification, orpo, regression, seq2seq, sequenceClassification, sequenceLogProbs, shiftRight, simpo, tokenClassification } from 'pullback/train' // prettier-ignore
import type { ClassOptions, LogProbs, Objective, PairLogProbs } from 'pullback/train'
import { int32, largest } from '../support.ts'

const near = (a: NDArray, b: NDArray, tolerance = 2e-6): void => {
  expect(largest(np.subtract(a, b))).toBeLessThanOrEqual(tolerance * Math.max(1, largest(b)))
}

const ofTokens = { causalLM, maskedLM, seq2seq, tokenClassification }

const logits = np.multiply(random.normal(random.key(1), [3, 6, 5]), 2)
const labels = int32([
  [-100, -100, 1, 2, 4, -100],
  [0, 1, 2, 3, 4, 0],
  [-100, 3, -100, -100, -100, -100],
])
const options: readonly ClassOptions[] = [
  {},
  { labelSmoothing: 0.1 },
  { classWeights: np.array([1, 2, 0.5, 3, 1]) },
  { focal: 2 },
  { focal: 0.5 },
]
const each = Object.entries(ofTokens).flatMap(([name, f]) =>
  options.map((o) => [name, JSON.stringify(o), f, o] as const),
)

describe.each(each)('%s %s', (name, _, f, o) => {
  const loss = (x: NDArray): NDArray => f(x, labels, o).loss

  test('tokens that do not count get no gradient: exactly 0', () => {
    const gradient = grad(loss)(logits)
    const wanted = name === 'causalLM' ? np.roll(labels, -1, { axis: 1 }).at(':', 5).set(-100) : labels
    const ignored = np.expandDims(np.equal(wanted, -100), -1)
    expect(largest(np.where(ignored, gradient, 0))).toBe(0)
    expect(largest(gradient)).toBeGreaterThan(0.01)
  })

  test('more padding, on either side of the batch, changes nothing', () => {
    const wider = np.pad(logits, [[0, 2], [0, 3], [0, 0]], { constantValues: 9 }) // prettier-ignore
    const padded = np.pad(labels, [[0, 2], [0, 3]], { constantValues: -100 }) // prettier-ignore
    near(f(wider, padded, o).loss, loss(logits))
    expect(f(wider, padded, o).weight.item()).toBeCloseTo(f(logits, labels, o).weight.item(), 5)
  })

  test('the order of rows does not matter, nor what is added to all scores of a token', () => {
    const order = np.array([2, 0, 1], { dtype: 'int32' })
    const moved = [logits, labels].map((x) => np.take(x, order, { axis: 0 })) as [NDArray, NDArray]
    near(f(...moved, o).loss, loss(logits))
    near(loss(np.add(logits, random.normal(random.key(2), [3, 6, 1]))), loss(logits))
  })

  test('parts add up to the whole: total and weight', () => {
    const parts = [0, 1, 2].map((i) => {
      const row = (x: NDArray): NDArray => x.at(np.slice(i, i + 1)).get()
      return f(row(logits), row(labels), o)
    })
    const sum = (xs: readonly NDArray[]): NDArray => xs.reduce((a, b) => np.add(a, b))
    near(np.divide(sum(parts.map((p) => p.total)), sum(parts.map((p) => p.weight))), loss(logits))
  })

  test('the same under jit and vmap, and differentiated twice', () => {
    near(jit(loss)(logits), loss(logits))
    const both = np.stack([logits, np.multiply(logits, 0.5)])
    near(vmap(loss)(both).at(1).get(), loss(np.multiply(logits, 0.5)))
    near(vmap(grad(loss))(both).at(0).get(), grad(loss)(logits))
    const slope = (x: NDArray): NDArray => np.sum(np.square(grad(loss)(x)))
    expect(np.all(np.isfinite(grad(slope)(logits))).bool()).toBe(true)
  })

  test('of labels that all are -100: an error that says so if known, NaN if traced', () => {
    const none = np.full([3, 6], -100, { dtype: 'int32' })
    expect(() => f(logits, none, o)).toThrow(new RegExp(`${name}: no label counts, all (15|18) are -100`))
    const run = jit((x: NDArray, y: NDArray) => f(x, y, o).loss)
    expect(run(logits, none).item()).toBeNaN()
  })
})

test('a class that is none is an error, or NaN if traced', () => {
  expect(() => tokenClassification(logits, np.where(np.equal(labels, 4), 5, labels))).toThrow(
    /tokenClassification: labels: 5/,
  )
  const bad = np.where(np.equal(labels, 4), -3, labels)
  expect(jit((y: NDArray) => tokenClassification(logits, y).loss)(bad).item()).toBeNaN()
})

test('segments: the first token of each is foretold by none', () => {
  const row = int32([[5, 6, 7, 8, 9, 3]])
  const segmentIds = int32([[1, 1, 2, 2, 2, 0]])
  const scores = random.normal(random.key(4), [1, 6, 10])
  const masked = int32([[-100, 6, -100, 8, 9, -100]])
  expect(causalLM(scores, row, { segmentIds }).loss.item()).toBe(causalLM(scores, masked).loss.item())
})

test('sure answers and fractional focus: the gradient is finite', () => {
  const sure = np.array([[80, 0, 0]])
  for (const focal of [0.5, 1, 2]) {
    const slope = grad((x: NDArray) => sequenceClassification(x, int32([[0]]).reshape([1]), { focal }).loss)(sure)
    expect(largest(slope)).toBe(0)
  }
})

test('16-bit scores: the loss is that of the same scores in float32', () => {
  for (const dtype of ['float16', 'bfloat16'] as const) {
    const half = logits.astype(dtype)
    const { loss } = causalLM(half, labels)
    expect(loss.dtype).toBe('float32')
    expect(loss.item()).toBe(causalLM(half.astype('float32'), labels).loss.item())
    expect(grad((x: NDArray) => causalLM(x, labels).loss)(half).dtype).toBe(dtype)
  }
})

describe('regression', () => {
  const [guesses, targets] = random.normal(random.key(5), [2, 8]) as unknown as [NDArray, NDArray]
  const mask = int32([[1, 1, 0, 1, 0, 1, 1, 0]]).reshape([8])
  test.each(['squared', 'absolute', 'huber'] as const)('%s: masked numbers do not count', (error) => {
    const f = (x: NDArray): NDArray => regression(x, targets, { error, mask }).loss
    expect(largest(np.where(np.equal(mask, 0), grad(f)(guesses), 0))).toBe(0)
    const kept = np.array([0, 1, 3, 5, 6], { dtype: 'int32' })
    near(f(guesses), regression(np.take(guesses, kept), np.take(targets, kept), { error }).loss)
  })
  test('nothing is broadcast', () => {
    expect(() => regression(np.ones([4, 2]), np.ones([4]))).toThrow(
      /regression: predictions have shape \[4, 2\], targets \[4\]/,
    )
    expect(regression(np.ones([4, 1]), np.ones([4])).loss.item()).toBe(0)
  })
})

describe('contrastive', () => {
  const [a, b] = random.normal(random.key(6), [2, 5, 4]) as unknown as [NDArray, NDArray]
  test('pairs may come in any order, and cosines know no lengths', () => {
    const order = np.array([3, 1, 4, 0, 2], { dtype: 'int32' })
    const plain = contrastive(a, b, { symmetric: true }).loss
    near(
      contrastive(np.take(a, order, { axis: 0 }), np.take(b, order, { axis: 0 }), { symmetric: true }).loss,
      plain,
      1e-5,
    )
    near(contrastive(np.multiply(a, 7), np.multiply(b, 0.1), { symmetric: true }).loss, plain, 1e-5)
    near(contrastive(b, a, { symmetric: true }).loss, plain, 1e-5)
  })
  test('each anchor has a candidate', () => {
    expect(() => contrastive(a, np.ones([4, 4]))).toThrow(/contrastive: each of the anchors/)
  })
})

describe('distillation', () => {
  const [student, teacher] = random.normal(random.key(7), [2, 3, 6, 5]) as unknown as [NDArray, NDArray]
  test('nothing flows into the teacher, nor from places that do not count', () => {
    const f = (s: NDArray, t: NDArray): NDArray => distillation(s, t, { labels }).loss
    const [own, other] = grad(f, { argnums: [0, 1] })(student, teacher)
    expect(largest(other)).toBe(0)
    expect(largest(np.where(np.expandDims(np.equal(labels, -100), -1), own, 0))).toBe(0)
  })
  test('shifted labels are those of causalLM', () => {
    const { metrics } = distillation(student, teacher, { labels, shifted: true, alpha: 0 })
    near(metrics['hardLoss']!, causalLM(student, labels).loss)
  })
  test('classes that the teacher rules out add nothing', () => {
    const hard = np.array([[0, -Infinity, 1]])
    const f = (s: NDArray): NDArray => distillation(s, hard, { temperature: 1 }).loss
    expect(f(hard.at(0, 1).set(-30)).item()).toBeCloseTo(0, 5)
    expect(np.all(np.isfinite(grad(f)(np.ones([1, 3])))).bool()).toBe(true)
  })
  test('without labels there is the teacher alone', () => {
    expect(() => distillation(student, teacher, { alpha: 0.5 })).toThrow(/distillation: without labels/)
  })
})

describe('pairs', () => {
  const logProbs = (seed: number): LogProbs =>
    sequenceLogProbs(random.normal(random.key(seed), [2, 6, 5]), labels.at(np.slice(0, 2)).get())
  const pair = (seed: number): PairLogProbs => ({ chosen: logProbs(seed), rejected: logProbs(seed + 1) })
  const [policy, reference] = [pair(10), pair(20)]

  test('log-probabilities are minus the loss of causalLM, token by token', () => {
    const scores = random.normal(random.key(10), [2, 6, 5])
    const rows = labels.at(np.slice(0, 2)).get()
    near(np.negative(np.sum(policy.chosen.total)), causalLM(scores, rows).total, 1e-5)
    expect(policy.chosen.tokens.toArray()).toEqual([3, 5])
  })

  test('a model that is its reference has rewards of 0, and a loss of log 2', () => {
    const { loss, metrics } = dpo(policy, policy)
    expect(loss.item()).toBeCloseTo(Math.LN2, 6)
    expect(metrics['rewards/margins']!.item()).toBe(0)
    expect(metrics['rewards/accuracies']!.item()).toBe(0)
  })

  test('answers the other way round turn margins around', () => {
    const turned = { chosen: policy.rejected, rejected: policy.chosen }
    for (const f of [
      (p: PairLogProbs) => dpo(p, null),
      (p: PairLogProbs) => cpo(p),
      (p: PairLogProbs) => simpo(p),
      (p: PairLogProbs) => orpo(p),
    ]) {
      // prettier-ignore
      const [there, back] = [f(policy), f(turned)].map(({ metrics }) => metrics['rewards/margins']!.item())
      expect(there).toBeCloseTo(-back!, 6)
    }
  })

  test('smoothing by one half leaves a preference that points nowhere at 0', () => {
    const same = { chosen: policy.chosen, rejected: policy.chosen }
    const f = (x: NDArray): NDArray =>
      dpo({ ...same, chosen: { ...policy.chosen, total: x } }, null, { labelSmoothing: 0.5 }).loss
    expect(largest(grad(f)(policy.chosen.total))).toBeLessThan(1e-6)
  })

  test('all of them under jit and vmap, twice differentiable', () => {
    const fs: readonly ((p: PairLogProbs) => Objective)[] = [
      (p) => dpo(p, reference),
      (p) => dpo(p, reference, { loss: 'hinge' }),
      (p) => dpo(p, reference, { loss: 'ipo' }),
      (p) => cpo(p),
      (p) => simpo(p),
      (p) => orpo(p),
    ]
    for (const f of fs) {
      const of = (x: NDArray): NDArray => f({ ...policy, chosen: { ...policy.chosen, total: x } }).loss
      near(jit(of)(policy.chosen.total), of(policy.chosen.total))
      near(
        vmap(grad(of))(np.stack([policy.chosen.total]))
          .at(0)
          .get(),
        grad(of)(policy.chosen.total),
      )
      const curve = grad((x: NDArray) => np.sum(np.square(grad(of)(x))))(policy.chosen.total)
      expect(np.all(np.isfinite(curve)).bool()).toBe(true)
    }
  })
})

describe('maskTokens', () => {
  const ids = np.add(np.remainder(np.arange(20_000), 90), 5).reshape([100, 200])
  const mask = { maskTokenId: 4, vocabSize: 95, specialIds: [5, 6] }
  const masked = maskTokens(random.key(1), ids, mask)
  const chosen = np.notEqual(masked.labels, -100)
  const share = (x: NDArray): number => np.mean(x.astype('float32')).item()

  test('labels are what stood there, and nothing else has changed', () => {
    expect(np.arrayEqual(np.where(chosen, masked.labels, masked.input_ids), ids).bool()).toBe(true)
  })
  test('15 % are chosen, of which 80 % are masked and 10 % random', () => {
    const ordinary = np.logicalNot(np.isin(ids, np.array([5, 6], { dtype: 'int32' })))
    const count = np.sum(chosen).item()
    expect(Math.abs(count / np.sum(ordinary).item() - 0.15)).toBeLessThan(0.01)
    const part = (x: NDArray): number => np.sum(np.logicalAnd(x, chosen)).item() / count
    expect(part(np.equal(masked.input_ids, 4))).toBeGreaterThan(0.77)
    expect(part(np.equal(masked.input_ids, 4))).toBeLessThan(0.83)
    expect(part(np.equal(masked.input_ids, ids))).toBeGreaterThan(0.08)
    expect(part(np.equal(masked.input_ids, ids))).toBeLessThan(0.13)
  })
  test('special tokens and padding never are', () => {
    expect(share(np.logicalAnd(chosen, np.less(ids, 7)))).toBe(0)
    const attentionMask = np.less(np.arange(200), 50).astype('int32').reshape([1, 200])
    const padded = maskTokens(random.key(1), ids, { ...mask, attentionMask, probability: 1 })
    expect(share(np.notEqual(padded.labels, -100).at(':', np.slice(50, 200)).get())).toBe(0)
  })
  test('the key says which, and nothing else does; jit too', () => {
    const again = jit((key: NDArray, x: NDArray) => maskTokens(key, x, mask))(random.key(1), ids)
    expect(np.arrayEqual(again.input_ids, masked.input_ids).bool()).toBe(true)
    const other = maskTokens(random.key(2), ids, mask)
    expect(np.arrayEqual(other.labels, masked.labels).bool()).toBe(false)
  })
  test('shares are of one whole', () => {
    expect(() => maskTokens(random.key(1), ids, { ...mask, randomShare: 0.5 })).toThrow(/maskShare and randomShare/)
  })
})

test('multiLabelClassification asks for a label for each score', () => {
  expect(() => multiLabelClassification(np.ones([2, 3]), np.ones([2]))).toThrow(/one number for each/)
})

test('shiftRight: the start token first, the last label nowhere', () => {
  const shifted = shiftRight(int32([[7, -100, 9]]), { startTokenId: 2, padTokenId: 0 })
  expect(shifted.toArray()).toEqual([[2, 7, 0]])
})
