import {
  ArgumentError,
  grad,
  hessian,
  jit,
  jvp,
  lax,
  makeProgram,
  nn,
  np,
  optimize,
  printProgram,
  random,
  tree,
  vmap,
} from 'pullback'
import type { NDArray, Program } from 'pullback'
import * as fc from 'fast-check'
import { assertAllClose, assertClose } from 'pullback/testing'
import { describe, expect, it, vi } from 'vitest'
import { subprograms } from '../../src/ir/walk.ts'

type Options = Parameters<typeof lax.scan>[3]

const float64 = (...xs: readonly number[]): NDArray => np.array(xs, { dtype: 'float64' })

/** A fold with two carries, two outputs and a closed-over value, in which every step matters. */
const fold =
  (options: Options) =>
  (x: NDArray, xs: NDArray): readonly NDArray[] => {
    const step = ([a, n]: readonly [NDArray, NDArray], v: { readonly v: NDArray }) =>
      [
        [np.add(np.sin(np.multiply(a, x)), np.multiply(v.v, n)), np.add(n, 1)],
        [np.multiply(a, v.v), n],
      ] as const
    const [[last, count], ys] = lax.scan(step, [x, 1] as const, { v: xs }, options)
    return [last, count, ...ys]
  }

const total = (f: (x: NDArray, xs: NDArray) => readonly NDArray[]) => (x: NDArray, xs: NDArray) => {
  const [last, , products] = f(x, xs)
  return np.add(np.square(last!), np.sum(np.sin(products!)))
}

const opsOf = (program: Program): readonly string[] => program.equations.map((eqn) => eqn.op)
const xsOf = (length: number): NDArray => float64(...Array.from({ length }, (_, i) => Math.cos(3 * i)))
const ones = (length: number): NDArray => np.ones([length])
const sums = (options: Options) => (xs: NDArray) =>
  lax.scan((c: NDArray, v: NDArray) => [np.add(c, v), np.multiply(c, 2)], np.array(0), xs, options)

/** The lengths of the loops in a program, and how many equations of one kind the body of the first has. */
const loopsOf = (program: Program): readonly (readonly [length: number, adds: number])[] =>
  program.equations.flatMap((eqn) => {
    if (eqn.op !== 'scan') return []
    const [[, body]] = subprograms(eqn) as [[string, Program]]
    return [[eqn.params.length, opsOf(optimize(body)).filter((op) => op === 'add').length] as const]
  })

describe('unroll', () => {
  it('means the same, whatever the length, direction and blocks', () => {
    const options = fc.record({
      unroll: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.boolean()),
      reverse: fc.boolean(),
      checkpoint: fc.constantFrom<'none' | 'sqrt' | number>('none', 'sqrt', 3),
    })
    const x = np.array(0.7, { dtype: 'float64' })
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), options, (length, { unroll, reverse, checkpoint }) => {
        const xs = xsOf(length)
        const [f, g] = [fold({ reverse }), fold({ reverse, unroll, checkpoint })]
        assertAllClose('values', g(x, xs), f(x, xs))
        assertAllClose('gradient', grad(total(g), { argnums: [0, 1] })(x, xs), grad(total(f), { argnums: [0, 1] })(x, xs)) // prettier-ignore
        const push = (h: typeof f): readonly NDArray[] => jvp(total(h), [x, xs], [x, xs])
        assertAllClose('pushforward', push(g), push(f))
      }),
      { numRuns: 40 },
    )
  })

  it('to second order, compiled and batched', () => {
    const [f, g] = [fold({}), fold({ unroll: 3 })].map((h) => (x: NDArray) => total(h)(x, xsOf(7)))
    const x = np.array(-0.4, { dtype: 'float64' })
    assertClose('hessian', hessian(g!)(x), hessian(f!)(x))
    assertClose('jit of grad', jit(grad(g!))(x), grad(f!)(x))
    assertClose('vmap of grad', vmap(grad(g!))(float64(0.1, 0.9)), vmap(grad(f!))(float64(0.1, 0.9)))
  })

  it('makes a body of so many steps, and writes out what is left over', () => {
    const at = (n: number, unroll: number | boolean): Program => optimize(makeProgram(sums({ unroll }))(ones(n)))
    const addsIn = (p: Program): number => opsOf(p).filter((op) => op === 'add').length
    expect(loopsOf(at(12, 1))).toEqual([[12, 1]])
    expect(loopsOf(at(12, false))).toEqual([[12, 1]])
    expect(loopsOf(at(12, 4))).toEqual([[3, 4]])
    expect(loopsOf(at(14, 4))).toEqual([[3, 4]])
    expect([addsIn(at(12, 4)), addsIn(at(14, 4))]).toEqual([0, 2])
  })

  it('makes no loop for all steps, nor for less than two turns', () => {
    for (const unroll of [true, 0, 5, 9, 3]) {
      const program = optimize(makeProgram(sums({ unroll }))(ones(5)))
      expect(opsOf(program)).not.toContain('scan')
      expect(opsOf(program).filter((op) => op === 'add').length).toBe(5)
    }
    expect(opsOf(makeProgram(sums({ unroll: true }))(ones(0)))).toEqual(['scan'])
  })

  it('shows in printed programs, as calls of one step', () => {
    const text = printProgram(makeProgram(sums({ unroll: 2 }))(ones(4)))
    expect(text.match(/name="step"/g)?.length).toBe(2)
    expect(text).toContain('length=2')
  })

  it('is one equation where it is asked for, so that no one is told to write a scan instead', () => {
    const lines = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    try {
      const program = makeProgram(sums({ unroll: true }))(ones(500))
      expect(opsOf(program)).toEqual(['call'])
      assertAllClose('sum', [...jit(sums({ unroll: true }))(ones(500))], [...sums({})(ones(500))])
      expect(lines).not.toHaveBeenCalled()
    } finally {
      lines.mockRestore()
    }
  })

  it('is for blocks of a checkpointed scan too', () => {
    const program = optimize(makeProgram(sums({ unroll: 2, checkpoint: 4 }))(ones(8)))
    const [outer] = program.equations.filter((eqn) => eqn.op === 'scan')
    expect(outer!.params.length).toBe(2)
    const [inner] = outer!.params.body.equations.filter((eqn) => eqn.op === 'checkpoint')
    expect(loopsOf(inner!.params.program)).toEqual([[2, 2]])
  })

  it('keeps weak types, and trees', () => {
    const step = (c: NDArray, v: NDArray) => [np.multiply(c, 2), { twice: c, v }] as const
    const run = (unroll: number) => lax.scan(step, 1, np.arange(5), { unroll })
    expect(run(2)[0].aval.equals(run(1)[0].aval)).toBe(true)
    assertAllClose('trees', tree.leaves(run(2)), tree.leaves(run(1)))
  })

  it('of foriLoop and rnn', () => {
    const power = (unroll: number | boolean) => (x: NDArray) =>
      lax.foriLoop(2, 9, (i, c) => np.add(np.multiply(c, x), i), x, { unroll })
    const x = np.array(0.9, { dtype: 'float64' })
    for (const unroll of [2, 3, true]) {
      assertClose('value', power(unroll)(x), power(1)(x))
      assertClose('gradient', grad(power(unroll))(x), grad(power(1))(x))
    }
    expect(opsOf(optimize(makeProgram(power(true))(x)))).not.toContain('scan')
    const cell = nn.simpleCell(2, 3)
    const params = nn.rnn(cell).init(random.key(0))
    const inputs = random.normal(random.key(1), [5, 2])
    const run = (unroll: number): readonly NDArray[] => tree.leaves(nn.rnn(cell, { unroll }).apply(params, inputs))
    assertAllClose('rnn', run(2), run(1))
  })

  it('says what is wrong', () => {
    expect(() => sums({ unroll: -1 })(ones(3))).toThrow(ArgumentError)
    expect(() => sums({ unroll: 1.5 })(ones(3))).toThrow(/unroll must be a boolean or an integer/)
    const upper = np.array(4, { dtype: 'int32' })
    const loop = (options: object): unknown => lax.foriLoop(0, upper, (_, c) => np.add(c, 1), np.array(0), options)
    for (const options of [{ unroll: 2 }, { unroll: true }, { checkpoint: 'sqrt' }]) {
      expect(() => loop(options)).toThrow(/foriLoop: unroll and checkpoint need bounds that are JS numbers/)
    }
    expect(String(loop({ unroll: 1, checkpoint: 'none' }))).toBe('4.')
    expect(String(loop({ unroll: false }))).toBe('4.')
  })
})
