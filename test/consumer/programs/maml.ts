/** MAML: parameters from which one step of gradient descent learns a sine wave. Finn et al. (2017). */
import { grad, jit, nn, np, optim, random, tree, valueAndGrad, vmap } from 'pullback'
import type { NDArray } from 'pullback'

const network = nn.sequential(nn.linear(1, 24), nn.tanh, nn.linear(24, 1))
type Params = ReturnType<typeof network.init>

const loss = (params: Params, x: NDArray, y: NDArray): NDArray => np.mean(np.square(network.apply(params, x).sub(y)))

/** Parameters after one step on a task's own examples. */
const adapt = (params: Params, x: NDArray, y: NDArray): Params =>
  tree.map((p, g) => p.sub(g.mul(0.05)), params, grad(loss)(params, x, y))

interface Tasks {
  readonly x: NDArray
  readonly y: NDArray
}

/** Waves of random phase, at ten random points each. */
const drawTasks = (key: random.Key, count: number): Tasks => {
  const [forPhase, forPoints] = random.split(key)
  const phase = random.uniform(forPhase, [count, 1, 1], { maxval: Math.PI })
  const x = random.uniform(forPoints, [count, 20, 1], { minval: -3, maxval: 3 })
  return { x, y: x.add(phase).sin() }
}

const afterAdapting = (params: Params, { x, y }: Tasks): NDArray =>
  vmap((x, y) => {
    const [xs, xt] = np.split(x, 2)
    const [ys, yt] = np.split(y, 2)
    return loss(adapt(params, xs, ys), xt, yt)
  })(x, y).mean()

/** The loss after one step on unseen tasks, before and after training. */
export const run = (steps: number): { readonly before: number; readonly after: number } => {
  const optimizer = optim.adam(5e-3)
  const start = network.init(random.key(0))
  const initial = { params: start, state: optimizer.init(start) }
  const step = jit(({ params, state }: typeof initial, tasks: Tasks) => {
    const [, gradient] = valueAndGrad(afterAdapting)(params, tasks)
    const [updates, next] = optimizer.update(gradient, state, params)
    return { params: optim.applyUpdates(params, updates), state: next }
  })
  let at = initial
  for (const key of random.split(random.key(1), steps)) at = step(at, drawTasks(key, 8))
  const unseen = drawTasks(random.key(2), 32)
  return { before: afterAdapting(start, unseen).item(), after: afterAdapting(at.params, unseen).item() }
}
