/** `lax.scan`. */
import {
  customVjp,
  evalShape,
  grad,
  hessian,
  jit,
  jvp,
  lax,
  makeProgram,
  np,
  ProgramError,
  savedResiduals,
  ShapeDtypeStruct,
  TreeError,
  valueAndGrad,
  vjp,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads, jitIsTransparent, vjpIsAdjoint, vmapIsStackedLoop } from 'pullback/testing'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { agreeEverywhere, at64, float64, num, total } from './support/everywhere.ts'

describe('scan', () => {
  const w = float64(0.3, -0.7, 1.1)
  const xs = np.reshape(float64(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12), [4, 3])
  const step = (w: NDArray, c: NDArray, x: NDArray): readonly [NDArray, NDArray] => {
    const next = np.tanh(np.add(np.multiply(w, c), np.multiply(x, 0.1)))
    return [next, np.multiply(next, c)]
  }
  const scanned =
    (options: Parameters<typeof lax.scan>[3] = {}) =>
    (w: NDArray, c: NDArray, xs: NDArray): readonly [NDArray, NDArray] =>
      lax.scan((c: NDArray, x: NDArray) => step(w, c, x), c, xs, options)
  const looped =
    (reverse = false) =>
    (w: NDArray, c: NDArray, xs: NDArray): readonly [NDArray, NDArray] => {
      const ys: NDArray[] = []
      let carry = c
      const order = [0, 1, 2, 3]
      for (const i of reverse ? order.reverse() : order) {
        const [next, y] = step(w, carry, xs.at(i).get())
        carry = next
        ys[i] = y
      }
      return [carry, np.stack(ys)]
    }
  const c0 = float64(0.5, -0.2, 0.9)

  it.each([false, true])('equals the loop written out, with its derivatives (reverse: %s)', (reverse) => {
    const f = scanned({ reverse })
    const g = looped(reverse)
    assertClose('value', f(w, c0, xs), g(w, c0, xs))
    const cotangents = [float64(1, -2, 3), np.multiply(xs, 0.3)] as const
    assertClose('vjp', vjp(f, w, c0, xs)[1](cotangents), vjp(g, w, c0, xs)[1](cotangents), { rtol: 1e-10 })
    const tangents = [float64(1, 2, 3), float64(-1, 0.5, 2), np.multiply(xs, -0.2)] as const
    assertClose('jvp', jvp(f, [w, c0, xs], tangents)[1], jvp(g, [w, c0, xs], tangents)[1], { rtol: 1e-10 })
    checkGrads(f, [w, c0, xs])
    vjpIsAdjoint(f, [w, c0, xs])
    jitIsTransparent(f, [w, c0, xs])
    const loss = (h: typeof f) => (w: NDArray, c: NDArray, xs: NDArray) => {
      const [last, ys] = h(w, c, xs)
      return np.add(total(np.square(last)), total(np.multiply(ys, xs)))
    }
    const argnums = [0, 1, 2] as const
    assertClose('hessian', hessian(loss(f))(w, c0, xs), hessian(loss(g))(w, c0, xs), { rtol: 1e-8, atol: 1e-10 })
    assertClose('jit of grad', jit(grad(loss(f), { argnums }))(w, c0, xs), grad(loss(g), { argnums })(w, c0, xs))
    const rows = [1, -0.5, 2].map((s) => [np.multiply(w, s), np.multiply(c0, s), np.multiply(xs, s)] as const)
    vmapIsStackedLoop(f, rows as never)
    vmapIsStackedLoop(grad(loss(f), { argnums }), rows as never)
  })

  it.each([1, 2, 3, 4, 7, 'sqrt'] as const)('keeps less with checkpoint: %s, and derives the same', (block) => {
    for (const reverse of [false, true]) {
      const loss =
        (checkpoint: typeof block | 'none') =>
        (w: NDArray, c: NDArray, xs: NDArray): NDArray => {
          const [last, ys] = scanned({ checkpoint, reverse })(w, c, xs)
          return np.add(total(np.square(last)), total(np.multiply(ys, xs)))
        }
      const argnums = [0, 1, 2] as const
      assertClose('grad', valueAndGrad(loss(block), { argnums })(w, c0, xs), valueAndGrad(loss('none'), { argnums })(w, c0, xs)) // prettier-ignore
      assertClose('hessian', hessian(loss(block))(w, c0, xs), hessian(loss('none'))(w, c0, xs), { atol: 1e-12 })
      assertClose('jit', jit(grad(loss(block)))(w, c0, xs), grad(loss('none'))(w, c0, xs))
    }
    const bytes = (checkpoint: 'none' | 'sqrt'): number => {
      const rnn = (w: NDArray, xs: NDArray): NDArray => scanned({ checkpoint })(w, np.zeros([8]), xs)[0]
      return savedResiduals(rnn, np.ones([8]), np.ones([400, 8])).reduce((n, r) => n + r.aval.size * 4, 0)
    }
    expect(bytes('sqrt')).toBeLessThan(bytes('none') / 2)
  })

  it('keeps loop-invariant residuals once: a 1000-step RNN with a 256 x 256 weight needs less than 10 MB', () => {
    const rnn = (w: NDArray, xs: NDArray): NDArray => {
      const body = (h: NDArray, x: NDArray): readonly [NDArray, null] => [
        np.tanh(np.add(np.dot(w.transpose(), h), x)),
        null,
      ]
      return total(lax.scan(body, np.zeros([256]), xs)[0])
    }
    const saved = savedResiduals(rnn, np.zeros([256, 256]), np.zeros([1000, 256]))
    const bytes = saved.reduce((n, r) => n + r.aval.size * 4, 0)
    expect(bytes).toBeLessThan(10e6)
    expect(saved.filter((r) => r.aval.shape.length === 3)).toEqual([])
  })

  it('of length 0 returns the initial carry and empty outputs, and has zero derivatives', () => {
    const f = (c: NDArray, xs: NDArray) => lax.scan((c: NDArray, x: NDArray) => [np.multiply(c, x), np.sin(x)], c, xs)
    const [last, ys] = f(np.array(3), np.zeros([0]))
    expect([num(last), ys.shape]).toEqual([3, [0]])
    const [, pull] = vjp(f, np.array(3), np.zeros([0]))
    const [dc, dx] = pull([np.array(2), np.zeros([0])])
    expect([num(dc), dx.shape]).toEqual([2, [0]])
    expect(num(lax.scan((c: NDArray) => [np.add(c, 1), null], np.array(0), null, { length: 5 })[0])).toBe(5)
  })

  it('takes a weakly typed carry', () => {
    const [sum] = lax.scan((c: NDArray, x: NDArray) => [np.add(c, x), null], 0, np.array([1.5, 2]))
    expect([sum.dtype, num(sum)]).toEqual(['float32', 3.5])
    const [pair] = lax.scan(([a, b]: readonly [NDArray, NDArray]) => [[b, np.add(a, b)], null], [0, np.array(1)] as const, null, { length: 5 }) // prettier-ignore
    expect(pair.map(num)).toEqual([5, 8])
  })

  it('vmap of scan where only the inputs are batched, or only the carry, or only a closed-over value', () => {
    const f = (w: NDArray, c: NDArray, xs: NDArray): NDArray => total(scanned()(w, c, xs)[1])
    const many = (x: NDArray): NDArray => np.stack([x, np.multiply(x, 2), np.negative(x)])
    const at = (x: NDArray, i: number): NDArray => x.at(i).get()
    const [ws, cs, xss] = [many(w), many(c0), many(xs)]
    const three = (g: (i: number) => NDArray): NDArray => np.stack([0, 1, 2].map(g))
    assertClose(
      'inputs',
      vmap(f, { inAxes: [null, null, 0] })(w, c0, xss),
      three((i) => f(w, c0, at(xss, i))),
    )
    assertClose(
      'carry',
      vmap(f, { inAxes: [null, 0, null] })(w, cs, xs),
      three((i) => f(w, at(cs, i), xs)),
    )
    assertClose(
      'closure',
      vmap(f, { inAxes: [0, null, null] })(ws, c0, xs),
      three((i) => f(at(ws, i), c0, xs)),
    )
    assertClose(
      'gradient',
      vmap(grad(f), { inAxes: [null, null, 0] })(w, c0, xss),
      three((i) => grad(f)(w, c0, at(xss, i))),
    )
  })

  it('gradient through a loop whose body depends on the parameter', () => {
    const f = (a: NDArray): NDArray =>
      lax.scan((c: NDArray) => [np.multiply(c, a), null], at64(1), null, { length: 5 })[0]
    agreeEverywhere(f, (a) => np.power(a, 5), [0.5, -2, 3])
    // Both the body and the starting point, two loops deep.
    const g = (a: NDArray): NDArray =>
      lax.scan((c: NDArray) => [lax.foriLoop(0, 2, (_, d) => np.multiply(d, a), c), null], a, null, { length: 3 })[0]
    agreeEverywhere(g, (a) => np.power(a, 7), [0.5, -2, 3])
  })

  it('does not confuse perturbations of nested derivatives', () => {
    // d/dx [x · d/dy (x + y summed in a loop)] with the inner derivative in the loop's body.
    const f = (x: NDArray): NDArray => {
      const slope = (c: NDArray): NDArray => grad((y: NDArray) => np.multiply(np.add(x, y), y))(c)
      return lax.scan((c: NDArray) => [np.multiply(x, slope(c)), null], at64(1), null, { length: 2 })[0]
    }
    // c ↦ x (x + 2c) twice from 1: x (x + 2x² + 4x) = 5x² + 2x³.
    agreeEverywhere(f, (x) => np.add(np.multiply(5, np.square(x)), np.multiply(2, np.power(x, 3))), [0.5, 2])
  })

  it('customVjp over closed-over values, inside a loop', () => {
    const f = (x: NDArray): NDArray => {
      const scaled = customVjp((c: NDArray, x: NDArray) => np.multiply(c, x)).defvjp(
        (c, x) => [np.multiply(c, x), [c, x] as const],
        ([c, x]: readonly [NDArray, NDArray], ct: NDArray) => [np.multiply(ct, x), np.multiply(ct, c)],
      )
      return lax.scan((c: NDArray) => [scaled(c, x), null], at64(1), null, { length: 4 })[0]
    }
    assertClose('grad', grad(f)(at64(2)), at64(32))
    const bad = (x: NDArray): NDArray => {
      const closed = customVjp((c: NDArray) => np.multiply(c, x)).defvjp(
        (c) => [np.multiply(c, x), null],
        (_: null, ct: NDArray) => [ct],
      )
      return lax.scan((c: NDArray) => [closed(c), null], at64(1), null, { length: 4 })[0]
    }
    expect(() => grad(bad)(at64(2))).toThrow(ProgramError)
  })

  it('says what is wrong', () => {
    const grow = (c: { readonly h: NDArray }, x: NDArray): readonly [unknown, null] => [{ h: np.stack([c.h, x]) }, null]
    expect(() => lax.scan(grow as never, { h: np.array(1) }, np.ones([3]))).toThrow(
      /\.h is f32\[\] going in and f32\[2\] coming out/,
    )
    const other = (c: NDArray): readonly [unknown, null] => [np.astype(c, 'int32'), null]
    expect(() => lax.scan(other as never, np.array(1), null, { length: 2 })).toThrow(/f32\[\] going in and i32\[\]/)
    const tree = (c: NDArray): readonly [unknown, null] => [[c, c], null]
    expect(() => lax.scan(tree as never, np.array(1), null, { length: 2 })).toThrow(TreeError)
    const id = (c: NDArray, x: NDArray): readonly [NDArray, NDArray] => [c, x]
    expect(() => lax.scan(id, np.array(1), [1, 2] as never)).toThrow(/scalar/)
    expect(() => lax.scan(id, np.array(1), null as never)).toThrow(/length/)
    expect(() => lax.scan(((c: NDArray, xs: readonly NDArray[]) => [c, xs]) as never, np.array(1), [np.ones([2]), np.ones([3])])).toThrow(/\[1\] \(f32\[3\]\) has 3 elements, expected 2/) // prettier-ignore
    expect(() => lax.scan((c: NDArray) => c as never, np.array(1), np.ones([2]))).toThrow(/return \[carry, y\]/)
    expect(() => lax.scan(id, np.array(1), np.ones([2]), { checkpoint: 0 })).toThrow(/checkpoint/)
    expect(() => lax.scan(id, np.array(1), np.ones([2]), { unroll: 0.5 })).toThrow(/unroll/)
  })

  it('is one equation, whatever the number of steps', () => {
    const f = (xs: NDArray): NDArray => lax.scan((c: NDArray, x: NDArray) => [np.add(c, x), c], np.array(0), xs)[0]
    const count = (n: number): number => makeProgram(f)(new ShapeDtypeStruct([n], 'float32')).equations.length
    expect(count(10_000)).toBe(count(10))
    const shapes = evalShape((xs: NDArray) => grad(f)(xs), new ShapeDtypeStruct([10_000], 'float32') as never)
    expect(String(shapes)).toBe('f32[10000]')
  })

  it('has types', () => {
    const [carry, ys] = lax.scan((c: NDArray, x: NDArray) => [c, { y: x }] as const, 0, np.ones([2]))
    expectTypeOf(carry).toEqualTypeOf<NDArray>()
    expectTypeOf(ys.y).toEqualTypeOf<NDArray>()
  })
})
