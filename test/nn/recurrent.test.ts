import { grad, jit, lax, nn, np, random, ShapeError, tree, vjp, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { assertClose, checkGrads } from 'pullback/testing'
import { describe, expect, it } from 'vitest'

const key = random.key(0)
const normal = (seed: number, ...shape: number[]): NDArray =>
  random.normal(random.key(seed), shape, { dtype: 'float64' })

describe.each(['simpleCell', 'lstmCell', 'gruCell'] as const)('%s', (name) => {
  const cell = nn[name](3, 4) as ReturnType<typeof nn.simpleCell>
  const layer = nn.rnn(cell)
  const params = layer.init(key, 'float64')
  const xs = normal(1, 2, 6, 3)

  it('runs over time as a loop of steps does', () => {
    let carry = cell.initialCarry([2], 'float64')
    const outputs: NDArray[] = []
    for (let t = 0; t < 6; t++) {
      const [next, y] = cell.apply(params, carry, xs.at(':', t).get())
      carry = next
      outputs.push(y)
    }
    const [last, ys] = layer.apply(params, xs)
    assertClose('outputs', ys, np.stack(outputs, { axis: 1 }))
    assertClose('carry', last, carry)
    assertClose('compiled', jit((p: typeof params, x: NDArray) => layer.apply(p, x)[1])(params, xs), ys)
    const timeMajor = nn.rnn(cell, { timeMajor: true }).apply(params, np.moveaxis(xs, 1, 0))[1]
    assertClose('time major', timeMajor, np.moveaxis(ys, 1, 0))
  })

  it('has right derivatives, with and without checkpoints, and maps', () => {
    const loss =
      (checkpoint: 'none' | 'sqrt') =>
      (p: typeof params, x: NDArray): NDArray =>
        np.sum(np.square(nn.rnn(cell, { checkpoint }).apply(p, x)[1]))
    checkGrads(loss('none'), [params, xs])
    assertClose('checkpoint', grad(loss('sqrt'))(params, xs), grad(loss('none'))(params, xs))
    const each = vmap(grad(loss('none')), { inAxes: [null, 0] })(params, np.expandDims(xs, 1))
    const summed = tree.map((g: NDArray) => np.sum(g, { axis: 0 }), each)
    assertClose('vmap', summed, grad(loss('none'))(params, xs))
  })

  it('leaves finished sequences as they are', () => {
    const [carry] = layer.apply(params, xs, { seqLengths: [2, 6] })
    const short = layer.apply(params, xs.at(np.slice(0, 1), np.slice(0, 2)).get())[0]
    const whole = layer.apply(params, xs.at(np.slice(1, 2)).get())[0]
    assertClose('carry', carry, tree.map((a: NDArray, b: NDArray) => np.concatenate([a, b]), short, whole) as never)
    const backwards = nn.rnn(cell, { reverse: true })
    const padded = backwards.apply(params, xs, { seqLengths: [2, 6] })[1]
    const alone = backwards.apply(params, xs.at(np.slice(0, 1), np.slice(0, 2)).get())[1]
    assertClose('reverse', padded.at(np.slice(0, 1), np.slice(0, 2)).get(), alone)
  })

  it('feeds back through a mask: variational dropout', () => {
    const none = layer.apply(params, xs, { recurrentMask: np.ones([2, 4], { dtype: 'float64' }) })
    assertClose('ones', none, layer.apply(params, xs))
    const all = layer.apply(params, xs, { recurrentMask: np.zeros([2, 4], { dtype: 'float64' }) })[1]
    expect(np.allclose(all, none[1]).bool()).toBe(false)
    if (name === 'simpleCell') assertClose('zeros', all, np.tanh(cell.project(params, xs)))
  })

  it('refuses inputs that do not fit', () => {
    expect(() => layer.apply(params, np.ones([2, 6, 5]))).toThrow(ShapeError)
    expect(() => layer.apply(params, np.ones([3]))).toThrow(/time/)
  })

  it('begins with orthogonal recurrent kernels, gate by gate', () => {
    const gates = np.split(params.recurrentKernel, params.recurrentKernel.shape[1]! / 4, { axis: 1 })
    for (const u of gates) assertClose('orthogonal', np.matmul(u.transpose(), u), np.eye(4, { dtype: 'float64' }))
  })
})

describe('variational dropout', () => {
  it('has one mask for all steps', () => {
    const y = nn.dropout(key, np.ones([3, 20, 8]), 0.5, { broadcastDims: [1] })
    const [first] = np.split(y, 20, { axis: 1 })
    assertClose('same at every step', y, np.broadcastTo(first, [3, 20, 8]))
    expect(new Set(Array.from(y.dataSync() as Float32Array))).toEqual(new Set([0, 2]))
  })
})

describe('attention', () => {
  const q = normal(2, 2, 5, 4, 3)
  const [k, v] = [normal(3, 2, 5, 4, 3), normal(4, 2, 5, 4, 3)]

  it.each(['float16', 'bfloat16'] as const)('of %s is attended to in float32, and rounded once', (dtype) => {
    const [q, k, v] = [1, 2, 3].map((seed) =>
      np.multiply(3, random.normal(random.key(seed), [1, 6, 2, 8])).astype(dtype),
    ) as [NDArray, NDArray, NDArray]
    const wide = (x: NDArray): NDArray => x.astype('float32')
    const y = nn.dotProductAttention(q, k, v, { isCausal: true })
    expect(y.dtype).toBe(dtype)
    const exact = nn.dotProductAttention(wide(q), wide(k), wide(v), { isCausal: true })
    expect(np.arrayEqual(wide(y), wide(exact.astype(dtype))).bool()).toBe(true)
    const gradient = grad((q: NDArray) => np.sum(wide(nn.dotProductAttention(q, k, v))))(q)
    expect([gradient.dtype, np.all(np.isfinite(wide(gradient))).bool()]).toEqual([dtype, true])
  })

  it('gives zeros, and zero gradients, where a query sees nothing', () => {
    const mask = np.ones([2, 1, 5, 5], { dtype: 'bool' }).at(0, 0, 2).set(false)
    const f = (q: NDArray, k: NDArray, v: NDArray): NDArray => nn.dotProductAttention(q, k, v, { mask })
    const y = f(q, k, v)
    assertClose('zeros', y.at(0, 2).get(), np.zeros([4, 3], { dtype: 'float64' }))
    assertClose('others', y.at(1).get(), nn.dotProductAttention(q, k, v).at(1).get())
    const [dq] = vjp(f, q, k, v)[1](np.ones([2, 5, 4, 3], { dtype: 'float64' }))
    assertClose('gradient', dq.at(0, 2).get(), np.zeros([4, 3], { dtype: 'float64' }))
    checkGrads(f, [q, k, v])
    const lengths = nn.dotProductAttention(q, k, v, { querySeqLengths: [3, 5], keyValueSeqLengths: [0, 5] })
    assertClose('lengths', lengths.at(0).get(), np.zeros([5, 4, 3], { dtype: 'float64' }))
  })

  it('shares keys among groups of heads', () => {
    const [k2, v2] = [k, v].map((x) => x.at(':', ':', np.slice(0, 2)).get()) as [NDArray, NDArray]
    const repeated = [k2, v2].map((x) => np.repeat(x, 2, { axis: 2 })) as [NDArray, NDArray]
    const mask = np.less(normal(5, 2, 4, 5, 5), 0.7)
    const options = { mask, bias: normal(6, 2, 4, 5, 5) }
    assertClose('grouped', nn.dotProductAttention(q, k2, v2, options), nn.dotProductAttention(q, ...repeated, options))
  })

  it('in layers: masks, memories, derivatives', () => {
    const layer = nn.multiHeadAttention(8, 4, { numKeyValueHeads: 2, memoryFeatures: 6 })
    const params = layer.init(key, 'float64')
    const [x, memory] = [normal(7, 2, 5, 8), normal(8, 2, 3, 6)]
    const f = (p: typeof params, x: NDArray, memory: NDArray): NDArray => layer.apply(p, x, { memory })
    expect(f(params, x, memory).shape).toEqual([2, 5, 8])
    checkGrads((x: NDArray, m: NDArray) => f(params, x, m), [x, memory])
    const self = nn.multiHeadAttention(8, 2)
    const own = self.init(key, 'float64')
    // The first of causal positions sees only itself; later ones change nothing before them.
    const causal = (x: NDArray): NDArray => self.apply(own, x, { isCausal: true })
    const changed = x.at(':', 4).set(0)
    assertClose('causal', causal(changed).at(':', np.slice(0, 4)).get(), causal(x).at(':', np.slice(0, 4)).get())
    expect(() => nn.multiHeadAttention(8, 3)).toThrow(/3 heads/)
    expect(() => nn.dotProductAttention(q, k.at(':', ':', np.slice(0, 3)).get(), v)).toThrow(ShapeError)
  })

  it.each(['dot', 'general', 'concat'] as const)("Luong's, with the score %s", (score) => {
    const layer = nn.luongAttention(4, 4, { score })
    const params = layer.init(key, 'float64')
    const [query, memory] = [normal(9, 2, 4), normal(10, 2, 5, 4)]
    const { context, weights } = layer.apply(params, query, memory)
    assertClose('weights', np.sum(weights, { axis: -1 }), np.ones([2], { dtype: 'float64' }))
    assertClose('context', context, np.squeeze(np.matmul(np.expandDims(weights, 1), memory), { axis: 1 }))
    checkGrads((q: NDArray, m: NDArray) => layer.apply(params, q, m).context, [query, memory])
    const mask = np.array([[true, true, false, false, false], [false, false, false, false, false]]) // prettier-ignore
    const masked = layer.apply(params, query, memory, mask)
    assertClose('short', masked.context.at(0).get(), layer.apply(params, query.at(0).get(), memory.at(0, np.slice(0, 2)).get()).context) // prettier-ignore
    assertClose('nothing', masked.context.at(1).get(), np.zeros([4], { dtype: 'float64' }))
    // A decoder that attends at every step.
    const decode = (m: NDArray): NDArray =>
      lax.scan((q: NDArray) => [np.tanh(layer.apply(params, q, m).context), null], query, null, { length: 3 })[0]
    checkGrads(decode, [memory])
  })

  it("Luong's refuses what does not fit", () => {
    expect(() => nn.luongAttention(3, 4, { score: 'dot' })).toThrow(/equal features/)
    const layer = nn.luongAttention(3, 4)
    expect(() => layer.apply(layer.init(key), np.ones([2, 4]), np.ones([2, 5, 4]))).toThrow(ShapeError)
  })
})
