/** A variational autoencoder of points on a circle. Kingma and Welling (2013). */
import { jit, nn, np, optim, random, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'

const latent = 1
const encoder = nn.sequential(nn.linear(2, 32), nn.tanh, nn.linear(32, 2 * latent))
const decoder = nn.sequential(nn.linear(latent, 32), nn.tanh, nn.linear(32, 2))

const init = (key: random.Key) => {
  const [forEncoder, forDecoder] = random.split(key)
  return { encoder: encoder.init(forEncoder), decoder: decoder.init(forDecoder) }
}
type Params = ReturnType<typeof init>

interface Bound {
  readonly reconstruction: NDArray
  readonly divergence: NDArray
}

/** The negative evidence lower bound, and its two parts. */
const bound = (params: Params, x: NDArray, key: random.Key): readonly [NDArray, Bound] => {
  const code = encoder.apply(params.encoder, x)
  const [mean, logScale] = [code.get(':', [0]), code.get(':', [1])]
  const z = mean.add(np.exp(logScale).mul(random.normal(key, mean.shape)))
  const error = decoder.apply(params.decoder, z).sub(x).div(0.1)
  const reconstruction = np.square(error).sum({ axis: -1 }).mul(0.5).mean()
  const divergence = np
    .square(mean)
    .add(np.exp(logScale.mul(2)))
    .sub(1)
    .mul(0.5)
    .sub(logScale)
    .sum({ axis: -1 })
    .mean()
  return [reconstruction.add(divergence), { reconstruction, divergence }]
}

/** The bound and the divergence at the start and at the end. */
export const run = (steps: number): { readonly start: number; readonly end: number; readonly divergence: number } => {
  const angles = random.uniform(random.key(0), [128], { maxval: 2 * Math.PI })
  const x = np.stack([angles.cos(), angles.sin()], { axis: 1 })
  const optimizer = optim.chain(optim.clipByGlobalNorm(10), optim.adam(1e-2))
  const params = init(random.key(1))
  const initial = { params, state: optimizer.init(params) }
  const step = jit(({ params, state }: typeof initial, key: random.Key) => {
    const [[value, parts], gradient] = valueAndGrad(bound, { hasAux: true })(params, x, key)
    const [updates, next] = optimizer.update(gradient, state, params)
    return { next: { params: optim.applyUpdates(params, updates), state: next }, value, parts }
  })
  let at = initial
  const losses: number[] = []
  let divergence = 0
  for (const key of random.split(random.key(2), steps)) {
    const { next, value, parts } = step(at, key)
    at = next
    losses.push(value.item())
    divergence = parts.divergence.item()
  }
  return { start: losses[0] ?? NaN, end: losses[losses.length - 1] ?? NaN, divergence }
}
