import { evalShape, grad, jit, makeProgram, np, ShapeDtypeStruct, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, it } from 'vitest'

/** A function that counts how often it is traced. */
const counted = () => {
  const calls = { count: 0 }
  const f = (x: NDArray): NDArray => {
    calls.count++
    return np.sin(x).mul(2)
  }
  return { f, calls }
}

describe('jit', () => {
  it('traces once for each shape and dtype', () => {
    const { f, calls } = counted()
    const g = jit(f)
    g(np.ones([2]))
    g(np.zeros([2]))
    expect(calls.count).toBe(1)
    g(np.ones([3]))
    expect(calls.count).toBe(2)
    g(np.ones([2], { dtype: 'float64' }))
    expect(calls.count).toBe(3)
    g(np.ones([2]))
    expect(calls.count).toBe(3)
    g.clearCache()
    g(np.ones([2]))
    expect(calls.count).toBe(4)
  })

  it('tells weak scalars from strong ones, and trees from each other', () => {
    let count = 0
    const g = jit((t: unknown) => {
      count++
      return t as NDArray
    })
    g(1.5)
    g(2.5)
    g(np.array(1.5))
    g({ a: np.array(1) })
    g({ b: np.array(1) })
    g([np.array(1)])
    expect(count).toBe(5)
  })

  it('treats key order as nothing', () => {
    let count = 0
    const g = jit((p: { a: NDArray; b: NDArray }) => {
      count++
      return p.a.sub(p.b)
    })
    expect(g({ a: np.array(3), b: np.array(1) }).item()).toBe(2)
    expect(g({ b: np.array(1), a: np.array(3) }).item()).toBe(2)
    expect(count).toBe(1)
  })

  it('takes static arguments', () => {
    let count = 0
    const g = jit(
      (x: NDArray, mode: 'sin' | 'cos', n: number) => {
        count++
        let y = x
        for (let i = 0; i < n; i++) y = np[mode](y)
        return y
      },
      { staticArgnums: [1, 2] },
    )
    expect(g(np.array(0), 'cos', 1).item()).toBe(1)
    expect(g(np.array(0), 'sin', 3).item()).toBe(0)
    g(np.array(1), 'sin', 3)
    expect(count).toBe(2)
  })

  it('compiles methods, each instance for itself', () => {
    class Scaler {
      readonly factor: number
      constructor(factor: number) {
        this.factor = factor
      }
      apply = jit((x: NDArray) => x.mul(this.factor))
    }
    expect(new Scaler(2).apply(np.array(3)).item()).toBe(6)
    expect(new Scaler(5).apply(np.array(3)).item()).toBe(15)
    const shared = {
      factor: 2,
      apply: jit(function (this: { factor: number }, x: NDArray) {
        return x.mul(this.factor)
      }),
    }
    const other = { factor: 7, apply: shared.apply }
    expect([shared.apply(np.array(1)).item(), other.apply(np.array(1)).item()]).toEqual([2, 7])
  })

  it('works inside every transformation and closes over their values', () => {
    const f = (x: NDArray): NDArray => jit((y: NDArray) => y.mul(x))(np.array(3))
    expect(grad(f)(np.array(2)).item()).toBe(3)
    expect(vmap(f)(np.array([1, 2])).toArray()).toEqual([3, 6])
    expect(grad(jit(grad(jit((x: NDArray) => x.mul(x).mul(x)))))(np.array(2)).item()).toBe(12)
  })

  it('does not make constants of what it traces', () => {
    const program = jit((x: NDArray) => np.add(x, np.ones([3]))).trace(np.zeros([3]))
    expect(String(program)).toContain('broadcast')
  })

  it('gives results that do not change, whatever is called later', () => {
    const g = jit((x: NDArray) => x.add(1))
    const first = g(np.array([1, 2]))
    g(np.array([5, 6]))
    expect(first.toArray()).toEqual([2, 3])
  })

  it('finds its program again whatever was called in between', () => {
    const { f, calls } = counted()
    const g = jit(f)
    const inputs = [np.ones([2]), np.ones([3]), np.ones([2], { dtype: 'float64' }), np.array(1)]
    for (let round = 0; round < 3; round++) {
      for (const x of inputs) {
        expect(g(x).toArray()).toEqual(f(x).toArray())
        expect(g(x).toArray()).toEqual(f(x).toArray())
      }
    }
    expect(calls.count).toBe(inputs.length + 2 * 3 * inputs.length)
  })

  it('forgets what has not been used for long', () => {
    const { f, calls } = counted()
    const g = jit(f)
    const used = np.ones([1000])
    for (let n = 0; n < 1000; n++) {
      g(np.zeros([n]))
      g(used)
    }
    expect(calls.count).toBe(1001)
    g(used)
    g(np.zeros([999]))
    expect(calls.count).toBe(1001)
    g(np.zeros([0]))
    expect(calls.count).toBe(1002)
  })

  it('leaves results alone that share elements with donated arrays', () => {
    const same = jit((x: NDArray) => x, { donateArgnums: 0 })
    const x = np.array([1, 2])
    const y = same(x)
    expect(() => x.sum()).toThrow(expect.objectContaining({ name: 'DonatedError' }))
    expect(y.toArray()).toEqual([1, 2])
    const both = jit((a: NDArray, b: NDArray) => a.add(b), { donateArgnums: [0] })
    expect(both(y, y).toArray()).toEqual([2, 4])
    expect(() => y.dataSync()).toThrow(expect.objectContaining({ name: 'DonatedError' }))
    expect(String(y.aval)).toBe('f32[2]')
  })

  it('takes donated arrays away', () => {
    const g = jit((x: NDArray, y: NDArray) => x.add(y), { donateArgnums: 0 })
    const [x, y] = [np.array([1, 2]), np.array([3, 4])]
    expect(g(x, y).toArray()).toEqual([4, 6])
    expect(() => x.add(1)).toThrow(expect.objectContaining({ name: 'DonatedError' }))
    expect(() => x.toArray()).toThrow(expect.objectContaining({ name: 'DonatedError' }))
    expect(y.toArray()).toEqual([3, 4])
  })
})

describe('makeProgram and evalShape', () => {
  it('trace without computing', () => {
    const f = (x: NDArray, y: NDArray): NDArray => np.matmul(x, y)
    const shapes = [new ShapeDtypeStruct([2, 3], 'float32'), new ShapeDtypeStruct([3, 4], 'float32')] as const
    expect(String(evalShape(f, ...shapes))).toBe('f32[2,4]')
    expect(makeProgram(f)(...shapes).outAvals.map(String)).toEqual(['f32[2,4]'])
  })

  it('give trees of shapes', () => {
    const out = evalShape((p: { a: NDArray }) => ({ sum: np.sum(p.a), same: p.a }), {
      a: new ShapeDtypeStruct([5], 'float64'),
    })
    expect([String(out.sum), String(out.same)]).toEqual(['f64[]', 'f64[5]'])
  })

  it('remember where equations come from', () => {
    const program = makeProgram((x: NDArray) => np.sin(x))(np.array(1))
    expect(String(program.equations[0]!.source)).toContain('jit.test.ts')
  })
})
