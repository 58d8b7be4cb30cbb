/** A Kalman filter for positions seen through noise, and the noise's scale from the likelihood's gradient. */
import { jit, lax, np, optim, random, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'

/** Position and velocity, in steps of 0.1. */
const motion = np.array([
  [1, 0.1],
  [0, 1],
])
const motionNoise = np.diag([1e-4, 2e-2])
const seen = np.array([[1, 0]])

interface Filtered {
  /** The means of all states; shape [time, 2]. */
  readonly means: NDArray
  readonly logLikelihood: NDArray
}

const filter = (logNoise: NDArray, zs: NDArray): Filtered => {
  const noise = np.exp(logNoise.mul(2)).reshape([1, 1])
  const [, [means, logs]] = lax.scan(
    ([m, P]: readonly [NDArray, NDArray], z: NDArray) => {
      const ahead = np.matmul(motion, m)
      const spread = np.matmul(np.matmul(motion, P), motion.T).add(motionNoise)
      const surprise = z.sub(np.matmul(seen, ahead))
      const S = np.matmul(np.matmul(seen, spread), seen.T).add(noise)
      const gain = np.linalg.solve(S, np.matmul(seen, spread)).T
      const log = np
        .log(np.linalg.det(S))
        .add(np.square(surprise).sum().div(S.get(0, 0)))
        .mul(-0.5)
      const mean = ahead.add(np.matmul(gain, surprise))
      return [[mean, spread.sub(np.matmul(np.matmul(gain, seen), spread))], [mean, log] as const]
    },
    [np.zeros([2]), np.eye(2)],
    zs,
  )
  return { means, logLikelihood: logs.sum() }
}

/** The error of what was seen and of what was filtered, and the noise's scale as it was learnt; 0.3 is the truth. */
export const run = (steps: number): { readonly raw: number; readonly filtered: number; readonly noise: number } => {
  const positions = np.linspace(0, 10, 200).mul(0.8).sin()
  const zs = positions.add(random.normal(random.key(0), [200]).mul(0.3)).reshape([200, 1])
  const optimizer = optim.adam(0.05)
  const start = np.array(0)
  const initial = { logNoise: start, state: optimizer.init(start) }
  const step = jit(({ logNoise, state }: typeof initial) => {
    const [, gradient] = valueAndGrad((s) => filter(s, zs).logLikelihood.neg())(logNoise)
    const [updates, next] = optimizer.update(gradient, state)
    return { logNoise: optim.applyUpdates(logNoise, updates), state: next }
  })
  let at = initial
  for (let i = 0; i < steps; i++) at = step(at)
  const error = (x: NDArray): number => np.sqrt(np.mean(np.square(x.sub(positions)))).item()
  const { means } = jit(filter)(at.logNoise, zs)
  return { raw: error(zs.get(':', 0)), filtered: error(means.get(':', 0)), noise: Math.exp(at.logNoise.item()) }
}
