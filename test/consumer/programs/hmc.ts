/** Hamiltonian Monte Carlo over any tree of parameters. Neal, "MCMC using Hamiltonian dynamics" (2011). */
import { grad, jit, lax, np, random, tree } from 'pullback'
import type { NDArray, TreeOfArrays } from 'pullback'

interface Options {
  readonly stepSize: number
  readonly leaps: number
}

const axpy = <T extends TreeOfArrays<T>>(a: number, x: T, y: T): T => tree.map((x, y) => x.mul(a).add(y), x, y)

const kinetic = <T extends TreeOfArrays<T>>(momentum: T): NDArray =>
  tree.reduce((sum, p) => sum.add(p.square().sum()), momentum, np.array(0)).mul(0.5)

const normalLike = <T extends TreeOfArrays<T>>(key: random.Key, position: T): T => {
  let i = 0
  return tree.map((q) => random.normal(random.foldIn(key, i++), q.shape), position)
}

/** Positions that the leapfrog integrator proposes, and with what chance they are taken. */
const propose = <T extends TreeOfArrays<T>>(
  logDensity: (position: T) => NDArray,
  { stepSize, leaps }: Options,
  position: T,
  momentum: T,
): { readonly position: T; readonly chance: NDArray } => {
  const slope = grad(logDensity)
  const half = axpy(stepSize / 2, slope(position), momentum)
  const [q, p] = lax.foriLoop(
    0,
    leaps,
    (_, [q, p]) => {
      const moved = axpy(stepSize, p, q)
      return [moved, axpy(stepSize, slope(moved), p)] as const
    },
    [position, half] as const,
  )
  const end = axpy(-stepSize / 2, slope(q), p)
  const change = logDensity(q).sub(kinetic(end)).sub(logDensity(position)).add(kinetic(momentum))
  return { position: q, chance: np.exp(np.minimum(change, 0)) }
}

/** A chain of samples, stacked along a new first axis of each leaf. */
export const sample = <T extends TreeOfArrays<T>>(
  logDensity: (position: T) => NDArray,
  start: T,
  count: number,
  options: Options,
  key: random.Key,
): { readonly samples: T; readonly accepted: NDArray } => {
  const chain = jit((start: T, keys: NDArray) => {
    const [, [samples, accepted]] = lax.scan(
      (position: T, key: NDArray) => {
        const [forMomentum, forChoice] = random.split(key)
        const proposal = propose(logDensity, options, position, normalLike(forMomentum, position))
        const taken = random.uniform(forChoice, []).less(proposal.chance)
        const next = tree.map((a, b) => np.where(taken, a, b), proposal.position, position)
        return [next, [next, taken] as const]
      },
      start,
      keys,
    )
    return { samples, accepted: accepted.mean() }
  })
  return chain(start, random.split(key, [count]))
}

interface Line {
  readonly slope: NDArray
  readonly noise: { readonly logScale: NDArray }
}

/** The posterior of a line through noisy points: means of the slope and of the noise's scale. */
export const run = (count: number): { readonly slope: number; readonly scale: number; readonly accepted: number } => {
  const x = np.linspace(-1, 1, 40)
  const y = x.mul(2).add(random.normal(random.key(1), [40]).mul(0.3))
  const logDensity = ({ slope, noise }: Line): NDArray => {
    const scale = np.exp(noise.logScale)
    const residuals = y.sub(x.mul(slope)).div(scale)
    const prior = np.square(slope).add(np.square(noise.logScale)).mul(-0.5)
    return prior.sub(np.square(residuals).sum().mul(0.5)).sub(noise.logScale.mul(40))
  }
  const start: Line = { slope: np.array(0), noise: { logScale: np.array(0) } }
  const { samples, accepted } = sample(logDensity, start, count, { stepSize: 0.04, leaps: 15 }, random.key(0))
  const late = (x: NDArray): number =>
    x
      .slice(count / 4)
      .mean()
      .item()
  return { slope: late(samples.slope), scale: late(np.exp(samples.noise.logScale)), accepted: accepted.item() }
}
