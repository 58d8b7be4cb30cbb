import * as fc from 'fast-check'
import type { BlockKind, NDArray, QuantizedArray } from 'pullback'
import {
  ArgumentError,
  FrozenError,
  grad,
  hessian,
  IndexError,
  jit,
  jvp,
  lax,
  np,
  random,
  ShapeError,
  tree,
  valueAndGrad,
  vjp,
  vmap,
} from 'pullback'
import { assertAllClose } from 'pullback/testing'
import { describe, expect, test } from 'vitest'
import { blockKinds, randomBlocks } from '../support/blocks.ts'

const close = (what: string, got: NDArray, wanted: NDArray): void => {
  assertAllClose(what, [got], [wanted], { rtol: 1e-5, atol: 1e-4 })
}
const normal = (seed: number, shape: readonly number[]): NDArray => random.normal(random.key(seed), shape)

/** Both eager and compiled. */
const both = (
  what: string,
  f: (w: QuantizedArray, x: NDArray) => NDArray,
  w: QuantizedArray,
  x: NDArray,
  wanted: NDArray,
) => {
  close(what, f(w, x), wanted)
  close(`${what}, compiled`, jit(f)(w, x), wanted)
}

describe.each(blockKinds)('%s', (kind) => {
  const w = randomBlocks(kind, [6], 512, 1)
  const full = w.dequantize()

  test.each([[[]], [[1]], [[3]], [[2, 5]], [[40]]])('x Wᵀ and x W for x with leading axes %j', (leading) => {
    const x = normal(2, [...leading, 512])
    both('einsum', (v, y) => np.einsum('...i,oi->...o', y, v), w, x, np.einsum('...i,oi->...o', x, full))
    const g = normal(3, [...leading, 6])
    both('matmul', (v, y) => np.matmul(y, v), w, g, np.matmul(g, full))
  })

  test('W x, on the left', () => {
    for (const x of [normal(4, [512]), normal(4, [512, 3])])
      both('W x', (v, y) => np.matmul(v, y), w, x, np.matmul(full, x))
  })

  test('methods of arrays, and np.dot: the same product', () => {
    const x = normal(7, [3, 6])
    const v = normal(8, [512])
    for (const name of ['matmul', 'dot'] as const) {
      both(`x.${name}(w)`, (q, y) => y[name](q), w, x, np.matmul(x, full))
      both(`np.${name}(w, v)`, (q, y) => np[name](q, y), w, v, np.matmul(full, v))
    }
  })

  test('everything else says what works', () => {
    const x = normal(9, [6, 512])
    for (const f of [() => np.tensordot(x, w as never), () => x.add(w as never), () => np.inner(x, w as never)]) {
      expect(f).toThrow(ArgumentError)
      expect(f).toThrow(/np\.matmul, np\.dot, np\.einsum and np\.take know what to do; dequantize\(\) gives an array/)
    }
    expect(() => np.dot(w, normal(9, [2, 512, 3]))).toThrow(/np\.dot: 2 axes and 3/)
    expect(() => np.dot(2, w)).toThrow(ShapeError)
    expect(() => np.dot(w, w)).toThrow(ArgumentError)
  })

  test('rows, by take', () => {
    const indices = np.array(
      [
        [0, 5],
        [-1, 2],
      ],
      { dtype: 'int32' },
    )
    both('take', (v, i) => np.take(v, i, { axis: 0 }), w, indices, np.take(full, indices, { axis: 0 }))
    const out = np.take(w, np.array([6, 0], { dtype: 'int32' }), { axis: 0 })
    expect(np.all(np.isnan(out.at(0).get())).bool()).toBe(true)
    expect(np.any(np.isnan(out.at(1).get())).bool()).toBe(false)
    close('clip', np.take(w, [9], { axis: 0, mode: 'clip' }), np.take(full, [5], { axis: 0 }))
  })

  test('gradients flow to the other operand, to any order', () => {
    const x = normal(5, [3, 512])
    const loss = (weight: QuantizedArray | NDArray) => (y: NDArray) =>
      np.sum(np.square(np.tanh(np.einsum('...i,oi->...o', np.multiply(y, 0.1), weight))))
    const wanted = grad(loss(full))(x)
    close('grad', grad(loss(w))(x), wanted)
    close('jit of grad', jit(grad(loss(w)))(x), wanted)
    close('vmap of grad', vmap(grad(loss(w)))(x), vmap(grad(loss(full)))(x))
    const direction = normal(6, [3, 512])
    const curved = (weight: QuantizedArray | NDArray): NDArray => jvp(grad(loss(weight)), [x], [direction])[1]
    close('second order', curved(w), curved(full))
  })
})

test('stacks: scan over layers and vmap over experts', () => {
  const w = randomBlocks('q4_1', [3, 64], 64, 7)
  const x = normal(8, [64])
  const layers = (v: QuantizedArray | NDArray): NDArray =>
    lax.scan(
      (h: NDArray, layer: QuantizedArray | NDArray) => [np.tanh(np.matmul(layer, h)), null],
      x,
      v as QuantizedArray,
    )[0]
  close('scan', layers(w), layers(w.dequantize()))
  const experts = normal(9, [3, 2, 64])
  const wanted = np.einsum('eti,eoi->eto', experts, w.dequantize())
  close('vmap', vmap((v: QuantizedArray, y: NDArray) => np.einsum('ti,oi->to', y, v))(w, experts), wanted)
  both('einsum with a batch', (v, y) => np.einsum('eti,eoi->eto', y, v), w, experts, wanted)
  both('matmul of stacks', (v, y) => np.matmul(y, v), w, experts, np.matmul(experts, w.dequantize()))
})

test('einsum: labels of every role', () => {
  const w = randomBlocks('q8_0', [2, 3, 4], 32, 10)
  const full = w.dequantize()
  fc.assert(
    fc.property(
      fc.constantFrom(
        'xi,aboi->xabo',
        'ax,aboi->xboi',
        'abxi,aboi->xoab',
        'xaboy,aboi->ixy',
        'aix,aboi->oxba',
        'aboi,abxi->xabo',
        'xiyy,aboi->aobx',
      ),
      (subscripts) => {
        const extents: Record<string, number> = { a: 2, b: 3, o: 4, i: 32, x: 5, y: 2 }
        const terms = subscripts.split('->')[0]!.split(',')
        const at = terms.indexOf('aboi')
        const x = normal(
          11,
          Array.from(terms[1 - at]!).map((l) => extents[l]!),
        )
        const call = (v: QuantizedArray | NDArray): NDArray =>
          at === 0 ? np.einsum(subscripts, v, x) : np.einsum(subscripts, x, v)
        if (subscripts.startsWith('ax')) expect(() => call(w)).toThrow(ArgumentError)
        else close(subscripts, call(w), call(full))
      },
    ),
    { numRuns: 40 },
  )
})

test('dtypes are promoted with float32', () => {
  const w = randomBlocks('q5_0', [4], 64, 12)
  const dtypes = { bfloat16: 'float32', float16: 'float32', int32: 'float32', float64: 'float64' } as const
  for (const [dtype, wanted] of Object.entries(dtypes)) {
    const x = np.astype(np.multiply(normal(13, [2, 64]), 3), dtype as 'float64')
    const y = np.einsum('...i,oi->...o', x, w)
    expect(y.dtype).toBe(wanted)
    close(dtype, y, np.einsum('...i,oi->...o', x, w.dequantize()))
    close(`${dtype}, compiled`, jit((z: NDArray) => np.einsum('...i,oi->...o', z, w))(x), y)
  }
})

describe('what cannot be is refused', () => {
  const w = randomBlocks('q4_0', [2], 32, 14)
  const params = { layer: { weight: w, bias: np.ones([2]) } }
  const loss = (p: typeof params): NDArray => np.sum(np.add(np.matmul(p.layer.weight, np.ones([32])), p.layer.bias))

  test('derivatives by blocks, whichever transformation asks, with the way out', () => {
    expect(() => grad(loss)(params)).toThrow(FrozenError)
    expect(() => grad(loss)(params)).toThrow(
      'grad: the differentiated argument has at [0].layer.weight a quantised array, which has no derivative. Give',
    )
    expect(() => grad(loss, { allowInt: true })(params)).toThrow(FrozenError)
    expect(() => valueAndGrad(loss)(params)).toThrow('valueAndGrad: the differentiated argument has')
    expect(() => vjp(loss, params)).toThrow(FrozenError)
    expect(() => jvp(loss, [params], [params])).toThrow(FrozenError)
    expect(() => hessian(loss)(params)).toThrow(FrozenError)
    expect(() => jit(grad(loss))(params)).toThrow(FrozenError)
  })

  test('the way out works', () => {
    const [trained, frozen] = tree.partition(params, (x) => x.dtype !== 'uint8')
    const gradient = grad((p: typeof trained) => loss(tree.combine(p, frozen)))(trained)
    expect(String(tree.structure(gradient))).toBe('{layer: {bias: *, weight: QuantizedArray(null)}}')
    expect(gradient.layer.bias?.toString()).toBe('[1. 1.]')
  })

  test('products that are none', () => {
    const ones = np.ones([32])
    expect(() => np.matmul(w, w)).toThrow('np.matmul: both operands are quantised')
    expect(() => np.matmul(ones, w)).toThrow(ShapeError)
    expect(() => np.matmul(ones, w)).toThrow('np.matmul: f32[32] and q4_0[2,32] (36 bytes) do not fit: 2 values meet.')
    expect(() => np.einsum('oi,oi->oi', np.ones([2, 32]), w)).toThrow('Expand it with dequantize()')
    expect(() => np.einsum('oi->io', w)).toThrow(ArgumentError)
    expect(() => np.einsum('i,oi->o', np.ones([1]), w)).toThrow(
      "np.einsum: label 'i' of 'i,oi->o' has extents 1 and 32.",
    )
    expect(() => np.take(w, [0])).toThrow(IndexError)
    expect(() => np.take(w, [0], { axis: 1 })).toThrow('whole rows are taken')
    expect(() => np.take(w, [0], { axis: 0, fillValue: 1 })).toThrow(ArgumentError)
  })
})

test('every kind of blocks is tried', () => {
  const all: Readonly<Record<BlockKind, true>> = {
    q8_0: true,
    q4_0: true,
    q4_1: true,
    q5_0: true,
    q5_1: true,
    q4_k: true,
    q5_k: true,
    q6_k: true,
  }
  expect([...blockKinds].sort()).toEqual(Object.keys(all).sort())
})
