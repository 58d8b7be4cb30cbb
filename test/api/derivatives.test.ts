import * as fc from 'fast-check'
import {
  grad,
  hessian,
  hvp,
  jacfwd,
  jacobian,
  jacrev,
  jit,
  jvp,
  linearTranspose,
  linearize,
  np,
  ShapeDtypeStruct,
  stopGradient,
  tree,
  valueAndGrad,
  vjp,
  vmap,
} from 'pullback'
import type { ArrayLike, NDArray } from 'pullback'
import { arrays, assertClose, checkGrads, gradIsAdditive } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const num = (x: NDArray): number => x.item()
const x3 = np.array([1, 2, 3])

describe('perturbation confusion cannot happen', () => {
  // Siskind and Pearlmutter, "Perturbation confusion and referential transparency" (2005).
  it('d/dx (x · d/dy (x + y)) = 1', () => {
    const f = (x: NDArray): NDArray => x.mul(grad((y: NDArray) => x.add(y))(np.array(1)))
    expect(num(grad(f)(np.array(1)))).toBe(1)
  })

  it('the same, forward in forward', () => {
    const one = np.array(1)
    const derivative = (f: (x: NDArray) => NDArray, x: NDArray): NDArray => jvp(f, [x], [one])[1]
    const f = (x: NDArray): NDArray => x.mul(derivative((y) => x.add(y), one))
    expect(num(derivative(f, one))).toBe(1)
  })

  it('the same in all four nestings of forward and reverse', () => {
    const one = np.array(1)
    const forward = (f: (x: NDArray) => NDArray) => (x: NDArray) => jvp(f, [x], [one])[1]
    const reverse = (f: (x: NDArray) => NDArray) => grad(f)
    for (const outer of [forward, reverse]) {
      for (const inner of [forward, reverse]) {
        const f = (x: NDArray): NDArray => x.mul(inner((y: NDArray) => x.mul(y))(np.array(2)))
        // f(x) = x²
        expect(num(outer(f)(np.array(3)))).toBe(6)
      }
    }
  })

  it('d/dx d/dy x·y² at captured x', () => {
    const f = (x: NDArray): NDArray => grad((y: NDArray) => x.mul(y).mul(y))(x)
    // 2x · x = 2x², whose derivative is 4x.
    expect(num(grad(f)(np.array(3)))).toBe(12)
  })

  it('a function returned from a derivative closes over its own level (Manzyuk et al., 2019)', () => {
    const one = np.array(1)
    // D applied to a curried function: the tag must belong to the application, not to the closure.
    const shifted = (a: NDArray) => (g: (y: NDArray) => NDArray) => (y: NDArray) => g(y.add(a))
    const dShift = (g: (y: NDArray) => NDArray, y: NDArray): NDArray =>
      jvp((a: NDArray) => shifted(a)(g)(y), [np.array(0)], [one])[1]
    const twice = (y: NDArray): NDArray => dShift((z) => dShift(np.sin, z), y)
    expect(num(twice(np.array(1)))).toBeCloseTo(-Math.sin(1), 6)
  })

  it('three levels', () => {
    const f = (x: NDArray): NDArray => grad((y: NDArray) => x.mul(grad((z: NDArray) => x.mul(y).mul(z).mul(z))(y)))(x)
    // d/dy (x · 2xy·y) at y = x is 4x³, whose derivative is 12x².
    expect(num(grad(f)(np.array(2)))).toBe(48)
  })

  it('through jit and vmap in between', () => {
    const f = (x: NDArray): NDArray => x.mul(jit(grad((y: NDArray) => jit(np.add)(x, y)))(np.array(1)))
    expect(num(jit(grad(f))(np.array(1)))).toBe(1)
    expect(vmap(grad(f))(x3).toArray()).toEqual([1, 1, 1])
  })
})

describe('grad', () => {
  interface Params {
    readonly w: NDArray
    readonly b: readonly [NDArray, NDArray]
  }
  const params: Params = { w: x3, b: [np.array(1), np.array([2, 2])] }
  const f = ({ w, b }: Params, x: NDArray): NDArray => np.sum(w.mul(x)).add(np.sum(b[1]).mul(b[0]))

  it('gives the tree of its argument', () => {
    const g = grad(f)(params, np.array([4, 5, 6]))
    expect(g.w.toArray()).toEqual([4, 5, 6])
    expect(num(g.b[0])).toBe(4)
    expect(g.b[1].toArray()).toEqual([1, 1])
  })

  it('takes argnums, one or several, negative too', () => {
    const product = (x: NDArray, y: NDArray): NDArray => x.mul(y)
    expect(num(grad(product, { argnums: 1 })(np.array(2), np.array(5)))).toBe(2)
    const [dx, dy] = grad(product, { argnums: [0, 1] })(np.array(2), np.array(5))
    expect([num(dx), num(dy)]).toEqual([5, 2])
  })

  it('takes auxiliary results along', () => {
    const [g, aux] = grad((x: NDArray) => [x.mul(x), { twice: x.add(x) }] as const, { hasAux: true })(np.array(3))
    expect([num(g), num(aux.twice)]).toEqual([6, 6])
    const [[value, extra], gradient] = valueAndGrad((x: NDArray) => [x.mul(x), x.add(1)] as const, { hasAux: true })(
      np.array(3),
    )
    expect([num(value), num(extra), num(gradient)]).toEqual([9, 4, 6])
  })

  it('gives zeros for unused leaves and constants', () => {
    const g = grad((p: { a: NDArray; b: NDArray }) => np.sum(p.a))({ a: x3, b: np.ones([2, 2]) })
    expect(g.b.toArray()).toEqual([
      [0, 0],
      [0, 0],
    ])
    expect(grad((_: NDArray) => np.array(1))(x3).toArray()).toEqual([0, 0, 0])
  })

  it('takes JS numbers, and functions that give them', () => {
    expect(num(grad((x: ArrayLike) => np.multiply(x, x))(3))).toBe(6)
    expect(num(grad((_: ArrayLike) => 1)(3))).toBe(0)
  })

  it('differentiates through ordinary control flow', () => {
    const power = (x: NDArray, n: number): NDArray => (n === 0 ? np.array(1) : x.mul(power(x, n - 1)))
    const absolute = (x: NDArray): NDArray => (x.item() < 0 ? x.neg() : x)
    expect(num(grad((x: NDArray) => power(x, 5))(np.array(2)))).toBe(80)
    expect(num(grad(absolute)(np.array(-2)))).toBe(-1)
    const loop = (x: NDArray): NDArray => {
      let y = x
      while (y.item() < 100) y = y.mul(x)
      return y
    }
    expect(num(grad(loop)(np.array(3)))).toBe(5 * 3 ** 4)
  })

  it('gives zeros for integer leaves where asked to', () => {
    const g = grad((p: { n: NDArray; x: NDArray }) => p.x.mul(p.n), { allowInt: true })({
      n: np.array(2, { dtype: 'int32' }),
      x: np.array(3),
    })
    expect([g.n.dtype, num(g.n), num(g.x)]).toEqual(['int32', 0, 2])
  })

  it('of a sum is the sum of gradients', () => {
    fc.assert(
      fc.property(arrays({ maxRank: 3 }), (x) => {
        gradIsAdditive(
          (y: NDArray) => np.sum(np.sin(y)),
          (y: NDArray) => np.sum(np.square(y)),
          [x],
        )
      }),
    )
  })
})

describe('higher orders and their compositions', () => {
  const f = (x: NDArray): NDArray => np.sum(np.exp(np.sin(x)).mul(x))
  const at = np.array([0.3, -0.7, 1.1], { dtype: 'float64' })

  it('hessian = jacfwd of jacrev = all other pairs', () => {
    const h = hessian(f)(at)
    for (const [outer, inner] of [
      [jacfwd, jacrev],
      [jacrev, jacfwd],
      [jacfwd, jacfwd],
      [jacrev, jacrev],
      [jacobian, jacobian],
    ] as const) {
      assertClose('hessian', outer(inner(f))(at), h)
    }
  })

  it('hvp is the hessian times a vector', () => {
    const v = np.array([1, -2, 0.5], { dtype: 'float64' })
    assertClose('hvp', hvp(f, at, v), np.matmul(hessian(f)(at), v))
  })

  it('jacobians of trees are trees of trees', () => {
    const g = (p: { a: NDArray; b: NDArray }): readonly [NDArray, NDArray] => [np.sin(p.a), p.a.mul(p.b)]
    const point = { a: np.array([1, 2]), b: np.array([3, 4]) }
    for (const jacobianOf of [jacfwd, jacrev]) {
      const j = jacobianOf(g)(point)
      expect(j[1].b.toArray()).toEqual([
        [1, 0],
        [0, 2],
      ])
      assertClose('no dependence', j[0].b, np.zeros([2, 2]))
    }
  })

  it('fifth derivatives', () => {
    let d: (x: NDArray) => NDArray = np.sin
    for (let i = 0; i < 5; i++) d = grad(d)
    expect(num(d(np.array(0.5)))).toBeCloseTo(Math.cos(0.5), 6)
  })

  it('vjp of vjp, jvp of vjp, vjp of jvp', () => {
    const second = (x: NDArray): NDArray => {
      const [, pullback] = vjp((y: NDArray) => {
        const [z, inner] = vjp(np.sin, y)
        return inner(np.onesLike(z))[0]
      }, x)
      return pullback(np.array(1))[0]
    }
    expect(num(second(np.array(0.5)))).toBeCloseTo(-Math.sin(0.5), 6)
    checkGrads((x: NDArray) => jvp(np.tanh, [x], [x])[1], [np.array([0.2, -0.4])], { order: 2 })
  })

  it('per-example gradients: vmap of grad', () => {
    const loss = (w: NDArray, x: NDArray): NDArray => np.square(np.dot(w, x))
    const [w, xs] = [
      np.array([1, 2]),
      np.array([
        [1, 0],
        [0, 1],
        [1, 1],
      ]),
    ]
    const each = vmap(grad(loss), { inAxes: [null, 0] })(w, xs)
    expect(each.toArray()).toEqual([
      [2, 0],
      [0, 4],
      [6, 6],
    ])
  })

  it('jit(grad) = grad(jit) = grad', () => {
    const wanted = grad(f)(at)
    assertClose('jit(grad)', jit(grad(f))(at), wanted)
    assertClose('grad(jit)', grad(jit(f))(at), wanted)
    assertClose('jit(hessian(jit))', jit(hessian(jit(f)))(at), hessian(f)(at))
  })
})

describe('linearize, vjp, linearTranspose', () => {
  it('a linear map is applied to many tangents', () => {
    const [y, push] = linearize((x: NDArray) => np.square(x), x3)
    expect(y.toArray()).toEqual([1, 4, 9])
    expect(push(np.array([1, 1, 1])).toArray()).toEqual([2, 4, 6])
    expect(push(np.array([0, 1, 0])).toArray()).toEqual([0, 4, 0])
    expect(vmap(push)(np.eye(3)).toArray()).toEqual([
      [2, 0, 0],
      [0, 4, 0],
      [0, 0, 6],
    ])
  })

  it('a pullback is called many times', () => {
    const [, pullback] = vjp((x: NDArray, w: NDArray) => np.dot(x, w), x3, np.array([4, 5, 6]))
    expect(pullback(np.array(1))[0].toArray()).toEqual([4, 5, 6])
    expect(pullback(np.array(2))[1].toArray()).toEqual([2, 4, 6])
  })

  it('the transpose of a linear function', () => {
    const m = np.array([
      [1, 2, 3],
      [4, 5, 6],
    ])
    const [t] = linearTranspose((x: NDArray) => np.matmul(m, x), x3)(np.array([1, 10]))
    expect(t.toArray()).toEqual([41, 52, 63])
  })

  it('the transpose of a linear function needs no more than types', () => {
    const f = ({ a, b }: { readonly a: NDArray; readonly b: NDArray }) => np.add(np.multiply(a, 2), b.sum())
    const types = { a: new ShapeDtypeStruct([2], 'float64'), b: new ShapeDtypeStruct([3], 'float64') }
    const ct = np.array([1, 10], { dtype: 'float64' })
    const [byTypes] = linearTranspose(f, types)(ct)
    expect([byTypes.a.toArray(), byTypes.b.toArray()]).toEqual([[2, 20], [11, 11, 11]]) // prettier-ignore
    const mixed = linearTranspose(
      (x: NDArray, y: NDArray) => np.add(x, y),
      new ShapeDtypeStruct([], 'float32'),
      np.array(1),
    )
    expect(mixed(np.array(3)).map(num)).toEqual([3, 3])
  })

  it('what is not linear has no transpose', () => {
    expect(() => linearTranspose((x: NDArray) => np.sin(x), x3)(x3)).toThrow(/linear/)
    expect(() => linearTranspose((x: NDArray) => x.mul(x), x3)(x3)).toThrow(/linear/)
  })

  it('stopGradient lets values through, not derivatives, at any order', () => {
    const f = (x: NDArray): NDArray => x.mul(stopGradient(x)).mul(x)
    expect(num(f(np.array(2)))).toBe(8)
    expect(num(grad(f)(np.array(2)))).toBe(8)
    expect(num(grad(jit(f))(np.array(2)))).toBe(8)
    expect(num(grad(grad(f))(np.array(2)))).toBe(4)
    const kept = stopGradient({ a: np.array(1), n: np.array(2, { dtype: 'int32' }) })
    expect(tree.leaves(kept).map(num)).toEqual([1, 2])
  })
})
