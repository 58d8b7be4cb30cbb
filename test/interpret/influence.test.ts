import { describe, expect, it } from 'vitest'
import { grad, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import { influence, membershipTest, perExampleGradients, tracIn } from 'pullback/interpret'

interface Batch {
  readonly x: NDArray
  readonly y: NDArray
}

const [n, features, ridge] = [12, 3, 0.1]
const [kx, ky, kt] = random.split(random.key(5), 3)
const x = random.normal(kx, [n, features])
const y = np.add(np.matmul(x, np.array([1, -2, 0.5])), np.multiply(random.normal(ky, [n]), 0.5))
const train: Batch = { x, y }
const test: Batch = { x: random.normal(kt, [4, features]), y: np.array([0, 1, -1, 2]) }

const loss = (w: NDArray, batch: Batch): NDArray =>
  np.mean(np.multiply(0.5, np.square(np.subtract(np.matmul(batch.x, w), batch.y))))

const objective = (w: NDArray): NDArray => np.add(loss(w, train), np.multiply(0.5 * ridge, np.sum(np.square(w))))

/** The minimum of the objective, with weights for examples: (Xᵀ D X / n + λ I) w = Xᵀ D y / n. */
const solve = (weights: NDArray): NDArray => {
  const weighted = np.multiply(x, np.expandDims(weights, 1))
  const gram = np.add(np.divide(np.matmul(weighted.transpose(), x), n), np.multiply(ridge, np.eye(features)))
  return np.linalg.solve(gram, np.divide(np.matmul(weighted.transpose(), y), n))
}

const hessian = np.add(np.divide(np.matmul(x.transpose(), x), n), np.multiply(ridge, np.eye(features)))
const w = solve(np.ones([n]))
const without = (i: number): NDArray => solve(np.array(Array.from({ length: n }, (_, j) => (i === j ? 0 : 1))))

const correlation = (a: readonly number[], b: readonly number[]): number =>
  np
    .corrcoef(np.array([a, b] as number[][]))
    .at(0, 1)
    .get()
    .item()

describe('influence', () => {
  const options = { damping: 0, objective, tolerance: 1e-7 }

  it('solves for the inverse Hessian', () => {
    const { influences, residuals } = influence(loss, w, { train, test }, options)
    const gradients = (batch: Batch): NDArray => perExampleGradients(loss, w, batch)
    const solved = np.linalg.solve(hessian, gradients(test).transpose())
    const wanted = np.divide(np.matmul(gradients(train), solved), n)
    expect(np.allclose(influences, wanted, { atol: 1e-4, rtol: 1e-3 }).bool()).toBe(true)
    expect(Math.max(...residuals)).toBeLessThan(1e-5)
  })

  it('is leaving one out, exactly, but for the leverage: ridge regression in closed form', () => {
    // Of a linear function of w, w(-i) - w = H⁻¹ ∇ℓᵢ / n / (1 - xᵢᵀ H⁻¹ xᵢ / n).
    const of = (v: NDArray, batch: Batch): NDArray => np.mean(np.matmul(batch.x, v))
    const { influences } = influence(loss, w, { train, test }, { ...options, of })
    for (let i = 0; i < n; i++) {
      const row = x.at(i).get()
      const leverage = np.dot(row, np.linalg.solve(hessian, row)).item() / n
      const change = np.matmul(test.x, np.subtract(without(i), w))
      expect(np.allclose(np.divide(influences.at(i).get(), 1 - leverage), change, { atol: 2e-4, rtol: 5e-3 }).bool()).toBe(true) // prettier-ignore
    }
  })

  it('goes with what the loss does when an example is left out', () => {
    const { influences } = influence(loss, w, { train, test }, options)
    for (let j = 0; j < 4; j++) {
      const example = { x: test.x.at(np.slice(j, j + 1)).get(), y: test.y.at(np.slice(j, j + 1)).get() }
      const changes = Array.from({ length: n }, (_, i) => loss(without(i), example).item() - loss(w, example).item())
      const given = Array.from({ length: n }, (_, i) => influences.at(i, j).get().item())
      expect(correlation(given, changes)).toBeGreaterThan(0.85)
    }
  })

  it('refuses a Hessian that is not positive, and more damping helps', () => {
    const saddle = (v: NDArray): NDArray => np.sum(np.multiply(np.square(v), np.array([1, -1, 1])))
    expect(() => influence(loss, w, { train, test }, { objective: saddle, damping: 0, iterations: 10 })).toThrow(/not positive. Give more damping/) // prettier-ignore
    expect(influence(loss, w, { train, test }, { objective: saddle, damping: 5 }).influences.shape).toEqual([n, 4])
  })
})

describe('tracIn', () => {
  it('goes with retraining without each example', () => {
    const rate = 0.05
    const steps = 20
    const descend = (weights: NDArray): readonly NDArray[] => {
      const weighted = (v: NDArray): NDArray =>
        np.divide(np.sum(np.multiply(weights, np.multiply(0.5, np.square(np.subtract(np.matmul(x, v), y))))), n)
      const states = [np.zeros([features])]
      for (let i = 0; i < steps; i++) states.push(np.subtract(states.at(-1)!, np.multiply(rate, grad(weighted)(states.at(-1)!))))
      return states
    } // prettier-ignore
    const states = descend(np.ones([n]))
    const checkpoints = states.slice(0, -1).map((params) => ({ params, learningRate: rate / n }))
    const influences = tracIn(loss, checkpoints, { train, test })
    const last = states.at(-1)!
    const total = (v: NDArray): number => loss(v, test).item() * 4
    const changes = Array.from({ length: n }, (_, i) => {
      const weights = np.array(Array.from({ length: n }, (_, j) => (i === j ? 0 : 1)))
      return total(descend(weights).at(-1)!) - total(last)
    })
    const given = Array.from({ length: n }, (_, i) => np.sum(influences.at(i).get()).item())
    expect(correlation(given, changes)).toBeGreaterThan(0.9)
  })
})

describe('perExampleGradients', () => {
  it('have the gradient of the mean loss for their mean', () => {
    const each = perExampleGradients(loss, w, train)
    expect(each.shape).toEqual([n, features])
    expect(np.allclose(np.mean(each, { axis: 0 }), grad(loss)(w, train), { atol: 1e-5 }).bool()).toBe(true)
  })

  it('refuse batches whose leaves do not go together', () => {
    expect(() => perExampleGradients(loss, w, { x, y: np.ones([3]) })).toThrow(/as many examples along axis 0/)
  })
})

describe('membershipTest', () => {
  it('is 1/2 where losses are alike, 1 where they are apart, and counts ties by half', () => {
    expect(membershipTest([1, 2, 3], [1, 2, 3])).toEqual({ auc: 0.5, advantage: 0, threshold: -Infinity })
    expect(membershipTest([1, 2], [3, 4])).toEqual({ auc: 1, advantage: 1, threshold: 2 })
    expect(membershipTest([1, 1], [1, 5]).auc).toBe(0.75)
    expect(membershipTest([3], [1]).auc).toBe(0)
    expect(() => membershipTest([], [1])).toThrow(/one of each/)
    expect(() => membershipTest([NaN], [1])).toThrow(/NaN/)
  })
})
