/** What a small operation costs beside its arithmetic: dispatch, gradients, tracing, calls of compiled functions. */
import { grad, jit, makeProgram, np } from 'pullback'
import type { NDArray } from 'pullback'
import { jax, onTensorFlow, tf } from './peers.ts'
import type { Contestant } from './timing.ts'

const eight = Float32Array.from({ length: 8 }, (_, i) => i)

const timesTwoPlusOne = (): Float32Array => {
  const out = new Float32Array(8)
  for (let i = 0; i < 8; i++) out[i] = eight[i]! * 2 + 1
  return out
}

/** Eager `x * 2 + 1` on 8 elements, an operation. */
export const dispatch = async (): Promise<readonly Contestant[]> => {
  const x = np.array(eight)
  const j = jax.numpy.array(eight)
  const inTensorFlow = await onTensorFlow(() => {
    const t = tf.tensor1d(eight)
    return { per: 2, run: () => tf.tidy(() => t.mul(2).add(1).dataSync()) }
  })
  return [
    { name: 'Pullback', per: 2, run: () => x.mul(2).add(1).dataSync() },
    { name: 'plain loops', per: 2, run: timesTwoPlusOne },
    ...inTensorFlow,
    { name: 'jax-js', per: 2, run: () => j.ref.mul(2).add(1).dataSync() },
  ]
}

/** Eager `grad(sin(x * x))` of a scalar, a call. */
export const eagerGrad = async (): Promise<readonly Contestant[]> => {
  const derivative = grad((x: NDArray) => np.sin(np.multiply(x, x)))
  const jaxDerivative = jax.grad((v: jax.Array) => jax.numpy.sin(v.ref.mul(v)))
  const x = np.array(0.7)
  const j = jax.numpy.array(0.7)
  const inTensorFlow = await onTensorFlow(() => {
    const t = tf.scalar(0.7)
    const tfDerivative = tf.grad((v) => tf.sin(tf.mul(v, v)))
    return { run: () => tf.tidy(() => tfDerivative(t).dataSync()) }
  })
  return [
    { name: 'Pullback', run: () => derivative(x).dataSync() },
    { name: 'plain loops', run: () => Math.cos(0.7 * 0.7) * 1.4 },
    ...inTensorFlow,
    { name: 'jax-js', run: () => jaxDerivative(j.ref).dataSync() },
  ]
}

/** Tracing of 100 products and 100 sums, an equation. */
export const tracing = (): readonly Contestant[] => {
  const f = (x: NDArray): NDArray => {
    let y = x
    for (let i = 0; i < 100; i++) y = np.add(np.multiply(y, x), x)
    return y
  }
  const inJaxJs = (x: jax.Array): jax.Array => {
    let y = x.ref
    for (let i = 0; i < 100; i++) y = y.mul(x.ref).add(x.ref)
    x.dispose()
    return y
  }
  const x = np.array(eight)
  const j = jax.numpy.array(eight)
  const makeJaxpr = jax.makeJaxpr(inJaxJs)
  return [
    { name: 'Pullback', per: 200, run: () => makeProgram(f)(x) },
    { name: 'jax-js', per: 200, run: () => makeJaxpr(j.ref) },
  ]
}

/** A compiled `x + 1` on 8 elements, a call. */
export const cacheHit = (): readonly Contestant[] => {
  const f = jit((x: NDArray) => np.add(x, 1))
  const g = jax.jit((v: jax.Array) => v.add(1)) as (v: jax.Array) => jax.Array
  const x = np.array(eight)
  const j = jax.numpy.array(eight)
  return [
    { name: 'Pullback', run: () => f(x).dataSync() },
    { name: 'jax-js', run: () => g(j.ref).dataSync() },
  ]
}
