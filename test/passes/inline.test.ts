/** Bodies in the place of calls. */
import type { NDArray, Program } from 'pullback'
import { jit, makeProgram, np } from 'pullback'
import { describe, expect, it } from 'vitest'
import { inline } from '../../src/passes/inline.ts'
import { after, isIdempotent, keepsMeaning } from './support/passes.ts'

const operations = ['call', 'scan', 'cond', 'sin', 'add', 'mul', 'broadcast', 'reduceSum'] as const

describe('random programs', () => {
  it('mean the same', () => {
    keepsMeaning(inline)
  })
  it('mean the same where they call a lot', () => {
    keepsMeaning(inline, { operations })
  })
  it('are inlined at once', () => {
    isIdempotent(inline, { operations })
  })
})

const chain = (n: number) => (x: NDArray) => Array.from({ length: n }).reduce<NDArray>((y) => np.sin(y), x)
const callsIn = (program: Program): number => program.equations.filter((eqn) => eqn.op === 'call').length
const x = np.ones([2])

describe('a call', () => {
  it('is replaced by its body, in variables of its own, bodies in it included', () => {
    const text = `program(a: f32[]) {
      b: f32[] = call[program=program(a: f32[]) {
        b: f32[] = call[program=program(a: f32[]) {
          b: f32[] = exp a
          return b
        }, name="inner"] a
        c: f32[] = sin b
        return c
      }, name="outer"] a
      return b
    }`
    expect(after(inline, text)).toEqual(['b: f32[] = exp a', 'c: f32[] = sin b', 'return c'])
  })

  it('brings its constants along', () => {
    const text = `program(a: f32[2]) {
      b: f32[2] = call[program=program(a: f32[2]) {
        const b: f32[2] = [1, 2]
        c: f32[2] = add a b
        return c
      }, name="f"] a
      c: f32[2] = mul a b
      return c
    }`
    expect(after(inline, text)).toEqual([
      'const b: f32[2] = [1, 2]',
      'c: f32[2] = add a b',
      'd: f32[2] = mul a c',
      'return d',
    ])
  })

  it('of a short body goes wherever it stands, of a long one only where it is the only one', () => {
    const times = (n: number, length: number): Program => {
      const f = jit(chain(length))
      return makeProgram((a: NDArray) => Array.from({ length: n }).reduce<NDArray>((y) => f(y), a))(x)
    }
    expect(callsIn(times(3, 32))).toBe(3)
    expect(callsIn(inline(times(3, 32)))).toBe(0)
    expect(callsIn(inline(times(3, 33)))).toBe(3)
    expect(callsIn(inline(times(1, 33)))).toBe(0)
  })

  it('stays where a weak value would become a strong one', () => {
    const text = `program(a: ~f32[]) {
      b: f32[] = call[program=program(a: f32[]) {
        b: f32[] = sin a
        return b
      }, name="f"] a
      return b
    }`
    expect(after(inline, text)[0]).toContain('call')
  })

  it('of which there is none leaves the program as it is', () => {
    const f = jit((a: NDArray) => np.sin(a))
    const inlined = inline(makeProgram((a: NDArray) => np.add(a, f(a)))(x))
    expect(callsIn(inlined)).toBe(0)
    expect(inline(inlined)).toBe(inlined)
  })
})
