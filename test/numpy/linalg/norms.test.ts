/** Norms of numbers whose squares overflow or underflow, with their derivatives. */
import { grad, hessian, jit, lax, nn, np, optim, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

type Fn = (x: NDArray) => NDArray

const [first, second] = [3 / 5, 4 / 5]
const cube = (first ** 3 + second ** 3) ** (1 / 3)

/** Norms of a vector of two elements, and what they, their gradients and (scaled) second derivatives are for (3, 4) / 5. */
const euclidean = {
  value: 1,
  gradient: [first, second],
  curvature: [[second ** 2, -first * second], [-first * second, first ** 2]], // prettier-ignore
}
const element = (x: NDArray, i: number): NDArray => x.at(i).get()
const norms: Readonly<Record<string, Fn>> = {
  'np.linalg.norm': (x) => np.linalg.norm(x),
  'np.linalg.norm along an axis': (x) => np.sum(np.linalg.norm(x.reshape([1, 2]), { axis: 1 })),
  'np.linalg.vectorNorm with keepdims': (x) => np.sum(np.linalg.vectorNorm(x, { keepdims: true })),
  'np.linalg.matrixNorm': (x) => np.linalg.matrixNorm(x.reshape([2, 1])),
  'optim.globalNorm': (x) => optim.globalNorm({ a: element(x, 0), b: [element(x, 1).reshape([1, 1])] }),
  'np.hypot': (x) => np.hypot(element(x, 0), element(x, 1)),
}

const sizes = {
  float32: [1, 1e11, 1e13, 2e19, 1e30, 3e38, 1e-14, 1e-16, 1e-23, 1e-30, 1e-37],
  float64: [1, 1e90, 1e100, 1e200, 1e307, 1e-90, 1e-100, 1e-200, 1e-306],
} as const

describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
  const array = (xs: readonly (number | readonly number[])[]): NDArray => np.array(xs, { dtype })
  const scalar = (x: number): NDArray => np.array(x, { dtype })

  describe.each(Object.entries(norms))('%s', (name, norm) => {
    it.each(sizes[dtype])('of numbers of size %s', (size) => {
      const x = array([first * size, second * size])
      const by = (y: NDArray): NDArray => np.divide(y, scalar(size))
      assertClose(name, by(norm(x)), scalar(euclidean.value))
      assertClose('compiled', by(jit(norm)(x)), scalar(euclidean.value))
      assertClose('gradient', grad(norm)(x), array(euclidean.gradient))
      assertClose('gradient, compiled', jit(grad(norm))(x), array(euclidean.gradient))
      const batch = vmap(grad(norm))(np.stack([x, array([1, 0])]))
      assertClose('gradient, batched', batch, array([euclidean.gradient, [1, 0]]))
      // The second derivative of numbers of size 1e-37 is near the largest number; times the size it is of size 1.
      if (dtype === 'float32' && size < 1e-36) return
      assertClose('hessian', np.multiply(hessian(norm)(x), scalar(size)), array(euclidean.curvature))
    })
  })

  it.each(sizes[dtype])('other orders, of numbers of size %s', (size) => {
    const x = array([first * size, second * size])
    const p3: Fn = (y) => np.linalg.norm(y, { ord: 3 })
    assertClose('3', np.divide(p3(x), scalar(size)), scalar(cube))
    assertClose('gradient of 3', grad(p3)(x), array([(first / cube) ** 2, (second / cube) ** 2]))
    const inverse: Fn = (y) => np.linalg.norm(y, { ord: -1 })
    assertClose('-1', np.divide(inverse(x), scalar(size)), scalar((first * second) / (first + second)))
  })

  it.each(sizes[dtype])('angles between vectors of size %s', (size) => {
    const x = array([first * size, second * size])
    assertClose('cosine', optim.cosineSimilarity(x, array([1, 2])), scalar((first + 2 * second) / Math.sqrt(5)))
    assertClose('itself', optim.cosineSimilarity(x, x), scalar(1))
    const angle: Fn = (y) => np.arctan2(element(y, 1), element(y, 0))
    const [byX, byY] = [-second, first]
    const scaled = np.multiply(grad(angle)(x), scalar(size))
    assertClose('arctan2', scaled, array([byX, byY]))
  })

  it('are infinite and NaN where an element is', () => {
    for (const norm of Object.values(norms)) {
      assertClose('infinite', norm(array([Infinity, 1])), scalar(Infinity))
      assertClose('NaN', norm(array([NaN, 1])), scalar(NaN))
      assertClose('zero', norm(array([0, 0])), scalar(0))
    }
    assertClose('of nothing', np.linalg.norm(array([])), scalar(0))
    assertClose('of no leaves', optim.globalNorm({}), np.array(0))
  })
})

describe.each(['float16', 'bfloat16'] as const)('%s', (dtype) => {
  it('norms are computed in float32, and rounded once', () => {
    const x = np.array([384, 512], { dtype })
    assertClose('norm', np.linalg.norm(x), np.array(640, { dtype }))
    assertClose('globalNorm', optim.globalNorm([x, x]), np.array(640 * Math.SQRT2, { dtype }))
    assertClose('gradient', grad((y: NDArray) => np.linalg.norm(y))(x), np.array([0.6, 0.8], { dtype }))
  })
})

describe('what uses norms', () => {
  const updated = ({ init, update }: ReturnType<typeof optim.clip>, g: NDArray): NDArray => update(g, init(g))[0]

  it('clipByGlobalNorm of zeros is zeros, and of huge gradients their direction', () => {
    assertClose('zeros', updated(optim.clipByGlobalNorm(0), np.zeros([3])), np.zeros([3]))
    assertClose('to nothing', updated(optim.clipByGlobalNorm(0), np.ones([3])), np.zeros([3]))
    assertClose('huge', updated(optim.clipByGlobalNorm(1), np.array([3e30, 4e30])), np.array([0.6, 0.8]))
    assertClose('tiny', updated(optim.clipByGlobalNorm(1), np.array([3e-30, 0])), np.array([3e-30, 0]), { atol: 0 })
    const through = grad((g: NDArray) => np.sum(updated(optim.clipByGlobalNorm(1), g)))(np.array([0.1, 0.2]))
    assertClose('gradient', through, np.ones([2]))
  })

  it('clipByBlockRms and adaptiveGradClip', () => {
    assertClose('rms', updated(optim.clipByBlockRms(1), np.array([3e30, 3e30])), np.ones([2]))
    const { init, update } = optim.adaptiveGradClip(0.5)
    const [clipped] = update(np.array([3e30, 4e30]), init(null), np.array([6, 8]))
    assertClose('unit', clipped, np.array([3, 4]))
  })

  it('cosineSimilarity has a derivative at zeros where epsilon is given', () => {
    const f: Fn = (x) => optim.cosineSimilarity(x, np.array([3, 4]), { epsilon: 1e-4 })
    assertClose('gradient', grad(f)(np.zeros([2])), np.array([60, 80]))
  })

  it('hypot has second derivatives where its arguments are equal', () => {
    const f: Fn = (x) => np.hypot(x, 1)
    const each = vmap(grad(grad(f)))(np.array([1, -1, 0.5]))
    assertClose('second', each, np.array([1 / Math.SQRT2 ** 3, 1 / Math.SQRT2 ** 3, 1.25 ** -1.5]))
  })

  it('quotients of large numbers have derivatives that do not underflow on the way', () => {
    // The derivative of 1 / v by v is tiny where what comes back is huge.
    const f: Fn = (x) => np.log1p(np.exp(x))
    expect(Math.abs(grad(grad(f))(np.array(80)).item())).toBeLessThan(1e-6)
    assertClose('x / y', grad((y: NDArray) => np.divide(1e38, y))(np.array(1e30)), np.array(-1e-22), { atol: 0 })
    assertClose('sigmoid', grad(nn.sigmoid)(np.array(20)), np.array(2.0611536e-9), { atol: 0 })
    assertClose('tanh', grad(lax.tanh)(np.array(20)), np.array(1.6993417e-17), { atol: 0 })
  })
})
