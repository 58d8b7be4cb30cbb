import * as fc from 'fast-check'
import { equalPrograms, makeProgram, np, parseProgram, printProgram } from 'pullback'
import type { NDArray } from 'pullback'
import { programs } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { fingerprint } from '../../src/ir/fingerprint.ts'

describe('fingerprints', () => {
  it('are equal exactly for equal programs', () => {
    const seen = new Map<string, string>()
    fc.assert(
      fc.property(programs(), ({ program }) => {
        const text = printProgram(program)
        const key = fingerprint(program)
        const parsed = parseProgram(text)
        if (parsed._tag === 'Right') expect(fingerprint(parsed.right)).toBe(key)
        expect(key).toMatch(/^[0-9a-f]{32}$/)
        expect(seen.get(key) ?? text).toBe(text)
        seen.set(key, text)
      }),
      { numRuns: 500 },
    )
    expect(seen.size).toBe(new Set(seen.values()).size)
  })

  it('tell apart what differs in one place', () => {
    const x = np.ones([3])
    const variants: ((x: NDArray) => NDArray)[] = [
      (a) => a.add(1),
      (a) => a.add(2),
      (a) => a.add(0),
      (a) => a.add(-0),
      (a) => a.sub(1),
      (a) => a.add(a),
      (a) => a.add(np.array([1, 2, 3])),
      (a) => a.add(np.array([1, 2, 4])),
      (a) => a.at(np.slice(0, 2)).get(),
      (a) => a.at(np.slice(1, 3)).get(),
      (a) => a.sum(),
      (a) => a.astype('float64'),
    ]
    const made = variants.map((f) => makeProgram(f)(x))
    made.push(makeProgram(variants[0]!)(np.ones([4])))
    expect(new Set(made.map(fingerprint)).size).toBe(made.length)
    expect(equalPrograms(made[0]!, makeProgram(variants[0]!)(x))).toBe(true)
    expect(fingerprint(made[0]!)).toBe(fingerprint(makeProgram(variants[0]!)(x)))
  })
})
