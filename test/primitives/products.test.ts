/** Derivatives of products with zeros and infinities among the factors, against the products of the other factors. */
import * as fc from 'fast-check'
import { grad, hessian, jacrev, jit, jvp, lax, linearTranspose, np, ProgramError, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

type Float = 'float32' | 'float64'
type Fn = (x: NDArray) => NDArray
const product = (xs: readonly number[]): number => xs.reduce((a, b) => a * b, 1)
const indices = (xs: readonly number[]): NDArray => np.array(xs, { dtype: 'int32' })
const total = (weights: NDArray, y: NDArray): NDArray => np.sum(np.multiply(weights, y))

const count = 4
const extent = 3
const scales = [1, 2, 3]
/** Places of updates: 3 is out of range, and drops them. */
const places = fc.array(fc.integer({ min: 0, max: extent }), { minLength: count, maxLength: count })
const factors = (values: readonly number[], length: number): fc.Arbitrary<number[]> =>
  fc.array(fc.constantFrom(...values), { minLength: length, maxLength: length })
const finite = [0, 0, 2, -3, 0.5]

/** What `sum(scales · x.at(places).mul(u))` has for derivatives, by the definition. */
const scatterDerivatives = (at: readonly number[], x: readonly number[], u: readonly number[]) => {
  const others = (k: number, ...left: readonly number[]): number[] =>
    u.filter((_, i) => at[i] === k && !left.includes(i))
  const byX = x.map((_, k) => scales[k]! * product(others(k)))
  const byU = u.map((_, j) => (at[j] === extent ? 0 : scales[at[j]!]! * x[at[j]!]! * product(others(at[j]!, j))))
  const second = u.map((_, i) =>
    u.map((__, j) =>
      i === j || at[i] !== at[j] || at[i] === extent ? 0 : scales[at[i]!]! * x[at[i]!]! * product(others(at[i]!, i, j)),
    ),
  )
  const mixed = x.map((_, k) => u.map((__, j) => (at[j] === k ? scales[k]! * product(others(k, j)) : 0)))
  return { byX, byU, second, mixed }
}

describe.each(['float32', 'float64'] as const)('at().mul (%s)', (dtype: Float) => {
  const array = (xs: readonly (number | readonly number[])[]): NDArray => np.array(xs, { dtype })
  const loss = (x: NDArray, u: NDArray, at: NDArray): NDArray => total(array(scales), x.at(at).mul(u))
  const byBoth = grad(loss, { argnums: [0, 1] })
  const curvature = hessian(loss, { argnums: [0, 1] })

  it.each([
    ['interpreted', byBoth],
    ['compiled', jit(byBoth)],
  ] as const)('has the products of the others for gradients, %s', (_, gradient) => {
    fc.assert(
      fc.property(places, factors([...finite, Infinity], extent), factors([...finite, Infinity], count), (at, x, u) => {
        const { byX, byU } = scatterDerivatives(at, x, u)
        const [gx, gu] = gradient(array(x), array(u), indices(at))
        assertClose('operand', gx, array(byX))
        assertClose('updates', gu, array(byU))
      }),
      { numRuns: 150 },
    )
  })

  it.each([
    ['interpreted', curvature],
    ['compiled', jit(curvature)],
  ] as const)('has those of the others but one for second derivatives, %s', (_, second) => {
    fc.assert(
      fc.property(places, factors(finite, extent), factors(finite, count), (at, x, u) => {
        const wanted = scatterDerivatives(at, x, u)
        const [[xx, xu], [ux, uu]] = second(array(x), array(u), indices(at))
        assertClose('operand', xx, np.zeros([extent, extent], { dtype }))
        assertClose('operand and updates', xu, array(wanted.mixed))
        assertClose('updates and operand', ux, np.transpose(array(wanted.mixed)))
        assertClose('updates', uu, array(wanted.second))
      }),
      { numRuns: 60 },
    )
  })

  it('maps over batches of indices, operands and updates', () => {
    const batch = fc.tuple(places, factors([...finite, Infinity], extent), factors([...finite, Infinity], count))
    fc.assert(
      fc.property(fc.array(batch, { minLength: 2, maxLength: 3 }), (cases) => {
        const [at, x, u] = [0, 1, 2].map((i) => cases.map((c) => c[i]!))
        const stacked = [array(x!), array(u!), np.array(at!, { dtype: 'int32' })] as const
        const wanted = cases.map((c) => scatterDerivatives(...c))
        const byElement = vmap(byBoth)(...stacked)
        const summed = (x: NDArray, u: NDArray, at: NDArray): NDArray => np.sum(vmap(loss)(x, u, at))
        const together = grad(summed, { argnums: [0, 1] })(...stacked)
        for (const [gx, gu] of [byElement, together]) {
          assertClose('operand', gx, array(wanted.map((g) => g.byX)))
          assertClose('updates', gu, array(wanted.map((g) => g.byU)))
        }
      }),
      { numRuns: 40 },
    )
  })
})

describe('at().mul', () => {
  it('of windows, and of unique places', () => {
    const x = np.array([[1, 0], [2, 3], [4, 5]]) // prettier-ignore
    const u = np.array([[0, 2], [0, 3]]) // prettier-ignore
    const rows = indices([1, 1])
    const gu = grad((v: NDArray) => np.sum(x.at(rows).mul(v)))(u)
    assertClose('rows', gu, np.array([[0, 9], [0, 6]])) // prettier-ignore
    const unique = grad((v: NDArray) => np.sum(x.at(indices([0, 2])).mul(v, { uniqueIndices: true })))(u)
    assertClose('unique', unique, np.array([[1, 0], [4, 5]])) // prettier-ignore
    const slice = grad((v: NDArray) => np.sum(x.at(0).mul(v)))(np.array([0, Infinity]))
    assertClose('slice', slice, np.array([1, 0]))
    const nothing = grad((v: NDArray) => np.sum(x.at(indices([])).mul(v)))(np.zeros([0, 2]))
    assertClose('nothing', nothing, np.zeros([0, 2]))
  })

  it('moves forward as it moves back', () => {
    const f = (u: NDArray): NDArray =>
      np
        .ones([2])
        .at(indices([0, 0, 1]))
        .mul(u)
    assertClose('jvp', jvp(f, [np.array([0, 2, 0])], [np.array([1, 5, 7])])[1], np.array([2, 7]))
  })

  it('is not linear in its updates', () => {
    const f = (u: NDArray): NDArray =>
      np
        .ones([2])
        .at(indices([0]))
        .mul(u)
    expect(() => linearTranspose(f, np.ones([1]))(np.ones([2]))).toThrow(ProgramError)
    expect(() => linearTranspose(f, np.ones([1]))(np.ones([2]))).toThrow(
      'transpose: scatterMul is not linear in its updates (f32[1]).',
    )
  })
})

describe.each(['float32', 'float64'] as const)('prod and cumprod (%s)', (dtype: Float) => {
  const array = (xs: readonly number[]): NDArray => np.array(xs, { dtype })
  const matrix = (xs: readonly (readonly number[])[]): NDArray => np.array(xs, { dtype })
  const withInfinities = factors([...finite, Infinity], count)
  const left = (x: readonly number[], ...out: readonly number[]): number =>
    product(x.filter((_, i) => !out.includes(i)))

  it.each([
    ['interpreted', (f: Fn): Fn => f],
    ['compiled', (f: Fn): Fn => jit(f)],
  ])('have the products of the others for derivatives, %s', (_, compiled) => {
    const prod = compiled(grad((x: NDArray) => np.prod(x)))
    const second = compiled(hessian((x: NDArray) => np.prod(x)))
    const running = compiled(jacrev((x: NDArray) => np.cumprod(x)))
    const reversed = compiled(jacrev((x: NDArray) => lax.cumprod(x, 0, { reverse: true })))
    fc.assert(
      fc.property(withInfinities, (x) => {
        assertClose('prod', prod(array(x)), array(x.map((__, j) => left(x, j))))
      }),
      { numRuns: 100 },
    )
    fc.assert(
      fc.property(factors(finite, count), (x) => {
        const upTo = x.map((__, k) => x.map((___, j) => (j > k ? 0 : left(x.slice(0, k + 1), j))))
        assertClose(
          'hessian',
          second(array(x)),
          matrix(x.map((__, i) => x.map((___, j) => (i === j ? 0 : left(x, i, j))))),
        )
        assertClose('cumprod', running(array(x)), matrix(upTo))
        const turned = x.map((__, k) => x.map((___, j) => (j < k ? 0 : left(x.slice(k), j - k))))
        assertClose('from the end', reversed(array(x)), matrix(turned))
      }),
      { numRuns: 60 },
    )
  })

  it('over several axes, and over batches', () => {
    const x = matrix([[0, 2], [3, Infinity]]) // prettier-ignore
    const wanted = matrix([[Infinity, NaN], [NaN, 0]]) // prettier-ignore
    assertClose('both', grad((y: NDArray) => np.prod(y))(x), wanted)
    const rows = matrix([[2, 0], [Infinity, 3]]) // prettier-ignore
    assertClose('rows', vmap(grad((y: NDArray) => np.prod(y)))(x), rows)
    assertClose('axis', grad((y: NDArray) => np.sum(np.prod(y, { axis: 1 })))(x), rows)
  })
})

describe.each(['max', 'min'] as const)('at().%s', (kind) => {
  const write = (x: NDArray, at: readonly number[], u: NDArray): NDArray => x.at(indices(at))[kind](u)

  it('shares the gradient among the operand and the updates that attain the extremum', () => {
    const sign = kind === 'max' ? 1 : -1
    const values = [-1, 0, 1, 1]
    const cases = fc.tuple(places, factors(values, extent), factors(values, count))
    const gradient = (at: readonly number[]) =>
      grad((x: NDArray, u: NDArray) => total(np.array(scales), write(x, at, u)), { argnums: [0, 1] })
    fc.assert(
      fc.property(cases, ([at, x, u]) => {
        const best = x.map((v, k) => sign * Math.max(sign * v, ...u.filter((_, i) => at[i] === k).map((w) => sign * w)))
        const hits = x.map((v, k) => Number(v === best[k]) + u.filter((w, i) => at[i] === k && w === best[k]).length)
        const [gx, gu] = gradient(at)(np.array(x), np.array(u))
        assertClose(
          'operand',
          gx,
          np.array(
            x.map((v, k) => (v === best[k] ? scales[k]! / hits[k]! : 0)),
            { dtype: 'float32' },
          ),
        )
        const byU = u.map((w, i) => (w === best[at[i]!] ? scales[at[i]!]! / hits[at[i]!]! : 0))
        assertClose('updates', gu, np.array(byU, { dtype: 'float32' }))
      }),
      { numRuns: 80 },
    )
  })

  it('leaves NaN alone where nothing is written', () => {
    const gradient = grad((x: NDArray) => np.sum(write(x, [0, 0], np.array([3, 3]))))
    assertClose('grad', gradient(np.array([3, NaN])), np.array([1 / 3, 1]))
  })
})
