import { grad, jit, makeProgram, nn, np, optim, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import type { Data, Task, Work, Works } from '../tasks.ts'
import { eight, makeData, measures } from '../tasks.ts'

const training = (task: Task, data: Data): (() => number) => {
  const {
    sizes: [n, h, m],
    batch,
    classes,
  } = task
  const [w1, b1, w2, b2] = data.weights.map((w) => np.array(w)) as [NDArray, NDArray, NDArray, NDArray]
  let params = { w1: np.reshape(w1, [n, h]), b1, w2: np.reshape(w2, [h, m]), b2 }
  type Params = typeof params
  const x = np.reshape(np.array(data.x), [batch, n])
  const y = classes ? np.astype(np.array(data.y), 'int32') : np.reshape(np.array(data.y), [batch, m])
  const loss = (p: Params, inputs: NDArray, wanted: NDArray): NDArray => {
    const out = np.add(np.matmul(nn.relu(np.add(np.matmul(inputs, p.w1), p.b1)), p.w2), p.b2)
    return np.mean(
      classes ? optim.softmaxCrossEntropyWithIntegerLabels(out, wanted) : np.square(np.subtract(out, wanted)),
    )
  }
  const optimizer = optim.adam(1e-3)
  let state = optimizer.init(params)
  const step = jit((p: Params, s: optim.OptState, inputs: NDArray, wanted: NDArray) => {
    const [value, gradient] = valueAndGrad(loss)(p, inputs, wanted)
    const [updates, next] = optimizer.update(gradient, s, p)
    return { params: optim.applyUpdates(p, updates), state: next, value }
  })
  return () => {
    const result = step(params, state, x, y)
    params = result.params
    state = result.state
    return result.value.item()
  }
}

const tracing = (): Work => {
  const f = (x: NDArray): NDArray => {
    let y = x
    for (let i = 0; i < 100; i++) y = np.add(np.multiply(y, x), x)
    return y
  }
  const x = np.array(eight)
  return { per: 200, run: () => makeProgram(f)(x) }
}

const step = (task: Task): Work => ({ run: training(task, makeData(task)) })

export const works: Works = {
  dispatch: () => {
    const x = np.array(eight)
    return { per: 2, run: () => x.mul(2).add(1).dataSync() }
  },
  grad: () => {
    const derivative = grad((x: NDArray) => np.sin(np.multiply(x, x)))
    const x = np.array(0.7)
    return { run: () => derivative(x).dataSync() }
  },
  tracing,
  cacheHit: () => {
    const f = jit((x: NDArray) => np.add(x, 1))
    const x = np.array(eight)
    return { run: () => f(x).dataSync() }
  },
  simpleNetwork: () => step(measures.simpleNetwork.task),
  digits: () => step(measures.digits.task),
}
