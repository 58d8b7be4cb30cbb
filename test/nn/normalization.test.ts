import { readFileSync } from 'node:fs'
import { ArgumentError, ShapeError, checkpoint, grad, jit, jvp, lax, nn, np, random, tree, vjp, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'
import type { Json } from '../goldens/replay.ts'
import { decode } from '../goldens/replay.ts'

interface Golden {
  readonly name: string
  readonly layer: 'batchNorm' | 'groupNorm' | 'instanceNorm'
  readonly options: {
    readonly epsilon: number
    readonly momentum: number
    readonly numGroups: number
    readonly trackRunningStats: boolean
  }
  readonly training: boolean
  readonly x: NDArray
  readonly scale: NDArray
  readonly bias: NDArray
  readonly seed: NDArray
  readonly y: NDArray
  readonly gradients: readonly NDArray[]
  readonly state?: nn.RunningStatistics
  readonly next?: nn.RunningStatistics
}

const url = new URL('../goldens/data/normalization.json', import.meta.url)
const { cases } = decode(JSON.parse(readFileSync(url, 'utf8')) as Json) as { readonly cases: readonly Golden[] }

type Run = (params: nn.NormParams, x: NDArray) => readonly [y: NDArray, next: nn.RunningStatistics | null]

const runOf = (c: Golden, state: nn.RunningStatistics | undefined): Run => {
  const features = c.scale.size
  const { epsilon, momentum } = c.options
  const { training } = c
  if (c.layer === 'groupNorm') {
    const layer = nn.groupNorm(features, c.options.numGroups, { epsilon })
    return (params, x) => [layer.apply(params, x), null]
  }
  if (c.layer === 'batchNorm') {
    const layer = nn.batchNorm(features, { epsilon, momentum })
    return (params, x) => layer.apply(params, state!, x, { training })
  }
  if (!c.options.trackRunningStats) {
    const layer = nn.instanceNorm(features, { epsilon })
    return (params, x) => [layer.apply(params, x), null]
  }
  const layer = nn.instanceNorm(features, { epsilon, momentum, trackRunningStats: true })
  return (params, x) => layer.apply(params, state!, x, { training })
}

/** From the biased running variance to PyTorch's: the batch's part of it times n / (n - 1). */
const unbiased = (c: Golden, next: NDArray): NDArray => {
  if (!c.training) return next
  const count = c.x.size / c.scale.size / (c.layer === 'instanceNorm' ? c.x.shape[0]! : 1)
  const kept = np.multiply(c.state!.var, c.options.momentum)
  return np.add(kept, np.multiply(np.subtract(next, kept), count / (count - 1)))
}

describe('as PyTorch', () => {
  const compare = (c: Golden, compile: (run: Run) => Run, tolerance: { rtol: number; atol: number }): void => {
    const single = tolerance.rtol > 1e-8
    const cast = (x: NDArray): NDArray => (single ? x.astype('float32') : x)
    const state = c.state === undefined ? undefined : { mean: cast(c.state.mean), var: cast(c.state.var) }
    const run = compile(runOf(c, state))
    const params = { scale: cast(c.scale), bias: cast(c.bias) }
    const [y, pullback] = vjp((p: nn.NormParams, x: NDArray) => run(p, x)[0], params, cast(c.x))
    assertClose('value', y, cast(c.y), tolerance)
    const [p, x] = pullback(cast(c.seed))
    assertClose('gradient of x', x, cast(c.gradients[0]!), tolerance)
    assertClose('gradient of scale', p.scale, cast(c.gradients[1]!), tolerance)
    assertClose('gradient of bias', p.bias, cast(c.gradients[2]!), tolerance)
    const [, next] = run(params, cast(c.x))
    expect(next === null).toBe(c.next === undefined)
    if (next === null) return
    assertClose('running mean', next.mean, cast(c.next!.mean), tolerance)
    assertClose('running variance', cast(unbiased(c, next.var)), cast(c.next!.var), tolerance)
  }
  for (const c of cases) {
    it(`${c.layer} ${c.name}`, () => {
      compare(c, (run) => run, { rtol: 1e-10, atol: 1e-11 })
    })
    it(`${c.layer} ${c.name}, compiled, in float32`, () => {
      compare(c, jit, { rtol: 1e-4, atol: 1e-4 })
    })
  }
})

const key = random.key(0)
const images = random.normal(key, [4, 3, 3, 2], { dtype: 'float64' })

describe('batchNorm', () => {
  const layer = nn.batchNorm(2, { momentum: 0.75 })
  const params = layer.init(key, 'float64')
  const state = layer.initState('float64')

  it('begins as flax does: scale 1, bias 0, mean 0, variance 1', () => {
    expect(
      tree.equal(params, { scale: np.ones([2], { dtype: 'float64' }), bias: np.zeros([2], { dtype: 'float64' }) }),
    ).toBe(true)
    expect(
      tree.equal(state, { mean: np.zeros([2], { dtype: 'float64' }), var: np.ones([2], { dtype: 'float64' }) }),
    ).toBe(true)
    const bare = nn.batchNorm(2, { scale: false, bias: false })
    expect(bare.init(key)).toEqual({ scale: null, bias: null })
    const own = nn.batchNorm(2, { scaleInit: nn.initializers.zeros, biasInit: nn.initializers.ones })
    expect(own.init(key).scale!.toArray()).toEqual([0, 0])
    expect(own.init(key).bias!.toArray()).toEqual([1, 1])
  })

  it('takes running statistics of biased variance, and leaves them alone in inference', () => {
    const [, next] = layer.apply(params, state, images, { training: true })
    const mean = np.mean(images, { axis: [0, 1, 2] })
    const variance = np.var(images, { axis: [0, 1, 2] })
    assertClose('mean', next.mean, mean.mul(0.25))
    assertClose('variance', next.var, np.add(0.75, variance.mul(0.25)))
    const [y, same] = layer.apply(params, next, images)
    expect(same).toBe(next)
    assertClose('y', y, np.divide(np.subtract(images, next.mean), np.sqrt(np.add(next.var, 1e-5))))
  })

  it('finds features on any axis', () => {
    const second = nn.batchNorm(2, { axis: 1, momentum: 0.75 })
    const moved = np.moveaxis(images, -1, 1)
    const [y, next] = layer.apply(params, state, images, { training: true })
    const [z, after] = second.apply(params, state, moved, { training: true })
    assertClose('y', np.moveaxis(z, 1, -1), y)
    assertClose('state', after.var, next.var)
    assertClose(
      'inference',
      np.moveaxis(second.apply(params, next, moved)[0], 1, -1),
      layer.apply(params, next, images)[0],
    )
  })

  it('has right derivatives to the second order, through the statistics and the state too', () => {
    const small = images.at(0).get()
    const f = (p: typeof params, s: typeof state, x: NDArray) => layer.apply(p, s, x, { training: true })
    checkGrads(f, [params, state, small], { rtol: 1e-4, atol: 1e-5 })
    checkGrads((p: typeof params, s: typeof state, x: NDArray) => layer.apply(p, s, x)[0], [params, state, small], {
      rtol: 1e-4,
      atol: 1e-5,
    })
    // What is added to a whole batch does not matter.
    const gradient = grad((x: NDArray) => np.sum(f(params, state, x)[0].mul(images.at(0).get())))(small)
    assertClose('gradients sum to 0', np.sum(gradient, { axis: [0, 1] }), np.zeros([2], { dtype: 'float64' }), {
      atol: 1e-10,
    })
  })

  it('goes through jit, vmap, scan and checkpoint', () => {
    const f = (s: typeof state, x: NDArray) => layer.apply(params, s, x, { training: true })
    const [y, next] = f(state, images)
    const check = (name: string, [z, after]: readonly [NDArray, nn.RunningStatistics]): void => {
      assertClose(`${name}: y`, z, y)
      assertClose(`${name}: mean`, after.mean, next.mean)
      assertClose(`${name}: variance`, after.var, next.var)
    }
    check('jit', jit(f)(state, images))
    check('checkpoint', checkpoint(f)(state, images))
    const two = np.stack([images, images.mul(2)])
    const [ys, states] = vmap(f, { inAxes: [null, 0] })(state, two)
    check('vmap', [ys.at(0).get(), { mean: states.mean.at(0).get(), var: states.var.at(0).get() }])
    const [last, zs] = lax.scan(
      (s: nn.RunningStatistics, x: NDArray) => {
        const [z, after] = f(s, x)
        return [after, z]
      },
      state,
      two,
    )
    const [z1, s1] = f(next, two.at(1).get())
    assertClose('scan: y', zs.at(1).get(), z1)
    assertClose('scan: state', last.mean, s1.mean)
    const [, dy] = jvp((x: NDArray) => f(state, x)[0], [images], [images])
    // Scaling a batch changes its normal form only by epsilon.
    assertClose('jvp', dy, np.zeros(images.shape, { dtype: 'float64' }), { atol: 1e-4 })
  })

  it('keeps the dtypes of state and input', () => {
    const single = layer.init(key)
    const [y, next] = layer.apply(single, layer.initState(), images, { training: true })
    expect([y.dtype, next.mean.dtype, next.var.dtype]).toEqual(['float64', 'float32', 'float32'])
    const half = images.astype('float16')
    const halfParams = layer.init(key, 'float16')
    const [z, after] = layer.apply(halfParams, layer.initState(), half, { training: true })
    expect([z.dtype, after.mean.dtype]).toEqual(['float16', 'float32'])
    assertClose('half', z.astype('float32'), y.astype('float32'), { rtol: 1e-2, atol: 1e-2 })
    expect(layer.apply(single, after, half)[0].dtype).toBe('float32')
    expect(layer.apply(halfParams, layer.initState('bfloat16'), half, { training: true })[1].var.dtype).toBe('bfloat16')
    expect(layer.apply(single, layer.initState('float64'), half)[0].dtype).toBe('float32')
    expect(
      layer.apply(
        single,
        layer.initState(),
        np.array(
          [
            [1, 2],
            [3, 5],
          ],
          { dtype: 'int32' },
        ),
        { training: true },
      )[0].dtype,
    ).toBe('float32')
  })

  it('says what does not fit', () => {
    expect(() => layer.apply(params, state, np.ones([4, 3]))).toThrow(
      /nn.batchNorm: the last axis of x must have extent 2/,
    )
    expect(() => nn.batchNorm(2, { axis: 1 }).apply(params, state, np.ones([4, 3, 2]))).toThrow(/axis 1 of x must/)
    expect(() => nn.batchNorm(2, { axis: 3 }).apply(params, state, np.ones([4, 2]))).toThrow(ShapeError)
    expect(() => layer.apply(params, state, np.ones([2]), { training: true })).toThrow(/under vmap/i)
    expect(() => vmap((x: NDArray) => layer.apply(params, state, x, { training: true })[0])(np.ones([4, 2]))).toThrow(
      ShapeError,
    )
    expect(() => nn.batchNorm(2, { momentum: 2 })).toThrow(ArgumentError)
    expect(() => nn.batchNorm(-1)).toThrow(ArgumentError)
    expect(() => nn.batchNorm(2, { decay: 0.9 } as object)).toThrow(/nn.batchNorm: there is no option 'decay'/)
    expect(() => nn.groupNorm(2, 1, { groups: 2 } as object)).toThrow(/no option 'groups'/)
    expect(() => nn.instanceNorm(2, { axis: 1 } as object)).toThrow(/no option 'axis'/)
    expect(() => nn.batchNorm(2, 1e-5 as never)).toThrow(ArgumentError)
    expect(() =>
      jit((t: NDArray) => layer.apply(params, state, images, { training: t as never })[0])(np.array(true)),
    ).toThrow(/training must be true or false/)
  })
})

describe('groupNorm and instanceNorm', () => {
  it('of one group is layerNorm where there are no spatial axes; of a group a feature, instanceNorm', () => {
    const x = random.normal(key, [5, 6], { dtype: 'float64' })
    const layer = nn.layerNorm(6)
    const p = layer.init(key, 'float64')
    assertClose('layerNorm', nn.groupNorm(6, 1).apply(p, x), layer.apply(p, x))
    const two = nn.groupNorm(2, 2, { epsilon: 1e-5 })
    const q = two.init(key, 'float64')
    assertClose('instanceNorm', two.apply(q, images), nn.instanceNorm(2).apply(q, images))
  })

  it('takes one image, or several batch axes, if spatial axes are named', () => {
    const options = { spatialAxes: [-3, -2] }
    for (const [layer, named] of [
      [nn.groupNorm(2, 1), nn.groupNorm(2, 1, options)],
      [nn.instanceNorm(2), nn.instanceNorm(2, options)],
    ] as const) {
      const p = layer.init(key, 'float64')
      const y = layer.apply(p, images)
      assertClose('named', named.apply(p, images), y)
      assertClose('one', named.apply(p, images.at(1).get()), y.at(1).get())
      assertClose('mapped', vmap((x: NDArray) => named.apply(p, x))(images), y)
      assertClose('two batch axes', named.apply(p, np.expandDims(images, 1)), np.expandDims(y, 1))
    }
  })

  it('have right derivatives, compiled and eager', () => {
    for (const layer of [nn.groupNorm(2, 1), nn.groupNorm(2, 2), nn.instanceNorm(2)]) {
      const p = layer.init(key, 'float64')
      checkGrads(layer.apply, [p, images.at(np.slice(0, 2)).get()], { rtol: 1e-4, atol: 1e-5 })
      const loss = (x: NDArray): NDArray => np.sum(np.square(np.add(layer.apply(p, x), x)))
      assertClose('compiled', jit(grad(loss))(images), grad(loss)(images))
    }
  })

  it('say what does not fit', () => {
    expect(() => nn.groupNorm(6, 4)).toThrow(/4 groups do not divide 6/)
    expect(() => nn.groupNorm(6, 0)).toThrow(ArgumentError)
    const group = nn.groupNorm(6, 2)
    expect(() => group.apply(group.init(key), np.ones([2, 5]))).toThrow(ShapeError)
    const wrong = nn.groupNorm(6, 2, { spatialAxes: [-1] })
    expect(() => wrong.apply(wrong.init(key), np.ones([2, 6]))).toThrow(/no spatial axis/)
    const instance = nn.instanceNorm(6)
    expect(() => instance.apply(instance.init(key), np.ones([2, 6]))).toThrow(/spatialAxes/)
  })
})
