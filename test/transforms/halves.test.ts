/** Derivatives of 16-bit functions: in 16 bits, with sums of many terms rounded once. */
import type { NDArray } from 'pullback'
import {
  checkpoint,
  customJvp,
  customVjp,
  grad,
  hessian,
  jit,
  jvp,
  lax,
  nn,
  np,
  optim,
  random,
  valueAndGrad,
  vjp,
  vmap,
} from 'pullback'
import { assertAllClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const halves = ['float16', 'bfloat16'] as const

describe.each(halves)('%s', (dtype) => {
  const of = (...xs: number[]): NDArray => np.array(xs, { dtype })
  const one = np.array(1, { dtype })
  const nearest = (x: number): number => np.array(x, { dtype }).item()
  // More terms than this dtype can count one by one.
  const many = dtype === 'float16' ? 3000 : 600
  const dtypesOf = (xs: readonly NDArray[]): string[] => xs.map((x) => x.dtype)

  it('has gradients in its own dtype, eagerly, compiled and mapped', () => {
    const f = (x: NDArray): NDArray => np.sum(np.multiply(np.sin(x), x))
    const x = of(0.5, 1, 2)
    const wide = grad(f)(x.astype('float32'))
    for (const g of [
      grad(f)(x),
      jit(grad(f))(x),
      vmap(grad(f))(np.stack([x, x]))
        .at(1)
        .get(),
    ]) {
      expect(g.dtype).toBe(dtype)
      assertAllClose('grad', [g.astype('float32')], [wide], { rtol: 4 * np.finfo(dtype).eps })
    }
    expect(hessian(f)(x).dtype).toBe(dtype)
    expect(dtypesOf(jvp(np.sin, [x], [x]))).toEqual([dtype, dtype])
  })

  it('adds up in float32 what a value received from many uses', () => {
    const uses = (x: NDArray): NDArray => {
      let y = np.multiply(x, one)
      for (let i = 1; i < many; i++) y = np.add(y, np.multiply(x, one))
      return y
    }
    expect(grad(uses)(one).item()).toBe(nearest(many))
    const spread = (x: NDArray): NDArray => np.sum(np.broadcastTo(x, [many]))
    expect(grad(spread)(one).item()).toBe(nearest(many))
    const looked = (x: NDArray): NDArray => np.sum(np.take(x, np.zeros([many], { dtype: 'int32' })))
    expect(grad(looked)(of(1)).item()).toBe(nearest(many))
  })

  it('adds up in float32 over the steps of loops', () => {
    const looped = (w: NDArray): NDArray =>
      lax
        .scan(
          (c: NDArray, x: NDArray) => [np.multiply(c, 0), np.multiply(w, x)] as const,
          one,
          np.ones([many], { dtype }),
        )[1]
        .sum()
    for (const g of [grad(looped)(one), jit(grad(looped))(one)]) {
      expect([g.dtype, g.item()]).toEqual([dtype, nearest(many)])
    }
  })

  it('keeps its dtype through control flow, custom rules and checkpoints', () => {
    const square = customJvp((x: NDArray) => np.square(x))
    square.defjvp(([x], [t]) => [np.square(x), np.multiply(np.multiply(t, x), 2)])
    const cube = customVjp((x: NDArray) => np.power(x, 3))
    cube.defvjp(
      (x) => [np.power(x, 3), x],
      (x: NDArray, ct: NDArray) => [np.multiply(ct, np.multiply(3, np.square(x)))],
    )
    const functions: readonly ((x: NDArray) => NDArray)[] = [
      (x) => lax.cond(np.greater(x, 0), (y: NDArray) => np.multiply(y, 2), (y: NDArray) => y, x),
      (x) => lax.foriLoop(0, 3, (_, c: NDArray) => np.multiply(c, x), x),
      (x) => lax.whileLoop((c: NDArray) => np.less(c, 10), (c: NDArray) => np.multiply(c, 2), x, { maxSteps: 8 }),
      square,
      cube,
      checkpoint((x: NDArray) => np.sin(np.sin(x))),
      (x) => np.max(np.sort(np.stack([x, np.multiply(x, 2)]))),
      (x) => np.linalg.det(np.add(np.eye(2, { dtype }), x)),
      (x) => np.sum(np.convolve(np.stack([x, x]), np.stack([x, x]))),
    ] // prettier-ignore
    for (const f of functions) {
      for (const run of [valueAndGrad(f), jit(valueAndGrad(f))]) {
        const [y, g] = run(np.array(1.5, { dtype }))
        const [wideY, wideG] = valueAndGrad(f)(np.array(1.5))
        expect(dtypesOf([y, g])).toEqual([dtype, dtype])
        const close = { rtol: 8 * np.finfo(dtype).eps }
        assertAllClose('value and gradient', [y, g].map((x) => x.astype('float32')), [wideY, wideG], close) // prettier-ignore
      }
    }
  })

  it('has pullbacks of reductions, products and activations', () => {
    const x = random.normal(random.key(3), [4, 5], { dtype })
    const w = random.normal(random.key(4), [5, 3], { dtype })
    const f = (a: NDArray, b: NDArray): NDArray => np.mean(nn.gelu(np.matmul(nn.softmax(a), b)), { axis: 0 })
    const [y, pull] = vjp(f, x, w)
    const [wideY, widePull] = vjp(f, x.astype('float32'), w.astype('float32'))
    const cts = pull(np.ones([3], { dtype }))
    expect(dtypesOf([y, ...cts])).toEqual([dtype, dtype, dtype])
    const wide = [wideY, ...widePull(np.ones([3]))]
    assertAllClose('vjp', [y, ...cts].map((a) => a.astype('float32')), wide, { rtol: 8 * np.finfo(dtype).eps }) // prettier-ignore
  })

  it('trains: an optimizer keeps parameters in 16 bits', () => {
    const x = random.normal(random.key(1), [32, 4], { dtype })
    const target = np.matmul(x, of(1, -2, 0.5, 3))
    const loss = (w: NDArray): NDArray => np.mean(np.square(np.subtract(np.matmul(x, w), target)))
    const optimizer = optim.adam(0.1)
    let w = np.zeros([4], { dtype })
    let state = optimizer.init(w)
    const step = jit(valueAndGrad(loss))
    const first = loss(w).item()
    for (let i = 0; i < 60; i++) {
      const [, g] = step(w)
      const [updates, next] = optimizer.update(g, state, w)
      state = next
      w = optim.applyUpdates(w, updates)
    }
    expect(w.dtype).toBe(dtype)
    expect(loss(w).item()).toBeLessThan(first / 100)
  })
})
