import * as fc from 'fast-check'
import { grad, jit, np, random, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { arrays, assertClose, vmapIsStackedLoop } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const matrix = np.reshape(np.arange(6, { dtype: 'float32' }), [2, 3])

describe('vmap', () => {
  it('maps over chosen axes, and puts the result where asked', () => {
    const double = (x: NDArray): NDArray => x.mul(2)
    expect(vmap(double, { inAxes: 1 })(matrix).shape).toEqual([3, 2])
    expect(vmap(double, { inAxes: 1, outAxes: 1 })(matrix).shape).toEqual([2, 3])
    expect(vmap(double, { inAxes: -1, outAxes: -1 })(matrix).toArray()).toEqual(matrix.mul(2).toArray())
  })

  it('takes trees of axes as prefixes', () => {
    const f = (p: { a: NDArray; b: readonly [NDArray, NDArray] }, k: NDArray): NDArray =>
      p.a.add(p.b[0]).add(p.b[1]).mul(k)
    const p = { a: np.ones([4]), b: [np.ones([2, 4]), np.ones([2, 4])] as const }
    expect(vmap(f, { inAxes: [{ a: 0, b: 1 }, null] })(p, np.array(2)).shape).toEqual([4, 2])
    expect(vmap(f, { inAxes: [{ a: null, b: 0 }, null] })(p, np.array(2)).shape).toEqual([2, 4])
  })

  it('gives trees, of trees of out axes', () => {
    const f = (x: NDArray): { s: NDArray; t: NDArray } => ({ s: np.sum(x), t: x })
    const y = vmap(f, { outAxes: { s: 0, t: 1 } })(matrix)
    expect([y.s.shape, y.t.shape]).toEqual([[2], [3, 2]])
  })

  it('repeats results that do not depend on the batch', () => {
    expect(vmap(() => np.array(7), { axisSize: 3 })().toArray()).toEqual([7, 7, 7])
    expect(vmap((_: NDArray) => np.array(7))(np.zeros([2])).toArray()).toEqual([7, 7])
    expect(vmap((x: NDArray) => x, { inAxes: null, outAxes: null, axisSize: 5 })(np.array(1)).shape).toEqual([])
  })

  it('nests', () => {
    const outer = vmap(
      vmap((x: NDArray, y: NDArray) => x.mul(y), { inAxes: [null, 0] }),
      { inAxes: [0, null] },
    )
    expect(outer(np.array([1, 2]), np.array([3, 4, 5])).toArray()).toEqual([
      [3, 4, 5],
      [6, 8, 10],
    ])
  })

  it('of an empty batch is empty', () => {
    expect(vmap((x: NDArray) => np.sum(np.sin(x)))(np.zeros([0, 3])).shape).toEqual([0])
  })

  it('of random keys draws for each', () => {
    const drawn = vmap((k) => random.normal(k, [2]))(random.split(random.key(0), 3))
    const one = [...random.split(random.key(0), 3)].map((k) => random.normal(k, [2]).toArray())
    expect(drawn.toArray()).toEqual(one)
  })

  it('is a stacked loop for a function of many operations', () => {
    const f = (x: NDArray): NDArray =>
      np
        .cumsum(np.matmul(np.tanh(np.add(x, 1)), np.transpose(x)), { axis: 0 })
        .at(0)
        .get()
    fc.assert(
      fc.property(fc.array(arrays({ shape: [2, 3] }), { minLength: 1, maxLength: 4 }), (xs) => {
        vmapIsStackedLoop(
          f,
          xs.map((x) => [x] as const),
        )
      }),
    )
  })

  it('commutes with grad and jit', () => {
    const f = (x: NDArray): NDArray => np.sum(np.sin(x).mul(x))
    const sum = (xs: NDArray): NDArray => np.sum(vmap(f)(xs))
    const wanted = vmap(grad(f))(matrix)
    expect(grad(sum)(matrix).toArray()).toEqual(wanted.toArray())
    assertClose('compiled', jit(vmap(jit(grad(f))))(matrix), wanted)
  })
})
