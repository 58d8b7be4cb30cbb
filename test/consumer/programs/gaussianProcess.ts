/** Regression by a Gaussian process, its hyperparameters by marginal likelihood. Rasmussen and Williams (2006), 2.2 and 5.4. */
import { jit, lax, np, optim, random, tree, valueAndGrad, vmap } from 'pullback'
import type { NDArray } from 'pullback'

interface Hyperparameters {
  readonly logLength: NDArray
  readonly logScale: NDArray
  readonly logNoise: NDArray
}

const kernel = ({ logLength, logScale }: Hyperparameters, x: NDArray, y: NDArray): NDArray => {
  const at = (a: NDArray, b: NDArray): NDArray => np.exp(np.square(a.sub(b).div(np.exp(logLength))).mul(-0.5))
  return vmap((a) => vmap((b) => at(a, b))(y))(x).mul(np.exp(logScale.mul(2)))
}

interface Posterior {
  /** The Cholesky factor of the data's covariance. */
  readonly factor: NDArray
  /** The covariance's inverse times the data. */
  readonly weights: NDArray
}

const condition = (h: Hyperparameters, x: NDArray, y: NDArray): Posterior => {
  const noise = np.exp(h.logNoise.mul(2)).add(1e-5)
  const factor = np.linalg.cholesky(kernel(h, x, x).add(np.eye(x.length).mul(noise)))
  const solve = (b: NDArray, transposeA: boolean): NDArray =>
    lax.linalg.triangularSolve(factor, b, { leftSide: true, lower: true, transposeA })
  return { factor, weights: solve(solve(y.expandDims(1), false), true).get(':', 0) }
}

/** -log p(y | x), but for a constant. */
const loss = (h: Hyperparameters, x: NDArray, y: NDArray): NDArray => {
  const { factor, weights } = condition(h, x, y)
  return np
    .dot(y, weights)
    .mul(0.5)
    .add(np.log(np.diagonal(factor)).sum())
}

const predict = (h: Hyperparameters, x: NDArray, y: NDArray, at: NDArray): NDArray =>
  np.matmul(kernel(h, at, x), condition(h, x, y).weights)

/** The likelihood's loss before and after, the noise as it was learnt (0.1 is the truth), and the error of predictions. */
export const run = (
  steps: number,
): { readonly before: number; readonly after: number; readonly noise: number; readonly error: number } => {
  const x = np.linspace(0, 6, 40)
  const y = x.sin().add(random.normal(random.key(0), [40]).mul(0.1))
  const optimizer = optim.adam(0.05)
  const start: Hyperparameters = { logLength: np.array(0), logScale: np.array(0), logNoise: np.array(0) }
  const initial = { h: start, state: optimizer.init(start) }
  const step = jit(({ h, state }: typeof initial) => {
    const [value, gradient] = valueAndGrad(loss)(h, x, y)
    const [updates, next] = optimizer.update(gradient, state, h)
    return [{ h: optim.applyUpdates(h, updates), state: next }, value]
  })
  let at = initial
  const losses: number[] = []
  for (let i = 0; i < steps; i++) {
    const [next, value] = step(at)
    at = next
    losses.push(value.item())
  }
  const between = np.linspace(0.1, 5.9, 25)
  const error = np.max(np.abs(predict(at.h, x, y, between).sub(between.sin()))).item()
  const { logNoise } = tree.map((x) => np.exp(x), at.h)
  return { before: losses[0] ?? NaN, after: losses[losses.length - 1] ?? NaN, noise: logNoise.item(), error }
}
