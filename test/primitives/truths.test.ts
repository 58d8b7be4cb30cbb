/** Laws about consistency are kept by a wrong operation with the derivative of that; true values are not. */
import { LawError, operations, primitiveLaws } from 'pullback/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import type { TypedArray } from '../../src/core/dtype.ts'
import type { OpName } from '../../src/ir/op.ts'
import { lgamma } from '../../src/primitives/logGamma.ts'
import type { Primitive } from '../../src/primitives/primitive.ts'
import { primitives } from '../../src/primitives/all.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const recordOf = (op: OpName): Primitive<OpName> => primitives[op]

/** All elements, changed. */
const wrong = (xs: TypedArray): TypedArray => {
  const change = (x: number | bigint): number | bigint => (typeof x === 'bigint' ? x + 1n : x === 0 ? 1 : 0)
  const out = xs.slice()
  for (let i = 0; i < out.length; i++) out[i] = change(xs[i]!)
  return out
}

/** What applies a program has no values of its own. */
const withValues = operations.filter((op) => recordOf(op).applies === undefined)

describe('a wrong operation is caught', () => {
  it.each(withValues)('%s, all of it', (op) => {
    const record = recordOf(op)
    const right = record.evaluate.bind(record)
    const evaluate = vi.spyOn(record, 'evaluate')
    evaluate.mockImplementation((...args) => right(...args).map(wrong))
    expect(() => {
      primitiveLaws.valuesAreTrue(op, 'float64')
    }).toThrow(LawError)
    expect(evaluate).toHaveBeenCalled()
  })

  it('lgamma, at a pole only', () => {
    vi.spyOn(primitives.lgamma, 'evaluate').mockImplementation((_, [data]) => [
      Float64Array.from(data as Float64Array, (x) => (x === -1 ? 0 : lgamma(x))),
    ])
    expect(() => {
      primitiveLaws.valuesAreTrue('lgamma', 'float64')
    }).toThrow('element 7 is 0, in truth Infinity')
  })
})
