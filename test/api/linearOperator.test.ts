import * as fc from 'fast-check'
import type { NDArray } from 'pullback'
import { ArgumentError, grad, IndexError, jit, LinearOperator, np, random, ShapeError, tree, vmap } from 'pullback'
import { assertAllClose } from 'pullback/testing'
import { describe, expect, test } from 'vitest'

/** U V, of rank as many as U has columns. */
class LowRank extends LinearOperator {
  readonly u: NDArray
  readonly v: NDArray
  constructor(u: NDArray, v: NDArray) {
    super()
    this.u = u
    this.v = v
  }
  get shape() {
    return [this.u.shape[0]!, this.v.shape[1]!]
  }
  get dtype() {
    return this.u.dtype
  }
  multiply(x: NDArray, transposed: boolean) {
    return transposed ? x.matmul(this.v.T).matmul(this.u.T) : x.matmul(this.u).matmul(this.v)
  }
  dense() {
    return this.u.matmul(this.v)
  }
}
tree.registerPytreeNode(
  LowRank,
  ({ u, v }) => ({ children: [u, v], keys: ['u', 'v'] }),
  (_, [u, v]) => new LowRank(u as NDArray, v as NDArray),
)

const normal = (seed: number, shape: readonly number[]): NDArray => random.normal(random.key(seed), shape)
const operator = (rows: number, columns: number, rank = 2): LowRank =>
  new LowRank(normal(1, [rows, rank]), normal(2, [rank, columns]))
const close = (what: string, got: NDArray, wanted: NDArray): void => {
  assertAllClose(what, [got], [wanted], { rtol: 1e-4, atol: 1e-5 })
}

const extents = fc.integer({ min: 0, max: 4 })

describe('products are those of the dense matrix', () => {
  test('x W and x Wᵀ, W x and Wᵀ x, of any leading axes', () => {
    fc.assert(
      fc.property(fc.array(extents, { maxLength: 3 }), extents, extents, (leading, rows, columns) => {
        const w = operator(rows, columns)
        const dense = w.dense()
        const [x, y] = [normal(3, [...leading, rows]), normal(4, [...leading, columns])]
        close('x W', np.matmul(x, w), np.matmul(x, dense))
        close('x Wᵀ', np.einsum('...i,oi->...o', y, w), np.einsum('...i,oi->...o', y, dense))
        close('x.matmul(W)', x.matmul(w), x.matmul(dense))
        close('x.dot(W)', x.dot(w), x.dot(dense))
        close('x W by einsum', np.einsum('...o,oi->...i', x, w), np.einsum('...o,oi->...i', x, dense))
        close('W first', np.einsum('oi,...i->...o', w, y), np.einsum('oi,...i->...o', dense, y))
        const z = leading.length === 0 ? y : np.swapaxes(y, -1, -2)
        close('W x', np.matmul(w, z), np.matmul(dense, z))
      }),
    )
  })

  test('everything else says what works', () => {
    const w = operator(3, 2)
    for (const f of [() => np.tensordot(normal(3, [3]), w as never, 1), () => normal(3, [3, 2]).add(w as never)]) {
      expect(f).toThrow(ArgumentError)
      expect(f).toThrow(/LowRank f32\[3,2\], of which np\.matmul, .* dense\(\) gives an array/)
    }
    expect(() => np.dot(w, normal(3, [4, 2, 3]))).toThrow(/np\.dot: 2 axes and 3/)
    expect(() => np.dot(w, w)).toThrow(ArgumentError)
  })

  test('rows, of any indices; out of range NaN, or clipped', () => {
    const w = operator(5, 3)
    const indices = np.array([[0, 4], [-1, 2]], { dtype: 'int32' }) // prettier-ignore
    close('rows', np.take(w, indices, { axis: 0 }), np.take(w.dense(), indices, { axis: 0 }))
    expect(np.all(np.isnan(np.take(w, [7], { axis: 0 }))).bool()).toBe(true)
    close('clipped', np.take(w, [7], { axis: -2, mode: 'clip' }), np.take(w.dense(), [4], { axis: 0 }))
  })
})

test('derivatives flow to its arrays, and none of its size is made', () => {
  const w = operator(50, 40)
  const x = normal(3, [7, 50])
  const loss = (v: LowRank): NDArray => np.sum(np.square(np.matmul(x, v)))
  const dense = (v: LowRank): NDArray => np.sum(np.square(np.matmul(x, v.dense())))
  for (const f of [grad(loss), jit(grad(loss))]) {
    close('by u', f(w).u, grad(dense)(w).u)
    close('by v', f(w).v, grad(dense)(w).v)
  }
})

test('a stack of them is mapped over', () => {
  const stack = new LowRank(normal(1, [3, 4, 2]), normal(2, [3, 2, 5]))
  const x = normal(3, [6, 4])
  close('vmap', vmap((w: LowRank) => np.matmul(x, w))(stack), np.matmul(x, np.matmul(stack.u, stack.v)))
})

test('what does not fit is said', () => {
  const w = operator(4, 3)
  expect(() => np.matmul(np.ones([2, 3]), w)).toThrow(ShapeError)
  expect(() => np.matmul(np.ones([2, 3]), w)).toThrow(
    'np.matmul: f32[2,3] and LowRank f32[4,3] do not fit: 4 values meet.',
  )
  expect(() => np.einsum('...i,oi->...o', np.ones([2, 4]), w)).toThrow(ShapeError)
  expect(() => np.matmul(w, w)).toThrow(ArgumentError)
  expect(() => np.einsum('ij,jk->ik', w, w)).toThrow(ArgumentError)
  expect(() => np.einsum('bi,oi->o', np.ones([2, 3]), w)).not.toThrow()
  expect(() => np.einsum('oi,oi->oi', np.ones([4, 3]), w)).toThrow(/Expand it with dense/)
  expect(() => np.take(w, [0], { axis: 1 })).toThrow(IndexError)
  expect(() => np.take(w, [0])).toThrow(IndexError)
})
