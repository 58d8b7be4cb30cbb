/** Compiled kernels against the formulas of `core/blocks.ts`, at sizes that meet every cut of them. */
import * as fc from 'fast-check'
import type { BlockKind, NDArray } from 'pullback'
import { explain, jit, np, QuantizedArray, random } from 'pullback'
import { describe, expect, test } from 'vitest'
import { blocks, expandBlocks } from '../../../../src/core/blocks.ts'
import { blockKinds, randomBlocks } from '../../../support/blocks.ts'

const bits = (x: NDArray): Uint32Array => new Uint32Array(Float32Array.from(x.dataSync() as Float32Array).buffer)

/** All NaN are one. */
const canonical = (x: Uint32Array): Uint32Array => x.map((v) => ((v & 0x7fffffff) > 0x7f800000 ? 0x7fc00000 : v))

const stepsOf = (f: (w: QuantizedArray, x: NDArray) => NDArray, w: QuantizedArray, x: NDArray): string[] =>
  explain(jit(f), w, x).steps.map((step) => step.kind)

describe.each(blockKinds)('%s', (kind) => {
  const { bytes, elements } = blocks[kind]

  test('values are the formulas bit for bit, of any bytes', () => {
    const expand = jit((w: QuantizedArray) => w.dequantize())
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 6 * bytes, maxLength: 6 * bytes }), (data) => {
        const w = new QuantizedArray(np.reshape(data, [3, 2 * bytes]), kind)
        const wanted = new Uint32Array(expandBlocks(kind, data).buffer)
        expect(canonical(bits(expand(w)))).toEqual(canonical(wanted))
      }),
      { numRuns: 60 },
    )
  })

  test('float16s of every size are scales', () => {
    const half = kind === 'q6_k' ? 208 : 0
    const data = Uint8Array.from({ length: 4096 * bytes }, (_, i) => {
      const [place, at] = [Math.floor(i / bytes), i % bytes]
      const block = 16 * place + (place % 16)
      if (at === half) return block & 255
      return at === half + 1 ? block >> 8 : (at * 37) & 255
    })
    const rows = new QuantizedArray(np.reshape(data, [64, 64 * bytes]), kind)
    const got = canonical(bits(jit((w: QuantizedArray) => w.dequantize())(rows)))
    const wanted = canonical(new Uint32Array(expandBlocks(kind, data).buffer))
    expect(got.findIndex((v, i) => v !== wanted[i])).toBe(-1)
  })

  const sizes = [
    [1, 1, elements],
    [1, 131, 512],
    [2, 7, 512],
    [5, 64, 768],
    [3, 72, 256],
    [130, 67, 512],
    [257, 3, 256],
    [4, 600, 256],
  ] as const

  test.each(sizes)('products of %i rows with %i × %i', (m, n, k) => {
    const w = randomBlocks(kind, [n], k, m + n)
    const wide = w.dequantize('float64')
    const compare = (
      f: (v: QuantizedArray, y: NDArray) => NDArray,
      x: NDArray,
      exact: NDArray,
      size: NDArray,
    ): void => {
      const error = np.abs(np.subtract(np.astype(jit(f)(w, x), 'float64'), exact))
      // Sums of √k roundings of what is added up, and some for the order of it.
      expect(np.all(np.lessEqual(error, np.add(np.multiply(size, 4e-6), 1e-12))).bool()).toBe(true)
      expect(stepsOf(f, w, x)).not.toContain('host')
    }
    const x = random.normal(random.key(k), [m, k])
    const g = random.normal(random.key(n), [m, n])
    const absolute = (a: NDArray, subscripts: string): NDArray => np.einsum(subscripts, np.abs(a), np.abs(wide))
    compare((v, y) => np.einsum('ti,oi->to', y, v), x, np.einsum('ti,oi->to', x, wide), absolute(x, 'ti,oi->to'))
    compare((v, y) => np.matmul(y, v), g, np.matmul(g, wide), absolute(g, 'to,oi->ti'))
  })
})

test('stacks of matrices and nothing at all', () => {
  for (const [kind, shape] of [
    ['q4_1', [3, 5]],
    ['q6_k', [2, 2]],
    ['q8_0', [0, 4]],
    ['q8_0', [2, 0]],
  ] as const) {
    const w = randomBlocks(kind satisfies BlockKind, shape, 256, 3)
    const x = random.normal(random.key(1), [shape[0], 2, 256])
    const g = random.normal(random.key(1), [shape[0], 2, shape[1]])
    const [y, z] = jit((v: QuantizedArray, a: NDArray, b: NDArray) => [
      np.einsum('eti,eoi->eto', a, v),
      np.einsum('eto,eoi->eti', b, v),
    ])(w, x, g)
    const full = w.dequantize()
    expect(np.allclose(y, np.einsum('eti,eoi->eto', x, full), { rtol: 1e-4, atol: 1e-4 }).bool()).toBe(true)
    expect(np.allclose(z, np.einsum('eto,eoi->eti', g, full), { rtol: 1e-4, atol: 1e-4 }).bool()).toBe(true)
  }
})

test('a whole matrix of values is never in memory', () => {
  const w = randomBlocks('q4_1', [4096], 2048, 1)
  for (const rows of [1, 300]) {
    const x = random.normal(random.key(0), [rows, 2048])
    const { livePeak } = explain(
      jit((v: QuantizedArray, y: NDArray) => np.einsum('ti,oi->to', y, v)),
      w,
      x,
    )
    expect(livePeak - w.nbytes - x.size * 4 - rows * 4096 * 4).toBeLessThan(2 ** 16)
  }
})
