/** What a module says: its arguments, its results, what may be written over. */
import type { NDArray } from 'pullback'
import { grad, makeProgram, np, pureCallback, ShapeDtypeStruct } from 'pullback'
import { exportProgram, moduleText } from 'pullback/stablehlo'
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 } from '../../src/stablehlo/sha256.ts'

const loss = ({ w, b }: { w: NDArray; b: NDArray }, x: NDArray): NDArray => np.sum(np.tanh(np.add(np.matmul(x, w), b)))

const params = { w: np.ones([3, 2]), b: np.zeros([2]) }

describe('exportProgram', () => {
  it('says where arrays stand among arguments and in the result', () => {
    const { inputs, outputs } = exportProgram(grad(loss))(params, np.ones([4, 3]))
    expect(inputs.map(({ path, shape, dtype }) => [path.join('.'), shape, dtype])).toEqual([
      ['0.b', [2], 'float32'],
      ['0.w', [3, 2], 'float32'],
      ['1', [4, 3], 'float32'],
    ])
    expect(outputs.map(({ path }) => path.join('.'))).toEqual(['b', 'w'])
  })

  it('takes types in the place of arrays', () => {
    const f = (x: NDArray): NDArray => np.exp(x)
    const struct = new ShapeDtypeStruct([2], 'float64')
    expect(exportProgram(f)(struct as never).text).toBe(exportProgram(f)(np.zeros([2], { dtype: 'float64' })).text)
  })

  it('writes what is donated over by results of its type, each once', () => {
    const step = (w: NDArray, x: NDArray): readonly NDArray[] => [np.sum(x), np.add(w, x), np.multiply(w, x)]
    const { aliases, text } = exportProgram(step, { donateArgnums: [0, 1] })(np.ones([3]), np.ones([3]))
    expect(aliases).toEqual([1, 2])
    expect(text).toContain('%p0: tensor<3xf32> {tf.aliasing_output = 1 : i32}')
    expect(exportProgram(step)(np.ones([3]), np.ones([3])).text).not.toContain('aliasing')
  })

  it('hashes the text: traced again it has the same hash, another shape has another', () => {
    const f = (x: NDArray): NDArray => np.sin(x)
    const hashOf = (n: number): string => exportProgram(f)(np.ones([n])).hash
    expect(hashOf(3)).toBe(hashOf(3))
    expect(hashOf(3)).not.toBe(hashOf(4))
    const { text, hash } = exportProgram(f)(np.ones([3]))
    expect(hash).toBe(createHash('sha256').update(text).digest('hex'))
  })

  it('refuses callbacks by name', () => {
    const half = (x: NDArray): NDArray => x.div(2)
    const f = (x: NDArray): NDArray => pureCallback(half, new ShapeDtypeStruct([2], 'float32'), x)
    expect(() => exportProgram(f)(np.ones([2]))).toThrow(/half is a function of this process/)
  })
})

describe('moduleText', () => {
  it('writes the same text for the same program, whatever was written before', () => {
    const program = makeProgram((x: NDArray) => np.cumsum(np.sort(x)))(np.zeros([5]))
    expect(moduleText(program)).toBe(moduleText(program))
  })

  it('spells numbers that have no decimal form by their bits', () => {
    const text = moduleText(
      makeProgram((x: NDArray) => np.where(np.greater(x, 0), -Infinity, np.multiply(x, 1e-30)))(np.zeros([])),
    )
    expect(text).toContain('0xFF800000')
    expect(text).toMatch(/dense<1\.\d*e-30>/)
  })
})

describe('sha256', () => {
  it('is the one of FIPS 180-4, for every length of the last block', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), (text) => {
        expect(sha256(text)).toBe(createHash('sha256').update(text).digest('hex'))
      }),
    )
    for (let n = 0; n < 130; n++)
      expect(sha256('a'.repeat(n))).toBe(createHash('sha256').update('a'.repeat(n)).digest('hex'))
  })
})
