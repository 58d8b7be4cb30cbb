import {
  customJvp,
  customVjp,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  makeProgram,
  np,
  parseProgram,
  printProgram,
  valueAndGrad,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const num = (x: NDArray): number => x.item()
const x3 = np.array([0.5, -1, 2])

/** The sine, whose derivative says 10 times the truth, so that we see which rule is used. */
const loudJvp = customJvp((x: NDArray) => np.sin(x)).defjvp(([x], [t]) => [
  np.sin(x),
  np.multiply(10, np.multiply(np.cos(x), t)),
])
const loudVjp = customVjp((x: NDArray) => np.sin(x)).defvjp(
  (x) => [np.sin(x), np.cos(x)],
  (cosine: NDArray, ct: NDArray) => [np.multiply(10, np.multiply(cosine, ct))],
)

describe.each([
  ['customJvp', loudJvp],
  ['customVjp', loudVjp],
] as const)('%s', (_, loud) => {
  const wanted = np.multiply(10, np.cos(x3))
  const total = (x: NDArray): NDArray => np.sum(loud(x))

  it('leaves the value alone, and uses the rule in grad, jit, vmap and their compositions', () => {
    assertClose('value', loud(x3), np.sin(x3))
    assertClose('grad', grad(total)(x3), wanted)
    assertClose('jit of grad', jit(grad(total))(x3), wanted)
    assertClose('grad of jit', grad(jit(total))(x3), wanted)
    assertClose('vmap of grad', vmap(grad((x: NDArray) => loud(x)))(x3), wanted)
    assertClose('grad of vmap', grad((x: NDArray) => np.sum(vmap((y: NDArray) => loud(y))(x)))(x3), wanted)
    assertClose('grad of vmap of jit', grad((x: NDArray) => np.sum(vmap(jit((y: NDArray) => loud(y)))(x)))(x3), wanted)
    assertClose('jit of vmap of grad of jit', jit(vmap(grad(jit((x: NDArray) => loud(x)))))(x3), wanted)
  })

  it('has forward derivatives too', () => {
    assertClose('jvp', jvp(loud, [x3], [np.ones([3])])[1], wanted)
    assertClose('jacfwd', np.diagonal(jacfwd(loud)(x3)), wanted)
    assertClose('jacrev', np.diagonal(jacrev(loud)(x3)), wanted)
  })

  it('has second derivatives: those of its rule', () => {
    const second = np.multiply(-10, np.sin(x3))
    assertClose('grad of grad', vmap(grad(grad((x: NDArray) => loud(x))))(x3), second)
    assertClose('hessian', np.diagonal(hessian(total)(x3)), second)
    assertClose('jit', np.diagonal(jit(hessian(jit(total)))(x3)), second)
  })

  it('prints and parses', () => {
    const program = makeProgram((x: NDArray) => loud(x))(x3)
    const parsed = parseProgram(printProgram(program))
    expect(parsed._tag).toBe('Right')
    if (parsed._tag === 'Right') expect(printProgram(parsed.right)).toBe(printProgram(program))
  })
})

describe('rules', () => {
  it('take and give trees, with integers beside floats', () => {
    interface P {
      readonly w: NDArray
      readonly n: NDArray
    }
    const f = customVjp((p: P, x: NDArray) => ({ y: p.w.mul(x), count: p.n })).defvjp(
      (p, x) => [
        { y: p.w.mul(x), count: p.n },
        { w: p.w, x },
      ],
      (r: { w: NDArray; x: NDArray }, ct: { y: NDArray }) => [
        { w: ct.y.mul(r.x), n: np.zeros([], { dtype: 'int32' }) },
        ct.y.mul(r.w),
      ],
    )
    const n = np.array(3, { dtype: 'int32' })
    const g = grad((w: NDArray, x: NDArray) => np.sum(f({ w, n }, x).y), { argnums: [0, 1] })(
      np.array([1, 2]),
      np.array([3, 4]),
    )
    expect([g[0].toArray(), g[1].toArray()]).toEqual([
      [3, 4],
      [1, 2],
    ])
  })

  it('may leave arguments out with null', () => {
    const f = customVjp((x: NDArray, y: NDArray) => x.mul(y)).defvjp(
      (x, y) => [x.mul(y), y],
      (y: NDArray, ct: NDArray) => [ct.mul(y), null],
    )
    const [dx, dy] = grad((x: NDArray, y: NDArray) => f(x, y), { argnums: [0, 1] })(np.array(2), np.array(5))
    expect([num(dx), num(dy)]).toEqual([5, 0])
  })

  it('one an argument, with defjvps', () => {
    const f = customJvp((x: NDArray, y: NDArray) => x.mul(y)).defjvps(
      (t: NDArray, _out: NDArray, _x: NDArray, y: NDArray) => t.mul(y),
      null,
    )
    const [dx, dy] = grad((x: NDArray, y: NDArray) => f(x, y), { argnums: [0, 1] })(np.array(2), np.array(5))
    expect([num(dx), num(dy)]).toEqual([5, 0])
  })

  it('leave plain arguments alone', () => {
    const power = customVjp((x: NDArray, n: number) => np.power(x, n), { nondiffArgnums: [1] }).defvjp(
      (x, n) => [np.power(x, n), x],
      (n: number, x: NDArray, ct: NDArray) => [np.multiply(ct, np.multiply(n, np.power(x, n - 1)))],
    )
    expect(num(grad((x: NDArray) => power(x, 3))(np.array(2)))).toBe(12)
  })

  it('make a stable function of an unstable one', () => {
    const naive = (x: NDArray): NDArray => np.log(np.add(1, np.exp(x)))
    const stable = customJvp(naive).defjvp(([x], [t]) => [
      naive(x),
      np.multiply(t, np.subtract(1, np.divide(1, np.add(1, np.exp(x))))),
    ])
    expect(num(grad(naive)(np.array(100)))).toBeNaN()
    expect(num(grad(stable)(np.array(100)))).toBe(1)
    checkGrads((x: NDArray) => stable(x), [np.array([0.3, -1])])
  })

  it('are not run where nothing is differentiated or traced, so that control flow works', () => {
    const f = customJvp((x: NDArray) => (x.item() > 0 ? x : x.neg())).defjvp(([x], [t]) => [x, t])
    expect(num(f(np.array(-2)))).toBe(2)
  })

  it('do not confuse perturbations', () => {
    const f = (x: NDArray): NDArray =>
      x.mul(
        grad((y: NDArray) =>
          loudJvp(x.mul(0))
            .add(loudVjp(y.mul(0)))
            .add(y)
            .add(x),
        )(np.array(1)),
      )
    expect(num(grad(f)(np.array(1)))).toBe(1)
  })

  it('share values of enclosing transformations, which are converted into arguments', () => {
    const scaled = (s: NDArray) =>
      customVjp((x: NDArray) => x.mul(s)).defvjp(
        (x) => [x.mul(s), s],
        (r: NDArray, ct: NDArray) => [ct.mul(r)],
      )
    assertClose('vmap', vmap((s: NDArray) => grad((x: NDArray) => scaled(s)(x))(np.array(1)))(x3), x3)
    assertClose('jit', jit((s: NDArray) => grad((x: NDArray) => scaled(s)(x))(np.array(1)))(np.array(3)), np.array(3))
  })
})

describe('mistakes', () => {
  const error = (name: string, message: RegExp): unknown =>
    expect.objectContaining({ name, message: expect.stringMatching(message) as string })

  it('closing over what is being differentiated', () => {
    const f = (s: NDArray): NDArray =>
      customVjp((x: NDArray) => x.mul(s)).defvjp(
        (x) => [x.mul(s), null],
        (_: null, ct: NDArray) => [ct],
      )(s)
    expect(() => grad(f)(np.array(2))).toThrow(error('ProgramError', /closes over .* being differentiated/))
  })

  it('no rule', () => {
    expect(() => grad(customJvp((x: NDArray) => x))(np.array(1))).toThrow(error('ArgumentError', /defjvp/))
    expect(() => grad(customVjp((x: NDArray) => x))(np.array(1))).toThrow(error('ArgumentError', /defvjp/))
  })

  it('wrong shapes, dtypes and trees, by leaf', () => {
    const wrongShape = customVjp((p: { a: NDArray }) => np.sum(p.a)).defvjp(
      (p) => [np.sum(p.a), null],
      (_: null, ct: NDArray) => [{ a: ct }],
    )
    expect(() => grad(wrongShape)({ a: np.ones([2]) })).toThrow(error('TreeError', /\.a is f32\[\], expected f32\[2\]/))
    const wrongDtype = customJvp((x: NDArray) => np.sin(x)).defjvp(([x], [t]) => [np.sin(x), np.astype(t, 'float64')])
    expect(() => grad(wrongDtype)(np.array(1))).toThrow(error('TreeError', /f64\[\], expected f32\[\]/))
    const wrongTree = customJvp((x: NDArray) => ({ y: x })).defjvp(([x], [t]) => [{ y: x }, { z: t } as never])
    expect(() => valueAndGrad((x: NDArray) => wrongTree(x).y)(np.array(1))).toThrow(error('TreeError', /structure/))
    const wrongCount = customVjp((x: NDArray, y: NDArray) => x.mul(y)).defvjp(
      (x, y) => [x.mul(y), null],
      () => [null],
    )
    expect(() => grad(wrongCount)(np.array(1), np.array(1))).toThrow(error('TreeError', /2 cotangents/))
  })
})
