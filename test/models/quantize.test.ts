import { readFileSync } from 'node:fs'
import * as fc from 'fast-check'
import type { BlockKind } from 'pullback'
import { ArgumentError, NDArray, np, QuantizedArray, random, ShapeError, tree } from 'pullback'
import { quantize } from 'pullback/models'
import { describe, expect, test } from 'vitest'

interface Recorded {
  readonly values: string
  readonly blocks: Readonly<Record<string, string>>
}

const recorded = JSON.parse(
  readFileSync(new URL('quantized/blocks.json', import.meta.url), 'utf8'),
) as unknown as Recorded
const bytesOf = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'base64'))
const values = new Float32Array(bytesOf(recorded.values).buffer)
const kinds = ['q8_0', 'q4_0', 'q4_1', 'q5_0', 'q5_1'] as const

describe.each(kinds)('%s', (kind) => {
  test('blocks are those of llama.cpp, bit for bit', () => {
    const rows = quantize({ w: np.reshape(values, [-1, 32]) }, { kind }).w as QuantizedArray
    expect(Buffer.from(rows.payload.dataSync() as Uint8Array).toString('base64')).toBe(recorded.blocks[kind])
  })

  test('values are at most half a step off', () => {
    const steps = { q8_0: 254, q4_0: 15, q4_1: 15, q5_0: 31, q5_1: 31 }[kind]
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 4 }), (seed, blocks) => {
        const x = random.normal(random.key(seed), [3, 32 * blocks])
        const y = (quantize({ x }, { kind }).x as QuantizedArray).dequantize()
        const grouped = (z: NDArray): NDArray => np.reshape(z, [3, blocks, 32])
        const error = np.max(np.abs(np.subtract(grouped(x), grouped(y))), { axis: -1 })
        // Kinds that are centred on 0 lose a step on one side.
        const reach = np.multiply(np.max(np.abs(grouped(x)), { axis: -1 }), 2.2)
        expect(np.all(np.lessEqual(error, np.divide(reach, kind === 'q4_0' ? 14 : steps - 1))).bool()).toBe(true)
      }),
      { numRuns: 30 },
    )
  })
})

describe('quantize', () => {
  const params = {
    embed: { weight: random.normal(random.key(0), [4, 64]) },
    norm: { weight: np.ones([64]) },
    odd: { weight: np.ones([3, 33]) },
    ids: np.zeros([2, 32], { dtype: 'int32' }),
    none: null,
  }

  test('takes matrices of whole blocks and leaves the rest', () => {
    const small = quantize(params, { kind: 'q8_0' })
    expect(String(small.embed.weight)).toBe('q8_0[4,64] (272 bytes)')
    expect(small.norm.weight).toBe(params.norm.weight)
    expect(small.odd.weight).toBe(params.odd.weight)
    expect(small.ids).toBe(params.ids)
    expect(small.none).toBe(null)
  })

  test('where chooses by name and value, and what is quantised already stays', () => {
    const seen: string[] = []
    const small = quantize(params, { kind: 'q4_0', where: (name) => seen.push(name) > 0 && name === 'norm.weight' })
    expect(seen).toEqual(['embed.weight', 'ids', 'norm.weight', 'odd.weight'])
    expect(String(small.norm.weight)).toBe('q4_0[64] (36 bytes)')
    expect(small.embed.weight).toBe(params.embed.weight)
    expect(quantize(small, { kind: 'q8_0' }).norm.weight).toBe(small.norm.weight)
  })

  test('half-precision weights are quantised too', () => {
    const x = np.astype(params.embed.weight, 'bfloat16')
    const small = quantize({ x }, { kind: 'q8_0' }).x as QuantizedArray
    const wide = quantize({ x: np.astype(x, 'float32') }, { kind: 'q8_0' }).x as QuantizedArray
    expect(tree.equal(small, wide)).toBe(true)
  })

  test('what cannot be is refused by name', () => {
    const q = (kind: string, x: NDArray): unknown =>
      quantize({ layer: { x } }, { kind: kind as 'q8_0', where: () => true })
    expect(() => q('q4_k', np.ones([1, 256]))).toThrow(
      new ArgumentError(
        'quantize: q4_k is read from files, but not made here; kinds are q8_0, q4_0, q4_1, q5_0, q5_1.',
      ),
    )
    expect(() => q('int3', np.ones([1, 32]))).toThrow('quantize: the string "int3" is not a kind of blocks')
    expect(() => q('q8_0', np.ones([2, 33]))).toThrow(ShapeError)
    expect(() => q('q8_0', np.ones([2, 33]))).toThrow('quantize: layer.x is f32[2,33]; q8_0 takes floats')
    expect(() => q('q8_0', np.full([1, 32], NaN))).toThrow('quantize: layer.x f32[1,32] has values that are not finite')
    expect(() => q('q4_1', np.full([1, 32], 1e6))).toThrow('too large for float16 scales')
  })
})

describe('QuantizedArray', () => {
  const payload = np.reshape(bytesOf(recorded.blocks['q4_1']!), [-1, 4, 40])
  const w = new QuantizedArray(payload, 'q4_1')

  test('says what it is', () => {
    expect(w.shape).toEqual([w.size / 256, 4, 64])
    expect([w.ndim, w.dtype, w.nbytes]).toEqual([3, 'float32', payload.size])
    expect(w.dequantize().shape).toEqual(w.shape)
    expect(w.dequantize('float16').dtype).toBe('float16')
  })

  test('must have whole blocks of bytes', () => {
    expect(() => new QuantizedArray(np.zeros([2, 20]), 'q4_1')).toThrow('the payload of q4_1 is uint8, got f32[2,20]')
    expect(() => new QuantizedArray(np.zeros([2, 21], { dtype: 'uint8' }), 'q4_1')).toThrow(
      'rows of u8[2,21] are not whole blocks of q4_1, of 20 bytes for 32 values',
    )
    expect(() => tree.map((x) => np.astype(x, 'float32'), { w })).toThrow('If a tree was mapped over')
  })

  test('is a container in trees, with its kind in the structure', () => {
    expect(String(tree.structure({ w }))).toBe('{w: QuantizedArray(*)}')
    expect(
      tree.structure(w).equals(tree.structure(new QuantizedArray(np.zeros([1, 24], { dtype: 'uint8' }), 'q5_1'))),
    ).toBe(false)
    const [floats, others] = tree.partition(
      { w, b: np.ones([2]) },
      (x) => x instanceof NDArray && x.dtype === 'float32',
    )
    expect(tree.equal(tree.combine(floats, others), { w, b: np.ones([2]) })).toBe(true)
    const read = tree.deserialize(tree.serialize({ w }, { types: { QuantizedArray } }), {
      types: { QuantizedArray },
      like: { w },
    })
    expect(read._tag === 'Right' && tree.equal(read.right, { w })).toBe(true)
  })
})

const allKinds: readonly BlockKind[] = ['q4_k', 'q5_k', 'q6_k']
test.each(allKinds)('%s is read', (kind) => {
  const bytes = { q4_k: 144, q5_k: 176, q6_k: 210 }[kind as 'q4_k']
  const w = new QuantizedArray(np.zeros([3, 2 * bytes], { dtype: 'uint8' }), kind)
  expect(w.shape).toEqual([3, 512])
  expect(np.sum(w.dequantize()).item()).toBe(0)
})
