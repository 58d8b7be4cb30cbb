/** Property tests of functions of one's own, with fast-check: derivatives, laws of transformations, and a wrong rule that is found. */
import * as fc from 'fast-check'
import { customVjp, lax, nn, np, optim, tree } from 'pullback'
import type { NDArray } from 'pullback'
import {
  arrayTrees,
  arrays,
  checkGrads,
  gradIsAdditive,
  GradientError,
  isMonoid,
  jitIsTransparent,
  jvpIsLinear,
  mapIsFunctor,
  vjpIsAdjoint,
  vmapIsStackedLoop,
} from 'pullback/testing'

/** A mean of elements that leans to the larger ones, the more so the larger the sharpness. */
const leaningMean = (x: NDArray, sharpness: NDArray): NDArray => np.sum(nn.softmax(x.mul(sharpness)).mul(x))

/** A running average, as exponential smoothing has it. It begins in the dtype of `x`: derivatives are checked in float64. */
const smoothed = (x: NDArray): NDArray =>
  lax.scan(
    (mean, value) => {
      const next = mean.mul(0.75).add(value.mul(0.25))
      return [next, next]
    },
    np.zeros([], { dtype: x.dtype }),
    x,
  )[1]

/** The cube, with a rule of its own for what it pulls back. */
const cubeWith = (slope: (x: NDArray) => NDArray) =>
  customVjp(
    (x: NDArray) => x.mul(x).mul(x),
    (x) => [x.mul(x).mul(x), x],
    (x, cotangent: NDArray) => [slope(x).mul(cotangent)],
  )
const cube = cubeWith((x) => x.square().mul(3))
const wrongCube = cubeWith((x) => x.square().mul(2))

const vectors = arrays({ shape: [4], max: 2 })
const sharpnesses = arrays({ shape: [], max: 2 })

const properties = [
  [
    'the leaning mean has right derivatives',
    fc.property(vectors, sharpnesses, (x, s) => {
      checkGrads(leaningMean, [x, s])
      jvpIsLinear(leaningMean, [x, s])
      vjpIsAdjoint(leaningMean, [x, s])
    }),
  ],
  [
    'the leaning mean is mapped and compiled',
    fc.property(vectors, vectors, sharpnesses, (x, y, s) => {
      vmapIsStackedLoop(leaningMean, [[x, s], [y, s]]) // prettier-ignore
      jitIsTransparent(leaningMean, [x, s])
    }),
  ],
  [
    'the leaning mean lies between the mean and the maximum',
    fc.property(vectors, (x) => {
      const [low, between, high] = [x.mean(), leaningMean(x, np.array(1)), x.max()]
      return low.sub(1e-5).lessEqual(between).bool() && between.lessEqual(high.add(1e-5)).bool()
    }),
  ],
  [
    'smoothing is linear, and so its own derivative',
    fc.property(vectors, (x) => {
      checkGrads(smoothed, [x])
      return np.allclose(smoothed(x.mul(2)), smoothed(x).mul(2)).bool()
    }),
  ],
  [
    'gradients of sums are sums of gradients',
    fc.property(vectors, (x) => {
      gradIsAdditive((x) => np.sum(x.square()), (x) => np.sum(cube(x)), [x]) // prettier-ignore
    }),
  ],
  [
    'the rule of the cube is right',
    fc.property(vectors, (x) => {
      checkGrads(cube, [x], { modes: ['rev'] })
    }),
  ],
  [
    'trees are functors',
    fc.property(arrayTrees(), (t) => {
      mapIsFunctor((x: NDArray) => x.mul(2), (x) => x.add(1), t) // prettier-ignore
    }),
  ],
  [
    'transformations of gradients are a monoid',
    fc.property(vectors, (x) => {
      const parts = [optim.clip(1), optim.scale(0.5), optim.clipByGlobalNorm(2)] as const
      const equal = (a: optim.GradientTransformation, b: optim.GradientTransformation): boolean =>
        tree.equal(a.update(x, a.init(x))[0], b.update(x, b.init(x))[0])
      isMonoid(optim.monoid, parts, { equal })
    }),
  ],
] as const

export interface Tested {
  readonly name: string
  readonly failed: boolean
}

/** Which properties hold, and what is said of the wrong rule. */
export const run = (numRuns: number): { readonly tested: readonly Tested[]; readonly wrong: string } => {
  const settings = { numRuns, seed: 1 }
  const tested = properties.map(([name, property]) => {
    const { failed } = fc.check<readonly unknown[]>(property, settings)
    return { name, failed }
  })
  const wrong = fc.check(
    fc.property(arrays({ shape: [2], max: 2 }), (x) => {
      checkGrads(wrongCube, [x], { modes: ['rev'] })
    }),
    settings,
  )
  const { errorInstance } = wrong
  return { tested, wrong: errorInstance instanceof GradientError ? errorInstance.message : String(errorInstance) }
}
