import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { nn, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { fgsm, pgd, robustnessCurve } from 'pullback/interpret'

const key = random.key(1)
const weights = random.normal(key, [3, 5])
const x = random.uniform(random.key(2), [6, 5])
const logits = (v: NDArray): NDArray => np.matmul(np.tanh(v), weights.transpose())
const labels = np.argmax(logits(x), { axis: 1 })
const lossOf = (v: NDArray): NDArray =>
  np.negative(np.sum(np.takeAlongAxis(nn.logSoftmax(logits(v)), np.expandDims(labels, 1), 1)))

const furthest = (a: NDArray, norm: 'linf' | 'l2'): number => {
  const d = np.subtract(a, x)
  return np.max(norm === 'linf' ? np.abs(d) : np.sqrt(np.sum(np.square(d), { axis: 1 }))).item()
}

describe('attacks', () => {
  it('begin anywhere in a Euclidean ball, whichever the direction', () => {
    const still = { epsilon: 1, norm: 'l2', steps: 1, stepSize: 0 } as const
    const starts = pgd((v) => np.sum(v), np.zeros([4000, 1]), { ...still, key })
    const share = (bools: NDArray): number => np.mean(bools.astype('float32')).item()
    const isNear = np.less(np.abs(starts), 0.5)
    expect(share(isNear)).toBeCloseTo(0.5, 1)
    // Of both sides alike, near and far: one key for both had only negative ones near.
    expect(share(np.logicalAnd(isNear, np.greater(starts, 0)))).toBeCloseTo(0.25, 1)
    expect(share(np.logicalAnd(np.logicalNot(isNear), np.greater(starts, 0)))).toBeCloseTo(0.25, 1)
  })

  it('stay in their balls and in the range, and raise the loss', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 0.5, noNaN: true }),
        fc.constantFrom('linf' as const, 'l2' as const),
        fc.boolean(),
        (epsilon, norm, isRandom) => {
          const options = { epsilon, norm, steps: 4, lower: 0, upper: 1, ...(isRandom ? { key } : {}) }
          const moved = pgd(lossOf, x, options)
          expect(furthest(moved, norm)).toBeLessThanOrEqual(epsilon * (1 + 1e-4))
          expect(np.min(moved).item()).toBeGreaterThanOrEqual(0)
          expect(np.max(moved).item()).toBeLessThanOrEqual(1)
          expect(lossOf(moved).item()).toBeGreaterThan(lossOf(x).item())
        },
      ),
      { numRuns: 8 },
    )
  })

  it('of one step of the whole length are FGSM', () => {
    const once = pgd(lossOf, x, { epsilon: 0.1, steps: 1, stepSize: 0.1 })
    expect(np.allclose(once, fgsm(lossOf, x, 0.1), { atol: 1e-6 }).bool()).toBe(true)
  })

  it('of a linear function reach the far end of the ball', () => {
    const w = np.array([3, 0, -4])
    const linear = (v: NDArray): NDArray => np.sum(np.matmul(v, w))
    const far = pgd(linear, np.zeros([2, 3]), { epsilon: 2, norm: 'l2' })
    expect(np.allclose(far, [[1.2, 0, -1.6], [1.2, 0, -1.6]], { atol: 1e-5 }).bool()).toBe(true) // prettier-ignore
  })

  it('leave less and less accuracy', () => {
    const epsilons = [0.5, 0, 0.1, 2]
    const curve = robustnessCurve(logits, x, labels, { epsilons, steps: 5 })
    expect(curve.map((p) => p.epsilon)).toEqual(epsilons)
    const [half, none, tenth, two] = curve.map((p) => p.accuracy) as [number, number, number, number]
    expect(none).toBe(1)
    expect(none >= tenth && tenth >= half && half >= two).toBe(true)
    expect(two).toBeLessThan(1)
    expect(() => robustnessCurve(logits, x, labels.at(0).get(), { epsilons })).toThrow(/one label for each/)
  })
})
