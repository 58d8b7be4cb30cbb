import { ShapeError, grad, jit, lax, nn, np, random, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const key = random.key(0)
const images = random.normal(key, [2, 5, 6, 4], { dtype: 'float64' })

describe('conv', () => {
  it('is a convolution of features last, and a bias', () => {
    const layer = nn.conv(4, 3, [3, 2], { strides: [2, 1], groups: 1 })
    const params = { ...layer.init(key, 'float64'), bias: np.array([1, 2, 3], { dtype: 'float64' }) }
    const plain = lax.convGeneralDilated(images, params.kernel, {
      windowStrides: [2, 1],
      padding: 'SAME',
      dimensionNumbers: ['NHWC', 'HWIO', 'NHWC'],
    })
    assertClose('conv', layer.apply(params, images), np.add(plain, params.bias))
  })

  it('takes any batch axes, and images of their own dtype', () => {
    const layer = nn.conv(4, 2, [3, 3], { bias: false, padding: 1, dilation: 2, groups: 2 })
    const params = layer.init(key, 'float64')
    const out = layer.apply(params, images)
    expect(out.shape).toEqual([2, 3, 4, 2])
    expect(params.bias).toBeNull()
    assertClose('one image', layer.apply(params, images.at(1).get()), out.at(1).get())
    assertClose('two batch axes', layer.apply(params, np.expandDims(images, 1)), np.expandDims(out, 1))
    assertClose('mapped', vmap((x: NDArray) => layer.apply(params, x))(images), out)
    expect(layer.apply(params, np.ones([5, 5, 4])).dtype).toBe('float64')
  })

  it('has gradients, also in a chain with pooling, also compiled', () => {
    const model = nn.sequential(
      nn.conv(4, 3, [3, 3]),
      nn.tanh,
      (x) => nn.maxPool(x, [2, 2], { strides: [2, 2] }),
      nn.conv(3, 2, [2, 2], { padding: 'VALID' }),
      (x) => nn.avgPool(x, [1, 2]),
    )
    const params = model.init(key, 'float64')
    const loss = (p: typeof params, x: NDArray): NDArray => np.sum(np.square(model.apply(p, x)))
    checkGrads(loss, [params, images], { order: 1 })
    const [first] = jit(grad(loss))(params, images)
    assertClose('compiled', first.kernel, grad(loss)(params, images)[0].kernel)
  })

  it('says what does not fit', () => {
    const layer = nn.conv(4, 3, [3, 3])
    expect(() => nn.conv(4, 3, [3, 3], { groups: 2 })).toThrow(/2 groups/)
    expect(() => layer.apply(layer.init(key), np.ones([5, 5, 3]))).toThrow(/nn.conv: the last axis/)
    expect(() => layer.apply(layer.init(key), np.ones([5, 4]))).toThrow(ShapeError)
  })
})

describe('pooling', () => {
  it('reduces windows of each feature', () => {
    const windows = np.reshape(images.at(':', np.slice(0, 4)).get(), [2, 2, 2, 3, 2, 4])
    const options = { strides: [2, 2] }
    const top = images.at(':', np.slice(0, 4)).get()
    assertClose('max', nn.maxPool(top, [2, 2], options), np.max(windows, { axis: [2, 4] }))
    assertClose('min', nn.minPool(top, [2, 2], options), np.min(windows, { axis: [2, 4] }))
    assertClose('mean', nn.avgPool(top, [2, 2], options), np.mean(windows, { axis: [2, 4] }))
  })

  it('gives the gradient of a maximum to the first of equal elements', () => {
    const g = grad((x: NDArray) => np.sum(nn.maxPool(x, [2], { strides: [2] })))(np.zeros([4, 1]))
    expect(np.ravel(g).toArray()).toEqual([1, 0, 1, 0])
  })

  it('counts padding or leaves it out', () => {
    const x = np.ones([1, 3, 3, 1])
    const corner = (y: NDArray): number => (y.toArray() as number[][][][])[0]![0]![0]![0]!
    expect(corner(nn.avgPool(x, [3, 3], { padding: 'SAME' }))).toBeCloseTo(4 / 9)
    expect(corner(nn.avgPool(x, [3, 3], { padding: 'SAME', countIncludePad: false }))).toBe(1)
  })
})
