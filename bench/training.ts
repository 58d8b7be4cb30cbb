/** The training step of a two-layer network with relu and Adam, in Pullback, TensorFlow.js, jax-js and by hand. */
import { jit, nn, np, optim, random, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import { HandNetwork } from './loops.ts'
import { jax, onTensorFlow, tf } from './peers.ts'
import type { Contestant } from './timing.ts'

export interface Task {
  readonly sizes: readonly [n: number, h: number, m: number]
  readonly batch: number
  /** Cross-entropy of classes, else mean squared error. */
  readonly classes: boolean
}

interface Data {
  readonly weights: readonly Float32Array[]
  readonly x: Float32Array
  readonly y: Float32Array
}

const makeData = ({ sizes: [n, h, m], batch, classes }: Task): Data => {
  const key = random.key(1)
  const floats = (x: NDArray): Float32Array => x.dataSync() as Float32Array
  const init = nn.initializers.lecunNormal()
  return {
    weights: [
      floats(init(random.foldIn(key, 1), [n, h])),
      new Float32Array(h),
      floats(init(random.foldIn(key, 2), [h, m])),
      new Float32Array(m),
    ],
    x: floats(random.uniform(random.foldIn(key, 3), [batch, n])),
    y: classes
      ? Float32Array.from(random.randint(random.foldIn(key, 4), [batch], 0, m).dataSync() as Int32Array)
      : floats(random.normal(random.foldIn(key, 4), [batch, m])),
  }
}

const inPullback = (task: Task, data: Data): (() => number) => {
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

const inTensorFlow = (task: Task, data: Data): (() => number) => {
  const {
    sizes: [n, h, m],
    batch,
    classes,
  } = task
  const [w1, b1, w2, b2] = [
    tf.variable(tf.tensor2d(data.weights[0]!, [n, h])),
    tf.variable(tf.tensor1d(data.weights[1]!)),
    tf.variable(tf.tensor2d(data.weights[2]!, [h, m])),
    tf.variable(tf.tensor1d(data.weights[3]!)),
  ] as const
  const x = tf.tensor2d(data.x, [batch, n])
  const y = classes ? tf.oneHot(tf.tensor1d(data.y, 'int32'), m) : tf.tensor2d(data.y, [batch, m])
  const optimizer = tf.train.adam(1e-3)
  return () => {
    const value = optimizer.minimize((): tf.Scalar => {
      const out = tf.add(tf.matMul(tf.relu(tf.add(tf.matMul(x, w1), b1)), w2), b2)
      return classes ? tf.losses.softmaxCrossEntropy(y, out) : tf.mean(tf.square(tf.sub(out, y)))
    }, true)!
    const [loss] = value.dataSync()
    value.dispose()
    return loss!
  }
}

const inJaxJs = (task: Task, data: Data): (() => number) => {
  const {
    sizes: [n, h, m],
    batch,
    classes,
  } = task
  const { numpy: jnp } = jax
  type A = jax.Array
  const rows = (d: Float32Array, shape: number[]): A => jnp.array(d.slice()).reshape(shape)
  let params: A[] = [
    rows(data.weights[0]!, [n, h]),
    rows(data.weights[1]!, [h]),
    rows(data.weights[2]!, [h, m]),
    rows(data.weights[3]!, [m]),
  ]
  const zeros = (): A[] => params.map((p) => jnp.zeros(p.shape))
  let [mu, nu] = [zeros(), zeros()]
  const x = rows(data.x, [batch, n])
  const oneHot = new Float32Array(batch * m)
  if (classes) for (let i = 0; i < batch; i++) oneHot[i * m + data.y[i]!] = 1
  const y = rows(classes ? oneHot : data.y, [batch, m])
  const loss = (ps: A[], inputs: A, wanted: A): A => {
    const hidden = jax.nn.relu(jnp.matmul(inputs, ps[0]!).add(ps[1]!))
    const out = jnp.matmul(hidden, ps[2]!).add(ps[3]!)
    if (classes)
      return jax.nn
        .logSoftmax(out)
        .mul(wanted)
        .sum()
        .mul(-1 / batch)
    const error = out.sub(wanted)
    return error.ref.mul(error).mean()
  }
  const step = jax.jit((ps: A[], m1: A[], m2: A[], c1: A, c2: A, inputs: A, wanted: A) => {
    const [value, gradients] = jax.valueAndGrad(loss)(
      ps.map((p) => p.ref),
      inputs,
      wanted,
    ) as [A, A[]]
    const next = ps.map((p, i) => {
      const g = gradients[i]!
      const first = m1[i]!.mul(0.9).add(g.ref.mul(0.1))
      const second = m2[i]!.mul(0.999).add(g.ref.mul(g).mul(0.001))
      const root = jnp.sqrt(second.ref.div(c2.ref)).add(1e-8)
      return [p.sub(first.ref.div(c1.ref).div(root).mul(1e-3)), first, second] as const
    })
    c1.dispose()
    c2.dispose()
    return [value, next.map((t) => t[0]), next.map((t) => t[1]), next.map((t) => t[2])] as never
  }) as unknown as (ps: A[], m1: A[], m2: A[], c1: A, c2: A, x: A, y: A) => [A, A[], A[], A[]]
  let t = 0
  return () => {
    t++
    const [value, ps, first, second] = step(
      params,
      mu,
      nu,
      jnp.array(1 - 0.9 ** t),
      jnp.array(1 - 0.999 ** t),
      x.ref,
      y.ref,
    )
    ;[params, mu, nu] = [ps, first, second]
    return value.dataSync()[0]!
  }
}

/** Losses of the first ten steps; null where the library cannot do them, with the reason printed. */
const firstLosses = async ({ name, run, enter }: Contestant): Promise<readonly number[] | null> => {
  await enter?.()
  try {
    return Array.from({ length: 10 }, () => run() as number)
  } catch (e) {
    console.error(`${name} is left out: ${String(e)}`)
    return null
  }
}

const tolerance = 1e-3

const checkAgreement = (name: string, losses: readonly number[], reference: readonly number[]): void => {
  const off = losses.findIndex((l, i) => !(Math.abs(l - reference[i]!) <= tolerance * Math.abs(reference[i]!)))
  if (off < 0) return
  throw new Error(
    `${name} does not agree with plain loops: loss ${losses[off]} in step ${off + 1}, not ${reference[off]}`,
  )
}

/** The contestants, once they have agreed on the losses of the first ten steps with loops written by hand. */
export const trainingContestants = async (task: Task): Promise<readonly Contestant[]> => {
  const data = makeData(task)
  const byHand = new HandNetwork(...task.sizes, data.weights)
  const reference: Contestant = {
    name: 'plain loops',
    run: () => byHand.step(data.x, data.y, task.batch, task.classes),
  }
  const expected = (await firstLosses(reference))!
  const others = [
    { name: 'Pullback', run: inPullback(task, data) },
    ...(await onTensorFlow(() => ({ run: inTensorFlow(task, data) }))),
    { name: 'jax-js', run: inJaxJs(task, data) },
  ]
  const agreeing: Contestant[] = []
  for (const contestant of others) {
    const losses = await firstLosses(contestant)
    if (losses === null) continue
    checkAgreement(contestant.name, losses, expected)
    agreeing.push(contestant)
  }
  return [reference, ...agreeing]
}
