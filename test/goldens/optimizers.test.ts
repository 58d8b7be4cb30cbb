/** Optimizers and schedules against optax. */
import { jit, np, optim } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, test } from 'vitest'
import type { Json } from './replay.ts'
import { decode, difference, readTopic } from './replay.ts'

interface Params {
  readonly b: NDArray
  readonly w: NDArray
}

interface Setup {
  readonly params: Params
  readonly curvature: Params
  readonly target: Params
  readonly noise: readonly Params[]
}

const { cases, setup: encoded, kept } = readTopic('optimizers')
const setup = decode(encoded as Json) as Setup

const gradient = (p: NDArray, a: NDArray, t: NDArray, n: NDArray): NDArray =>
  np.add(np.multiply(a, np.subtract(p, t)), n)

const gradients = (params: Params, noise: Params): Params => ({
  b: gradient(params.b, setup.curvature.b, setup.target.b, noise.b),
  w: gradient(params.w, setup.curvature.w, setup.target.w, noise.w),
})

type Step = (params: Params, state: optim.OptState, noise: Params) => { params: Params; state: optim.OptState }

const trajectory = (optimizer: optim.GradientTransformation, compile: (step: Step) => Step): readonly Params[] => {
  const step = compile((params, state, noise) => {
    const [updates, next] = optimizer.update(gradients(params, noise), state, params)
    return { params: optim.applyUpdates(params, updates), state: next }
  })
  let [params, state] = [setup.params, optimizer.init(setup.params)]
  const points = setup.noise.map((noise) => {
    ;({ params, state } = step(params, state, noise))
    return params
  })
  return (kept as readonly number[]).map((n) => points[n - 1]!)
}

// A last bit of `b2^step` is one part in 10^5 of `1 - b2^step`, and 20 steps of length 0.1 add up.
const tolerance = { rtol: 2e-5, atol: 2e-6 }
// The length of radam's average is a difference of large numbers.
const toleranceFor = (name: string): typeof tolerance =>
  name.includes('radam') ? { rtol: 1e-3, atol: 1e-4 } : tolerance

describe('trajectories of 20 steps', () => {
  for (const c of cases) {
    const make = (): optim.GradientTransformation => decode(c.args[0]!) as optim.GradientTransformation
    test(c.name, () => {
      expect(
        difference(
          trajectory(make(), (step) => step),
          c.out,
          toleranceFor(c.name),
        ),
      ).toBeNull()
    })
    test(`${c.name}, compiled`, () => {
      expect(
        difference(
          trajectory(make(), (step) => jit(step) as Step),
          c.out,
          toleranceFor(c.name),
        ),
      ).toBeNull()
    })
  }
})

describe('schedules', () => {
  const { cases: schedules, steps } = readTopic('schedules')
  for (const c of schedules) {
    test(c.name, () => {
      const schedule = decode(c.args[0]!) as optim.ArraySchedule
      const values = np.stack((steps as readonly number[]).map((step) => schedule(step)))
      expect(difference(np.astype(values, 'float32'), c.out, { rtol: 1e-5, atol: 1e-6 })).toBeNull()
    })
    test(`${c.name}, compiled`, () => {
      const schedule = jit(decode(c.args[0]!) as (step: NDArray) => NDArray)
      const values = np.stack((steps as readonly number[]).map((step) => schedule(np.astype(step, 'int32'))))
      expect(difference(np.astype(values, 'float32'), c.out, { rtol: 1e-5, atol: 1e-6 })).toBeNull()
    })
  }
})
