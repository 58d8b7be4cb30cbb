/** Elements of results, compared. */
import { expect } from 'vitest'
import type { Aval } from '../../src/core/aval.ts'
import { decode } from '../../src/core/convert.ts'
import type { TypedArray } from '../../src/core/dtype.ts'

/** Equal bit for bit, zeros with their signs; only of NaNs neither JavaScript nor WebAssembly says which bits they have. */
export const expectSameElements = (
  got: readonly TypedArray[],
  wanted: readonly TypedArray[],
  avals: readonly Aval[],
): void => {
  const shown = (data: readonly TypedArray[]) => avals.map(({ dtype }, i) => decode(dtype, data[i]!))
  expect(got.length).toBe(avals.length)
  expect(shown(got)).toEqual(shown(wanted))
}
