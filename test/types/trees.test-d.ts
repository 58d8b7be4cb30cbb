/** Types of the `tree` namespace. Checked by `npm run types`; nothing here runs. */
import { grad, jit, np, tree } from 'pullback'
import type { NDArray, Path, TreeDef, TreeOfArrays } from 'pullback'
import { expectTypeOf } from 'vitest'

interface Params {
  readonly w: NDArray
  readonly layers: readonly [NDArray, { readonly b: NDArray | null }]
}
declare const params: Params
declare const x: NDArray

// A structure remembers the type of its tree.
const [leaves, treedef] = tree.flatten(params)
expectTypeOf(leaves).toEqualTypeOf<NDArray[]>()
expectTypeOf(tree.unflatten(treedef, leaves)).toEqualTypeOf<Params>()
expectTypeOf(tree.unflatten(treedef, [1]).layers[0]).toEqualTypeOf<number>()
expectTypeOf(tree.unflatten(tree.structure({ a: 1, b: [2] }), [x, x])).toEqualTypeOf<{ a: NDArray; b: NDArray[] }>()
declare const unknownTree: TreeDef
expectTypeOf(tree.unflatten(unknownTree, [x])).toEqualTypeOf<unknown>()
expectTypeOf(tree.transpose(tree.structure([0, 0]), tree.structure({ a: 0 }), [{ a: 'x' }])).toEqualTypeOf<{
  a: string[]
}>()
expectTypeOf(tree.broadcast(true, { a: 1, b: [2] })).toEqualTypeOf<{ a: boolean; b: boolean[] }>()

// Maps over arrays give the tree's own type, in generic functions too.
expectTypeOf(tree.map((p) => p.mul(2), params)).toEqualTypeOf<Params>()
expectTypeOf(tree.map((p, q) => p.add(q), params, params)).toEqualTypeOf<Params>()
expectTypeOf(tree.map((p) => p.ndim, params).w).toEqualTypeOf<number>()
expectTypeOf(tree.mapWithPath((path, p) => (path.length > 1 ? p.mul(2) : p), params)).toEqualTypeOf<Params>()
const descend = <P extends TreeOfArrays<P>>(loss: (p: P) => NDArray, p: P): P =>
  tree.map((p, g) => p.sub(g.mul(0.1)), p, grad(loss)(p))
expectTypeOf(descend((p: Params) => p.w, params)).toEqualTypeOf<Params>()
const count = <P extends TreeOfArrays<P>>(p: P): number => tree.reduce((n, leaf) => n + leaf.size, p, 0)
expectTypeOf(count(params)).toEqualTypeOf<number>()
// @ts-expect-error the trees are of one structure
tree.map((p: NDArray, q: NDArray) => p.add(q), params)

// Parts remember the whole.
const [head, body] = tree.partition(params, (_, path) => path[0] === 'w')
expectTypeOf(head.w).toEqualTypeOf<NDArray | null>()
expectTypeOf(tree.combine(head, body)).toEqualTypeOf<Params>()
const trained = jit((h: tree.Partial<Params>) => grad((h: tree.Partial<Params>) => tree.combine(h, body).w)(h))(head)
expectTypeOf(tree.combine(trained, body)).toEqualTypeOf<Params>()
const gap: { readonly a: NDArray | null; readonly b: readonly [NDArray | null] } = { a: x, b: [x] }
expectTypeOf(tree.combine(gap, { a: null, b: [x] }).b[0]).toEqualTypeOf<NDArray>()

// A path that is written out says what stands there.
expectTypeOf(tree.treeAt(params, ['layers', 0], (w) => w.mul(2))).toEqualTypeOf<Params>()
// @ts-expect-error an array stands there
tree.treeAt(params, ['layers', 0], () => 'text')
tree.treeAt(params, ['layers', 1, 'b'], (b) => (b === null ? null : np.zerosLike(b)))
declare const path: Path
tree.treeAt(params, path, (subtree) => subtree)
