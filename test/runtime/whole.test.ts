/** Long functions of the library's, called outside of all transformations: one program where arrays are large. */
import type { NDArray } from 'pullback'
import { debug, grad, jit, nn, np, random, vmap, withDevice } from 'pullback'
import { wasmDevice } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const key = random.key(3)
const [rows, columns] = [300, 256]
const x = random.normal(random.key(1), [rows, columns])
const heads = random.normal(random.key(2), [2, 96, 4, 8])
const { layerNorm, rmsNorm } = nn
const [norm, rms] = [layerNorm(columns), rmsNorm(columns)]

const shape = [rows, columns]
const functions: { readonly [name: string]: () => NDArray } = {
  uniform: () => random.uniform(key, shape, { minval: -1, maxval: np.arange(columns).astype('float32') }),
  'uniform float64': () => random.uniform(key, shape, { dtype: 'float64' }),
  randint: () => random.randint(key, shape, 0, 10),
  normal: () => random.normal(key, shape),
  'normal float16': () => random.normal(key, shape, { dtype: 'float16' }),
  truncatedNormal: () => random.truncatedNormal(key, -1, 2, shape),
  'truncatedNormal, far out': () => random.truncatedNormal(key, 5, Infinity, shape),
  bernoulli: () => random.bernoulli(key, 0.3, shape),
  gumbel: () => random.gumbel(key, shape),
  exponential: () => random.exponential(key, shape),
  laplace: () => random.laplace(key, shape),
  categorical: () => random.categorical(key, x),
  softmax: () => nn.softmax(x),
  'softmax where': () => nn.softmax(x, { axis: 0, where: np.greater(x, -1) }),
  logSoftmax: () => nn.logSoftmax(x),
  logsumexp: () => nn.logsumexp(x, { axis: 1 }),
  standardize: () => nn.standardize(x),
  layerNorm: () => norm.apply(norm.init(key), x),
  rmsNorm: () => rms.apply(rms.init(key), x),
  dotProductAttention: () => nn.dotProductAttention(heads, heads, heads, { isCausal: true }),
}

describe.each(Object.entries(functions))('%s', (_, f) => {
  it('is what it is under jit, to the last bit', () => {
    expect(f().dataSync()).toEqual(jit(f)().dataSync())
  })

  it('is one program, found again', () => {
    const device = wasmDevice({ threads: 1 })
    withDevice(device, f)
    const { programs } = device
    withDevice(device, f)
    expect(device.programs).toBe(programs)
    // The function's own, and those of single operations around it.
    expect(programs).toBeLessThanOrEqual(3)
  })
})

describe('what stays as it is', () => {
  it('small arrays', () => {
    const device = wasmDevice({ threads: 1 })
    withDevice(device, () => nn.softmax(np.arange(8).astype('float32')))
    expect(device.programs).toBe(0)
  })

  it('derivatives and batches', () => {
    const loss = (y: NDArray): NDArray => np.sum(np.square(nn.softmax(y)))
    const g = grad(loss)(x)
    expect(np.max(np.abs(np.subtract(g, jit(grad(loss))(x)))).item()).toBeLessThan(1e-6)
    const batched = vmap((y: NDArray) => nn.softmax(y))(x)
    expect(np.max(np.abs(np.subtract(batched, nn.softmax(x)))).item()).toBeLessThan(1e-6)
  })

  it('the interpreter, which does operation by operation', () => {
    const onInterpreter = withDevice('interpreter', () => nn.softmax(x))
    expect(np.max(np.abs(np.subtract(onInterpreter, nn.softmax(x)))).item()).toBeLessThan(1e-6)
  })

  it('checks of values at each call', () => {
    const bad = x.at(0, 0).set(NaN)
    debug.nans(true)
    try {
      expect(() => nn.softmax(bad)).toThrow(/produced the first NaN/)
    } finally {
      debug.nans(false)
    }
  })

  it('keys that are used up', () => {
    debug.keyReuse(true)
    try {
      const once = random.key(9)
      random.normal(once, shape)
      expect(() => random.normal(once, shape)).toThrow(/consumed/)
    } finally {
      debug.keyReuse(false)
    }
  })
})
