/** Layers of any kind compose, and their types infer. Checked by `npm run types`; nothing here runs. */
import { grad, jit, nn, np, optim, random, valueAndGrad } from 'pullback'
import type { ArrayLike, NDArray } from 'pullback'
import { expectTypeOf } from 'vitest'

declare const x: NDArray
const key = random.key(0)

// Without state, as ever: parameters in, an array out.
const plain = nn.sequential(nn.linear(2, 3), nn.relu, (h) => h.mul(2), nn.linear(3, 1))
type Plain = ReturnType<typeof plain.init>
expectTypeOf<Plain>().toEqualTypeOf<readonly [nn.LinearParams, null, null, nn.LinearParams]>()
expectTypeOf(plain.apply(plain.init(key), x)).toEqualTypeOf<NDArray>()
expectTypeOf(jit(plain.apply)(plain.init(key), x)).toEqualTypeOf<NDArray>()
expectTypeOf(grad((p: Plain) => np.sum(plain.apply(p, x)))(plain.init(key))[0].kernel).toEqualTypeOf<NDArray>()
expectTypeOf(plain.apply(plain.init(key), x, { training: true, key })).toEqualTypeOf<NDArray>()
expectTypeOf(plain).not.toHaveProperty('initState')

// One layer with state makes the chain stateful, in the type too.
const normal = nn.sequential(nn.conv(1, 8, [3, 3]), nn.batchNorm(8), nn.relu, nn.dropoutLayer(0.5))
type Params = ReturnType<typeof normal.init>
type State = ReturnType<typeof normal.initState>
expectTypeOf<Params>().toEqualTypeOf<readonly [nn.ConvLayerParams, nn.NormParams, null, null]>()
expectTypeOf<State>().toEqualTypeOf<readonly [null, nn.RunningStatistics, null, null]>()
const [y, next] = normal.apply(normal.init(key), normal.initState(), x, { training: true, key })
expectTypeOf(y).toEqualTypeOf<NDArray>()
expectTypeOf(next).toEqualTypeOf<State>()
// @ts-expect-error the state is missing
normal.apply(normal.init(key), x)
// @ts-expect-error training is not an array
normal.apply(normal.init(key), normal.initState(), x, { training: np.array(true) })
// @ts-expect-error no option of a run
normal.apply(normal.init(key), normal.initState(), x, { train: true })

// Any depth of chains, shortcuts and copies.
const deep = nn.sequential(
  nn.linear(2, 8),
  nn.repeat(3, nn.residual(nn.sequential(nn.layerNorm(8), nn.multiHeadAttention(8, 2), nn.dropoutLayer(0.1)))),
  nn.residual(nn.sequential(nn.linear(8, 8), nn.instanceNorm(8, { trackRunningStats: true }))),
  nn.repeat(2, nn.residual(nn.batchNorm(8)), { unroll: true }),
  nn.instanceNorm(8),
  nn.residual(nn.tanh),
)
type Deep = ReturnType<typeof deep.init>
expectTypeOf<Deep>().toEqualTypeOf<
  readonly [
    nn.LinearParams,
    readonly [nn.NormParams, nn.MultiHeadAttentionParams, null],
    readonly [nn.LinearParams, nn.NormParams],
    nn.NormParams,
    nn.NormParams,
    null,
  ]
>()
expectTypeOf(deep.initState()).toEqualTypeOf<
  readonly [null, null, readonly [null, nn.RunningStatistics], nn.RunningStatistics, null, null]
>()

// A step of training needs no cast: the state is what the loss gives beside its value.
const optimizer = optim.adam(1e-3)
const loss = (params: Deep, state: ReturnType<typeof deep.initState>, batch: NDArray) => {
  const [out, after] = deep.apply(params, state, batch, { training: true, key })
  return [np.mean(out), after] as const
}
const params = deep.init(key)
const [[value, after], gradient] = valueAndGrad(loss, { hasAux: true })(params, deep.initState(), x)
expectTypeOf(value).toEqualTypeOf<NDArray>()
expectTypeOf(after[3].mean).toEqualTypeOf<NDArray>()
deep.apply(params, after, x)
const [updates] = optimizer.update(gradient, optimizer.init(params), params)
expectTypeOf(optim.applyUpdates(params, updates)[2][1].scale).toEqualTypeOf<NDArray | null>()

// Layers of one's own: the parameters' type comes from `init`, and is known in `apply`.
const parts = { norm: nn.layerNorm(8), attention: nn.multiHeadAttention(8, 2), mlp: plain }
const block = nn.layer({
  init: (k, dtype) => nn.initAll(k, parts, dtype),
  apply: (p, h: ArrayLike) => {
    expectTypeOf(p.norm).toEqualTypeOf<nn.NormParams>()
    return np.add(h, parts.attention.apply(p.attention, parts.norm.apply(p.norm, h), { isCausal: true }))
  },
})
type Block = ReturnType<typeof block.init>
expectTypeOf<Block['mlp']>().toEqualTypeOf<Plain>()
expectTypeOf(block.apply(block.init(key), x)).toEqualTypeOf<NDArray>()
const counting = nn.statefulLayer({
  init: (k, dtype) => ({ w: random.normal(k, [2], dtype === undefined ? {} : { dtype }) }),
  initState: () => ({ steps: np.array(0) }),
  apply: (p, s, h: NDArray, run?: nn.RunOptions) => {
    expectTypeOf(run?.training).toEqualTypeOf<boolean | undefined>()
    return [p.w.mul(h), { steps: s.steps.add(1) }]
  },
})
expectTypeOf(counting.initState().steps).toEqualTypeOf<NDArray>()
const mixed = nn.sequential(block, counting)
expectTypeOf(mixed.init(key)[1].w).toEqualTypeOf<NDArray>()
expectTypeOf(mixed.initState()[1].steps).toEqualTypeOf<NDArray>()
nn.layer({
  init: () => ({ w: x }),
  apply: (p, h: NDArray) => {
    expectTypeOf(p).toEqualTypeOf<{ w: NDArray }>()
    return p.w.mul(h)
  },
})
// Whether init looks at its arguments or not, and whether the type of x is said.
nn.statefulLayer({
  init: () => ({ w: x }),
  initState: (dtype) => np.zeros([2], dtype === undefined ? {} : { dtype }),
  apply: (p, s, h) => {
    expectTypeOf(p.w).toEqualTypeOf<NDArray>()
    expectTypeOf(h).toEqualTypeOf<ArrayLike>()
    return [np.add(h, p.w), s]
  },
})

// Lists of layers, whose number is known only when they run.
declare const linears: readonly nn.Layer<nn.LinearParams>[]
expectTypeOf(nn.sequential(...linears).init(key)).toEqualTypeOf<readonly nn.LinearParams[]>()
declare const norms: readonly nn.StatefulLayer<nn.NormParams, nn.RunningStatistics>[]
expectTypeOf(nn.sequential(...norms).initState()).toEqualTypeOf<readonly nn.RunningStatistics[]>()

// A container hands { training, key } on: a layer that wants something else in their place is none of its parts.
const masked = nn.layer({
  init: () => null,
  apply: (_, h: NDArray, mask?: NDArray) => (mask === undefined ? h : h.mul(mask)),
})
// @ts-expect-error the mask is not an option of a run
nn.sequential(masked)
// @ts-expect-error the memory is missing
nn.sequential(nn.luongAttention(2, 2))
// @ts-expect-error a recurrent network gives a carry too
nn.residual(nn.rnn(nn.gruCell(2, 2)))
