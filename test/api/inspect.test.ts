import {
  customGradient,
  customJvp,
  CustomRuleError,
  customVjp,
  debug,
  explainRetrace,
  grad,
  jit,
  lax,
  np,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'

const f64 = (x: number | readonly unknown[]): NDArray => np.array(x as never, { dtype: 'float64' })

describe('explainRetrace', () => {
  it('names the argument, and how it changed', () => {
    const f = jit(
      function step(p: { readonly w: NDArray; readonly b: NDArray | number }, n: number) {
        return np.add(np.multiply(p.w, n), p.b)
      },
      { staticArgnums: 1 },
    )
    const p = { w: np.zeros([2]), b: np.zeros([2]) }
    expect(explainRetrace(f, p, 1)).toBe('step: would be traced for the first time.')
    f(p, 1)
    expect(explainRetrace(f, p, 1)).toBe('step: was traced for the first time.')
    expect(explainRetrace(f, { ...p, w: np.zeros([3]) }, 1)).toContain('argument [0].w changed: shape [2] → [3]')
    expect(explainRetrace(f, { ...p, w: np.zeros([2], { dtype: 'float64' }) }, 1)).toContain('dtype float32 → float64')
    expect(explainRetrace(f, p, 2)).toContain('static argument 1 changed: 1 → 2')
    expect(explainRetrace(f, { ...p, b: 1 }, 1)).toContain(
      'argument [0].b changed: dtype float32 → int32, shape [2] → []',
    )
    expect(explainRetrace(f, { ...p, c: np.zeros([2]) } as never, 1)).toContain(
      'the structure of the arguments changed',
    )
    f(p, 2)
    expect(explainRetrace(f, p, 2)).toBe('step: was traced again: static argument 1 changed: 1 → 2.')
    f.clearCache()
    expect(explainRetrace(f, p, 1)).toContain('first time')
  })

  it('names captured values that make every call trace', () => {
    let inner: ReturnType<typeof jit<[NDArray], NDArray>> | undefined
    grad((a: NDArray) => {
      inner = jit(function scaled(x: NDArray) {
        return np.multiply(a, x)
      })
      inner(np.array(1))
      return np.add(a, inner(np.array(2)))
    })(np.array(3))
    expect(explainRetrace(inner!, np.array(1))).toContain(
      'scaled: it closes over a value of an enclosing transformation (f32[])',
    )
    expect(() => explainRetrace(((x: NDArray) => x) as never, np.array(1))).toThrow(/jit\(f\)/)
  })
})

describe('advice', () => {
  afterEach(() => {
    vi.restoreAllMocks()
    debug.warnings(true)
  })
  const big = np.zeros([600, 600])
  const unrolled = (x: NDArray): NDArray => {
    let y = x
    for (let i = 0; i < 450; i++) y = np.sin(y)
    return y
  }

  it('is given once for each compiled function, and can be silenced', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    const f = jit((x: NDArray) => np.dot(big, x))
    f(np.zeros([600]))
    f(np.zeros([600, 2]))
    expect(warn.mock.calls.length).toBe(1)
    expect(warn.mock.calls[0]![0]).toMatch(/closes over an array f32\[600,600\] of 1\.4 MB.*Make it an argument/)
    jit(unrolled)(np.array(1))
    expect(warn.mock.calls.length).toBe(2)
    expect(warn.mock.calls[1]![0]).toMatch(/about \d+ equations from .*inspect\.test\.ts:\d+.*lax\.scan/)
    debug.warnings(false)
    jit((x: NDArray) => unrolled(np.add(x, np.sum(big))))(np.array(1))
    expect(warn.mock.calls.length).toBe(2)
  })

  it('is not given for loops that are traced once', () => {
    const warn = vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    jit((x: NDArray) => lax.foriLoop(0, 450, (_, y) => np.sin(y), x))(np.array(1))
    expect(warn.mock.calls.length).toBe(0)
  })
})

describe('debug.customRules', () => {
  afterEach(() => {
    debug.customRules(false)
  })
  const x = f64([0.3, -1.2, 2])
  const total = (f: (x: NDArray) => NDArray) => (x: NDArray): NDArray => np.sum(f(x)) // prettier-ignore

  it('accepts right rules of both kinds', () => {
    debug.customRules(true)
    const right = customJvp((x: NDArray, y: NDArray) => np.multiply(np.sin(x), y)).defjvp(([x, y], [s, t]) => [
      np.multiply(np.sin(x), y),
      np.add(np.multiply(np.multiply(np.cos(x), y), s), np.multiply(np.sin(x), t)),
    ])
    assertClose('jvp', grad((x: NDArray) => np.sum(right(x, x)))(x), np.add(np.multiply(np.cos(x), x), np.sin(x)))
    const pulled = customVjp((x: NDArray) => np.sin(x)).defvjp(
      (x) => [np.sin(x), np.cos(x)],
      (c: NDArray, ct: NDArray) => [np.multiply(c, ct)],
    )
    for (const at of [x, np.astype(x, 'float32')]) assertClose('vjp', grad(total(pulled))(at), np.cos(at))
  })

  it('refuses wrong ones, on first use', () => {
    debug.customRules(true)
    const wrongSign = customVjp((x: NDArray) => np.cos(x)).defvjp(
      (x) => [np.cos(x), np.sin(x)],
      (s: NDArray, ct: NDArray) => [np.multiply(s, ct)],
    )
    const wrongFactor = customJvp((x: NDArray) => np.square(x)).defjvp(([x], [t]) => [np.square(x), np.multiply(x, t)])
    expect(() => grad(total(wrongSign))(x)).toThrow(CustomRuleError)
    expect(() => grad(total(wrongSign))(x)).toThrow(/customVjp.*differences give/)
    expect(() => grad(total(wrongFactor))(x)).toThrow(CustomRuleError)
    expect(() => grad(total(wrongFactor))(np.astype(x, 'float32'))).toThrow(CustomRuleError)
    debug.customRules(false)
    assertClose('off', grad(total(wrongFactor))(x), x)
  })
})

describe('customGradient', () => {
  it('takes the pullback that the function returns, with what it closes over', () => {
    const f = customGradient((x: NDArray, y: NDArray) => {
      const s = np.sin(x)
      return [
        np.multiply(s, y),
        (ct: NDArray) => [np.multiply(ct, np.multiply(np.cos(x), y)), np.multiply(ct, s)],
      ] as const
    })
    checkGrads(f, [f64(0.4), f64(-2)], { modes: ['rev'] })
    const g = (x: NDArray): NDArray => f(x, x)
    assertClose('vmap of grad', vmap(grad(g))(f64([0.4, 2])), vmap(grad((x: NDArray) => np.multiply(np.sin(x), x)))(f64([0.4, 2]))) // prettier-ignore
    assertClose('second', grad(grad(g))(f64(0.4)), grad(grad((x: NDArray) => np.multiply(np.sin(x), x)))(f64(0.4)))
    const clipped = customGradient((x: NDArray) => [x, (ct: NDArray) => [np.clip(ct, -1, 1)]] as const)
    assertClose('clipped', grad((x: NDArray) => np.multiply(5, clipped(x)))(np.array(2)), np.array(1))
    assertClose('null', grad(customGradient((x: NDArray) => [x, () => [null]] as const))(np.array(2)), np.array(0))
  })
})

describe('associativeScan', () => {
  const matmul = (a: NDArray, b: NDArray): NDArray => np.matmul(a, b)

  it('gives all prefixes, for every length, axis and direction', () => {
    for (const n of [0, 1, 2, 3, 4, 5, 8, 13]) {
      const x = np.reshape(np.arange(3 * n), [3, n])
      assertClose(`length ${n}`, lax.associativeScan(np.add, x, { axis: 1 }), np.cumsum(x, { axis: 1 }))
      const backwards = lax.associativeScan(np.add, x, { axis: -1, reverse: true })
      assertClose(
        `length ${n}, reverse`,
        backwards,
        np.flip(np.cumsum(np.flip(x, { axis: 1 }), { axis: 1 }), { axis: 1 }),
      )
    }
    // Not commutative: products of matrices.
    const ms = np.reshape(f64([1, 2, 0, 1, 1, 0, 3, 1, 2, 1, 1, 1, 0, 1, 1, 0, 1, 1, 0, 2]), [5, 2, 2])
    const products = lax.associativeScan(matmul, ms)
    let wanted = ms.at(0).get()
    for (let i = 1; i < 5; i++) wanted = matmul(wanted, ms.at(i).get())
    assertClose('matrices', products.at(4).get(), wanted)
    checkGrads((m: NDArray) => lax.associativeScan(matmul, m), [np.multiply(ms, 0.5)])
  })

  it('takes trees: a linear recurrence', () => {
    const [a, b] = [f64([0.5, 2, -1, 0.3]), f64([1, 2, 3, 4])]
    const [, h] = lax.associativeScan(
      ([a1, b1]: readonly [NDArray, NDArray], [a2, b2]: readonly [NDArray, NDArray]) => [np.multiply(a1, a2), np.add(np.multiply(a2, b1), b2)], // prettier-ignore
      [a, b] as const,
    )
    const [, wanted] = lax.scan(
      (c: NDArray, [x, y]: readonly [NDArray, NDArray]) => {
        const next = np.add(np.multiply(x, c), y)
        return [next, next]
      },
      f64(0),
      [a, b] as const,
    )
    assertClose('recurrence', h, wanted)
    expect(() => lax.associativeScan((a: NDArray) => np.sum(a), np.ones([4]))).toThrow(
      /gives f32\[\] for operands f32\[2\]/,
    )
    expect(() => lax.associativeScan(np.add as never, { x: np.ones([2]), y: np.ones([3]) })).toThrow(/\.y \(f32\[3\]\)/)
  })
})
