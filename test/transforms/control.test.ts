import * as fc from 'fast-check'
import {
  checkpoint,
  checkpointName,
  checkpointPolicies,
  customJvp,
  customVjp,
  evalShape,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  lax,
  linearize,
  makeProgram,
  namedScope,
  np,
  parseProgram,
  printProgram,
  ProgramError,
  pureCallback,
  savedResiduals,
  ShapeDtypeStruct,
  ShapeError,
  TreeError,
  valueAndGrad,
  vjp,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads, jitIsTransparent, vjpIsAdjoint, vmapIsStackedLoop } from 'pullback/testing'
import { describe, expect, expectTypeOf, it } from 'vitest'

const num = (x: NDArray): number => x.item()
const total = (x: NDArray): NDArray => np.sum(x)
const float64 = (...xs: number[]): NDArray => np.array(xs, { dtype: 'float64' })
const at64 = (x: number): NDArray => np.array(x, { dtype: 'float64' })

/** Value, both first derivatives, second derivative, compiled and mapped: all of one scalar function agree. */
const agreeEverywhere = (f: (x: NDArray) => NDArray, g: (x: NDArray) => NDArray, points: readonly number[]): void => {
  const xs = float64(...points)
  const each = (h: (x: NDArray) => NDArray): NDArray => np.stack(points.map((p) => h(at64(p))))
  const forward =
    (h: (x: NDArray) => NDArray) =>
    (x: NDArray): NDArray =>
      jvp(h, [x], [np.onesLike(x)])[1]
  assertClose('value', each(f), each(g))
  assertClose('grad', each(grad(f)), each(grad(g)), { rtol: 1e-9 })
  assertClose('jvp', each(forward(f)), each(grad(g)), { rtol: 1e-9 })
  assertClose('second order', each(grad(grad(f))), each(grad(grad(g))), { rtol: 1e-9 })
  assertClose('forward over reverse', each(forward(grad(f))), each(grad(grad(g))), { rtol: 1e-9 })
  assertClose('vmap', vmap(f)(xs), each(g))
  assertClose('vmap of grad', vmap(grad(f))(xs), each(grad(g)), { rtol: 1e-9 })
  assertClose('vmap of second', vmap(grad(grad(f)))(xs), each(grad(grad(g))), { rtol: 1e-9 })
  assertClose('grad of vmap', grad((x: NDArray) => total(vmap(f)(x)))(xs), each(grad(g)), { rtol: 1e-9 })
  assertClose('jit of vmap of grad', jit(vmap(grad(f)))(xs), each(grad(g)), { rtol: 1e-9 })
  assertClose('vmap of grad of jit', vmap(grad(jit(f)))(xs), each(grad(g)), { rtol: 1e-9 })
  const [, push] = linearize(f, at64(points[0]!))
  assertClose('linearize', push(at64(2)), np.multiply(2, grad(g)(at64(points[0]!))), { rtol: 1e-9 })
}

describe('cond', () => {
  const f = (x: NDArray): NDArray =>
    lax.cond(
      np.greater(x, 1),
      (y: NDArray) => np.sin(y),
      (y: NDArray) => np.multiply(y, np.exp(y)),
      x,
    )
  const byHand = (x: NDArray): NDArray => (num(x) > 1 ? np.sin(x) : np.multiply(x, np.exp(x)))

  it('is the branch that the predicate names, under every transformation', () => {
    const points = [0.5, 2, -1, 1]
    const each = np.stack(points.map((p) => grad(byHand)(at64(p))))
    assertClose('grad', np.stack(points.map((p) => grad(f)(at64(p)))), each)
    assertClose('vmap of grad', vmap(grad(f))(float64(...points)), each)
    assertClose('hessian', vmap(hessian(f))(float64(0.5, 2)), np.stack([0.5, 2].map((p) => hessian(byHand)(at64(p)))))
    agreeEverywhere(f, (x) => np.where(np.greater(x, 1), np.sin(x), np.multiply(x, np.exp(x))), points)
  })

  it('takes numbers and bools, and clamps the index of switch', () => {
    const pick = (i: number): number => num(lax.switch(i, [() => np.array(10), () => np.array(11), () => np.array(12)]))
    expect([-5, 0, 1, 2, 99].map(pick)).toEqual([10, 10, 11, 12, 12])
    expect(num(lax.cond(0.5, () => np.array(1), () => np.array(2)))).toBe(1) // prettier-ignore
    expect(num(lax.cond(false, () => np.array(1), () => np.array(2)))).toBe(2) // prettier-ignore
  })

  it('NaN from the branch not taken does not come back through vmap', () => {
    const safe = (x: NDArray): NDArray =>
      lax.cond(
        np.greater(x, 0),
        (y: NDArray) => np.sqrt(y),
        () => np.array(0, { dtype: 'float64' }),
        x,
      )
    const log = (x: NDArray): NDArray =>
      lax.cond(
        np.greater(x, 0),
        (y: NDArray) => np.log(np.log(y)),
        (y: NDArray) => np.divide(1, np.subtract(y, 1)),
        x,
      )
    expect(vmap(grad(safe))(float64(4, 0, -1)).toArray()).toEqual([0.25, 0, 0])
    expect(grad((x: NDArray) => total(vmap(safe)(x)))(float64(-1, 0)).toArray()).toEqual([0, 0])
    const twice = vmap(grad(grad(safe)))(float64(4, 0))
    assertClose('second order', twice, float64(-1 / 32, 0))
    const slopes = jit(vmap(grad(log)))(float64(Math.E ** 2, -1))
    assertClose('both sides', slopes, float64(1 / (2 * Math.E ** 2), -0.25))
    const nested = vmap(vmap(grad(safe)))(np.reshape(float64(4, 0, -1, 0), [2, 2]))
    assertClose('nested vmap', nested, np.reshape(float64(0.25, 0, 0, 0), [2, 2]))
  })

  it('runs the chosen branch only', () => {
    const program = makeProgram(f)(at64(1))
    expect(program.equations.some((e) => e.op === 'cond')).toBe(true)
    expect(program.equations.some((e) => e.op === 'sin')).toBe(false)
  })

  it('shares the places of residuals among branches', () => {
    const g = (x: NDArray): NDArray =>
      lax.switch(
        0,
        [(y: NDArray) => np.sin(y), (y: NDArray) => np.exp(np.sin(y)), (y: NDArray) => np.tanh(np.exp(y))],
        x,
      )
    expect(savedResiduals(g, np.zeros([5])).length).toBeLessThanOrEqual(3)
  })

  it('names the leaf and both types where branches differ', () => {
    const x = np.ones([2])
    const differ = (): unknown =>
      lax.cond(
        true,
        (y: NDArray) => ({ a: { b: np.stack([y, y]) } }),
        (y: NDArray) => ({ a: { b: y } }),
        x,
      )
    expect(differ).toThrow(TreeError)
    expect(differ).toThrow(/\.a\.b is f32\[2\] from onFalse and f32\[2,2\] from onTrue/)
    const trees = (): unknown =>
      lax.cond(
        true,
        (y: NDArray): unknown => [y],
        (y: NDArray): unknown => ({ y }),
        x,
      )
    expect(trees).toThrow(/structure/)
    expect(() => lax.cond(np.array([true, false]), (y: NDArray) => y, (y: NDArray) => y, x)).toThrow(ShapeError) // prettier-ignore
    expect(() => lax.switch(0.5, [(y: NDArray) => y], x)).toThrow(/integer/)
    expect(() => lax.switch(0, [])).toThrow(/no branches/)
  })

  it('lets weak results give way', () => {
    const y = lax.cond(
      true,
      () => 1,
      (): NDArray | number => np.array(2.5),
      ...[],
    )
    expect(y.dtype).toBe('float32')
    expectTypeOf(lax.cond(true, () => ({ a: np.array(1) }), () => ({ a: np.array(2) })).a).toEqualTypeOf<NDArray>() // prettier-ignore
  })
})

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

describe('whileLoop', () => {
  const bounded = (x: NDArray): NDArray =>
    lax.whileLoop((c) => np.less(c, 100), (c) => np.multiply(c, np.add(x, 1)), x, { maxSteps: 20 }) // prettier-ignore
  const byHand = (x: NDArray): NDArray => {
    let c = x
    while (num(c) < 100) c = np.multiply(c, np.add(x, 1))
    return c
  }
  // What the loop comes to near each point, without control flow on values.
  const powers = (n: number) => (x: NDArray) => np.multiply(x, np.power(np.add(x, 1), n))

  it('has a reverse derivative with maxSteps, and lanes that have finished stay as they are', () => {
    const points = [2, 3, 0.5, 150]
    const counts = points.map((p) => {
      let [n, c] = [0, p]
      for (; c < 100; n++) c *= p + 1
      return n
    })
    const each = (g: (n: number, p: number) => NDArray): NDArray => np.stack(points.map((p, i) => g(counts[i]!, p)))
    const xs = float64(...points)
    assertClose('value', vmap(bounded)(xs), np.stack(points.map((p) => byHand(at64(p)))))
    const slopes = each((n, p) => grad(powers(n))(at64(p)))
    assertClose('grad', np.stack(points.map((p) => grad(bounded)(at64(p)))), slopes)
    assertClose('vmap of grad', vmap(grad(bounded))(xs), slopes)
    assertClose('grad of vmap', grad((x: NDArray) => total(vmap(bounded)(x)))(xs), slopes)
    assertClose('jacfwd', np.stack(points.map((p) => jacfwd(bounded)(at64(p)))), slopes)
    assertClose('jit', jit(vmap(grad(bounded)))(xs), slopes)
    const curvatures = each((n, p) => grad(grad(powers(n)))(at64(p)))
    assertClose('second order', vmap(grad(grad(bounded)))(xs), curvatures)
    assertClose('forward over reverse', vmap(jacfwd(jacrev(bounded)))(xs), curvatures)
  })

  it('ends after maxSteps in any case', () => {
    for (const maxSteps of [1, 2, 5, 7, 10]) {
      const f = (x: NDArray): NDArray => lax.whileLoop(() => np.array(true), (c) => np.multiply(c, x), at64(1), { maxSteps }) // prettier-ignore
      expect(num(f(at64(2)))).toBe(2 ** maxSteps)
      assertClose('grad', grad(f)(at64(2)), at64(maxSteps * 2 ** (maxSteps - 1)))
    }
  })

  it('keeps memory of the order of √maxSteps', () => {
    const f = (x: NDArray): NDArray =>
      lax.whileLoop((c) => np.less(np.max(c), 1e30), (c) => np.multiply(np.sin(c), x), x, { maxSteps: 10_000 }) // prettier-ignore
    const kept = savedResiduals(f, np.ones([10])).reduce((n, r) => n + r.aval.size, 0)
    expect(kept).toBeLessThan(10 * 400)
  })

  it('without maxSteps says what to do instead; forward mode works', () => {
    const f = (x: NDArray): NDArray => lax.whileLoop((c) => np.less(c, 100), (c) => np.multiply(c, x), x) // prettier-ignore
    expect(() => grad(f)(np.array(3))).toThrow(ProgramError)
    expect(() => grad(f)(np.array(3))).toThrow(/maxSteps.*scan.*foriLoop.*forward.*customVjp/)
    assertClose('jvp', jvp(f, [at64(3)], [at64(1)])[1], at64(5 * 81))
    assertClose('jvp of vmap', jvp(vmap(f), [float64(3, 10)], [float64(1, 2)])[1], float64(405, 40))
    assertClose('linearize', linearize(f, at64(3))[1](at64(2)), at64(2 * 405))
    assertClose('jacfwd of jacfwd', jacfwd(jacfwd(f))(at64(3)), at64(20 * 27))
  })

  it('differentiates what does not pass through the loop', () => {
    const f = (x: NDArray): NDArray => {
      const n = lax.whileLoop((i) => np.less(i, 5), (i) => np.add(i, 1), np.array(0, { dtype: 'int32' })) // prettier-ignore
      return np.multiply(x, n)
    }
    expect(num(grad(f)(np.array(2)))).toBe(5)
  })

  it('says what is wrong', () => {
    expect(() => lax.whileLoop((c) => c, (c) => c, np.array(1))).toThrow(/bool/) // prettier-ignore
    expect(() => lax.whileLoop((c) => np.less(c, 1), (c) => c, np.ones([2]))).toThrow(ShapeError) // prettier-ignore
    expect(() => lax.whileLoop(() => true, (c) => np.stack([c, c]), np.array(1))).toThrow(/f32\[\] going in and f32\[2\]/) // prettier-ignore
    expect(() => lax.whileLoop(() => true, (c) => c, np.array(1), { maxSteps: 0.5 })).toThrow(/maxSteps/) // prettier-ignore
  })

  it('refuses a weak float for an integer carry: truncated, it might never end', () => {
    const zero = np.array(0, { dtype: 'int32' })
    const halves = (c: NDArray): NDArray => np.add(c, 0.5)
    const message = /i32\[\] going in and ~f32\[\] coming out/
    expect(() => lax.whileLoop((c) => np.less(c, 3), halves, zero)).toThrow(message)
    expect(() => lax.foriLoop(0, 3, (_, c) => halves(c), zero)).toThrow(message)
    expect(() => lax.scan((c) => [halves(c), null] as const, zero, null, { length: 3 })).toThrow(message)
    // A weak integer fits a float, and any number a weak carry.
    expect(num(lax.whileLoop((c) => np.less(c, 3), () => np.asarray(5).sum(), np.array(0)))).toBe(5) // prettier-ignore
    expect(num(lax.whileLoop((c) => np.less(c, 3), halves, 0 as unknown as NDArray))).toBe(3) // prettier-ignore
  })
})

describe('foriLoop', () => {
  it('goes from lower to upper, by scan for numbers and by while for arrays', () => {
    const sum = (lo: NDArray | number, hi: NDArray | number): number =>
      num(lax.foriLoop(lo, hi, (i, s) => np.add(s, i), np.array(0, { dtype: 'int32' })))
    const int = (n: number): NDArray => np.array(n, { dtype: 'int32' })
    expect([sum(2, 6), sum(int(2), 6), sum(2, int(6)), sum(6, 2), sum(int(6), int(2)), sum(-2, 1)]).toEqual([14, 14, 14, 0, 0, -3]) // prettier-ignore
    const lengths = vmap((n: NDArray) => lax.foriLoop(0, n, (i, s) => np.add(s, i), np.array(0)))
    expect(lengths(np.array([3, 0, 5], { dtype: 'int32' })).toArray()).toEqual([3, 0, 10])
    agreeEverywhere((x) => lax.foriLoop(0, 3, (i, c) => np.multiply(c, np.add(x, i)), at64(1)), (x) => np.multiply(x, np.multiply(np.add(x, 1), np.add(x, 2))), [0.5, 2]) // prettier-ignore
    expect(() => lax.foriLoop(0.5, 2, (_, c) => c, np.array(1))).toThrow(/integer/)
  })
})

describe('map', () => {
  it('is vmap, one at a time or in batches', () => {
    const f = (t: { readonly a: NDArray; readonly b: NDArray }) => [np.dot(t.a, t.a), np.sin(t.b)] as const
    const xs = { a: np.reshape(np.arange(14), [7, 2]), b: np.arange(7) }
    for (const batchSize of [undefined, 1, 2, 3, 7, 10]) {
      const options = batchSize === undefined ? {} : { batchSize }
      assertClose(`batchSize ${batchSize}`, lax.map(f, xs, options), vmap(f)(xs))
    }
  })
})

describe('nests', () => {
  it('nested scan in whileLoop in cond under vmap(grad(jit(·)))', () => {
    const f = jit((x: NDArray): NDArray =>
      lax.cond(
        np.greater(x, 0),
        (y: NDArray) =>
          lax.whileLoop(
            (c) => np.less(c, 10),
            (c) => lax.scan((d: NDArray, k: NDArray) => [np.add(d, np.multiply(y, k)), null], c, float64(0.5, 1))[0],
            y,
            { maxSteps: 30 },
          ),
        (y: NDArray) => np.square(y),
        x,
      ),
    )
    // Each turn of the loop adds 1.5 x.
    const turns = (x: number): number => Math.ceil((10 - x) / (1.5 * x))
    const points = [1, 2.5, -3, 7]
    const slopes = points.map((x) => (x > 0 ? 1 + 1.5 * turns(x) : 2 * x))
    assertClose('vmap of grad of jit', vmap(grad(f))(float64(...points)), float64(...slopes))
    assertClose('jit of that', jit(vmap(grad(f)))(float64(...points)), float64(...slopes))
    const curvature = vmap(grad(grad(f)))(float64(...points))
    assertClose('second order', curvature, float64(0, 0, 2, 0))
  })

  it('control flow under checkpoint, and checkpoint in control flow', () => {
    const body = checkpoint((c: NDArray, x: NDArray) => lax.cond(np.greater(c, 0), (a: NDArray, b: NDArray) => np.sin(np.multiply(a, b)), (a: NDArray, b: NDArray) => np.cos(np.add(a, b)), c, x)) // prettier-ignore
    const f = (x: NDArray): NDArray => lax.scan((c: NDArray, k: NDArray) => [body(c, np.multiply(x, k)), null], at64(0.3), float64(1, 2, -3, 0.5))[0] // prettier-ignore
    const plain = (x: NDArray): NDArray => {
      let c = at64(0.3)
      for (const k of [1, 2, -3, 0.5]) {
        const b = np.multiply(x, k)
        c = np.where(np.greater(c, 0), np.sin(np.multiply(c, b)), np.cos(np.add(c, b)))
      }
      return c
    }
    agreeEverywhere(f, plain, [0.7, -1.3])
    agreeEverywhere(checkpoint(f), plain, [0.7, -1.3])
  })

  it('print, and parse back', () => {
    const f = (x: NDArray): NDArray =>
      lax.whileLoop((c) => np.less(c, 10), (c) => lax.cond(np.greater(c, 1), (d: NDArray) => np.sin(d), (d: NDArray) => d, np.add(c, x)), x) // prettier-ignore
    for (const program of [makeProgram(f)(np.array(1)), makeProgram(vmap(f))(np.array([1, 2]))]) {
      const text = printProgram(program)
      const back = parseProgram(text)
      expect(back._tag === 'Right' ? printProgram(back.right) : back.left.message).toBe(text)
    }
  })

  it('random depths of loops multiply', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 5 }), (counts) => {
        const nest = counts.reduce<(c: NDArray) => NDArray>(
          (inner, n) => (c) => lax.foriLoop(0, n, (_, d) => inner(d), c),
          (c) => np.add(c, 1),
        )
        const turns = counts.reduce((a, b) => a * b, 1)
        return num(nest(np.array(0))) === turns && num(jit(grad(nest))(np.array(0))) === 1
      }),
      { numRuns: 25 },
    )
  })
})

describe('namedScope', () => {
  it('refuses functions that return promises, with the reason', () => {
    const reason = /^namedScope: the function returned a promise\. .*first await.*Await outside/
    for (const f of [() => Promise.resolve(1), () => Promise.reject(new Error('late'))]) {
      expect(() => namedScope('a', f)).toThrow(
        expect.objectContaining({ name: 'ArgumentError', message: expect.stringMatching(reason) as string }),
      )
    }
  })

  it('names parts of programs, of their derivatives and of loops, and survives printing', () => {
    const f = (x: NDArray): NDArray =>
      namedScope('outer', () =>
        total(lax.scan((c: NDArray) => [namedScope('step', () => np.sin(c)), null], x, null, { length: 2 })[0]),
      )
    const text = printProgram(makeProgram(grad(f))(np.ones([2])))
    expect(text).toMatch(/= sin \w @ "outer\/step"/)
    expect(text).toMatch(/= reduceSum.* @ "outer"/)
    expect(text).toMatch(/= cos .* @ "outer\/step"/)
    const back = parseProgram(text)
    expect(back._tag === 'Right' && printProgram(back.right)).toBe(text)
  })

  it('stands in the messages of errors', () => {
    const bad = (): unknown => namedScope('a', () => namedScope('b', () => np.dot(np.ones([2]), np.ones([3]))))
    expect(bad).toThrow(/\(in scope a\/b\)$/)
    expect(() => namedScope('', () => 1)).toThrow(/empty/)
    expect(namedScope('after', () => String(makeProgram((x: NDArray) => np.sin(x))(np.array(1))))).toContain(
      '@ "after"',
    )
  })
})

describe('recomputation', () => {
  /** A sine whose evaluations are counted, and how often it runs in the gradient of what `wrap` makes of it. */
  const counted = (wrap: (f: (x: NDArray) => NDArray) => (x: NDArray) => NDArray, compile = false): number => {
    let calls = 0
    const onHost = (x: NDArray): NDArray => {
      calls++
      return np.sin(x)
    }
    const sine = customJvp((x: NDArray) => pureCallback(onHost, new ShapeDtypeStruct([], 'float64'), x)).defjvp(
      ([x], [t]) => [pureCallback(onHost, new ShapeDtypeStruct([], 'float64'), x), np.multiply(t, np.cos(x))],
    )
    const f = wrap((x) => np.square(checkpointName(sine(x), 'sine')))
    const g = compile ? jit(valueAndGrad(f)) : valueAndGrad(f)
    const [, slope] = g(at64(0.3))
    const once = calls
    assertClose('gradient', slope, grad(wrap((x) => np.square(np.sin(x))))(at64(0.3)))
    return once
  }
  const keep = checkpointPolicies.saveOnlyTheseNames('sine')
  const inScan =
    (body: (x: NDArray) => NDArray) =>
    (x: NDArray): NDArray =>
      lax.scan((c: NDArray) => [body(c), null], x, null, { length: 3 })[0]

  it.each([false, true])(
    'happens once for each checkpoint, and not where the policy keeps the value (jit: %s)',
    (jitted) => {
      expect(counted((f) => f, jitted)).toBe(1)
      expect(counted((f) => checkpoint(f), jitted)).toBe(2)
      expect(counted((f) => checkpoint(f, { policy: keep }), jitted)).toBe(1)
      expect(counted((f) => checkpoint(f, { policy: checkpointPolicies.everythingSaveable }), jitted)).toBe(1)
      expect(counted((f) => inScan(f), jitted)).toBe(3)
      expect(counted((f) => inScan(checkpoint(f)), jitted)).toBe(6)
    },
  )

  it('of nested checkpoints happens at each level', () => {
    expect(counted((f) => checkpoint((x: NDArray) => np.sin(checkpoint(f)(x))))).toBe(3)
  })
})
