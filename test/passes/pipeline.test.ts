import { evalProgram, jit, jvp, makeProgram, np, optimize } from 'pullback'
import type { NDArray, Program } from 'pullback'
import * as fc from 'fast-check'
import { assertAllClose, programs } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { cse } from '../../src/passes/cse.ts'
import { dce } from '../../src/passes/dce.ts'
import { fold } from '../../src/passes/fold.ts'
import { inline } from '../../src/passes/inline.ts'
import { simplify } from '../../src/passes/simplify.ts'
import { isIdempotent } from './support/passes.ts'

const opsOf = (p: Program): string[] => p.equations.map((e) => e.op)
const optimized = (f: (...xs: NDArray[]) => unknown, ...args: NDArray[]): Program => optimize(makeProgram(f)(...args))
const x = np.array([1, -2])

describe('dead code', () => {
  it('goes', () => {
    const f = (a: NDArray): NDArray => {
      np.exp(a)
      return np.sin(a)
    }
    expect(opsOf(optimized(f, x))).toEqual(['sin'])
  })
})

describe('common subexpressions', () => {
  it('are computed once', () => {
    const f = (a: NDArray): NDArray => np.add(np.multiply(np.sin(a), 2), np.exp(np.sin(a)))
    expect(opsOf(optimized(f, x)).filter((op) => op === 'sin').length).toBe(1)
  })

  it('of commutative operations too, whichever way round', () => {
    const f = (a: NDArray, b: NDArray): NDArray => np.multiply(np.add(a, b), np.add(b, a))
    expect(opsOf(optimized(f, x, x)).filter((op) => op === 'add').length).toBe(1)
  })

  it('are not found where operands or parameters differ', () => {
    const f = (a: NDArray): NDArray => np.subtract(np.sum(a, { axis: 0 }), np.max(a, { axis: 0 }))
    expect(opsOf(optimized(f, x)).length).toBe(3)
  })
})

describe('constants', () => {
  it('are folded', () => {
    const f = (a: NDArray): NDArray => np.add(a, np.exp(np.array(0)))
    expect(opsOf(optimized(f, x))).not.toContain('exp')
  })
})

describe('algebra keeps NaN, infinities and the sign of zero', () => {
  const special = np.array([NaN, Infinity, -Infinity, 0, -0, 1.5, -1.5])
  const same = (f: (a: NDArray) => NDArray): void => {
    const [a, b] = [f(special).dataSync(), evalProgram(optimized(f, special), [special])[0]!.dataSync()]
    a.forEach((v: number | bigint, i: number) => {
      expect(Object.is(v, b[i])).toBe(true)
    })
  }

  it.each([
    ['x + 0', (a: NDArray) => np.add(a, 0)],
    ['x - 0', (a: NDArray) => np.subtract(a, 0)],
    ['0 - x', (a: NDArray) => np.subtract(0, a)],
    ['x + -0', (a: NDArray) => np.add(a, np.array(-0))],
    ['x * 1', (a: NDArray) => np.multiply(a, 1)],
    ['x * 0', (a: NDArray) => np.multiply(a, 0)],
    ['x * -1', (a: NDArray) => np.multiply(a, -1)],
    ['x / 1', (a: NDArray) => np.divide(a, 1)],
    ['0 / x', (a: NDArray) => np.divide(0, a)],
    ['x - x', (a: NDArray) => np.subtract(a, a)],
    ['x / x', (a: NDArray) => np.divide(a, a)],
    ['-(-x)', (a: NDArray) => np.negative(np.negative(a))],
    ['x ** 0', (a: NDArray) => np.power(a, 0)],
    ['x ** 1', (a: NDArray) => np.power(a, 1)],
    ['max(x, x)', (a: NDArray) => np.maximum(a, a)],
    ['where(c, x, x)', (a: NDArray) => np.where(np.greater(a, 0), a, a)],
    ['abs(abs(x))', (a: NDArray) => np.abs(np.abs(a))],
  ])('%s', (_, f) => {
    same(f)
  })

  it('x + 0 stays where it matters: -0 + 0 is 0', () => {
    const f = jit((a: NDArray) => np.add(a, 0))
    expect(Object.is(f(np.array(-0)).item(), 0)).toBe(true)
  })

  it('x * 1 and transposes that cancel go', () => {
    const f = (a: NDArray): NDArray => np.transpose(np.transpose(np.multiply(a, 1)))
    expect(opsOf(optimized(f, np.ones([2, 3])))).toEqual([])
  })
})

describe('random programs', () => {
  it.each([
    ['inline', inline],
    ['simplify', simplify],
    ['fold', fold],
    ['cse', cse],
    ['dce', dce],
    ['optimize', optimize],
  ])('have the same derivatives after %s', (_, pass) => {
    const floats = programs({ dtypes: ['float64'], maxEquations: 8, maxSize: 60 })
    const property = fc.property(floats, ({ program, inputs }) => {
      const tangents = (p: Program): readonly NDArray[] => {
        const f = (...xs: NDArray[]): readonly NDArray[] => evalProgram(p, xs).filter((y) => y.dtype === 'float64')
        return jvp(f, inputs as NDArray[], inputs as NDArray[])[1]
      }
      const wanted = tangents(program)
      fc.pre(wanted.every((t) => np.all(np.less(np.abs(t), 1e6)).bool()))
      assertAllClose('tangents', tangents(pass(program)), wanted, { rtol: 1e-12 })
    })
    fc.assert(property, { numRuns: 40 })
  })

  it('are optimised at once', () => {
    isIdempotent(optimize)
  })
})
