import { evalProgram, grad, jit, jvp, makeProgram, np, optimize, parseProgram, printProgram, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, it } from 'vitest'

const LENGTH = 50_000
/** What is compiled: test/passes/linear.test.ts counts that the compiler's work grows with the length, and no faster. */
const COMPILED = 10_000

const chainOf =
  (length: number) =>
  (x: NDArray): NDArray => {
    let y = x
    for (let i = 0; i < length; i++) y = np.add(np.multiply(y, 0.5), 1)
    return y
  }
const chain = chainOf(LENGTH)
const shorter = chainOf(COMPILED)

// The fixed point is 2, and the derivative of so many halvings 0.
describe(`a chain of ${2 * LENGTH} operations`, () => {
  it('traces, prints, parses, optimises and runs', () => {
    const program = makeProgram(chain)(np.array(5))
    expect(program.equations.length).toBe(2 * LENGTH)
    const text = printProgram(program)
    const parsed = parseProgram(text)
    expect(parsed._tag).toBe('Right')
    if (parsed._tag === 'Right') expect(evalProgram(parsed.right, [np.array(5)])[0]!.item()).toBe(2)
    expect(evalProgram(optimize(program), [np.array(5)])[0]!.item()).toBe(2)
  })

  it(`runs compiled, ${2 * COMPILED} of them`, () => {
    expect(jit(shorter)(np.array(5)).item()).toBe(2)
  })

  it('differentiates forward and backward, and compiled', () => {
    expect(jvp(chain, [np.array(5)], [np.array(1)])[1].item()).toBe(0)
    expect(grad(chain)(np.array(5)).item()).toBe(0)
    expect(jit(grad(shorter))(np.array(5)).item()).toBe(0)
  })

  it('maps over a batch', () => {
    expect(vmap(chain)(np.array([1, 5])).toArray()).toEqual([2, 2])
  })
})
