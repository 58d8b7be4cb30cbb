/** What the public types infer, and what must not compile. Checked by `npm run types`; nothing here runs. */
import type { Option } from 'fp-ts/lib/Option.js'
import {
  grad,
  hessian,
  jacrev,
  jit,
  jvp,
  linearize,
  nn,
  np,
  optim,
  random,
  tree,
  valueAndGrad,
  vjp,
  vmap,
} from 'pullback'
import type { Nested, NDArray, TypedArray } from 'pullback'
import { expectTypeOf } from 'vitest'

interface Params {
  readonly w: NDArray
  readonly layers: readonly [NDArray, { readonly b: NDArray | null }]
}
declare const params: Params
declare const x: NDArray
declare const loss: (p: Params, x: NDArray) => NDArray

// grad: the tree of the argument that it is taken of.
expectTypeOf(grad(loss)(params, x).w).toEqualTypeOf<NDArray>()
expectTypeOf(grad(loss)(params, x).layers[1].b).toEqualTypeOf<NDArray | null>()
expectTypeOf(grad(loss, { argnums: 1 })(params, x)).toEqualTypeOf<NDArray>()
const [first, second] = grad(loss, { argnums: [0, 1] })(params, x)
expectTypeOf(first.w).toEqualTypeOf<NDArray>()
expectTypeOf(second).toEqualTypeOf<NDArray>()
const [value, gradient] = valueAndGrad(loss)(params, x)
expectTypeOf(value).toEqualTypeOf<NDArray>()
expectTypeOf(gradient.layers[0]).toEqualTypeOf<NDArray>()
const [g, aux] = grad((p: Params) => [p.w, { n: p.w }] as const, { hasAux: true })(params)
expectTypeOf(g.w).toEqualTypeOf<NDArray>()
expectTypeOf(aux.n).toEqualTypeOf<NDArray>()
expectTypeOf(grad(np.sin)(1)).toEqualTypeOf<NDArray>()

// @ts-expect-error the second argument is missing
grad(loss)(params)
// @ts-expect-error not the tree that the function takes
grad(loss)({ w: x }, x)
// @ts-expect-error a function of a string is not a function of arrays that gives a scalar
grad((s: string) => s)('x')

// jvp, vjp, linearize: trees of results and of arguments.
const [out, tangent] = jvp((p: Params) => ({ y: p.w }), [params], [params])
expectTypeOf(out.y).toEqualTypeOf<NDArray>()
expectTypeOf(tangent.y).toEqualTypeOf<NDArray>()
const [y, pullback] = vjp(loss, params, x)
expectTypeOf(y).toEqualTypeOf<NDArray>()
expectTypeOf(pullback(x)[0].w).toEqualTypeOf<NDArray>()
expectTypeOf(pullback(x)[1]).toEqualTypeOf<NDArray>()
const [, push] = linearize(loss, params, x)
expectTypeOf(push(params, x)).toEqualTypeOf<NDArray>()
// @ts-expect-error a tangent for each argument
push(params)

// jit and vmap keep signatures.
expectTypeOf(jit(loss)(params, x)).toEqualTypeOf<NDArray>()
// @ts-expect-error the arguments of the function
jit(loss)(x, x)
expectTypeOf(vmap((a: NDArray, n: NDArray) => [a, n] as const)(x, x)[1]).toEqualTypeOf<NDArray>()

// jacobians of trees are trees of trees.
expectTypeOf(jacrev((p: Params) => p.w)(params).w).toEqualTypeOf<NDArray>()
expectTypeOf(hessian((p: { a: NDArray }) => p.a)({ a: x }).a.a).toEqualTypeOf<NDArray>()

// trees: tuples stay tuples, and callbacks know their leaves.
expectTypeOf(tree.map((n: number) => String(n), [1, 2] as [number, number])).toEqualTypeOf<[string, string]>()
expectTypeOf(tree.map((n) => n > 1, { a: 1, b: { c: 2 } })).toEqualTypeOf<{ a: boolean; b: { c: boolean } }>()
expectTypeOf(tree.map((n) => [n], null as number | null)).toEqualTypeOf<number[] | null>()
declare const option: Option<number>
expectTypeOf(tree.leaves(option)).toEqualTypeOf<number[]>()
expectTypeOf(tree.leaves({ a: [x], b: null })).toEqualTypeOf<NDArray[]>()
// @ts-expect-error leaves are numbers
tree.map((n: string) => n, [1, 2])

// nn and optim: parameters keep their types through a step.
const model = nn.sequential(nn.linear(2, 3), nn.relu, nn.linear(3, 1))
const initial = model.init(random.key(0))
expectTypeOf(initial[0].kernel).toEqualTypeOf<NDArray>()
expectTypeOf(initial[1]).toEqualTypeOf<null>()
const optimizer = optim.adam(1e-3)
const [updates, state] = optimizer.update(params, optimizer.init(params), params)
expectTypeOf(updates).toEqualTypeOf<Params>()
expectTypeOf(optim.applyUpdates(params, updates)).toEqualTypeOf<Params>()
const step = jit((p: Params, s: optim.OptState) => ({ p, s }))
expectTypeOf(tree.leaves(state)).toEqualTypeOf<NDArray[]>()
expectTypeOf(step(params, state).s).toEqualTypeOf<optim.OptState>()

// Arrays are not numbers.
// @ts-expect-error an array is not a number: use Math.abs of x.item(), or np.abs
Math.abs(x)
// @ts-expect-error a dtype of another name
np.zeros([2], { dtype: 'float31' })

// What comes out of arrays.
expectTypeOf(x.item()).toEqualTypeOf<number>()
expectTypeOf(x.bool()).toEqualTypeOf<boolean>()
expectTypeOf(x.bigint()).toEqualTypeOf<bigint>()
expectTypeOf(np.isTrue(x)).toEqualTypeOf<boolean>()
expectTypeOf(x.dataSync()).toEqualTypeOf<TypedArray>()
expectTypeOf(x.dataSync('float32')).toEqualTypeOf<Float32Array>()
expectTypeOf(x.dataSync('int64')).toEqualTypeOf<BigInt64Array>()
expectTypeOf(x.data('bool')).toEqualTypeOf<Promise<Uint8Array>>()
expectTypeOf(x.toArray()).toEqualTypeOf<Nested>()
expectTypeOf(x.toArray({ rank: 2 })).toEqualTypeOf<number[][]>()
expectTypeOf(x.toArray({ rank: 0, dtype: 'int64' })).toEqualTypeOf<bigint>()
expectTypeOf(x.toArray({ rank: 1, dtype: 'bool' })).toEqualTypeOf<boolean[]>()
declare const rank: number
expectTypeOf(x.toArray({ rank })).toEqualTypeOf<Nested>()

// Keys: arrays that can be destructured, each key of a number that is written out being there.
const key = random.key(0)
const [k0, k1] = random.split(key)
expectTypeOf([k0, k1]).toEqualTypeOf<random.Key[]>()
const [k2, k3, k4] = random.split(key, 3)
expectTypeOf([k2, k3, k4]).toEqualTypeOf<random.Key[]>()
expectTypeOf(random.split(key, 4)[3]).toEqualTypeOf<random.Key>()
// @ts-expect-error there are four
expectTypeOf(random.split(key, 4)[4]).toBeUndefined()
declare const count: number
expectTypeOf(random.split(key, count)).toExtend<NDArray>()
expectTypeOf(random.split(key, count)[0]).toEqualTypeOf<random.Key | undefined>()
expectTypeOf(random.split(key, 1000)[999]).toEqualTypeOf<random.Key | undefined>()
expectTypeOf(random.split(key, [count])).toEqualTypeOf<NDArray>()
expectTypeOf(vmap((k) => random.normal(k, [2]))(random.split(key, 3))).toEqualTypeOf<NDArray>()
