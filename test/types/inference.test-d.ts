/** What types functions without annotations get, and that annotations are kept. Checked by `npm run types`; nothing here runs. */
import {
  checkpoint,
  customGradient,
  customJvp,
  customVjp,
  evalShape,
  grad,
  hessian,
  hvp,
  jacfwd,
  jacrev,
  jit,
  jvp,
  lax,
  linearize,
  linearTranspose,
  makeProgram,
  np,
  ShapeDtypeStruct,
  valueAndGrad,
  vjp,
  vmap,
} from 'pullback'
import type { Fn, NDArray, Program, TreeOfArrays } from 'pullback'
import { expectTypeOf } from 'vitest'

interface Params {
  readonly w: NDArray
  readonly layers: readonly [NDArray, { readonly b: NDArray | null }]
}
declare const params: Params
declare const x: NDArray

// Parameters without annotations are arrays, as many as the function has.
type Unary = (x: NDArray) => NDArray
expectTypeOf(grad((x) => x.mul(2))).toEqualTypeOf<Unary>()
expectTypeOf(grad(grad((x) => x.mul(2)))).toEqualTypeOf<Unary>()
expectTypeOf(grad((a, b) => a.mul(b), { argnums: [0, 1] })).toEqualTypeOf<
  (a: NDArray, b: NDArray) => readonly [NDArray, NDArray]
>()
expectTypeOf(grad((a, b) => a.mul(b), { argnums: 1 })(x, x)).toEqualTypeOf<NDArray>()
expectTypeOf(grad((a) => [a.sum(), { twice: a }], { hasAux: true })(x)[1].twice).toEqualTypeOf<NDArray>()
expectTypeOf(valueAndGrad((x) => x.mul(2))(x)[1]).toEqualTypeOf<NDArray>()
expectTypeOf(vmap((x) => x.mul(2))).toEqualTypeOf<Unary>()
expectTypeOf(jit((x) => x.mul(2))(x)).toEqualTypeOf<NDArray>()
expectTypeOf(jit(vmap(grad((x) => x.mul(2))))(x)).toEqualTypeOf<NDArray>()
expectTypeOf(checkpoint((x) => x.mul(2))).toEqualTypeOf<Unary>()
expectTypeOf(jvp((x) => x.mul(2), [x], [x])[1]).toEqualTypeOf<NDArray>()
expectTypeOf(jvp((x) => x.mul(2), [1], [1])[1]).toEqualTypeOf<NDArray>()
expectTypeOf(vjp((x, y) => x.mul(y), x, 2)[1](x)).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(linearize((x) => x.mul(2), 1)[1](x)).toEqualTypeOf<NDArray>()
expectTypeOf(linearTranspose((x) => x.mul(2), new ShapeDtypeStruct([2], 'float32'))(x)[0]).toEqualTypeOf<NDArray>()
expectTypeOf(jacfwd((x) => x.mul(2))).toEqualTypeOf<Unary>()
expectTypeOf(jacrev((x) => x.mul(2))).toEqualTypeOf<Unary>()
expectTypeOf(hessian((x) => x.mul(2))).toEqualTypeOf<Unary>()
expectTypeOf(hvp((x) => x.mul(2), x, x)).toEqualTypeOf<NDArray>()
expectTypeOf(makeProgram((x) => x.mul(2))(x)).toEqualTypeOf<Program>()
expectTypeOf(evalShape((x) => [x.mul(2), x], x)).toEqualTypeOf<[ShapeDtypeStruct, ShapeDtypeStruct]>()

// Annotations are kept, beside parameters without.
expectTypeOf(grad((p: Params, x) => p.w.mul(x))).toEqualTypeOf<(p: Params, x: NDArray) => Params>()
expectTypeOf(grad((p: { w: NDArray; b: number }) => p.w.mul(p.b))({ w: x, b: 2 })).toEqualTypeOf<{
  w: NDArray
  b: NDArray
}>()
expectTypeOf(jit((p: Params, x) => ({ p, x }))(params, x)).toEqualTypeOf<{ p: Params; x: NDArray }>()
grad((p) => {
  // @ts-expect-error an array has no w
  expectTypeOf(p).toHaveProperty('w')
  return p
})
// @ts-expect-error the function has one argument
grad((x) => x.mul(2))(x, x)

// Results are of their own types: numbers become arrays, lists of known length are tuples, strings are not arrays.
expectTypeOf(jit(() => 2)()).toEqualTypeOf<NDArray>()
expectTypeOf(jit((x) => [x, x.sum()])(x)).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(jit((x) => ({ x, n: 2 }))(x)).toEqualTypeOf<{ x: NDArray; n: NDArray }>()
expectTypeOf(vmap((x) => [x, 2])(x)[1]).toEqualTypeOf<NDArray>()
const [, aux] = valueAndGrad((x) => [x, { text: 'a', n: 1 }], { hasAux: true })(x)[0]
expectTypeOf(aux).toEqualTypeOf<{ text: string; n: NDArray }>()

// Generic functions of trees of arrays get their own type back.
const descend = <P extends TreeOfArrays<P>>(loss: (p: P, x: NDArray) => NDArray, start: P): P => {
  const step = jit((p: P, x: NDArray) => {
    const [value, gradient] = valueAndGrad(loss)(p, x)
    return { p: gradient, value }
  })
  const { p } = step(start, x)
  const last = lax.foriLoop(0, 3, (_, p: P) => grad(loss)(p, x), p)
  return lax.scan((p: P, x: NDArray) => [grad(loss)(p, x), null], last, x)[0]
}
expectTypeOf(descend((p: Params) => p.w, params)).toEqualTypeOf<Params>()
// @ts-expect-error a number is not an array
descend((p: { a: number }) => x.mul(p.a), { a: 1 })
// Functions of any tree may be written, too.
const values = <T>(f: (x: T) => NDArray, x: T): NDArray => vjp(f, x)[0]
expectTypeOf(values((p: Params) => p.w, params)).toEqualTypeOf<NDArray>()

// Rules: what they are given follows from the function.
expectTypeOf(
  customJvp(
    (x) => x.sin(),
    ([x], [t]) => [x.sin(), t.mul(x.cos())],
  ),
).toEqualTypeOf<Fn<[x: NDArray], NDArray>>()
const withRule = customVjp(
  (p: Params, x) => p.w.mul(x),
  (p, x) => [p.w.mul(x), [p, x]],
  ([p, x], ct) => {
    expectTypeOf(p).toEqualTypeOf<Params>()
    return [{ ...p, w: ct.mul(x) }, null]
  },
)
expectTypeOf(withRule(params, x)).toEqualTypeOf<NDArray>()
customVjp(
  (x, n: number) => x.pow(n),
  (x, n) => [x.pow(n), x],
  (n, x, ct) => [ct.mul(x.pow(n - 1)).mul(n)],
  { nondiffArgnums: [1] },
)
expectTypeOf(customGradient((x) => [x.square(), (ct: NDArray) => [ct.mul(x)]])(x)).toEqualTypeOf<NDArray>()
customJvp(
  (x) => x.sin(),
  // @ts-expect-error the tangent is of another tree
  ([x], [t]) => [x.sin(), { t }],
)

// Loops: carries are what anyone would annotate, and are checked.
const walk = ([m, P]: readonly [NDArray, NDArray], z: NDArray) => [[m.add(z), P], m] as const
expectTypeOf(lax.scan(walk, [x, x], x)[0]).toEqualTypeOf<[NDArray, NDArray]>()
lax.scan(([m, P]: readonly [NDArray, NDArray], z: NDArray) => [[m, P.add(z)], m], [x, x], x)
lax.scan(([m, P]: [NDArray, NDArray], z: NDArray) => [[m, P.add(z)], m], [x, x], x)
lax.scan(([m, P]: [NDArray, NDArray], z: NDArray) => [[m, P.add(z)], m], [x, 0], x)
declare const pair: readonly [NDArray, NDArray]
lax.scan(([m, P]: [NDArray, NDArray], z: NDArray) => [[m, P.add(z)], m], pair, x)
expectTypeOf(lax.scan(([m, P], z) => [[m, P.add(z)], { m, z }], [x, x], x)).toEqualTypeOf<
  [carry: [NDArray, NDArray], ys: { m: NDArray; z: NDArray }]
>()
expectTypeOf(lax.scan(([n, P], z) => [[n.add(1), P.add(z)], null], [0, x], x)[0]).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(lax.scan((c, z) => [{ ...c, w: c.w.add(z) }, c.w], params, x)[0]).toEqualTypeOf<Params>()
expectTypeOf(lax.scan((_, z) => [null, z], null, x)[1]).toEqualTypeOf<NDArray>()
expectTypeOf(lax.foriLoop(0, 3, (i, [a, b]) => [b, a.add(i)], [x, x])).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(lax.foriLoop(0, 3, (i, a) => a.add(i), 0)).toEqualTypeOf<NDArray>()
expectTypeOf(lax.whileLoop(([i]) => i.less(3), ([i, a]) => [i.add(1), a], [0, x])).toEqualTypeOf<[NDArray, NDArray]>() // prettier-ignore
expectTypeOf(lax.map((p) => p.w, params)).toEqualTypeOf<NDArray>()
expectTypeOf(lax.map(([a, b]) => [b, a], [x, x])).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(lax.associativeScan(([a, b], [c, d]) => [a.mul(c), b.add(d)], [x, x])).toEqualTypeOf<[NDArray, NDArray]>()
// @ts-expect-error the carry has two parts
lax.scan(([m, P], z) => [[m, P, z], m], [x, x], x)
// @ts-expect-error the carry is a pair, not an array
lax.scan(([m], z) => [m.add(z), m], [x, x], x)
// @ts-expect-error the carry has a w
lax.scan((c, z) => [{ v: c.w.add(z) }, null], { w: x }, x)
// @ts-expect-error the body gives a carry and an output
lax.scan((c, z) => c.add(z), x, x)
// @ts-expect-error the carry is a pair
lax.foriLoop(0, 3, (_, [a]) => a, [x, x])
// @ts-expect-error the carry is an array
lax.whileLoop((c) => c.less(3), (c) => [c, c], x) // prettier-ignore

// Choices: operands are arrays, results are tuples where they are written so.
expectTypeOf(lax.cond(true, (y) => np.sqrt(y), () => x, 2)).toEqualTypeOf<NDArray>() // prettier-ignore
expectTypeOf(lax.cond(true, (a, b) => [a, b], (a, b) => [b, a], x, x)).toEqualTypeOf<[NDArray, NDArray]>() // prettier-ignore
expectTypeOf(lax.switch(1, [(p) => p.w, () => x], params)).toEqualTypeOf<NDArray>()

// Lists of arrays are tuples where their length is written out.
expectTypeOf(np.split(x, 2)).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(np.split(x, [2, 5], { axis: 1 })).toEqualTypeOf<[NDArray, NDArray, NDArray]>()
expectTypeOf(np.split(x, Number('2'))).toEqualTypeOf<NDArray[]>()
expectTypeOf(np.split(x, 1000)).toEqualTypeOf<NDArray[]>()
expectTypeOf(np.split(x, [] as readonly number[])).toEqualTypeOf<[...NDArray[], NDArray]>()
expectTypeOf(np.split(x, [] as readonly number[] | number)).toExtend<NDArray[]>()
expectTypeOf(np.arraySplit(x, 3)).toEqualTypeOf<[NDArray, NDArray, NDArray]>()
expectTypeOf(np.hsplit(x, 2)).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(np.vsplit(x, [1])).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(np.dsplit(x, 1)).toEqualTypeOf<[NDArray]>()
expectTypeOf(lax.split(x, [2, 3])).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(np.meshgrid([x, [1, 2]])).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(np.meshgrid([x].map((y) => y))).toEqualTypeOf<NDArray[]>()
expectTypeOf(np.broadcastArrays(x, 1, x)).toEqualTypeOf<[NDArray, NDArray, NDArray]>()
expectTypeOf(np.broadcastArrays(...np.unstack(x))).toEqualTypeOf<NDArray[]>()
expectTypeOf(np.ix([0], x)).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(np.unravelIndex(x, [2, 3])).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(np.unravelIndex(x, x.shape)).toEqualTypeOf<NDArray[]>()
expectTypeOf(np.diagIndices(2)).toEqualTypeOf<[NDArray, NDArray]>()
expectTypeOf(np.diagIndices(2, 3)).toEqualTypeOf<[NDArray, NDArray, NDArray]>()
expectTypeOf(np.polyfit(x, x, 1, { w: x })).toEqualTypeOf<NDArray>()
expectTypeOf(np.polyfit(x, x, 1, { cov: 'unscaled' })).toEqualTypeOf<np.FitWithCovariance>()
expectTypeOf(np.polyfit(x, x, 1, { full: true })[4]).toEqualTypeOf<NDArray>()
