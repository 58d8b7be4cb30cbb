import { grad, jit, nn, np, random, tree, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const key = random.key(0)
const x64 = np.array(
  [
    [0.3, -1.2, 0.7],
    [1.1, 0.4, -0.6],
  ],
  { dtype: 'float64' },
)

describe('layers', () => {
  it('linear is an affine map, without bias a linear one', () => {
    const layer = nn.linear(3, 2)
    const p = layer.init(key)
    const x = np.ones([4, 3])
    assertClose('linear', layer.apply(p, x), np.add(np.matmul(x, p.kernel), p.bias!))
    expect(layer.apply(p, np.ones([3])).shape).toEqual([2])
    expect(layer.apply(p, np.ones([5, 4, 3])).shape).toEqual([5, 4, 2])
    const bare = nn.linear(3, 2, { bias: false })
    expect(tree.leaves(bare.init(key)).length).toBe(1)
    expect(bare.apply(bare.init(key), x).shape).toEqual([4, 2])
  })

  it('embedding takes rows; their gradient goes where they came from', () => {
    const layer = nn.embedding(5, 2)
    const p = layer.init(key)
    assertClose('rows', layer.apply(p, [3, 0]), np.take(p.embedding, [3, 0], { axis: 0 }))
    const g = grad((q: nn.EmbeddingParams) => np.sum(layer.apply(q, [3, 3, 0])))(p)
    expect(g.embedding.toArray()).toEqual([
      [1, 1],
      [0, 0],
      [0, 0],
      [2, 2],
      [0, 0],
    ])
  })

  it('layerNorm and rmsNorm normalise the last axis', () => {
    const norm = nn.layerNorm(3)
    const y = norm.apply(norm.init(key), x64)
    assertClose('mean', np.mean(y, { axis: -1 }), np.zeros([2], { dtype: 'float64' }), { atol: 1e-6 })
    assertClose('variance', np.var(y, { axis: -1 }), np.ones([2], { dtype: 'float64' }), { rtol: 1e-4 })
    const rms = nn.rmsNorm(3)
    const z = rms.apply(rms.init(key), x64)
    assertClose('power', np.mean(np.square(z), { axis: -1 }), np.ones([2], { dtype: 'float64' }), { rtol: 1e-4 })
    expect(rms.init(key).bias).toBeNull()
  })

  it('dropout keeps the mean, and does nothing without a key', () => {
    const x = np.ones([10_000])
    const y = nn.dropout(key, x, 0.25)
    expect(np.mean(y).item()).toBeCloseTo(1, 1)
    expect(np.mean(np.equal(y, 0)).item()).toBeCloseTo(0.25, 1)
    expect(nn.dropout(null, x, 0.25)).toBe(x)
    expect(np.sum(nn.dropout(key, x, 1)).item()).toBe(0)
  })

  it('sequential chains layers and functions, with a tuple of parameters', () => {
    const model = nn.sequential(nn.linear(3, 4), nn.gelu, nn.layerNorm(4), nn.linear(4, 1))
    const p = model.init(key)
    expect(tree.structure(p).toString()).toBe('[{bias: *, kernel: *}, null, {bias: *, scale: *}, {bias: *, kernel: *}]')
    const y = model.apply(p, np.ones([2, 3]))
    expect(y.shape).toEqual([2, 1])
    assertClose('jit', jit(model.apply)(p, np.ones([2, 3])), y)
  })

  it('have right derivatives', () => {
    const model = nn.sequential(nn.linear(3, 4), nn.tanh, nn.layerNorm(4), nn.rmsNorm(4), nn.linear(4, 2))
    const p = model.init(key, 'float64')
    checkGrads((q: typeof p, x: NDArray) => model.apply(q, x), [p, x64], { rtol: 1e-4, atol: 1e-5 })
  })
})

describe('activations', () => {
  const smooth = {
    sigmoid: nn.sigmoid,
    softplus: nn.softplus,
    softSign: nn.softSign,
    silu: nn.silu,
    logSigmoid: nn.logSigmoid,
    elu: nn.elu,
    celu: nn.celu,
    selu: nn.selu,
    gelu: nn.gelu,
    'gelu by erf': (x: NDArray) => nn.gelu(x, { approximate: false }),
    squareplus: nn.squareplus,
    mish: nn.mish,
    relu: nn.relu,
    relu6: nn.relu6,
    leakyRelu: nn.leakyRelu,
    hardTanh: nn.hardTanh,
    hardSigmoid: nn.hardSigmoid,
    hardSilu: nn.hardSilu,
    sparsePlus: nn.sparsePlus,
    sparseSigmoid: nn.sparseSigmoid,
  } as const satisfies { readonly [name: string]: (x: NDArray) => NDArray }

  it.each(Object.entries(smooth))('%s has the derivatives that differences give', (_, f) => {
    checkGrads((x: NDArray) => f(x), [x64])
  })

  it('softplus has its second derivative at 0', () => {
    expect(grad(grad((x: NDArray) => nn.softplus(x)))(np.array(0)).item()).toBeCloseTo(0.25)
  })

  it('log1mexp is accurate on both sides', () => {
    const x = np.array([1e-10, 0.5, 1, 40], { dtype: 'float64' })
    const wanted = [
      Math.log(-Math.expm1(-1e-10)),
      Math.log(-Math.expm1(-0.5)),
      Math.log1p(-Math.exp(-1)),
      -Math.exp(-40),
    ]
    assertClose('log1mexp', nn.log1mexp(x), np.array(wanted, { dtype: 'float64' }), { rtol: 1e-12 })
    checkGrads((y: NDArray) => nn.log1mexp(y), [np.array([0.3, 1.5])])
  })
})

describe('the softmax family', () => {
  it('sums to one, and agrees with its logarithm', () => {
    assertClose('sum', np.sum(nn.softmax(x64), { axis: -1 }), np.ones([2], { dtype: 'float64' }))
    assertClose('log', np.exp(nn.logSoftmax(x64)), nn.softmax(x64))
    assertClose('logsumexp', nn.logsumexp(x64), np.log(np.sum(np.exp(x64))))
    assertClose('logmeanexp', nn.logmeanexp(x64, { axis: 1 }), np.log(np.mean(np.exp(x64), { axis: 1 })))
  })

  it('has right derivatives', () => {
    checkGrads(
      (x: NDArray) => [nn.softmax(x), nn.logSoftmax(x, { axis: 0 }), nn.logsumexp(x), nn.standardize(x)],
      [x64],
    )
  })

  it('maps', () => {
    assertClose('vmap', vmap((x: NDArray) => nn.softmax(x))(x64), nn.softmax(x64))
  })
})
