/** What is done with equations, and which values get memory. */
import type { NDArray } from 'pullback'
import { jit, lax, makeProgram, np } from 'pullback'
import { describe, expect, it } from 'vitest'
import type { Capabilities, Class } from '../../src/lowering/analyse.ts'
import { analyse, classify } from '../../src/lowering/analyse.ts'
import { plain } from './support/capabilities.ts'

const v = np.ones([6])
const m = np.ones([4, 6])

/** The operations whose results are in memory, of maps and views. */
const storedOf = (f: (...xs: NDArray[]) => unknown, args: readonly NDArray[], can: Partial<Capabilities> = {}) => {
  const { stored, definitions } = analyse(makeProgram(f)(...args), { ...plain, ...can })
  return [...stored].map((variable) => definitions.get(variable)!.op)
}

describe('an equation is', () => {
  const classOf = (f: (x: NDArray) => unknown, can: Partial<Capabilities> = {}): Class =>
    classify(makeProgram(f)(m).equations.at(-1)!, { ...plain, ...can })

  it.each<readonly [Class, string, (x: NDArray) => unknown]>([
    ['map', 'elementwise', (x) => np.sin(x)],
    ['view', 'a move of elements', (x) => np.transpose(x)],
    ['view', 'a part', (x) => lax.slice(x, [0, 0], [2, 2])],
    ['fold', 'a reduction', (x) => np.sum(x)],
    ['pieces', 'a concatenation', (x) => np.concatenate([x, x])],
    ['pieces', 'padding', (x) => lax.pad(x, 0, [[1, 1, 0], [0, 0, 0]])], // prettier-ignore
    ['control', 'a loop', (x) => lax.scan((c: NDArray) => [np.sin(c), null], x, null, { length: 2 })],
    ['routine', 'a product', (x) => np.matmul(x, np.ones([6, 2]))],
  ])('%s: %s', (wanted, _, f) => {
    expect(classOf(f)).toBe(wanted)
  })

  it('left to a routine, or to the host, where a back end can do no loop', () => {
    expect(classOf(np.sin, { canLoop: () => false })).toBe('routine')
    expect(classOf((x) => np.sum(x), { canFold: () => false })).toBe('routine')
    expect(classOf(np.sin, { canLoop: () => false, hasRoutine: () => false })).toBe('host')
    expect(classOf((x) => np.argsort(x), { hasRoutine: () => false })).toBe('host')
  })

  it('left to the host where it is a call that nothing has put its body in the place of', () => {
    const call = jit((x: NDArray) => np.sin(np.cos(x)))
    expect(classOf((x) => call(x), { hasRoutine: () => false })).toBe('host')
  })
})

describe('memory is for', () => {
  it('outputs alone, of a chain', () => {
    expect(storedOf((x) => np.exp(np.sin(np.multiply(x, 2))), [v])).toEqual(['exp'])
  })

  it('what is dear and used twice; what is cheap is computed again', () => {
    expect(storedOf((x) => { const s = np.sin(x); return np.multiply(s, np.cos(s)) }, [v])).toEqual(['sin', 'mul']) // prettier-ignore
    expect(storedOf((x) => { const s = np.add(x, 1); return np.multiply(s, np.abs(s)) }, [v])).toEqual(['mul']) // prettier-ignore
  })

  it('operands of routines, control flow and the host, not of loops', () => {
    expect(storedOf((x) => np.matmul(np.sin(x), np.ones([6, 2])), [m])).toEqual(['sin', 'broadcast'])
    expect(storedOf((x) => np.cumsum(np.sin(x)), [v], { hasRoutine: () => false })).toEqual(['sin'])
    expect(storedOf((x) => np.sum(np.sin(x)), [v])).toEqual([])
  })

  it('a view only where its reader cannot do with strides', () => {
    const f = (x: NDArray): NDArray => np.matmul(x, np.transpose(x))
    expect(storedOf(f, [m])).toEqual(['transpose'])
    expect(storedOf(f, [m], { takesViews: () => true })).toEqual([])
  })

  it('a dear operand that is repeated along rows', () => {
    const along = (x: NDArray): NDArray => np.add(np.broadcastTo(np.sin(x), [4, 6]), 1)
    expect(storedOf(along, [v])).toEqual(['sin', 'add'])
    const across = (x: NDArray): NDArray => np.add(np.broadcastTo(np.reshape(np.sin(x), [4, 1]), [4, 6]), 1)
    expect(storedOf(across, [np.ones([4])])).toEqual(['add'])
  })

  it('what ends an expression of many nodes', () => {
    const chain = (n: number) => (x: NDArray) => Array.from({ length: n }).reduce<NDArray>((y) => np.add(y, 1), x)
    expect(storedOf(chain(10), [v]).length).toBe(1)
    expect(storedOf(chain(60), [v]).length).toBeGreaterThan(1)
  })
})
