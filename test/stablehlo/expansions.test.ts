/** Operations written as programs of others: what the interpreter's own say, signs and order too. */
import type { NDArray } from 'pullback'
import { evalProgram, np, random, withDevice } from 'pullback'
import { describe, expect, it } from 'vitest'
import { blocks } from '../../src/core/blocks.ts'
import type { BlockKind } from '../../src/core/blocks.ts'
import type { OpName } from '../../src/ir/op.ts'
import { Program, Variable, equation } from '../../src/ir/program.ts'
import { primitiveOf } from '../../src/primitives/all.ts'
import * as expansions from '../../src/stablehlo/expansions/index.ts'

const evaluate = (program: Program, operands: readonly NDArray[]): readonly NDArray[] =>
  withDevice('interpreter', () => evalProgram(program, operands))

/** The operation itself, and the program that stands for it. */
const both = (op: OpName, params: object, operands: readonly NDArray[], expanded: typeof expansions.luOf) => {
  const inputs = operands.map((x) => new Variable(x.aval))
  const avals = inputs.map((v) => v.aval)
  const outputs = primitiveOf(op)
    .type(params as never, avals)
    .map((aval) => new Variable(aval))
  const own = new Program({ inputs, equations: [equation(op, params as never, inputs, outputs)], outputs })
  return [
    evaluate(own, operands),
    evaluate(
      expanded(
        avals,
        outputs.map((v) => v.aval),
      ),
      operands,
    ),
  ] as const
}

const expectAlike = ([wanted, got]: ReturnType<typeof both>, tolerance: number): void => {
  expect(got.length).toBe(wanted.length)
  wanted.forEach((y, i) => {
    expect([got[i]!.dtype, got[i]!.shape]).toEqual([y.dtype, y.shape])
    const [ys, xs] = [y, got[i]!].map((z) => Array.from(z.astype('float64').dataSync() as Float64Array))
    const far = ys!.findIndex((v, k) => !(Object.is(v, xs![k]) || Math.abs(v - xs![k]!) <= tolerance))
    expect(far < 0 ? null : [i, far, ys![far], xs![far]]).toBeNull()
  })
}

const normal = (seed: number, ...shape: number[]): NDArray =>
  random.normal(random.key(seed), shape, { dtype: 'float64' })
/** Of rank 2, whatever its size. */
const thin = (seed: number, m: number, n: number): NDArray => np.matmul(normal(seed, m, 2), normal(seed + 1, 2, n))

const matrices: { readonly [name: string]: NDArray } = {
  square: normal(1, 9, 9),
  tall: normal(2, 12, 5),
  wide: normal(3, 4, 11),
  'a batch': normal(4, 2, 3, 6, 4),
  'not of full rank': thin(5, 7, 6),
  zero: np.zeros([4, 3], { dtype: 'float64' }),
  'one column': normal(7, 5, 1),
  'no column': np.zeros([3, 0], { dtype: 'float64' }),
  'with NaN': normal(8, 4, 4).at(1, 2).set(NaN),
  float32: normal(9, 8, 8).astype('float32'),
}
const toleranceOf = (x: NDArray): number => (x.dtype === 'float32' ? 2e-6 : 1e-11)

describe.each(Object.entries(matrices))('%s', (name, x) => {
  it('lu', () => {
    expectAlike(both('lu', {}, [x], expansions.luOf), toleranceOf(x))
  })

  it.each([false, true])('qr, full: %s', (fullMatrices) => {
    if (name === 'with NaN') return
    const expanded: typeof expansions.luOf = (a, r) => expansions.qrOf({ fullMatrices }, a, r)
    const results = both('qr', { fullMatrices }, [x], expanded)
    if (name !== 'not of full rank') {
      expectAlike(results, toleranceOf(x))
      return
    }
    // Rounding decides there which vectors complete the basis.
    const [q, r] = results[1] as [NDArray, NDArray]
    expectAlike(
      [
        [x, np.eye(q.shape[1]!, q.shape[1], { dtype: x.dtype })],
        [np.matmul(q, r), np.matmul(q.T, q)],
      ],
      1e-12,
    )
  })

  it('svd: values, and what they make up', () => {
    const params = { fullMatrices: false }
    const [[u, s, vt], [u2, s2, vt2]] = both('svd', params, [x], (a, r) => expansions.svdOf(params, a, r)) as never as [
      NDArray[],
      NDArray[],
    ]
    const product = (p: NDArray, q: NDArray, r: NDArray): NDArray => np.matmul(np.multiply(p, np.expandDims(q, -2)), r)
    expectAlike(
      [
        [s!, product(u!, s!, vt!)],
        [s2!, product(u2!, s2!, vt2!)],
      ],
      toleranceOf(x) * 10,
    )
  })

  it('pinv', () => {
    const rtol = np.full(x.shape.slice(0, -2), 1e-8, { dtype: x.dtype })
    if (x.size === 0) return
    expectAlike(both('pinv', {}, [x, rtol], expansions.pinvOf), toleranceOf(x) * 100)
  })
})

describe('eigh', () => {
  it.each([1, 2, 5, 12])('of %i rows', (n) => {
    const a = normal(n, n, n)
    expectAlike(both('eigh', { basisFree: false }, [np.add(a, a.T)], expansions.eighOf), 1e-10)
  })

  it('of a batch, with one that is not finite', () => {
    const a = normal(3, 3, 4, 4).at(1, 0, 0).set(Infinity)
    const symmetric = np.add(a, np.swapaxes(a, -1, -2))
    expectAlike(both('eigh', { basisFree: false }, [symmetric], expansions.eighOf), 1e-10)
  })
})

describe.each(Object.keys(blocks) as BlockKind[])('blocks of %s', (kind) => {
  it('have their values, to the last bit', () => {
    const bytes = random.randint(random.key(11), [3, 2 * blocks[kind].bytes], 0, 256, { dtype: 'uint8' })
    const [wanted, got] = both('dequantize', { kind }, [bytes], (a) => expansions.blocksOf({ kind }, a))
    expect(got[0]!.dataSync()).toEqual(wanted[0]!.dataSync())
  })
})
