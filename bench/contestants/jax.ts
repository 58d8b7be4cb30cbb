import * as jax from '@jax-js/jax'
import type { Data, Task, Work, Works } from '../tasks.ts'
import { eight, makeData, measures } from '../tasks.ts'

await jax.init('wasm')
jax.defaultDevice('wasm')

const training = (task: Task, data: Data): (() => number) => {
  const {
    sizes: [n, h, m],
    batch,
    classes,
  } = task
  const { numpy: jnp } = jax
  type A = jax.Array
  const rows = (d: Float32Array<ArrayBuffer>, shape: number[]): A => jnp.array(d).reshape(shape)
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

const tracing = (): Work => {
  const makeJaxpr = jax.makeJaxpr((x: jax.Array) => {
    let y = x.ref
    for (let i = 0; i < 100; i++) y = y.mul(x.ref).add(x.ref)
    x.dispose()
    return y
  })
  const x = jax.numpy.array(eight)
  return { per: 200, run: () => makeJaxpr(x.ref) }
}

const step = (task: Task): Work => ({ run: training(task, makeData(task)) })

export const works: Works = {
  dispatch: () => {
    const x = jax.numpy.array(eight)
    return { per: 2, run: () => x.ref.mul(2).add(1).dataSync() }
  },
  grad: () => {
    const derivative = jax.grad((x: jax.Array) => jax.numpy.sin(x.ref.mul(x)))
    const x = jax.numpy.array(0.7)
    return { run: () => derivative(x.ref).dataSync() }
  },
  tracing,
  cacheHit: () => {
    const f = jax.jit((x: jax.Array) => x.add(1)) as (x: jax.Array) => jax.Array
    const x = jax.numpy.array(eight)
    return { run: () => f(x.ref).dataSync() }
  },
  simpleNetwork: () => step(measures.simpleNetwork.task),
  digits: () => step(measures.digits.task),
}
