/** `namedScope`. */
import { grad, lax, makeProgram, namedScope, np, parseProgram, printProgram } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, it } from 'vitest'
import { total } from './support/everywhere.ts'

describe('namedScope', () => {
  it('refuses functions that return promises, with the reason', () => {
    const reason = /^namedScope: the function returned a promise\. .*first await.*Await outside/
    for (const f of [() => Promise.resolve(1), () => Promise.reject(new Error('late'))]) {
      expect(() => namedScope('a', f)).toThrow(
        expect.objectContaining({ name: 'ArgumentError', message: expect.stringMatching(reason) as string }),
      )
    }
  })

  it('names parts of programs, of their derivatives and of loops, and survives printing', () => {
    const f = (x: NDArray): NDArray =>
      namedScope('outer', () =>
        total(lax.scan((c: NDArray) => [namedScope('step', () => np.sin(c)), null], x, null, { length: 2 })[0]),
      )
    const text = printProgram(makeProgram(grad(f))(np.ones([2])))
    expect(text).toMatch(/= sin \w @ "outer\/step"/)
    expect(text).toMatch(/= reduceSum.* @ "outer"/)
    expect(text).toMatch(/= cos .* @ "outer\/step"/)
    const back = parseProgram(text)
    expect(back._tag === 'Right' && printProgram(back.right)).toBe(text)
  })

  it('stands in the messages of errors', () => {
    const bad = (): unknown => namedScope('a', () => namedScope('b', () => np.dot(np.ones([2]), np.ones([3]))))
    expect(bad).toThrow(/\(in scope a\/b\)$/)
    expect(() => namedScope('', () => 1)).toThrow(/empty/)
    expect(namedScope('after', () => String(makeProgram((x: NDArray) => np.sin(x))(np.array(1))))).toContain(
      '@ "after"',
    )
  })
})
