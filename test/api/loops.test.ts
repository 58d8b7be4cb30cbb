/** `lax.whileLoop`, `lax.foriLoop` and `lax.map`, and control flow in control flow. */
import * as fc from 'fast-check'
import {
  checkpoint,
  grad,
  jacfwd,
  jacrev,
  jit,
  jvp,
  lax,
  linearize,
  makeProgram,
  np,
  parseProgram,
  printProgram,
  ProgramError,
  savedResiduals,
  ShapeError,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import { agreeEverywhere, at64, float64, num, total } from './support/everywhere.ts'

describe('whileLoop', () => {
  const bounded = (x: NDArray): NDArray =>
    lax.whileLoop((c) => np.less(c, 100), (c) => np.multiply(c, np.add(x, 1)), x, { maxSteps: 20 }) // prettier-ignore
  const byHand = (x: NDArray): NDArray => {
    let c = x
    while (num(c) < 100) c = np.multiply(c, np.add(x, 1))
    return c
  }
  // What the loop comes to near each point, without control flow on values.
  const powers = (n: number) => (x: NDArray) => np.multiply(x, np.power(np.add(x, 1), n))

  it('has a reverse derivative with maxSteps, and lanes that have finished stay as they are', () => {
    const points = [2, 3, 0.5, 150]
    const counts = points.map((p) => {
      let [n, c] = [0, p]
      for (; c < 100; n++) c *= p + 1
      return n
    })
    const each = (g: (n: number, p: number) => NDArray): NDArray => np.stack(points.map((p, i) => g(counts[i]!, p)))
    const xs = float64(...points)
    assertClose('value', vmap(bounded)(xs), np.stack(points.map((p) => byHand(at64(p)))))
    const slopes = each((n, p) => grad(powers(n))(at64(p)))
    assertClose('grad', np.stack(points.map((p) => grad(bounded)(at64(p)))), slopes)
    assertClose('vmap of grad', vmap(grad(bounded))(xs), slopes)
    assertClose('grad of vmap', grad((x: NDArray) => total(vmap(bounded)(x)))(xs), slopes)
    assertClose('jacfwd', np.stack(points.map((p) => jacfwd(bounded)(at64(p)))), slopes)
    assertClose('jit', jit(vmap(grad(bounded)))(xs), slopes)
    const curvatures = each((n, p) => grad(grad(powers(n)))(at64(p)))
    assertClose('second order', vmap(grad(grad(bounded)))(xs), curvatures)
    assertClose('forward over reverse', vmap(jacfwd(jacrev(bounded)))(xs), curvatures)
  })

  it('ends after maxSteps in any case', () => {
    for (const maxSteps of [1, 2, 5, 7, 10]) {
      const f = (x: NDArray): NDArray => lax.whileLoop(() => np.array(true), (c) => np.multiply(c, x), at64(1), { maxSteps }) // prettier-ignore
      expect(num(f(at64(2)))).toBe(2 ** maxSteps)
      assertClose('grad', grad(f)(at64(2)), at64(maxSteps * 2 ** (maxSteps - 1)))
    }
  })

  it('keeps memory of the order of √maxSteps', () => {
    const f = (x: NDArray): NDArray =>
      lax.whileLoop((c) => np.less(np.max(c), 1e30), (c) => np.multiply(np.sin(c), x), x, { maxSteps: 10_000 }) // prettier-ignore
    const kept = savedResiduals(f, np.ones([10])).reduce((n, r) => n + r.aval.size, 0)
    expect(kept).toBeLessThan(10 * 400)
  })

  it('without maxSteps says what to do instead; forward mode works', () => {
    const f = (x: NDArray): NDArray => lax.whileLoop((c) => np.less(c, 100), (c) => np.multiply(c, x), x) // prettier-ignore
    expect(() => grad(f)(np.array(3))).toThrow(ProgramError)
    expect(() => grad(f)(np.array(3))).toThrow(/maxSteps.*scan.*foriLoop.*forward.*customVjp/)
    assertClose('jvp', jvp(f, [at64(3)], [at64(1)])[1], at64(5 * 81))
    assertClose('jvp of vmap', jvp(vmap(f), [float64(3, 10)], [float64(1, 2)])[1], float64(405, 40))
    assertClose('linearize', linearize(f, at64(3))[1](at64(2)), at64(2 * 405))
    assertClose('jacfwd of jacfwd', jacfwd(jacfwd(f))(at64(3)), at64(20 * 27))
  })

  it('differentiates what does not pass through the loop', () => {
    const f = (x: NDArray): NDArray => {
      const n = lax.whileLoop((i) => np.less(i, 5), (i) => np.add(i, 1), np.array(0, { dtype: 'int32' })) // prettier-ignore
      return np.multiply(x, n)
    }
    expect(num(grad(f)(np.array(2)))).toBe(5)
  })

  it('says what is wrong', () => {
    expect(() => lax.whileLoop((c) => c, (c) => c, np.array(1))).toThrow(/bool/) // prettier-ignore
    expect(() => lax.whileLoop((c) => np.less(c, 1), (c) => c, np.ones([2]))).toThrow(ShapeError) // prettier-ignore
    expect(() => lax.whileLoop(() => true, (c) => np.stack([c, c]), np.array(1))).toThrow(/f32\[\] going in and f32\[2\]/) // prettier-ignore
    expect(() => lax.whileLoop(() => true, (c) => c, np.array(1), { maxSteps: 0.5 })).toThrow(/maxSteps/) // prettier-ignore
  })

  it('refuses a weak float for an integer carry: truncated, it might never end', () => {
    const zero = np.array(0, { dtype: 'int32' })
    const halves = (c: NDArray): NDArray => np.add(c, 0.5)
    const message = /i32\[\] going in and ~f32\[\] coming out/
    expect(() => lax.whileLoop((c) => np.less(c, 3), halves, zero)).toThrow(message)
    expect(() => lax.foriLoop(0, 3, (_, c) => halves(c), zero)).toThrow(message)
    expect(() => lax.scan((c) => [halves(c), null] as const, zero, null, { length: 3 })).toThrow(message)
    // A weak integer fits a float, and any number a weak carry.
    expect(num(lax.whileLoop((c) => np.less(c, 3), () => np.asarray(5).sum(), np.array(0)))).toBe(5) // prettier-ignore
    expect(num(lax.whileLoop((c) => np.less(c, 3), halves, 0 as unknown as NDArray))).toBe(3) // prettier-ignore
  })
})

describe('foriLoop', () => {
  it('goes from lower to upper, by scan for numbers and by while for arrays', () => {
    const sum = (lo: NDArray | number, hi: NDArray | number): number =>
      num(lax.foriLoop(lo, hi, (i, s) => np.add(s, i), np.array(0, { dtype: 'int32' })))
    const int = (n: number): NDArray => np.array(n, { dtype: 'int32' })
    expect([sum(2, 6), sum(int(2), 6), sum(2, int(6)), sum(6, 2), sum(int(6), int(2)), sum(-2, 1)]).toEqual([14, 14, 14, 0, 0, -3]) // prettier-ignore
    const lengths = vmap((n: NDArray) => lax.foriLoop(0, n, (i, s) => np.add(s, i), np.array(0)))
    expect(lengths(np.array([3, 0, 5], { dtype: 'int32' })).toArray()).toEqual([3, 0, 10])
    agreeEverywhere((x) => lax.foriLoop(0, 3, (i, c) => np.multiply(c, np.add(x, i)), at64(1)), (x) => np.multiply(x, np.multiply(np.add(x, 1), np.add(x, 2))), [0.5, 2]) // prettier-ignore
    expect(() => lax.foriLoop(0.5, 2, (_, c) => c, np.array(1))).toThrow(/integer/)
  })
})

describe('map', () => {
  it('is vmap, one at a time or in batches', () => {
    const f = (t: { readonly a: NDArray; readonly b: NDArray }) => [np.dot(t.a, t.a), np.sin(t.b)] as const
    const xs = { a: np.reshape(np.arange(14), [7, 2]), b: np.arange(7) }
    for (const batchSize of [undefined, 1, 2, 3, 7, 10]) {
      const options = batchSize === undefined ? {} : { batchSize }
      assertClose(`batchSize ${batchSize}`, lax.map(f, xs, options), vmap(f)(xs))
    }
  })
})

describe('nests', () => {
  it('nested scan in whileLoop in cond under vmap(grad(jit(·)))', () => {
    const f = jit((x: NDArray): NDArray =>
      lax.cond(
        np.greater(x, 0),
        (y: NDArray) =>
          lax.whileLoop(
            (c) => np.less(c, 10),
            (c) => lax.scan((d: NDArray, k: NDArray) => [np.add(d, np.multiply(y, k)), null], c, float64(0.5, 1))[0],
            y,
            { maxSteps: 30 },
          ),
        (y: NDArray) => np.square(y),
        x,
      ),
    )
    // Each turn of the loop adds 1.5 x.
    const turns = (x: number): number => Math.ceil((10 - x) / (1.5 * x))
    const points = [1, 2.5, -3, 7]
    const slopes = points.map((x) => (x > 0 ? 1 + 1.5 * turns(x) : 2 * x))
    assertClose('vmap of grad of jit', vmap(grad(f))(float64(...points)), float64(...slopes))
    assertClose('jit of that', jit(vmap(grad(f)))(float64(...points)), float64(...slopes))
    const curvature = vmap(grad(grad(f)))(float64(...points))
    assertClose('second order', curvature, float64(0, 0, 2, 0))
  })

  it('control flow under checkpoint, and checkpoint in control flow', () => {
    const body = checkpoint((c: NDArray, x: NDArray) => lax.cond(np.greater(c, 0), (a: NDArray, b: NDArray) => np.sin(np.multiply(a, b)), (a: NDArray, b: NDArray) => np.cos(np.add(a, b)), c, x)) // prettier-ignore
    const f = (x: NDArray): NDArray => lax.scan((c: NDArray, k: NDArray) => [body(c, np.multiply(x, k)), null], at64(0.3), float64(1, 2, -3, 0.5))[0] // prettier-ignore
    const plain = (x: NDArray): NDArray => {
      let c = at64(0.3)
      for (const k of [1, 2, -3, 0.5]) {
        const b = np.multiply(x, k)
        c = np.where(np.greater(c, 0), np.sin(np.multiply(c, b)), np.cos(np.add(c, b)))
      }
      return c
    }
    agreeEverywhere(f, plain, [0.7, -1.3])
    agreeEverywhere(checkpoint(f), plain, [0.7, -1.3])
  })

  it('print, and parse back', () => {
    const f = (x: NDArray): NDArray =>
      lax.whileLoop((c) => np.less(c, 10), (c) => lax.cond(np.greater(c, 1), (d: NDArray) => np.sin(d), (d: NDArray) => d, np.add(c, x)), x) // prettier-ignore
    for (const program of [makeProgram(f)(np.array(1)), makeProgram(vmap(f))(np.array([1, 2]))]) {
      const text = printProgram(program)
      const back = parseProgram(text)
      expect(back._tag === 'Right' ? printProgram(back.right) : back.left.message).toBe(text)
    }
  })

  it('random depths of loops multiply', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 5 }), (counts) => {
        const nest = counts.reduce<(c: NDArray) => NDArray>(
          (inner, n) => (c) => lax.foriLoop(0, n, (_, d) => inner(d), c),
          (c) => np.add(c, 1),
        )
        const turns = counts.reduce((a, b) => a * b, 1)
        return num(nest(np.array(0))) === turns && num(jit(grad(nest))(np.array(0))) === 1
      }),
      { numRuns: 25 },
    )
  })
})
