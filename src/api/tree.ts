/** The `tree` namespace: pytrees, with types. */
import { TreeError } from '../core/errors.ts'
import type { IsLeaf } from '../core/tree.ts'
import type { LeafType, MapLeaves, opaqueBrand } from '../core/leafTypes.ts'
import { aPath, keystr } from '../core/path.ts'
import type { Path, PathKey } from '../core/path.ts'
import { aTreeDef, TreeDef } from '../core/treedef.ts'
import * as core from '../core/tree.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'
import type { TreeOfArrays } from './types.ts'

export { registerPytreeNode } from '../core/registration.ts'
export { keystr, TreeDef }

/** The types of all leaves of a tree. */
export type Leaf<T> = T extends LeafType
  ? T
  : T extends null | undefined
    ? never
    : T extends { readonly _tag: 'None' }
      ? never
      : T extends { readonly _tag: 'Some'; readonly value: infer A }
        ? Leaf<A>
        : typeof opaqueBrand extends keyof T
          ? NDArray
          : T extends readonly (infer E)[]
            ? Leaf<E>
            : T extends object
              ? Leaf<T[keyof T]>
              : T

const leafParameters = { tree: must.anything, isLeaf: must.optional(must.func) }
const functionParameter = { f: must.func }
const withPredicate = { tree: must.anything, predicate: must.func }

/**
 * Leaves in order, and the structure. Values for which `isLeaf` is true are leaves, whatever they contain.
 *
 * @example
 * ```ts
 * import { np, tree } from 'pullback'
 * const [leaves, treedef] = tree.flatten({ b: np.array(2), a: [np.array(1), null] })
 * leaves.map(String) // => 1.,2.
 * treedef // => {a: [*, null], b: *}
 * ```
 */
export function flatten<T extends TreeOfArrays<T>>(tree: T): [leaves: NDArray[], treedef: TreeDef<T>]
export function flatten<T>(tree: T): [leaves: Leaf<T>[], treedef: TreeDef<T>]
export function flatten(tree: unknown, isLeaf?: IsLeaf): [leaves: unknown[], treedef: TreeDef]
export function flatten(tree: unknown, isLeaf?: IsLeaf): [leaves: unknown[], treedef: TreeDef] {
  must.checkArguments('tree.flatten', leafParameters, tree, isLeaf)
  const { leaves, treedef } = core.flatten(tree, isLeaf)
  return [[...leaves], treedef]
}

const unflattenDoor = must.door('tree.unflatten', {
  treedef: aTreeDef,
  leaves: must.listOf(must.anything, 'a list of leaves'),
})

/**
 * The tree with this structure and these leaves, in order. Its type is that of the tree that the structure was taken from, with
 * the type of the new leaves.
 *
 * @throws TreeError if their number differs.
 * @example
 * ```ts
 * import { np, tree } from 'pullback'
 * const [leaves, treedef] = tree.flatten({ a: np.array(1), b: [np.array(2)] as const })
 * tree.unflatten(treedef, leaves.map((x) => x.mul(10))).b[0] // => 20.
 * ```
 */
export function unflatten<T extends TreeOfArrays<T>>(treedef: TreeDef<T>, leaves: readonly NDArray[]): T
export function unflatten<T, L>(
  treedef: TreeDef<T>,
  leaves: readonly L[],
): unknown extends T ? unknown : MapLeaves<T, L>
export function unflatten(treedef: TreeDef, leaves: readonly unknown[]): unknown {
  unflattenDoor(treedef, leaves)
  return core.unflatten(treedef, leaves)
}

/**
 * Leaves in order: object keys sorted by code unit.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * tree.leaves({ b: 2, a: [1, null] }) // => 1,2
 * ```
 */
export function leaves<T extends TreeOfArrays<T>>(tree: T): NDArray[]
export function leaves<T>(tree: T): Leaf<T>[]
export function leaves(tree: unknown, isLeaf?: IsLeaf): unknown[]
export function leaves(tree: unknown, isLeaf?: IsLeaf): unknown[] {
  must.checkArguments('tree.leaves', leafParameters, tree, isLeaf)
  return [...core.flatten(tree, isLeaf).leaves]
}

/**
 * The structure alone.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * tree.structure({ b: 2, a: [1, null] }) // => {a: [*, null], b: *}
 * ```
 */
export function structure<T>(tree: T): TreeDef<T>
export function structure(tree: unknown, isLeaf?: IsLeaf): TreeDef
export function structure(tree: unknown, isLeaf?: IsLeaf): TreeDef {
  must.checkArguments('tree.structure', leafParameters, tree, isLeaf)
  return core.flatten(tree, isLeaf).treedef
}

/**
 * The tree with `f` applied to each leaf. Further trees may extend below the leaves of the first.
 *
 * @throws TreeError naming the path where two trees differ.
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * tree.map((x, y) => x + y, { a: 1, b: [2] }, { a: 10, b: [20] }).b // => 22
 * ```
 */
export function map<T extends TreeOfArrays<T>, Rest extends readonly T[]>(
  f: (leaf: NDArray, ...rest: { [I in keyof Rest]: NDArray }) => NDArray,
  tree: T,
  ...rest: Rest
): T
export function map<T, R, Rest extends readonly unknown[]>(
  f: (leaf: Leaf<NoInfer<T>>, ...rest: { [I in keyof Rest]: Leaf<NoInfer<Rest>[I]> }) => R,
  tree: T,
  ...rest: Rest
): MapLeaves<T, R>
export function map<T, R, Rest extends readonly unknown[]>(
  f: (leaf: Leaf<T>, ...rest: { [I in keyof Rest]: Leaf<Rest[I]> }) => R,
  tree: T,
  ...rest: Rest
): MapLeaves<T, R> {
  must.checkArguments('tree.map', functionParameter, f)
  const { leaves: first, treedef } = core.flatten(tree)
  const others = rest.map((t) => core.flattenUpTo('tree.map', treedef, t))
  const call = f as (...args: readonly unknown[]) => R
  return core.unflatten(
    treedef,
    first.map((x, i) => call(x, ...others.map((o) => o[i]))),
  ) as MapLeaves<T, R>
}

/**
 * As `map`; `f` is given the path of each leaf first.
 *
 * @example
 * ```ts
 * import { np, tree } from 'pullback'
 * const params = { kernel: np.array(2), bias: np.array(3) }
 * tree.mapWithPath((path, x) => (path[0] === 'bias' ? x.mul(0) : x), params).bias // => 0.
 * ```
 */
export function mapWithPath<T extends TreeOfArrays<T>, Rest extends readonly T[]>(
  f: (path: Path, leaf: NDArray, ...rest: { [I in keyof Rest]: NDArray }) => NDArray,
  tree: T,
  ...rest: Rest
): T
export function mapWithPath<T, R, Rest extends readonly unknown[]>(
  f: (path: Path, leaf: Leaf<NoInfer<T>>, ...rest: { [I in keyof Rest]: Leaf<NoInfer<Rest>[I]> }) => R,
  tree: T,
  ...rest: Rest
): MapLeaves<T, R>
export function mapWithPath<T, R, Rest extends readonly unknown[]>(
  f: (path: Path, leaf: Leaf<T>, ...rest: { [I in keyof Rest]: Leaf<Rest[I]> }) => R,
  tree: T,
  ...rest: Rest
): MapLeaves<T, R> {
  must.checkArguments('tree.mapWithPath', functionParameter, f)
  const { leaves: first, treedef } = core.flatten(tree)
  const paths = core.leafPaths(treedef)
  const others = rest.map((t) => core.flattenUpTo('tree.mapWithPath', treedef, t))
  const call = f as (...args: readonly unknown[]) => R
  return core.unflatten(
    treedef,
    first.map((x, i) => call(paths[i], x, ...others.map((o) => o[i]))),
  ) as MapLeaves<T, R>
}

/**
 * `[path, leaf]` for each leaf, and the structure.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * const [leaves] = tree.flattenWithPath({ layers: [{ w: 1 }, { w: 2 }] })
 * leaves.map(([path, x]) => `${tree.keystr(path)} = ${x}`) // => .layers[0].w = 1,.layers[1].w = 2
 * ```
 */
export function flattenWithPath<T extends TreeOfArrays<T>>(
  tree: T,
): [leaves: [path: Path, leaf: NDArray][], treedef: TreeDef<T>]
export function flattenWithPath<T>(tree: T): [leaves: [path: Path, leaf: Leaf<T>][], treedef: TreeDef<T>]
export function flattenWithPath(
  tree: unknown,
  isLeaf?: IsLeaf,
): [leaves: [path: Path, leaf: unknown][], treedef: TreeDef]
export function flattenWithPath(
  tree: unknown,
  isLeaf?: IsLeaf,
): [leaves: [path: Path, leaf: unknown][], treedef: TreeDef] {
  must.checkArguments('tree.flattenWithPath', leafParameters, tree, isLeaf)
  const { leaves: all, treedef } = core.flatten(tree, isLeaf)
  const paths = core.leafPaths(treedef)
  return [all.map((x, i) => [paths[i]!, x]), treedef]
}

/**
 * `[path, leaf]` for each leaf.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * tree.leavesWithPath({ w: 1, b: [2, 3] }).map(([path]) => path.join('.')) // => b.0,b.1,w
 * ```
 */
export function leavesWithPath<T extends TreeOfArrays<T>>(tree: T): [path: Path, leaf: NDArray][]
export function leavesWithPath<T>(tree: T): [path: Path, leaf: Leaf<T>][]
export function leavesWithPath(tree: unknown, isLeaf?: IsLeaf): [path: Path, leaf: unknown][]
export function leavesWithPath(tree: unknown, isLeaf?: IsLeaf): [path: Path, leaf: unknown][] {
  must.checkArguments('tree.leavesWithPath', leafParameters, tree, isLeaf)
  return flattenWithPath(tree, isLeaf)[0]
}

/**
 * Folds the leaves from the left.
 *
 * @example
 * ```ts
 * import { np, tree } from 'pullback'
 * const params = { w: np.array([3, 0]), b: np.array(4) }
 * tree.reduce((sum, x) => sum.add(x.square().sum()), params, np.array(0)) // => 25.
 * ```
 */
export function reduce<T extends TreeOfArrays<T>, R>(f: (accumulated: R, leaf: NDArray) => R, tree: T, initial: R): R
export function reduce<T, R>(f: (accumulated: R, leaf: Leaf<NoInfer<T>>) => R, tree: T, initial: R): R
export function reduce<T, R>(f: (accumulated: R, leaf: Leaf<T>) => R, tree: T, initial: R): R {
  must.checkArguments('tree.reduce', functionParameter, f)
  return (core.flatten(tree).leaves as readonly Leaf<T>[]).reduce<R>(f, initial)
}

/**
 * The number of elements of all arrays of a tree, numbers among them: how many parameters a model has.
 *
 * @throws TreeError for a leaf that is not an array, naming its path.
 * @example
 * ```ts
 * import { nn, random, tree } from 'pullback'
 * tree.size(nn.linear(10, 3).init(random.key(0))) // => 33
 * ```
 */
export const size = (tree: unknown): number => {
  const { leaves: all, treedef } = core.flatten(tree)
  return all.reduce<number>((n, leaf, i) => {
    if (leaf instanceof NDArray) return n + leaf.size
    if (typeof leaf === 'number' || typeof leaf === 'boolean' || typeof leaf === 'bigint') return n + 1
    if (ArrayBuffer.isView(leaf) && 'length' in leaf) return n + (leaf.length as number)
    const path = keystr(core.leafPaths(treedef)[i]!)
    throw new TreeError(`tree.size: the tree${path} is a ${typeof leaf}; elements are counted of arrays and numbers.`)
  }, 0)
}

/**
 * Whether all leaves are true.
 *
 * @example
 * ```ts
 * import { np, tree } from 'pullback'
 * const params = { w: np.array([1, 2]), b: np.array(NaN) }
 * tree.all(tree.map((x) => np.all(np.isfinite(x)).bool(), params)) // => false
 * ```
 */
export const all = (tree: unknown): boolean => core.flatten(tree).leaves.every(Boolean)

const transposeDoor = must.door('tree.transpose', { outer: aTreeDef, inner: aTreeDef })

/**
 * A tree of trees inside out: from `outer` of `inner` to `inner` of `outer`.
 *
 * @throws TreeError if the tree does not have these structures.
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * const runs = [{ loss: 3, accuracy: 0.5 }, { loss: 1, accuracy: 0.9 }]
 * const byName = tree.transpose(tree.structure([0, 0]), tree.structure({ loss: 0, accuracy: 0 }), runs)
 * byName.loss // => 3,1
 * ```
 */
export function transpose<O, I, T>(
  outer: TreeDef<O>,
  inner: TreeDef<I>,
  tree: T,
): unknown extends O | I ? unknown : MapLeaves<I, MapLeaves<O, Leaf<T>>>
export function transpose(outer: TreeDef, inner: TreeDef, tree: unknown): unknown {
  transposeDoor(outer, inner, tree)
  const rows = core.flattenUpTo('tree.transpose', outer, tree).map((t) => core.flattenUpTo('tree.transpose', inner, t))
  const columns = Array.from({ length: inner.numLeaves }, (_, i) => rows.map((row) => row[i]))
  return core.unflatten(
    inner,
    columns.map((column) => core.unflatten(outer, column)),
  )
}

/**
 * A prefix of a tree, broadcast to the whole tree: each leaf of the prefix is repeated for all leaves below it.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * const rates = tree.broadcast({ body: 0.1, head: 1 }, { body: { w: 5, b: 6 }, head: { w: 7 } })
 * rates.body.b // => 0.1
 * rates.head.w // => 1
 * ```
 */
export const broadcast = <R, T>(prefix: R, full: T): MapLeaves<T, Leaf<R>> => {
  const { treedef } = core.flatten(full)
  return core.unflatten(treedef, core.broadcastPrefix('tree.broadcast', prefix, treedef)) as MapLeaves<T, Leaf<R>>
}

const sameLeaf = (a: unknown, b: unknown): boolean => {
  if (!(a instanceof NDArray && b instanceof NDArray)) return Object.is(a, b)
  if (!a.aval.matches(b.aval)) return false
  const [x, y] = [a.dataSync(), b.dataSync()]
  return x.every((v: number | bigint, i: number) => Object.is(v, y[i]))
}

/**
 * Whether two trees have the same structure and equal leaves; arrays are compared by shape, dtype and bits.
 *
 * @example
 * ```ts
 * import { np, tree } from 'pullback'
 * tree.equal({ w: np.array([1, 2]) }, { w: np.array([1, 2]) }) // => true
 * tree.equal({ w: np.array([1, 2]) }, { w: np.array([1, 2], { dtype: 'int32' }) }) // => false
 * ```
 */
export const equal = (a: unknown, b: unknown): boolean => {
  const [x, y] = [core.flatten(a), core.flatten(b)]
  return x.treedef.equals(y.treedef) && x.leaves.every((leaf, i) => sameLeaf(leaf, y.leaves[i]))
}

/** Only in types: the tree that a part was taken from. */
export declare const wholeBrand: unique symbol

/** A tree like `T` in which some leaves may be missing; `combine` makes a `T` from such parts. */
export type Partial<T> = T extends LeafType ? T | null : MapLeaves<T, Leaf<T> | null> & PartOf<T>

/** A part of a `T`, with null for missing leaves: `partition` returns two. */
export interface PartOf<T> {
  readonly [wholeBrand]?: T
}

/** The tree `T` in which nulls may be filled by other leaves. */
type Filled<T> = [T] extends [LeafType | null | undefined]
  ? [T] extends [null | undefined]
    ? T
    : Exclude<T, null | undefined>
  : { [K in keyof T]: Filled<T[K]> }

const partitionDoor = must.door('tree.partition', withPredicate)

/**
 * Splits a tree in two of the same structure: the leaves for which the predicate holds, and the others; missing leaves are
 * null.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * const [big, small] = tree.partition({ a: 1, b: 20 }, (x) => x > 10)
 * tree.structure(big) // => {a: null, b: *}
 * tree.combine(big, small).a // => 1
 * ```
 */
export const partition = <T>(
  tree: T,
  predicate: (leaf: Leaf<NoInfer<T>>, path: Path) => boolean,
): [yes: Partial<T>, no: Partial<T>] => {
  partitionDoor(tree, predicate)
  const { leaves: all_, treedef } = core.flatten(tree)
  const paths = core.leafPaths(treedef)
  const holds = all_.map((x, i) => predicate(x as Leaf<T>, paths[i]!))
  const part = (kind: boolean): Partial<T> =>
    core.unflatten(
      treedef,
      all_.map((x, i) => (holds[i] === kind ? x : null)),
    ) as Partial<T>
  return [part(true), part(false)]
}

const isGap: IsLeaf = (x) => x === null

/**
 * Merges trees of the same structure: each leaf is the first one at its path that is not null. * * @throws TreeError naming the
 * path where they differ.
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * const [biases, others] = tree.partition({ w: 1, b: 2 }, (_, path) => path[0] === 'b')
 * tree.combine(biases, others).b // => 2
 * ```
 */
export function combine<T>(first: PartOf<T>, ...rest: readonly PartOf<NoInfer<T>>[]): T
export function combine<T>(first: T, ...rest: readonly unknown[]): Filled<T>
export function combine(first: unknown, ...rest: readonly unknown[]): unknown {
  let { leaves: merged, treedef } = core.flatten(first, isGap)
  for (const other of rest) {
    const next = core.flatten(other, isGap)
    if (!next.treedef.equals(treedef)) {
      // Throws, naming the path where they differ.
      core.flattenUpTo('tree.combine', treedef, other)
      throw new TreeError(`tree.combine: ${treedef.toString()} and ${next.treedef.toString()} differ.`)
    }
    merged = merged.map((x, i) => x ?? next.leaves[i])
    treedef = next.treedef
  }
  return core.unflatten(treedef, merged)
}

const filterDoor = must.door('tree.filter', withPredicate)

/**
 * The tree with the leaves that fail the predicate replaced by null.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * const kernels = tree.filter({ kernel: 1, bias: 2 }, (_, path) => path.at(-1) === 'kernel')
 * tree.structure(kernels) // => {bias: null, kernel: *}
 * ```
 */
export const filter = <T>(tree: T, predicate: (leaf: Leaf<NoInfer<T>>, path: Path) => boolean): Partial<T> => {
  filterDoor(tree, predicate)
  return partition(tree, predicate)[0]
}

/** The type of the subtree of a `T` at a literal path; unknown for other paths. */
export type At<T, P extends Path> = P extends readonly []
  ? T
  : P extends readonly [infer K extends PathKey, ...infer Rest extends Path]
    ? K extends keyof T
      ? At<T[K], Rest>
      : unknown
    : unknown

const treeAtDoor = must.door('tree.treeAt', { tree: must.anything, path: aPath, replace: must.func })

/**
 * The tree with the subtree at a path replaced.
 *
 * @throws TreeError if there is nothing at the path.
 * @example
 * ```ts
 * import { np, tree } from 'pullback'
 * const params = { layers: [{ w: np.array(1) }, { w: np.array(2) }] as const }
 * tree.treeAt(params, ['layers', 1, 'w'], (w) => w.mul(10)).layers[1].w // => 20.
 * ```
 */
export function treeAt<T, const P extends Path>(
  tree: T,
  path: P,
  replace: (subtree: At<T, P>) => NoInfer<At<T, P>>,
): T {
  treeAtDoor(tree, path, replace)
  return replaceAt(tree, path, replace as (subtree: unknown) => unknown)
}

const replaceAt = <T>(tree: T, path: Path, replace: (subtree: unknown) => unknown): T => {
  const [key, ...rest] = path
  if (key === undefined) return replace(tree) as T
  if (typeof tree !== 'object' || tree === null || !Object.hasOwn(tree, key)) {
    throw new TreeError(`tree.treeAt: there is nothing at ${keystr([key])}.`)
  }
  const replaced = replaceAt((tree as Readonly<Record<string | number, unknown>>)[key], rest, replace)
  if (Array.isArray(tree)) return tree.with(key as number, replaced) as T
  return { ...tree, [key]: replaced }
}

export type { SerializeOptions, TreeBytes } from './serialize.ts'
export { serialize } from './serialize.ts'
export type { DeserializeOptions, SerializationError } from './deserialize.ts'
export { deserialize } from './deserialize.ts'
