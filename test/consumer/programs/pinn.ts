/** A network that solves u″ = -u, u(0) = 0, u′(0) = 1: the sine. Raissi et al., "Physics-informed neural networks" (2019). */
import { grad, jit, nn, np, optim, random, valueAndGrad, vmap } from 'pullback'
import type { NDArray } from 'pullback'

const network = nn.sequential(nn.linear(1, 24), nn.tanh, nn.linear(24, 24), nn.tanh, nn.linear(24, 1))
type Params = ReturnType<typeof network.init>

/** The network with the initial conditions built in: t + t² · network(t). */
const solution = (params: Params, t: NDArray): NDArray =>
  t.add(t.square().mul(network.apply(params, t.reshape([1])).reshape([])))

const residual = (params: Params, t: NDArray): NDArray => {
  const u = (t: NDArray): NDArray => solution(params, t)
  return grad(grad(u))(t).add(u(t))
}

const loss = (params: Params, ts: NDArray): NDArray => vmap((t) => residual(params, t).square())(ts).mean()

/** The largest distance from the sine on [0, 3], before and after training. */
export const run = (steps: number): { readonly before: number; readonly after: number } => {
  const ts = np.linspace(0, 3, 40)
  const optimizer = optim.adam(optim.exponentialDecay({ initValue: 1e-2, transitionSteps: 100, decayRate: 0.8 }))
  const start = network.init(random.key(0))
  const initial = { params: start, state: optimizer.init(start) }
  const step = jit(({ params, state }: typeof initial) => {
    const [, gradient] = valueAndGrad(loss)(params, ts)
    const [updates, next] = optimizer.update(gradient, state, params)
    return { params: optim.applyUpdates(params, updates), state: next }
  })
  const distance = (params: Params): number => np.max(np.abs(vmap((t) => solution(params, t))(ts).sub(ts.sin()))).item()
  let at = initial
  for (let i = 0; i < steps; i++) at = step(at)
  return { before: distance(start), after: distance(at.params) }
}
