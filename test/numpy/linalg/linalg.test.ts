import * as fc from 'fast-check'
import {
  ArgumentError,
  DTypeError,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  lax,
  np,
  random,
  ShapeError,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const { linalg } = np
const f64 = (x: readonly unknown[]): NDArray => np.array(x as never, { dtype: 'float64' })
const eye = (n: number): NDArray => np.eye(n, { dtype: 'float64' })
const turned = (x: NDArray): NDArray => np.swapaxes(x, -1, -2)
const normal = (seed: number, ...shape: number[]): NDArray =>
  random.normal(random.key(seed), shape, { dtype: 'float64' })

const sizes = fc.integer({ min: 0, max: 9 })
const seeds = fc.nat({ max: 1000 })

describe('factors', () => {
  it('multiply to the matrix, and have the structure that they should', () => {
    fc.assert(
      fc.property(sizes, sizes, seeds, (m, n, seed) => {
        const a = normal(seed, m, n)
        const k = Math.min(m, n)
        const [q, r] = linalg.qr(a)
        assertClose('QR', np.matmul(q, r), a)
        assertClose('orthogonal', np.matmul(turned(q), q), eye(k))
        assertClose('triangular', r, np.triu(r))
        const [q2, r2] = linalg.qr(a, { mode: 'complete' })
        assertClose('QR in full', np.matmul(q2, r2), a)
        assertClose('Q in full', np.matmul(turned(q2), q2), eye(m))
        const [u, s, vt] = linalg.svd(a, { fullMatrices: false })
        assertClose('SVD', np.matmul(np.multiply(u, s), vt), a)
        const [u2, s2, vt2] = linalg.svd(a)
        assertClose('U in full', np.matmul(turned(u2), u2), eye(m))
        assertClose('V in full', np.matmul(vt2, turned(vt2)), eye(n))
        assertClose('the same values', s2, s)
        expect(np.all(np.greaterEqual(np.subtract(s.slice(0, -1), s.slice(1)), 0)).bool()).toBe(true) // prettier-ignore
        const [lu, , permutation] = lax.linalg.lu(a)
        const l = np.add(np.tril(lu, -1).at(':', np.slice(0, k)).get(), np.eye(m, k, { dtype: 'float64' }))
        const pa = np.take(a, permutation, { axis: 0 })
        assertClose('LU', np.matmul(l, np.triu(lu).slice(0, k)), pa)
      }),
      { numRuns: 60 },
    )
  })

  it('of symmetric matrices: eigenvectors, and Cholesky', () => {
    fc.assert(
      fc.property(sizes, seeds, (n, seed) => {
        const a = normal(seed, n, n)
        const s = np.add(a, turned(a))
        const [w, v] = linalg.eigh(s)
        assertClose('A V = V w', np.matmul(s, v), np.multiply(v, w))
        assertClose('orthogonal', np.matmul(turned(v), v), eye(n))
        const p = np.add(np.matmul(a, turned(a)), eye(n))
        const l = linalg.cholesky(p)
        assertClose('L Lᵀ', np.matmul(l, turned(l)), p)
        assertClose('upper', linalg.cholesky(p, { upper: true }), turned(l))
      }),
      { numRuns: 60 },
    )
  })

  it('of tall matrices take memory in proportion to the matrix', () => {
    const a = normal(1, 100_000, 2)
    const [q, r] = linalg.qr(a)
    assertClose('QR', np.matmul(q, r), a)
    const [u, s, vt] = linalg.svd(a, { fullMatrices: false })
    assertClose('SVD', np.matmul(np.multiply(u, s), vt), a)
  })

  it('take batches, empty ones and empty matrices too', () => {
    for (const shape of [
      [0, 3, 3],
      [2, 0, 0],
      [2, 3, 1, 1],
    ] as const) {
      const a = np.add(normal(1, ...shape), np.multiply(3, eye(shape.at(-1)!)))
      expect(linalg.inv(a).shape).toEqual(shape)
      expect(linalg.det(a).shape).toEqual(shape.slice(0, -2))
      expect(linalg.eigh(a)[0].shape).toEqual(shape.slice(0, -1))
      expect(linalg.svdvals(a).shape).toEqual(shape.slice(0, -1))
      expect(linalg.solve(a, np.ones([shape.at(-1)!], { dtype: 'float64' })).shape).toEqual(shape.slice(0, -1))
    }
    assertClose('determinant of nothing', linalg.det(np.zeros([0, 0])), np.array(1))
    const many = normal(2, 3, 4, 4)
    assertClose('vmap', vmap((x: NDArray) => linalg.inv(x))(many), linalg.inv(many))
    assertClose('vmap of grad', vmap(grad((x: NDArray) => linalg.det(x)))(many), grad((x: NDArray) => np.sum(linalg.det(x)))(many)) // prettier-ignore
    assertClose('jit', jit((x: NDArray) => linalg.svd(x))(many), linalg.svd(many))
  })
})

describe('singular matrices', () => {
  /** Cofactors by minors: the gradient of the determinant, whatever the rank. */
  const cofactors = (a: NDArray): NDArray => {
    const n = a.shape[0]!
    const others = (i: number): NDArray => np.array(Int32Array.from(Array.from({ length: n }, (_, k) => k).filter((k) => k !== i))) // prettier-ignore
    const minor = (i: number, j: number): number => linalg.det(np.take(np.take(a, others(i), { axis: 0 }), others(j), { axis: 1 })).item() // prettier-ignore
    return f64(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => (-1) ** (i + j) * minor(i, j))))
  }

  it.each([4, 5])('have the right gradient of the determinant, for every rank (%d by %d)', (n) => {
    for (let rank = 0; rank <= n; rank++) {
      const a = np.matmul(normal(rank, n, rank), normal(rank + 10, rank, n))
      assertClose(`rank ${rank}`, grad((x: NDArray) => linalg.det(x))(a), cofactors(a), { rtol: 1e-9, atol: 1e-9 })
      const t = normal(20, n, n)
      const [, moved] = jvp((x: NDArray) => linalg.det(x), [a], [t])
      assertClose(`forward, rank ${rank}`, moved, np.sum(np.multiply(cofactors(a), t)), { atol: 1e-9 })
    }
  })

  it('have right second derivatives too, for every rank', () => {
    const f = (x: NDArray): NDArray => linalg.det(x)
    for (const n of [1, 2, 3, 4, 5]) {
      for (let rank = 0; rank <= n; rank++) {
        checkGrads(f, [np.matmul(normal(rank, n, rank), normal(rank + 10, rank, n))])
      }
    }
    checkGrads(f, [np.add(normal(3, 4, 4), np.multiply(2, eye(4)))])
  })

  it('of which minors of order 2 are all that is left have those as second derivatives', () => {
    // det(A) with A = diag(2, 3, 0, 0) + E: 2 · 3 · (e₂₂ e₃₃ − e₂₃ e₃₂) to second order.
    const a = np.diag(f64([2, 3, 0, 0]))
    const second = hessian((x: NDArray) => linalg.det(x))(a)
    const at = (...place: number[]): number => second.at(...place).get().item() // prettier-ignore
    expect(at(2, 2, 3, 3)).toBeCloseTo(6, 12)
    expect(at(2, 3, 3, 2)).toBeCloseTo(-6, 12)
    expect(at(0, 0, 1, 1)).toBeCloseTo(0, 12)
    assertClose('nothing else', np.sum(np.abs(second)), f64([24]).at(0).get())
  })

  it.each([
    [4, [0, 1, 2, 3, 4]],
    [5, [0, 3]],
  ] as const)('have right third derivatives, whatever the rank (%d rows)', (n, ranks) => {
    const [t, u] = [normal(4, n, n), normal(5, n, n)]
    const push = (f: (x: NDArray) => NDArray, along: NDArray) => (x: NDArray) => jvp(f, [x], [along])[1]
    const second = push(push(linalg.det, t), u)
    for (const rank of ranks) {
      const a = np.matmul(normal(rank, n, rank), normal(rank + 10, rank, n))
      checkGrads(second, [a], { order: 1 })
      // And right or NaN from then on.
      if (rank >= n - 1) checkGrads(push(second, t), [a], { order: 1, modes: ['fwd'] })
      else expect(np.all(np.isnan(grad(push(second, t))(a))).bool()).toBe(true)
    }
    checkGrads(second, [eye(n)], { order: 1 })
  })

  it('are solved to infinities or NaN, never in silence', () => {
    const a = f64([[1, 2], [2, 4]]) // prettier-ignore
    expect(np.all(np.isfinite(linalg.solve(a, f64([1, 1])))).bool()).toBe(false)
    const [sign, logdet] = linalg.slogdet(a)
    expect([sign.item(), logdet.item()]).toEqual([0, -Infinity])
    assertClose('pseudo-inverse', np.matmul(np.matmul(a, linalg.pinv(a)), a), a)
    expect(linalg.matrixRank(a).item()).toBe(1)
  })

  it('that are not positive definite have no Cholesky factor: NaN', () => {
    expect(np.all(np.isnan(linalg.cholesky(f64([[1, 2], [2, 1]])))).bool()).toBe(true) // prettier-ignore
    const batch = np.stack([eye(2), np.negative(eye(2))])
    expect(np.isnan(linalg.cholesky(batch)).at(':', 0, 0).get().toArray()).toEqual([false, true])
  })
})

describe('solutions', () => {
  it('have derivatives of the equation, in both modes', () => {
    const a = np.add(normal(1, 4, 4), np.multiply(3, eye(4)))
    const b = normal(2, 4, 2)
    checkGrads(linalg.solve, [a, b])
    checkGrads(linalg.inv, [a])
    assertClose('jacobians', jacfwd(linalg.inv)(a), jacrev(linalg.inv)(a))
    checkGrads((x: NDArray) => linalg.pinv(x), [normal(3, 4, 2)], { rtol: 1e-4 })
    checkGrads((x: NDArray) => linalg.matrixPower(x, -3), [a], { rtol: 1e-4 })
    assertClose('least squares', np.matmul(turned(normal(5, 6, 3)), np.subtract(np.matmul(normal(5, 6, 3), linalg.lstsq(normal(5, 6, 3), normal(6, 6))[0]), normal(6, 6))), np.zeros([3], { dtype: 'float64' })) // prettier-ignore
  })

  it('in float32 are those of float32', () => {
    const a = normal(1, 6, 6).astype('float32')
    expect(linalg.inv(a).dtype).toBe('float32')
    assertClose('inverse', np.matmul(a, linalg.inv(a)), np.eye(6), { rtol: 1e-4, atol: 1e-4 })
    expect(linalg.solve(np.eye(2), f64([1, 2])).dtype).toBe('float64')
    expect(linalg.det(np.array([[1, 2], [3, 4]], { dtype: 'int32' })).item()).toBe(-2) // prettier-ignore
  })
})

describe('norm', () => {
  it('takes the short name of an order, and one axis or two', () => {
    const x = normal(1, 2, 3, 4)
    const fro = np.sqrt(np.sum(np.square(x), { axis: [0, 2] }))
    assertClose('f', linalg.norm(x, { ord: 'f', axis: [2, 0] }), fro)
    assertClose('no order', linalg.norm(x, { axis: [-1, 0] }), fro)
    assertClose('f of a matrix', linalg.matrixNorm(x.at(0).get(), { ord: 'f' }), linalg.norm(x.at(0).get()))
    expect(linalg.norm(x, { ord: 'nuc', axis: [-1, 0], keepdims: true }).shape).toEqual([1, 3, 1])
    expect(linalg.norm(x).shape).toEqual([])
    expect(linalg.vectorNorm(x, { axis: [0, 1, 2] }).shape).toEqual([])
  })

  it('names axes and orders that do not fit', () => {
    const x = np.ones([2, 3, 4])
    for (const ord of ['fro', 'f', 'nuc', 1, 2, Infinity] as const) {
      expect(() => linalg.norm(x, { ord })).toThrow(
        /one axis or two, got 3 of f32\[2,3,4\], as order .* without an axis/,
      )
      expect(() => linalg.norm(x, { ord, axis: [0, 1, 2] })).toThrow(ArgumentError)
    }
    expect(() => linalg.norm(x, { axis: [0, 1, 2] })).toThrow(/vectorNorm takes any number/)
    expect(() => linalg.norm(x, { axis: [1, -2] })).toThrow(/name one of them twice/)
    expect(() => linalg.norm(x, { axis: 3 })).toThrow(ShapeError)
    for (const ord of ['fro', 'f', 'nuc'] as const) {
      expect(() => linalg.norm(np.ones([3]), { ord })).toThrow(/for matrices/)
    }
  })
})

describe('norms of nothing', () => {
  it('are 0 where the largest is asked for, and an error where the smallest is', () => {
    expect(linalg.norm(np.zeros([0]), { ord: Infinity }).item()).toBe(0)
    expect(linalg.vectorNorm(np.zeros([2, 0]), { ord: Infinity, axis: 1 }).toArray()).toEqual([0, 0])
    for (const ord of [1, 2, Infinity]) {
      expect(linalg.norm(np.zeros([2, 1, 0, 2]), { ord, axis: [-2, -1] }).toArray()).toEqual([[0], [0]])
    }
    expect(() => linalg.vectorNorm(np.zeros([0]), { ord: -Infinity })).toThrow(ShapeError)
  })
})

describe('derivatives of qr', () => {
  const inFull = (a: NDArray): readonly NDArray[] => linalg.qr(a, { mode: 'complete' })

  it('are right for every shape, reduced and in full', () => {
    for (const shape of [
      [3, 3],
      [4, 2],
      [2, 4],
      [1, 3],
      [2, 3, 5],
      [2, 5, 3],
    ] as const) {
      const a = normal(3, ...shape)
      checkGrads((x: NDArray) => linalg.qr(x), [a], { rtol: 1e-4, atol: 1e-4 })
      checkGrads((x: NDArray) => linalg.qr(x, { mode: 'r' }), [a], { rtol: 1e-4, atol: 1e-4 })
      checkGrads((x: NDArray) => inFull(x)[1], [a], { rtol: 1e-4, atol: 1e-4 })
    }
    for (const shape of [
      [2, 4],
      [4, 3],
      [3, 3],
    ] as const)
      checkGrads(inFull, [normal(5, ...shape)], { rtol: 1e-4, atol: 1e-4 })
    const wide = normal(4, 2, 4)
    const product = (x: NDArray): NDArray => np.matmul(...linalg.qr(x))
    assertClose('Q R', jacrev(product)(wide), jacrev((x: NDArray) => x)(wide))
    assertClose('vmap', vmap(jacfwd((x: NDArray) => linalg.qr(x)[1]))(np.stack([wide, wide])), np.stack([jacfwd((x: NDArray) => linalg.qr(x)[1])(wide), jacfwd((x: NDArray) => linalg.qr(x)[1])(wide)])) // prettier-ignore
  })

  it('of further columns are NaN, but of what all choices of them have in common', () => {
    const a = normal(1, 5, 2)
    const rest = (x: NDArray): NDArray => inFull(x)[0]!.at(':', np.slice(2, null)).get()
    checkGrads((x: NDArray) => np.matmul(rest(x), turned(rest(x))), [a], { order: 1 })
    checkGrads((x: NDArray) => inFull(x)[0]!.at(':', np.slice(0, 2)).get(), [a], { order: 1 })
    expect(np.all(np.isnan(grad((x: NDArray) => rest(x).at(0, 0).get())(a))).bool()).toBe(true)
  })

  it('are not finite where a column is one of those before it', () => {
    const a = f64([[1, 2, 1], [2, 4, 1], [3, 6, 2]]) // prettier-ignore
    const gradient = grad((x: NDArray) => linalg.qr(x)[0].at(0, 1).get())(a)
    expect(np.isfinite(gradient).at(':', 1).get().toArray()).toEqual([false, false, false])
    checkGrads((x: NDArray) => linalg.qr(x)[1], [np.multiply(normal(2, 3, 3), f64([1, 1e-5, 1]))], { order: 1, rtol: 1e-3, eps: 1e-9, atol: 1 }) // prettier-ignore
  })
})

describe('mode r of qr', () => {
  it('gives R itself', () => {
    const a = normal(1, 4, 3)
    const r: NDArray = linalg.qr(a, { mode: 'r' })
    assertClose('R', r, linalg.qr(a)[1])
  })
})

describe('products and transposes', () => {
  const dtypes = fc.constantFrom('bool', 'int8', 'uint8', 'int32', 'uint32', 'float16', 'float32', 'float64')

  it('keep the dtype, integers and bools too', () => {
    fc.assert(
      fc.property(dtypes, seeds, (dtype, seed) => {
        const x = random.randint(random.key(seed), [3, 3], 0, 2).astype(dtype)
        const [row, column] = [x.get(0), x.get(1)]
        expect(String(linalg.matrixTranspose(x))).toBe(String(np.transpose(x)))
        expect(linalg.matrixTranspose(x).dtype).toBe(dtype)
        expect(linalg.matrixPower(x, 0).dtype).toBe(dtype)
        expect(np.arrayEqual(linalg.matrixPower(x, 3), np.matmul(np.matmul(x, x), x)).bool()).toBe(true)
        expect(linalg.matrixPower(x, 3).dtype).toBe(dtype)
        expect(np.arrayEqual(linalg.outer(row, column), np.expandDims(row, 1).mul(column)).bool()).toBe(true)
        expect(linalg.outer(row, column).dtype).toBe(dtype)
      }),
      { numRuns: 40 },
    )
  })

  it('make floats of integers to negative powers', () => {
    const fibonacci = np.subtract(np.ones([2, 2], { dtype: 'int32' }), np.diag(np.arange(2)))
    expect(linalg.matrixPower(fibonacci, -1).dtype).toBe('float32')
    expect(String(linalg.matrixPower(fibonacci, 40).get(0, 1))).toBe('102334155')
  })
})

describe('mistakes', () => {
  it('are named with shapes', () => {
    expect(() => linalg.inv(np.ones([2, 3]))).toThrow(ShapeError)
    expect(() => linalg.inv(np.ones([2, 3]))).toThrow(/linalg\.inv takes square matrices, got f32\[2,3\]/)
    expect(() => linalg.cholesky(np.ones([3]))).toThrow(/rank 2 or more, got f32\[3\]/)
    expect(() => linalg.solve(np.eye(3), np.ones([2]))).toThrow(/f32\[3,3\] do not fit right-hand sides f32\[2\]/)
    expect(() => lax.linalg.lu(np.ones([2, 2], { dtype: 'int32' }))).toThrow(DTypeError)
    expect(() => lax.linalg.triangularSolve(np.eye(3), np.ones([3, 2]))).toThrow(ShapeError)
    expect(() => linalg.norm(np.ones([3]), { ord: 'fro' })).toThrow(/for matrices/)
    expect(() => linalg.matrixPower(np.eye(2), 0.5)).toThrow(/integer/)
    expect(() => linalg.multiDot([np.eye(2)])).toThrow(/two arrays/)
    expect(() => linalg.outer(np.eye(2), np.ones(2))).toThrow(/linalg\.outer: takes two vectors, got f32\[2,2\]/)
    expect(() => linalg.matrixTranspose(np.ones([2], { dtype: 'int32' }))).toThrow(ShapeError)
    expect(() => linalg.matrixPower(np.ones([2, 3]), 2)).toThrow(/matrixPower takes square matrices/)
  })
})
