/** Derivatives at equal eigenvalues and singular values: right where they exist, NaN where they do not. */
import * as fc from 'fast-check'
import {
  checkpoint,
  customJvp,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  lax,
  linearize,
  nn,
  np,
  ShapeError,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { clustered, f64, gaps, matrixWith, normal, orthonormal, symmetricWith, turned } from '../../support/spectra.ts'

const { linalg } = np
const eye = (n: number): NDArray => np.eye(n, { dtype: 'float64' })
const weights = f64([[1, 2], [3, 4]]) // prettier-ignore
const seeds = fc.nat({ max: 1000 })
const allNaN = (x: NDArray): boolean => np.all(np.isnan(x)).bool()
const total = (x: NDArray, y: NDArray): NDArray => np.sum(np.multiply(x, y))

type Scalar = (w: NDArray) => NDArray
/** V diag(f(w)) Vᵀ, as a user writes it. */
const composed =
  (f: Scalar) =>
  (a: NDArray): NDArray => {
    const [w, v] = linalg.eigh(a)
    return np.matmul(np.multiply(v, f(w)), turned(v))
  }
/** U diag(f(s)) Vᵀ. */
const composedSingular =
  (f: Scalar, fullMatrices = false) =>
  (a: NDArray): NDArray => {
    const [u, s, vt] = linalg.svd(a, { fullMatrices })
    const k = s.shape.at(-1)!
    const first = np.slice(0, k)
    return np.matmul(np.multiply(u.at(':', first).get(), f(s)), vt.at(first).get())
  }

/** f[x, y], of numbers. */
const divided = (f: (x: number) => number, slope: (x: number) => number, x: number, y: number): number =>
  Math.abs(x - y) < 1e-5 ? (slope(x) + 4 * slope((x + y) / 2) + slope(y)) / 6 : (f(x) - f(y)) / (x - y)

describe('functions of a symmetric matrix, composed of eigenvalues and eigenvectors', () => {
  it('have the gradient of a linear function where all eigenvalues are equal', () => {
    const f = (a: NDArray): NDArray => total(weights.astype(a.dtype), composed((w) => w)(a))
    for (const dtype of ['float32', 'float64'] as const) {
      const wanted = np.array([[1, 2.5], [2.5, 4]], { dtype }) // prettier-ignore
      for (const a of [np.eye(2, { dtype }), np.zeros([2, 2], { dtype }), np.multiply(-3, np.eye(2, { dtype }))]) {
        assertClose('grad', grad(f)(a), wanted)
        assertClose('jit of grad', jit(grad(f))(a), wanted)
        assertClose('grad of jit', grad(jit(f))(a), wanted)
        assertClose('forward', jacfwd(f)(a), wanted)
        assertClose('vmap', vmap(grad(f))(np.stack([a, a])), np.stack([wanted, wanted]))
        const both = (x: NDArray): NDArray => np.sum(vmap(f)(x))
        assertClose('grad of vmap', grad(both)(np.stack([a, a])), np.stack([wanted, wanted]))
        const [, push] = linearize(f, a)
        assertClose('linearize', push(np.ones([2, 2], { dtype })), np.array(10, { dtype }))
      }
    }
  })

  it('have right first derivatives for every spectrum, to the precision that the smallest gap leaves', () => {
    fc.assert(
      fc.property(clustered(0.4), seeds, (values, seed) => {
        const a = symmetricWith(seed, values)
        const n = values.length
        const v = orthonormal(seed, n, n)
        const [t, c] = [normal(seed + 1, n, n), normal(seed + 2, n, n)]
        const table = f64(values.map((x) => values.map((y) => divided(Math.exp, Math.exp, x, y))))
        const inside = np.matmul(np.matmul(turned(v), np.multiply(0.5, np.add(t, turned(t)))), v)
        const wanted = np.matmul(np.matmul(v, np.multiply(table, inside)), turned(v))
        const apart = values.slice(1).map((x, i) => x - values[i]!)
        const rtol = Math.max(1e-9, ...apart.map((gap) => (gap > 1e-14 ? 1e-14 / gap : 0)))
        const f = composed(np.exp)
        assertClose('forward', jvp(f, [a], [t])[1], wanted, { rtol })
        const gradient = grad((x: NDArray) => total(c, f(x)))(a)
        assertClose('reverse', total(gradient, t), total(c, wanted), { rtol, atol: 10 * rtol })
        assertClose('compiled', jit(grad((x: NDArray) => total(c, f(x))))(a), gradient, { rtol: 10 * rtol })
      }),
      { numRuns: 20 },
    )
  })

  it('may be made of custom rules, choices, loops and checkpoints', () => {
    const own = customJvp((w: NDArray) => np.exp(w)).defjvp(([w], [t]) => [np.exp(w), np.multiply(t, np.exp(w))])
    const chosen = (w: NDArray): NDArray => lax.cond(np.array(true), (x: NDArray) => np.exp(x), np.sin, w)
    const looped = (w: NDArray): NDArray =>
      lax.scan((c: NDArray) => [np.multiply(c, w), null], np.ones([3], { dtype: 'float64' }), null, { length: 3 })[0]
    const slopes: readonly (readonly [string, Scalar, number])[] = [
      ['a custom rule', own, Math.E],
      ['nn.softplus', nn.softplus, 1 / (1 + Math.exp(-1))],
      ['cond', chosen, Math.E],
      ['scan', looped, 3],
      ['checkpoint', checkpoint(np.exp), Math.E],
      ['jit', jit(np.exp), Math.E],
    ]
    const t = normal(1, 3, 3)
    const symmetric = np.multiply(0.5, np.add(t, turned(t)))
    for (const [name, f, slope] of slopes) {
      const [, moved] = jvp(composed(f), [eye(3)], [t])
      assertClose(name, moved, np.multiply(slope, symmetric))
    }
    const whole = checkpoint(composed(np.exp))
    assertClose('all in a checkpoint', jvp(whole, [eye(3)], [t])[1], np.multiply(Math.E, symmetric))
    const gradient = grad((a: NDArray) => total(t, whole(a)))(eye(3))
    assertClose('in reverse', gradient, np.multiply(Math.E, symmetric))
    const twice = (a: NDArray): NDArray => composed(np.log)(composed(np.exp)(a))
    assertClose('of each other', jvp(twice, [eye(3)], [t])[1], symmetric)
    const step = (a: NDArray): readonly [NDArray, null] => [composed(np.sin)(a), null]
    const inLoop = (a: NDArray): NDArray => lax.scan(step, a, null, { length: 2 })[0]
    const slope = Math.cos(1) * Math.cos(Math.sin(1))
    assertClose('within a loop', jvp(inLoop, [eye(3)], [t])[1], np.multiply(slope, symmetric))
  })

  it('whiten: the inverse root, in both spellings', () => {
    const a = symmetricWith(2, [2, 2, 2, 5])
    const inverseRoot = composed((w) => np.divide(1, np.sqrt(w)))
    checkGrads((x: NDArray) => np.matmul(inverseRoot(x), f64([1, 2, 3, 4])), [a], { order: 1 })
    assertClose('values', inverseRoot(a), linalg.inv(linalg.sqrtm(a)))
    assertClose('derivatives', jacrev(inverseRoot)(a), jacrev((x: NDArray) => linalg.inv(linalg.sqrtm(x)))(a))
  })
})

describe('symmetric functions of eigenvalues', () => {
  const functions: readonly (readonly [string, Scalar, Scalar])[] = [
    ['log', (w) => np.sum(np.log(w)), (a) => linalg.slogdet(a)[1]],
    ['product', (w) => np.prod(w), linalg.det],
    ['cubes', (w) => np.sum(np.multiply(w, np.square(w))), (a) => np.trace(linalg.matrixPower(a, 3))],
    ['square of the sum', (w) => np.square(np.sum(w)), (a) => np.square(np.trace(a))],
  ]

  it('have the Hessian of log det at twice the identity', () => {
    const h = hessian((a: NDArray) => np.sum(np.log(linalg.eigvalsh(a))))
    const wanted = f64([
      [[[-0.25, 0], [0, 0]], [[0, -0.125], [-0.125, 0]]],
      [[[0, -0.125], [-0.125, 0]], [[0, 0], [0, -0.25]]],
    ]) // prettier-ignore
    const a = np.multiply(2, eye(2))
    assertClose('forward over reverse', h(a), wanted)
    assertClose('compiled', jit(h)(a), wanted)
    assertClose('mapped', vmap(h)(np.stack([a, a])), np.stack([wanted, wanted]))
    const f = (x: NDArray): NDArray => np.sum(np.log(linalg.eigvalsh(x)))
    assertClose('reverse over reverse', jacrev(jacrev(f))(a), wanted)
    assertClose('reverse over forward', jacrev(jacfwd(f))(a), wanted)
    assertClose('forward over forward', jacfwd(jacfwd(f))(a), wanted)
    assertClose('float32', hessian(f)(np.multiply(2, np.eye(2))), wanted.astype('float32'))
  })

  it.each(functions)('have right first and second derivatives: %s', (_, ofEigenvalues, ofMatrix) => {
    fc.assert(
      fc.property(clustered(0.6), seeds, (values, seed) => {
        const a = symmetricWith(seed, values)
        const f = (x: NDArray): NDArray => ofEigenvalues(linalg.eigvalsh(x))
        const symmetric = (x: NDArray): NDArray => ofMatrix(np.multiply(0.5, np.add(x, turned(x))))
        assertClose('gradient', grad(f)(a), grad(symmetric)(a), { rtol: 1e-8 })
        const apart = values.slice(1).map((x, i) => x - values[i]!)
        const rtol = Math.max(1e-8, ...apart.map((gap) => (gap > 1e-14 ? 1e-13 / gap : 0)))
        assertClose('Hessian', hessian(f)(a), hessian(symmetric)(a), { rtol })
      }),
      { numRuns: 20 },
    )
  })
})

describe('what depends on the choice of a basis', () => {
  it('has no derivative: NaN', () => {
    const entry = (a: NDArray): NDArray => linalg.eigh(a)[1].at(0, 0).get()
    const weighted = (a: NDArray): NDArray => {
      const [, v] = linalg.eigh(a)
      return total(np.square(v), normal(7, 3, 3))
    }
    for (const f of [entry, weighted]) {
      for (const a of [eye(3), symmetricWith(1, [1, 1, 2])]) {
        expect(allNaN(grad(f)(a))).toBe(true)
        expect(allNaN(jit(grad(f))(a))).toBe(true)
        expect(allNaN(jvp(f, [a], [normal(1, 3, 3)])[1])).toBe(true)
        expect(allNaN(grad(jit(f))(a))).toBe(true)
      }
      expect(allNaN(grad(f)(symmetricWith(1, [1, 1.5, 2])))).toBe(false)
    }
    const singular = (a: NDArray): NDArray => linalg.svd(a)[0].at(0, 0).get()
    expect(allNaN(grad(singular)(eye(2)))).toBe(true)
    const polar = composedSingular((s) => np.onesLike(s))
    expect(allNaN(jacrev(polar)(matrixWith(1, 3, 3, [2, 1, 0])))).toBe(true)
    checkGrads(polar, [matrixWith(1, 3, 3, [2, 1, 1])], { order: 1 })
  })

  it('is not eigenvectors of other eigenvalues', () => {
    const first = f64([1, 2, 3, 4])
    const largest = (a: NDArray): NDArray => np.dot(first, np.square(linalg.eigh(a)[1].at(':', 3).get()))
    for (const a of [symmetricWith(4, [0, 0, 0, 2]), symmetricWith(4, [1, 1, 1.5, 2])]) {
      checkGrads(largest, [a], { order: 1 })
      checkGrads(jit(largest), [a], { order: 1 })
    }
    const projector = (a: NDArray): NDArray => {
      const v = linalg.eigh(a)[1].at(':', np.slice(1, 3)).get()
      return np.matmul(v, turned(v))
    }
    checkGrads(projector, [symmetricWith(4, [1, 2, 2, 3])], { order: 1 })
    expect(np.all(np.isnan(jacrev(projector)(symmetricWith(4, [1, 1, 2, 3])))).bool()).toBe(true)
  })

  it('has no second derivative where the first is a limit', () => {
    expect(allNaN(hessian((a: NDArray) => total(weights, composed(np.exp)(a)))(eye(2)))).toBe(true)
  })
})

describe('functions of singular values and vectors', () => {
  const odd: Scalar = (s) => np.sin(s)

  it('have right first derivatives for every spectrum, zeros among it', () => {
    const shapes = fc.constantFrom([0, 0], [1, 0], [0, 2])
    const linked = fc.constantFrom<readonly number[]>(
      [0],
      [0, 0],
      [0, 0, 1],
      [1, 1],
      [1, 1, 1],
      [0, 1, 1],
      [0.5, 1, 1, 2],
    )
    fc.assert(
      fc.property(linked, shapes, seeds, (values, [rows, columns], seed) => {
        const [m, n] = [values.length + rows, values.length + columns]
        const a = matrixWith(seed, m, n, values)
        checkGrads(composedSingular(odd), [a], { order: 1 })
        checkGrads(composedSingular(odd, true), [a], { order: 1 })
        checkGrads((x: NDArray) => np.sum(np.square(linalg.svdvals(x))), [a], { rtol: 1e-4 })
        checkGrads((x: NDArray) => np.sum(np.cos(linalg.svd(x)[1])), [a], { rtol: 1e-4 })
      }),
      { numRuns: 20 },
    )
  })

  it('have right first derivatives as singular values come near', () => {
    fc.assert(
      fc.property(gaps, seeds, (gap, seed) => {
        const a = matrixWith(seed, 3, 3, [1, 1 + gap, 2])
        checkGrads(composedSingular(odd), [a], { order: 1, rtol: gap > 0 && gap < 1e-10 ? 1e-2 : 1e-5 })
      }),
      { numRuns: 20 },
    )
  })

  it('in full give derivatives of what all choices of the further vectors have in common', () => {
    const a = normal(1, 4, 2)
    const outside = (x: NDArray): NDArray => {
      const u = linalg.svd(x)[0].at(':', np.slice(2, null)).get()
      return np.matmul(u, turned(u))
    }
    const left = (x: NDArray): NDArray => np.square(linalg.svd(x)[0].at(':', np.slice(0, 2)).get())
    const right = (x: NDArray): NDArray => np.square(linalg.svd(turned(x))[2].at(np.slice(0, 2)).get())
    for (const f of [outside, left, right]) checkGrads(f, [a], { order: 1 })
    expect(allNaN(grad((x: NDArray) => linalg.svd(x)[0].at(0, 3).get())(a))).toBe(true)
    checkGrads((x: NDArray) => np.square(linalg.svd(x)[0]), [normal(2, 3, 2)], { order: 1 })
  })

  it('have the nuclear norm, whose gradient is U Vᵀ', () => {
    const nuclear = (a: NDArray): NDArray => linalg.norm(a, { ord: 'nuc' })
    assertClose('at the identity', grad(nuclear)(np.multiply(2, eye(3))), eye(3))
    const a = matrixWith(5, 4, 3, [2, 2, 1])
    checkGrads(nuclear, [a], { rtol: 1e-4 })
  })
})

describe('functionOfSymmetric', () => {
  it('has right first and second derivatives for every spectrum', () => {
    fc.assert(
      fc.property(clustered(0.5), seeds, fc.constantFrom<Scalar>(np.exp, np.log, np.sin), (values, seed, f) => {
        const a = symmetricWith(seed, values)
        checkGrads((x: NDArray) => linalg.functionOfSymmetric(f, x), [a], { rtol: 1e-4, atol: 1e-4 })
      }),
      { numRuns: 20 },
    )
  })

  it('keeps its precision as eigenvalues come near', () => {
    for (const gap of [0, 1e-15, 1e-12, 1e-9, 1e-7, 1e-5, 1e-3, 1e-2, 0.1]) {
      const [x, y] = [0.7, 0.7 + gap]
      // Of [[x, 1], [0, y]]'s kind: f[x, y] stands off the diagonal.
      const a = np.diag(f64([x, y]))
      const t = f64([[0, 1], [1, 0]]) // prettier-ignore
      const table = [
        [np.exp, Math.exp(x) * (gap === 0 ? 1 : Math.expm1(y - x) / (y - x))],
        [np.log, gap === 0 ? 1 / x : Math.log1p((y - x) / x) / (y - x)],
        [np.sin, Math.cos((x + y) / 2) * (gap === 0 ? 1 : Math.sin((y - x) / 2) / ((y - x) / 2))],
      ] as const
      for (const [f, wanted] of table) {
        const [, moved] = jvp((z: NDArray) => linalg.functionOfSymmetric(f, z), [a], [t])
        assertClose(`float64, gap ${gap}`, moved.at(0, 1).get(), f64([wanted]).at(0).get(), { rtol: 1e-12, atol: 0 })
        const [, coarse] = jvp((z: NDArray) => linalg.functionOfSymmetric(f, z), [a.astype('float32')], [t.astype('float32')]) // prettier-ignore
        assertClose(`float32, gap ${gap}`, coarse.at(0, 1).get(), np.array(wanted), { rtol: 1e-5, atol: 0 })
      }
    }
    // Where the function turns round many times between near eigenvalues, the quotient is right.
    const fast = (z: NDArray): NDArray => linalg.functionOfSymmetric((w) => np.sin(np.multiply(1e4, w)), z)
    const [, moved] = jvp(fast, [np.diag(f64([1, 1.001]))], [f64([[0, 1], [1, 0]])]) // prettier-ignore
    assertClose(
      'oscillation',
      moved.at(0, 1).get(),
      f64([(Math.sin(10010) - Math.sin(1e4)) / 1e-3])
        .at(0)
        .get(),
    )
  })

  it('differentiates what f closes over', () => {
    const f = (a: NDArray, b: NDArray): NDArray => linalg.functionOfSymmetric((w) => np.exp(np.multiply(w, b)), a)
    checkGrads(f, [symmetricWith(3, [1, 1, 2]), f64([0.7]).at(0).get()], { rtol: 1e-4, atol: 1e-4 })
    const index = np.array([0, 1], { dtype: 'int32' })
    const g = (a: NDArray): NDArray => jit((i: NDArray) => linalg.functionOfSymmetric((w) => np.multiply(w, i.at(1).get()), a))(index) // prettier-ignore
    assertClose('integers', jacfwd(g)(eye(2)), jacfwd((a: NDArray) => np.multiply(0.5, np.add(a, turned(a))))(eye(2)))
  })

  it('goes through vmap, jit and batches', () => {
    const batch = np.stack([eye(3), symmetricWith(1, [1, 1, 2]), symmetricWith(2, [0.5, 1, 2])])
    const f = (a: NDArray): NDArray => np.sum(np.sin(linalg.functionOfSymmetric(np.log, a)))
    const wanted = np.stack([0, 1, 2].map((i) => hessian(f)(batch.at(i).get())))
    assertClose('vmap', vmap(hessian(f))(batch), wanted)
    assertClose('jit', jit(vmap(hessian(f)))(batch), wanted)
    assertClose('a batch', grad(f)(batch), np.stack([0, 1, 2].map((i) => grad(f)(batch.at(i).get()))))
    expect(linalg.functionOfSymmetric(np.exp, np.zeros([2, 0, 0])).shape).toEqual([2, 0, 0])
  })

  it('names mistakes', () => {
    expect(() => linalg.functionOfSymmetric(np.sum, eye(2))).toThrow(ShapeError)
    expect(() => linalg.functionOfSymmetric(np.sum, eye(2))).toThrow(
      /as many values as it takes, f64\[2\], got f64\[\]/,
    )
    expect(() => linalg.functionOfSymmetric(np.exp, np.ones([2, 3]))).toThrow(/square/)
    expect(allNaN(jacfwd(hessian((a: NDArray) => np.sum(linalg.functionOfSymmetric(np.exp, a))))(eye(2)))).toBe(true)
  })
})

describe('sqrtm and logm', () => {
  it('are the inverses of squares and of exponentials', () => {
    fc.assert(
      fc.property(clustered(0.3), seeds, (values, seed) => {
        const a = symmetricWith(seed, values)
        assertClose('root', np.matmul(linalg.sqrtm(a), linalg.sqrtm(a)), a)
        assertClose('logarithm', linalg.functionOfSymmetric(np.exp, linalg.logm(a)), a)
        checkGrads(linalg.sqrtm, [a], { rtol: 1e-4, atol: 1e-4 })
      }),
      { numRuns: 20 },
    )
  })

  it('have third derivatives of the root at equal eigenvalues', () => {
    checkGrads(linalg.sqrtm, [symmetricWith(1, [1, 1, 2])], { order: 3, rtol: 1e-3, atol: 1e-3 })
  })

  it('say what is not positive', () => {
    assertClose('singular', linalg.sqrtm(symmetricWith(2, [0, 0, 4])), symmetricWith(2, [0, 0, 2]), { atol: 1e-7 })
    expect(allNaN(linalg.sqrtm(f64([[1, 2], [2, 1]])))).toBe(true) // prettier-ignore
    expect(np.any(np.isfinite(grad((a: NDArray) => np.sum(linalg.sqrtm(a)))(np.zeros([2, 2])))).bool()).toBe(false)
    expect(allNaN(linalg.logm(np.negative(eye(2))))).toBe(true)
    assertClose('batches', linalg.sqrtm(np.stack([eye(2), np.multiply(4, eye(2))])), np.stack([eye(2), np.multiply(2, eye(2))])) // prettier-ignore
    assertClose('vmap', vmap(grad((a: NDArray) => np.sum(linalg.sqrtm(a))))(np.stack([eye(2), eye(2)])), np.multiply(0.5, np.ones([2, 2, 2], { dtype: 'float64' }))) // prettier-ignore
  })
})
