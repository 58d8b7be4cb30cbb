/** Derivatives of pseudo-inverses: nothing in them depends on which singular vectors of equal values are chosen. */
import * as fc from 'fast-check'
import { grad, hessian, jacfwd, jacrev, jit, jvp, np, ShapeError, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { clustered, f64, matrixWith, normal, turned } from '../../support/spectra.ts'

const { linalg } = np
const eye = (n: number): NDArray => np.eye(n, { dtype: 'float64' })
const weights = f64([[1, 2], [3, 4]]) // prettier-ignore
const seeds = fc.nat({ max: 1000 })
const extra = fc.integer({ min: 0, max: 2 })

/** Golub and Pereyra's formula, of an inverse found otherwise. */
const movedInverse = (a: NDArray, p: NDArray, t: NDArray): NDArray => {
  const [m, n] = a.shape as readonly [number, number]
  const product = (...xs: NDArray[]): NDArray => linalg.multiDot(xs)
  const outside = np.subtract(eye(m), np.matmul(a, p))
  const inside = np.subtract(eye(n), np.matmul(p, a))
  const first = np.negative(product(p, t, p))
  return np.add(first, np.add(product(p, turned(p), turned(t), outside), product(inside, turned(t), turned(p), p)))
}

describe('the gradient of pinv', () => {
  it('at the identity is that of the inverse', () => {
    const f = (a: NDArray): NDArray => np.sum(np.multiply(weights, linalg.pinv(a)))
    assertClose('gradient', grad(f)(eye(2)), np.negative(weights))
    assertClose('float32', grad(f)(np.eye(2)), np.negative(weights.astype('float32')))
    const inverse = (a: NDArray): NDArray => np.sum(np.multiply(weights, linalg.inv(a)))
    assertClose('second order', hessian(f)(eye(2)), hessian(inverse)(eye(2)))
    const third = (g: typeof f) => jacfwd(hessian(g))(eye(2))
    assertClose('third order', third(f), third(inverse))
  })

  it('is right for every spectrum of full rank: square, wide and tall, to second order', () => {
    fc.assert(
      fc.property(clustered(0.5), extra, fc.boolean(), seeds, (values, more, wide, seed) => {
        const [m, n] = wide ? [values.length, values.length + more] : [values.length + more, values.length]
        const a = matrixWith(seed, m, n, values)
        checkGrads((x: NDArray) => linalg.pinv(x), [a], { rtol: 1e-4, atol: 1e-4 })
        assertClose('both modes', jacfwd(linalg.pinv)(a), jacrev(linalg.pinv)(a), { rtol: 1e-8 })
      }),
      { numRuns: 40 },
    )
  })

  it('is that along matrices of the same rank, where singular values are 0', () => {
    fc.assert(
      fc.property(clustered(0.5), extra, extra, seeds, (values, more, others, seed) => {
        const r = values.length
        // Every matrix of rank r nearby is such a product.
        const left = matrixWith(seed, r + 1 + more, r, values)
        const right = matrixWith(seed + 7, r, r + 1 + others, values.map(() => 1)) // prettier-ignore
        checkGrads((x: NDArray, y: NDArray) => linalg.pinv(np.matmul(x, y), { rtol: 1e-9 }), [left, right], {
          rtol: 1e-4,
          atol: 1e-4,
        })
      }),
      { numRuns: 30 },
    )
  })

  it('keeps the precision of float32, however near singular values are', () => {
    for (const gap of [0, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3]) {
      const a = matrixWith(3, 4, 4, [1 + gap, 1, 0.5, 0.5 - gap])
      const t = normal(5, 4, 4)
      const [, moved] = jvp((x: NDArray) => linalg.pinv(x), [a.astype('float32')], [t.astype('float32')])
      assertClose(`gap ${gap}`, moved, movedInverse(a, linalg.inv(a), t).astype('float32'), { rtol: 2e-6, atol: 2e-6 })
    }
  })

  it('is 0 at 0, and NaN of what is not finite', () => {
    assertClose('zeros', jacrev((x: NDArray) => linalg.pinv(x))(np.zeros([2, 3])), np.zeros([3, 2, 2, 3]))
    expect(linalg.pinv(np.array([[NaN, 1]])).toArray()).toEqual([[NaN], [NaN]]) // prettier-ignore
    expect(linalg.pinv(np.zeros([0, 3])).shape).toEqual([3, 0])
    expect(grad((x: NDArray) => np.sum(linalg.pinv(x)))(np.zeros([2, 0])).shape).toEqual([2, 0])
  })

  it('goes through vmap and jit, thresholds too', () => {
    const batch = np.stack([eye(3), matrixWith(1, 3, 3, [2, 2, 1]), matrixWith(2, 3, 3, [1, 1e-3, 0])])
    const f = (x: NDArray): NDArray => np.sum(np.sin(linalg.pinv(x, { rtol: 1e-9 })))
    const wanted = np.stack([0, 1, 2].map((i) => grad(f)(batch.at(i).get())))
    assertClose('vmap', vmap(grad(f))(batch), wanted)
    assertClose('jit', jit(vmap(grad(f)))(batch), wanted)
    assertClose('a batch', grad((x: NDArray) => np.sum(np.sin(linalg.pinv(x, { rtol: 1e-9 }))))(batch), wanted)
    const rtol = f64([0.9, 0.9, 1e-9])
    const apart = np.stack([0, 1, 2].map((i) => linalg.pinv(batch.at(i).get(), { rtol: rtol.at(i).get() })))
    assertClose('a threshold each', linalg.pinv(batch, { rtol }), apart)
    assertClose('mapped', vmap((x: NDArray, r: NDArray) => linalg.pinv(x, { rtol: r }))(batch, rtol), apart)
    expect(linalg.matrixRank(batch, { rtol }).toArray()).toEqual([3, 2, 2])
    expect(() => linalg.pinv(batch, { rtol: f64([1, 1]) })).toThrow(ShapeError)
    expect(() => linalg.pinv(eye(2), { rtol: f64([1, 1]) })).toThrow(/one number, or one for each/)
  })
})

describe('the gradient of lstsq', () => {
  it('at the identity is that of the solution', () => {
    const f = (a: NDArray): NDArray => np.dot(linalg.lstsq(a, f64([1, 2]))[0], f64([1, 3]))
    assertClose('gradient', grad(f)(eye(2)), f64([[-1, -2], [-3, -6]])) // prettier-ignore
  })

  it('is right for every spectrum, in both arguments, to second order', () => {
    fc.assert(
      fc.property(clustered(0.5), extra, fc.boolean(), seeds, (values, more, wide, seed) => {
        const [m, n] = wide ? [values.length, values.length + more] : [values.length + more, values.length]
        const [a, b] = [matrixWith(seed, m, n, values), normal(seed + 3, m)]
        const solution = (x: NDArray, y: NDArray): readonly NDArray[] => linalg.lstsq(x, y).slice(0, 2)
        checkGrads(solution, [a, b], { rtol: 1e-4, atol: 1e-4 })
      }),
      { numRuns: 30 },
    )
  })

  it('makes that of polyfit right where columns have one length and are orthogonal', () => {
    const x = f64([-1, 1])
    checkGrads((at: NDArray, y: NDArray) => np.polyfit(at, y, 1), [x, f64([2, 5])])
  })
})
