/** Equal equations are computed once. */
import type { NDArray } from 'pullback'
import { debug, makeProgram, np } from 'pullback'
import { describe, expect, it } from 'vitest'
import { cse } from '../../src/passes/cse.ts'
import { addsNothing, after, isIdempotent, keepsMeaning } from './support/passes.ts'

describe('random programs', () => {
  it('mean the same', () => {
    keepsMeaning(cse)
  })
  it('get no longer', () => {
    addsNothing(cse)
  })
  it('have no two equal equations afterwards', () => {
    isIdempotent(cse)
  })
})

/** Of two equations on `a` and `b`, whether one is left. */
const areOne = (first: string, second: string, type = 'f32[2]'): boolean => {
  const text = `program(a: f32[2], b: f32[2]) {
    c: ${type} = ${first}
    d: ${type} = ${second}
    return c, d
  }`
  return after(cse, text).length === 2
}

describe('two equations', () => {
  it('that are equal are one, and what depends on them', () => {
    const text = `program(a: f32[]) {
      b: f32[] = sin a
      c: f32[] = sin a
      d: f32[] = exp b
      e: f32[] = exp c
      f: f32[] = add d e
      return f
    }`
    expect(after(cse, text)).toEqual(['b: f32[] = sin a', 'c: f32[] = exp b', 'd: f32[] = add c c', 'return d'])
  })

  it('are one whichever way round, if the operation says so', () => {
    expect(areOne('mul a b', 'mul b a')).toBe(true)
    expect(areOne('sub a b', 'sub b a')).toBe(false)
  })

  it('are two where operands, parameters or literals differ', () => {
    expect(areOne('sin a', 'sin a')).toBe(true)
    expect(areOne('sin a', 'sin b')).toBe(false)
    expect(areOne('integerPow[exponent=2] a', 'integerPow[exponent=3] a')).toBe(false)
    const fill = (x: string): string => `broadcast[shape=[2], dims=[]] ${x}:f32[]`
    expect(areOne(fill('1'), fill('1'))).toBe(true)
    expect(areOne(fill('0'), fill('-0'))).toBe(false)
    expect(areOne(fill('1'), fill('2'))).toBe(false)
  })

  it('are two where types of literals differ', () => {
    const text = `program(a: f32[]) {
      b: f32[] = add a 1:f32[]
      c: f32[] = add a 1:~f32[]
      return b, c
    }`
    expect(after(cse, text).length).toBe(3)
  })

  it('with an effect are both left', () => {
    const f = (x: NDArray): NDArray => {
      for (const each of [1, 2]) debug.callback(() => each, np.sin(x))
      return np.sin(x)
    }
    const ops = cse(makeProgram(f)(np.array(1))).equations.map((eqn) => eqn.op)
    expect(ops).toEqual(['sin', 'callback', 'callback'])
  })
})

describe('a checkpoint that allows it', () => {
  it('is handed what is known already', () => {
    const text = `program(a: f32[]) {
      b: f32[] = sin a
      c: f32[] = checkpoint[program=program(a: f32[]) {
        b: f32[] = sin a
        c: f32[] = exp b
        return c
      }, preventCse=false, policies=[], name="f"] a
      return b, c
    }`
    expect(after(cse, text)).toEqual([
      'b: f32[] = sin a',
      'c: f32[] = checkpoint[program=program(a: f32[], b: f32[]) {',
      'c: f32[] = exp b',
      'return c',
      '}, name="f", policies=[], preventCse=false] a b',
      'return b, c',
    ])
  })
})
