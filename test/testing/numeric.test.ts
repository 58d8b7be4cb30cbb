/** Comparisons that tests are made of: what they take, and what they say. */
import { ArgumentError, np } from 'pullback'
import { assertAllClose, assertClose, LawError } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const [one, two] = [np.array([1, 2]), np.array([1, 3])]

describe('assertAllClose', () => {
  it('takes lists, arrays and trees', () => {
    assertAllClose('list', [one, two], [one, two])
    assertAllClose('array', one, np.array([1, 2]))
    assertAllClose('tree', { a: one, b: [two, 3] }, { a: one, b: [two, 3] })
  })

  it('says what, and where, is not close', () => {
    expect(() => {
      assertAllClose('list', [one, two], [one, one])
    }).toThrow(/list, result 1: element 1 is 3, wanted 2/)
    expect(() => {
      assertAllClose('list', [one], [one, one])
    }).toThrow(/list: 1 results, wanted 2/)
    expect(() => {
      assertAllClose('array', one, two)
    }).toThrow(LawError)
    expect(() => {
      assertAllClose('array', one, two)
    }).toThrow(/array: element 1 is 2, wanted 3/)
    expect(() => {
      assertAllClose('tree', { a: one }, { a: two })
    }).toThrow(/tree\.a: element 1 is 2, wanted 3/)
    expect(() => {
      assertAllClose<unknown>('tree', one, [one])
    }).toThrow(/tree: got the structure/)
  })

  it('asks for what is compared where that was left out', () => {
    expect(() => {
      assertAllClose(one as never, two, two)
    }).toThrow(ArgumentError)
    expect(() => {
      assertAllClose(one as never, two, two)
    }).toThrow(/assertAllClose\('gradient', got, wanted\)/)
    expect(() => {
      assertClose(one as never, two, two)
    }).toThrow(/assertClose\('gradient', got, wanted\)/)
  })
})
