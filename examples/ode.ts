/**
 * Gradients through a differential equation: x'' = -k x - c x', a damped oscillator, from (x, v) = (1, 0). The Runge–Kutta
 * solver is an ordinary function of k and c, written with `scan` (a fixed number of steps) and with
 * `whileLoop({ maxSteps })` (until the time is up), so `grad` goes through it. Both are compared with the solution and
 * with the gradient that are known in closed form, and with the adjoint method: the gradient as the solution of an equation
 * of its own, solved backwards in time.
 *
 *     npm run example -- examples/ode.ts
 */
import { grad, jit, lax, np, valueAndGrad, vjp } from 'pullback'
import type { NDArray } from 'pullback'
import { isQuick } from './support/output.ts'

const time = 5
const steps = isQuick() ? 100 : 1000
const h = time / steps

interface Parameters {
  readonly k: NDArray
  readonly c: NDArray
}
type State = readonly [x: NDArray, v: NDArray]

const double = (x: number): NDArray => np.array(x, { dtype: 'float64' })
const start: State = [double(1), double(0)]

/** The right-hand side of the equation. */
const slope = ({ k, c }: Parameters, [x, v]: State): State => [
  v,
  np.negative(np.add(np.multiply(k, x), np.multiply(c, v))),
]

const along = (s: State, d: State, t: number): State => [
  np.add(s[0], np.multiply(d[0], t)),
  np.add(s[1], np.multiply(d[1], t)),
]

/** One step of the classical Runge–Kutta method: Kutta (1901). */
const rungeKutta = (f: (s: State) => State, s: State, step: number): State => {
  const a = f(s)
  const b = f(along(s, a, step / 2))
  const c = f(along(s, b, step / 2))
  const d = f(along(s, c, step))
  const sum = along(along(along(along([np.zerosLike(s[0]), np.zerosLike(s[1])], a, 1), b, 2), c, 2), d, 1)
  return along(s, sum, step / 6)
}

/** Where the oscillator is at the end: solved by a fixed number of steps. */
const byScan = (p: Parameters): NDArray => {
  const step = (s: State): readonly [State, null] => [rungeKutta((z) => slope(p, z), s, h), null]
  const [[x]] = lax.scan(step, start, null, { length: steps, checkpoint: 'sqrt' })
  return x
}

/** The same, until the time is up. */
const byWhile = (p: Parameters): NDArray => {
  const [, [x]] = lax.whileLoop(
    ([t]) => np.less(t, time - h / 2),
    ([t, s]) => [np.add(t, h), rungeKutta((z) => slope(p, z), s, h)],
    [double(0), start] as const,
    { maxSteps: 2 * steps },
  )
  return x
}

/** x(t) = e^(-ct/2) (cos ωt + c / 2ω · sin ωt), where ω² = k - c²/4. */
const exact = ({ k, c }: Parameters): NDArray => {
  const half = np.divide(c, 2)
  const w = np.sqrt(np.subtract(k, np.square(half)))
  const wave = np.add(np.cos(np.multiply(w, time)), np.multiply(np.divide(half, w), np.sin(np.multiply(w, time))))
  return np.multiply(np.exp(np.multiply(half, -time)), wave)
}

/**
 * The adjoint method: a(T) = ∂x(T)/∂(x, v) = (1, 0), a' = -aᵀ ∂f/∂s and ∂x(T)/∂p = ∫ aᵀ ∂f/∂p, along the solution run
 * backwards. Pontryagin et al. (1962).
 */
const adjoint = (p: Parameters): Parameters => {
  const [end] = lax.scan((s: State) => [rungeKutta((z) => slope(p, z), s, h), null], start, null, { length: steps })
  const sensitivity = (s: State, a: State): readonly [Parameters, State] => vjp(slope, p, s)[1](a)
  type Whole = readonly [s: State, a: State, g: State]
  const back = ([s, a, g]: Whole): Whole => {
    const rate = (z: Whole): Whole => {
      const [dp, ds] = sensitivity(z[0], z[1])
      const d = slope(p, z[0])
      return [[np.negative(d[0]), np.negative(d[1])], ds, [dp.k, dp.c]]
    }
    const move = (z: Whole, d: Whole, t: number): Whole => [
      along(z[0], d[0], t),
      along(z[1], d[1], t),
      along(z[2], d[2], t),
    ]
    const z: Whole = [s, a, g]
    const k1 = rate(z)
    const k2 = rate(move(z, k1, h / 2))
    const k3 = rate(move(z, k2, h / 2))
    const k4 = rate(move(z, k3, h))
    return move(move(move(move(z, k1, h / 6), k2, h / 3), k3, h / 3), k4, h / 6)
  }
  const begin: Whole = [end, [double(1), double(0)], [double(0), double(0)]]
  const [[, , [dk, dc]]] = lax.scan((z: Whole) => [back(z), null], begin, null, { length: steps })
  return { k: dk, c: dc }
}

const p: Parameters = { k: double(4), c: double(0.3) }
const show = (name: string, value: NDArray, g: Parameters): void => {
  const number = (x: NDArray): string => x.item().toFixed(10).padStart(14)
  console.log(`${name.padEnd(24)} ${number(value)}   ${number(g.k)}   ${number(g.c)}`)
}

console.log(`x'' = -k x - c x', k = 4, c = 0.3, after ${time} seconds in ${steps} steps`)
console.log(`${''.padEnd(24)} ${'x'.padStart(14)}   ${'∂x/∂k'.padStart(14)}   ${'∂x/∂c'.padStart(14)}`)
show('in closed form', exact(p), grad(exact)(p))
const [scanValue, scanGradient] = jit(valueAndGrad(byScan))(p)
show('grad through scan', scanValue, scanGradient)
const [whileValue, whileGradient] = jit(valueAndGrad(byWhile))(p)
show('grad through whileLoop', whileValue, whileGradient)
show('adjoint method', scanValue, jit(adjoint)(p))

const largest = [scanGradient, whileGradient, adjoint(p)].reduce((worst, g) => {
  const want = grad(exact)(p)
  return Math.max(worst, Math.abs(g.k.item() - want.k.item()), Math.abs(g.c.item() - want.c.item()))
}, 0)
console.log(`largest difference from the closed form: ${largest.toExponential(1)}`)
if (!(largest < 1e-5)) process.exitCode = 1
