/** Large inputs: that they work at all, without overflowing the stack. The times stand in docs/benchmarks.md. */
import {
  checkProgram,
  evalProgram,
  grad,
  jit,
  jvp,
  lax,
  makeProgram,
  np,
  optimize,
  parseProgram,
  printProgram,
  tree,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

describe('scale', () => {
  it('a program of 100,000 equations is traced, differentiated, optimised, printed, parsed and compiled', () => {
    // Near the fixed point y = sin y + x, whose derivative is 1 / (1 - cos y).
    const f = (x: NDArray): NDArray => {
      let y = x
      for (let i = 0; i < 20_000; i++) y = np.add(np.sin(y), x)
      return y
    }
    let y = 1
    for (let i = 0; i < 100; i++) y = Math.sin(y) + 1
    const program = makeProgram(grad(f))(np.array(1))
    expect(program.equations.length).toBeGreaterThanOrEqual(100_000)
    const better = optimize(program)
    checkProgram(better)
    const parsed = parseProgram(printProgram(better))
    expect(parsed._tag === 'Right' && parsed.right.equations.length).toBe(better.equations.length)
    expect(jit(grad(f))(np.array(1)).item()).toBeCloseTo(1 / (1 - Math.cos(y)), 5)
  }, 180_000)

  it('a tree of 100,000 leaves', () => {
    const leaves = Array.from({ length: 100_000 }, () => np.array(1))
    const t = Object.fromEntries(leaves.map((x, i) => [`k${i}`, x]))
    const doubled = tree.map((x: NDArray) => np.add(x, x), t)
    expect(tree.leaves(doubled).length).toBe(100_000)
    const first = (t: { readonly [k: string]: NDArray }): NDArray => np.multiply(t['k7']!, t['k9']!)
    const gradients = grad(first)(t)
    expect([gradients['k7']!.item(), gradients['k8']!.item()]).toEqual([1, 0])
    expect(jit(first)(t).item()).toBe(1)
  }, 60_000)

  it('1,000 nested calls', () => {
    const nested = (depth: number): ((x: NDArray) => NDArray) => {
      let f = (x: NDArray): NDArray => np.sin(x)
      for (let i = 0; i < depth; i++) {
        const inner = jit(f)
        f = (x) => np.add(inner(x), 1)
      }
      return f
    }
    const f = nested(1000)
    const x = np.array(0.5)
    expect(f(x).item()).toBeCloseTo(1000 + Math.sin(0.5), 3)
    assertClose('grad', grad(f)(x), np.cos(x))
    assertClose('jit of grad', jit(grad(f))(x), np.cos(x))
    assertClose('vmap of grad', vmap(grad(f))(np.array([0.5, 1])), np.cos(np.array([0.5, 1])))
  }, 60_000)

  it('loops five deep', () => {
    const nest = (depth: number, x: NDArray): NDArray =>
      depth === 0 ? np.sin(x) : lax.foriLoop(0, 2, (_, c) => nest(depth - 1, c), x)
    const f = (x: NDArray): NDArray => nest(5, x)
    let wanted = np.array(1)
    for (let i = 0; i < 32; i++) wanted = np.sin(wanted)
    assertClose('value', f(np.array(1)), wanted)
    const size = (depth: number): number =>
      printProgram(makeProgram(grad((x: NDArray) => nest(depth, x)))(np.array(1))).length
    expect(size(5) - size(4)).toBeLessThan(3 * (size(2) - size(1)))
    assertClose('jit of grad', jit(grad(f))(np.array(1)), grad(f)(np.array(1)))
  })
})

const LENGTH = 50_000

const chain = (x: NDArray): NDArray => {
  let y = x
  for (let i = 0; i < LENGTH; i++) y = np.add(np.multiply(y, 0.5), 1)
  return y
}

// The fixed point is 2, and the derivative of so many halvings 0. What is compiled as long as this is a gradient, above.
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

  it('differentiates forward and backward', () => {
    expect(jvp(chain, [np.array(5)], [np.array(1)])[1].item()).toBe(0)
    expect(grad(chain)(np.array(5)).item()).toBe(0)
  })

  it('maps over a batch', () => {
    expect(vmap(chain)(np.array([1, 5])).toArray()).toEqual([2, 2])
  })
})
