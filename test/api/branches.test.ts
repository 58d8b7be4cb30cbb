/** `lax.cond` and `lax.switch`. */
import { grad, hessian, jit, lax, makeProgram, np, savedResiduals, ShapeError, TreeError, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose } from 'pullback/testing'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { agreeEverywhere, at64, float64, num, total } from './support/everywhere.ts'

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
