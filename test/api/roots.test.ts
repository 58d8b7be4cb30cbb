import {
  closureConvert,
  debug,
  grad,
  hessian,
  jacfwd,
  jacrev,
  jit,
  jvp,
  lax,
  makeProgram,
  np,
  ProgramError,
  pureCallback,
  ShapeDtypeStruct,
  TreeError,
  vmap,
} from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { describe, expect, it, vi } from 'vitest'

const f64 = (x: number | readonly unknown[]): NDArray => np.array(x as never, { dtype: 'float64' })
const total = (x: NDArray): NDArray => np.sum(x)

const squareRoot = (a: NDArray): NDArray =>
  lax.customRoot(
    (x: NDArray) => np.subtract(np.square(x), a),
    np.onesLike(a),
    (f, guess) => lax.whileLoop((x) => np.any(np.greater(np.abs(f(x)), 1e-12)), (x) => np.subtract(x, np.divide(f(x), np.multiply(2, x))), guess), // prettier-ignore
    (g, b) => np.divide(b, g(np.onesLike(b))),
  )

describe('customRoot', () => {
  it('has the derivatives of the root, in all modes and orders, whatever the method', () => {
    const points = f64([0.3, 2, 9])
    const slope = np.divide(0.5, np.sqrt(points))
    assertClose('value', vmap(squareRoot)(points), np.sqrt(points))
    assertClose('grad', vmap(grad(squareRoot))(points), slope)
    assertClose('jit of vmap of grad', jit(vmap(grad(squareRoot)))(points), slope)
    assertClose('jacfwd', vmap(jacfwd(squareRoot))(points), slope)
    assertClose('second', vmap(grad(grad(squareRoot)))(points), np.multiply(-0.25, np.power(points, -1.5)))
    assertClose('hessian', vmap(hessian(squareRoot))(points), np.multiply(-0.25, np.power(points, -1.5)))
    checkGrads(squareRoot, [f64(2)])
  })

  it('takes trees, and is differentiated through what surrounds it', () => {
    const solve = (a: NDArray): NDArray => {
      const { x, y } = lax.customRoot(
        (p: { readonly x: NDArray; readonly y: NDArray }) => ({ x: np.subtract(p.x, np.multiply(2, a)), y: np.subtract(p.y, np.square(a)) }), // prettier-ignore
        { x: f64(0), y: f64(0) },
        () => ({ x: np.multiply(2, a), y: np.square(a) }),
        (_, b) => b,
      )
      return np.multiply(x, y)
    }
    assertClose('grad', grad(solve)(f64(3)), f64(54))
  })

  it('names the leaf that is wrong', () => {
    const wrong = (): unknown => lax.customRoot((x: NDArray) => np.stack([x, x]), np.array(1), (_, x) => x, (_, b) => b) // prettier-ignore
    expect(wrong).toThrow(TreeError)
    expect(wrong).toThrow(/f's result is f32\[2\], expected f32\[\]/)
  })
})

describe('fixedPoint', () => {
  // Babylonian square root, and a linear contraction of vectors.
  const root = (a: NDArray): NDArray =>
    lax.fixedPoint((x) => np.multiply(0.5, np.add(x, np.divide(a, x))), f64(1), { tolerance: 1e-12 })
  const m = f64([[0.2, 0.1], [-0.3, 0.4]]) // prettier-ignore
  const linear = (m: NDArray, b: NDArray): NDArray =>
    lax.fixedPoint((x) => np.add(np.dot(m, x), b), np.zerosLike(b), { tolerance: 1e-13 })

  it('has the derivatives of the fixed point', () => {
    assertClose('value', root(f64(4)), f64(2))
    assertClose('grad', grad(root)(f64(4)), f64(0.25))
    assertClose('second', grad(grad(root))(f64(4)), f64(-1 / 32))
    assertClose('vmap of grad', vmap(grad(root))(f64([4, 9])), f64([1 / 4, 1 / 6]))
    const b = f64([1, -2])
    const inverse = np.divide(f64([[0.6, 0.1], [-0.3, 0.8]]), 0.6 * 0.8 + 0.03) // prettier-ignore
    assertClose('linear', linear(m, b), np.dot(inverse, b))
    assertClose('jacrev', jacrev((b: NDArray) => linear(m, b))(b), inverse)
    assertClose('jacfwd', jacfwd((b: NDArray) => linear(m, b))(b), inverse)
    checkGrads(linear, [m, b])
  })
})

describe('customLinearSolve', () => {
  const a = f64([[3, 1], [0.5, 2]]) // prettier-ignore
  const b = f64([1, -2])
  const inverse2 = (m: NDArray): NDArray => {
    const [p, q, r, s] = [m.at(0, 0).get(), m.at(0, 1).get(), m.at(1, 0).get(), m.at(1, 1).get()]
    const adjugate = np.stack([np.stack([s, np.negative(q)]), np.stack([np.negative(r), p])])
    return np.divide(adjugate, np.subtract(np.multiply(p, s), np.multiply(q, r)))
  }
  const solve = (m: NDArray, b: NDArray): NDArray =>
    lax.customLinearSolve(
      (x: NDArray) => np.dot(m, x),
      b,
      (_, r) => np.dot(inverse2(m), r),
      { transposeSolve: (_, r) => np.dot(inverse2(m.transpose()), r) },
    )

  it('has the derivatives of the solution, of every kind', () => {
    const direct = (m: NDArray, b: NDArray): NDArray => np.dot(inverse2(m), b)
    assertClose('value', solve(a, b), direct(a, b))
    checkGrads(solve, [a, b])
    const argnums = [0, 1] as const
    const loss = (f: typeof solve) => (m: NDArray, b: NDArray) => total(np.sin(f(m, b)))
    assertClose('grad', grad(loss(solve), { argnums })(a, b), grad(loss(direct), { argnums })(a, b))
    assertClose('hessian', hessian(loss(solve))(a, b), hessian(loss(direct))(a, b))
    assertClose('jit', jit(grad(loss(solve)))(a, b), grad(loss(direct))(a, b))
    const many = np.stack([a, np.multiply(2, a), a.transpose()])
    const each = vmap(grad(loss(solve)), { inAxes: [0, null] })
    assertClose('vmap', each(many, b), vmap(grad(loss(direct)), { inAxes: [0, null] })(many, b))
  })

  it('does not differentiate the method', () => {
    const opaque = (a: NDArray): NDArray =>
      lax.customLinearSolve((x: NDArray) => np.multiply(a, x), f64(6), (_, b) => np.divide(b, np.floor(a)), { symmetric: true }) // prettier-ignore
    assertClose('grad', grad(opaque)(f64(2)), f64(-1.5))
  })

  it('says what reverse mode lacks, and what is wrong', () => {
    const oneWay = (b: NDArray): NDArray => lax.customLinearSolve((x: NDArray) => np.multiply(2, x), b, (_, r) => np.divide(r, 2)) // prettier-ignore
    assertClose('jvp', jvp(oneWay, [f64(2)], [f64(1)])[1], f64(0.5))
    expect(() => grad(oneWay)(f64(2))).toThrow(ProgramError)
    expect(() => grad(oneWay)(f64(2))).toThrow(/transposeSolve.*symmetric/)
    expect(() => lax.customLinearSolve((x: NDArray) => np.stack([x, x]), f64(2), (_, r) => r)).toThrow(/matvec's result is f64\[2\], expected f64\[\]/) // prettier-ignore
  })
})

describe('closureConvert', () => {
  it('makes captured tracers arguments', () => {
    const f = (a: NDArray): NDArray => {
      const [g, consts] = closureConvert((x: NDArray) => ({ y: np.multiply(a, x) }), np.array(1))
      expect(consts.length).toBe(1)
      return g(np.array(3), ...consts.map((c) => np.multiply(c, 2))).y
    }
    assertClose('grad', grad(f)(np.array(2)), np.array(6))
    const [g] = closureConvert((x: NDArray) => x, np.array(1))
    expect(() => g([np.array(1), np.array(2)])).toThrow(TreeError)
  })
})

describe('callbacks', () => {
  it('run whenever the program runs, in order, once for each element', () => {
    const seen: number[] = []
    const note = (x: NDArray): void => void seen.push(x.item())
    const f = jit((x: NDArray): NDArray => {
      debug.callback(note, x)
      const [y] = lax.scan((c: NDArray, k: NDArray) => {
        debug.callback(note, np.multiply(c, k))
        return [np.add(c, k), null]
      }, x, np.array([1, 2])) // prettier-ignore
      return y
    })
    f(np.array(10))
    f(np.array(20))
    expect(seen).toEqual([10, 10, 22, 20, 20, 42])
    seen.length = 0
    grad(f)(np.array(10))
    expect(seen).toEqual([10, 10, 22])
    seen.length = 0
    vmap((x: NDArray) => (debug.callback(note, x), np.sin(x)))(np.array([5, 6, 7]))
    expect(seen).toEqual([5, 6, 7])
    seen.length = 0
    jit(grad((x: NDArray) => (debug.callback(note, np.square(x)), np.sin(x))))(np.array(3))
    expect(seen).toEqual([9])
  })

  it('run where control flow goes', () => {
    const seen: string[] = []
    const say = (word: string) => (x: NDArray): NDArray => (debug.callback((y: NDArray) => seen.push(`${word} ${y.item()}`), x), x) // prettier-ignore
    const f = jit((x: NDArray) => lax.cond(np.greater(x, 0), say('yes'), say('no'), x))
    f(np.array(1))
    f(np.array(-1))
    expect(seen).toEqual(['yes 1', 'no -1'])
  })

  it('print', () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => undefined)
    try {
      const f = jit((x: NDArray) => (debug.print('{} and {} of {name}', x, np.add(x, 1), { name: x }), x))
      f(np.array([1, 2]))
      expect(log.mock.calls).toEqual([['[1. 2.] and [2. 3.] of [1. 2.]']])
    } finally {
      log.mockRestore()
    }
    expect(() => {
      debug.print('{} {}', np.array(1))
    }).toThrow(/2 holes/)
  })

  it('pure ones give values, and are left out where those are not used', () => {
    let calls = 0
    const reverse = (x: NDArray): NDArray => {
      calls++
      return np.array(x.dataSync().reverse())
    }
    const f = jit((x: NDArray) => {
      const y = pureCallback(reverse, new ShapeDtypeStruct(x.shape, 'float32'), x)
      pureCallback(reverse, new ShapeDtypeStruct(x.shape, 'float32'), np.sin(x))
      return np.add(y, 1)
    })
    expect(f(np.array([1, 2])).toArray()).toEqual([3, 2])
    expect(calls).toBe(1)
    assertClose('vmap', vmap(f)(np.array([[1, 2], [3, 4]])), np.array([[3, 2], [5, 4]])) // prettier-ignore
    expect(() => grad((x: NDArray) => total(f(x)))(np.array([1, 2]))).toThrow(/customJvp/)
    const wrong = (x: NDArray): NDArray => pureCallback(() => np.zeros([3]), new ShapeDtypeStruct([2], 'float32'), x)
    expect(() => wrong(np.array(1))).toThrow(/returned f32\[3\], announced was f32\[2\]/)
    expect(String(makeProgram(wrong)(np.array(1)))).toContain('callback')
  })
})
