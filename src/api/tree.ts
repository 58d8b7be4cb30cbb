/** The `tree` namespace: pytrees, with types. */
import { TreeError } from '../core/errors.ts'
import type { IsLeaf, MapLeaves, Path, TreeDef } from '../core/tree.ts'
import * as core from '../core/tree.ts'
import { NDArray } from '../trace/value.ts'

export { keystr, registerPytreeNode, TreeDef } from '../core/tree.ts'

/** The types of all leaves of a tree. */
export type Leaf<T> = T extends core.LeafType
  ? T
  : T extends null | undefined
    ? never
    : T extends { readonly _tag: 'None' }
      ? never
      : T extends { readonly _tag: 'Some'; readonly value: infer A }
        ? Leaf<A>
        : typeof core.opaqueBrand extends keyof T
          ? NDArray
          : T extends readonly (infer E)[]
            ? Leaf<E>
            : T extends object
              ? Leaf<T[keyof T]>
              : T

/** Leaves in order, and the structure that holds them. */
export const flatten = <T>(tree: T, isLeaf?: IsLeaf): [leaves: Leaf<T>[], treedef: TreeDef] => {
  const { leaves, treedef } = core.flatten(tree, isLeaf)
  return [leaves as Leaf<T>[], treedef]
}

/** The tree of a structure and its leaves in order. @throws TreeError if their number differs. */
export const unflatten = (treedef: TreeDef, leaves: readonly unknown[]): unknown => core.unflatten(treedef, leaves)

/**
 * Leaves in order: object keys sorted by code unit.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * tree.leaves({ b: 2, a: [1, null] }) // => 1,2
 * ```
 */
export const leaves = <T>(tree: T, isLeaf?: IsLeaf): Leaf<T>[] => core.flatten(tree, isLeaf).leaves as Leaf<T>[]

/**
 * The structure alone.
 *
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * tree.structure({ b: 2, a: [1, null] }) // => {a: [*, null], b: *}
 * ```
 */
export const structure = (tree: unknown, isLeaf?: IsLeaf): TreeDef => core.flatten(tree, isLeaf).treedef

/**
 * The tree with `f` applied to each leaf. Further trees may extend below the leaves of the first.
 *
 * @throws TreeError naming the path where two trees part.
 * @example
 * ```ts
 * import { tree } from 'pullback'
 * tree.map((x, y) => x + y, { a: 1, b: [2] }, { a: 10, b: [20] }).b // => 22
 * ```
 */
export const map = <T, R, Rest extends readonly unknown[]>(
  f: (leaf: Leaf<NoInfer<T>>, ...rest: { [I in keyof Rest]: Leaf<NoInfer<Rest>[I]> }) => R,
  tree: T,
  ...rest: Rest
): MapLeaves<T, R> => {
  const { leaves: first, treedef } = core.flatten(tree)
  const others = rest.map((t) => core.flattenUpTo('tree.map', treedef, t))
  const call = f as (...args: readonly unknown[]) => R
  return core.unflatten(
    treedef,
    first.map((x, i) => call(x, ...others.map((o) => o[i]))),
  ) as MapLeaves<T, R>
}

/** As `map`; `f` is given the path of each leaf first. */
export const mapWithPath = <T, R, Rest extends readonly unknown[]>(
  f: (path: Path, leaf: Leaf<NoInfer<T>>, ...rest: { [I in keyof Rest]: Leaf<NoInfer<Rest>[I]> }) => R,
  tree: T,
  ...rest: Rest
): MapLeaves<T, R> => {
  const { leaves: first, treedef } = core.flatten(tree)
  const paths = core.leafPaths(treedef)
  const others = rest.map((t) => core.flattenUpTo('tree.mapWithPath', treedef, t))
  const call = f as (...args: readonly unknown[]) => R
  return core.unflatten(
    treedef,
    first.map((x, i) => call(paths[i], x, ...others.map((o) => o[i]))),
  ) as MapLeaves<T, R>
}

/** `[path, leaf]` for each leaf, and the structure. */
export const flattenWithPath = <T>(tree: T, isLeaf?: IsLeaf): [leaves: [Path, Leaf<T>][], treedef: TreeDef] => {
  const { leaves: all, treedef } = core.flatten(tree, isLeaf)
  const paths = core.leafPaths(treedef)
  return [all.map((x, i) => [paths[i]!, x as Leaf<T>]), treedef]
}

/** `[path, leaf]` for each leaf. */
export const leavesWithPath = <T>(tree: T, isLeaf?: IsLeaf): [Path, Leaf<T>][] => flattenWithPath(tree, isLeaf)[0]

/** Folds the leaves from the left. */
export const reduce = <T, R>(f: (accumulated: R, leaf: Leaf<NoInfer<T>>) => R, tree: T, initial: R): R =>
  leaves(tree).reduce<R>(f, initial)

/** Whether all leaves are true. */
export const all = (tree: unknown): boolean => core.flatten(tree).leaves.every(Boolean)

/**
 * A tree of trees inside out: from `outer` of `inner` to `inner` of `outer`.
 *
 * @throws TreeError if the tree does not have these structures.
 */
export const transpose = (outer: TreeDef, inner: TreeDef, tree: unknown): unknown => {
  const rows = core.flattenUpTo('tree.transpose', outer, tree).map((t) => core.flattenUpTo('tree.transpose', inner, t))
  const columns = Array.from({ length: inner.numLeaves }, (_, i) => rows.map((row) => row[i]))
  return core.unflatten(
    inner,
    columns.map((column) => core.unflatten(outer, column)),
  )
}

/** A prefix of a tree stretched over it: each of its leaves stands for all leaves below its place. */
export const broadcast = <R>(prefix: R, full: unknown): unknown => {
  const { treedef } = core.flatten(full)
  return core.unflatten(treedef, core.broadcastPrefix('tree.broadcast', prefix, treedef))
}

const sameLeaf = (a: unknown, b: unknown): boolean => {
  if (!(a instanceof NDArray && b instanceof NDArray)) return Object.is(a, b)
  if (!a.aval.matches(b.aval)) return false
  const [x, y] = [a.dataSync(), b.dataSync()]
  return x.every((v: number | bigint, i: number) => Object.is(v, y[i]))
}

/** Whether two trees have one structure and equal leaves; arrays are compared by shape, dtype and bits. */
export const equal = (a: unknown, b: unknown): boolean => {
  const [x, y] = [core.flatten(a), core.flatten(b)]
  return x.treedef.equals(y.treedef) && x.leaves.every((leaf, i) => sameLeaf(leaf, y.leaves[i]))
}

/** A tree in which some leaves may be missing. */
export type Partial<T> = MapLeaves<T, Leaf<T> | null>

/**
 * Splits a tree in two of the same shape: leaves where the predicate holds, and the others; null in the gaps.
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
 * Trees of one shape laid over each other: at each place the first leaf that is not null.
 *
 * @throws TreeError naming the path where they part.
 */
export const combine = <T>(first: T, ...rest: readonly unknown[]): { [K in keyof T]: NonNullable<T[K]> } => {
  let { leaves: merged, treedef } = core.flatten(first, isGap)
  for (const other of rest) {
    const next = core.flatten(other, isGap)
    if (!next.treedef.equals(treedef)) {
      // Says where they part.
      core.flattenUpTo('tree.combine', treedef, other)
      throw new TreeError(`tree.combine: ${treedef.toString()} and ${next.treedef.toString()} differ.`)
    }
    merged = merged.map((x, i) => x ?? next.leaves[i])
    treedef = next.treedef
  }
  return core.unflatten(treedef, merged) as { [K in keyof T]: NonNullable<T[K]> }
}

/** The tree with the leaves that fail the predicate replaced by null. */
export const filter = <T>(tree: T, predicate: (leaf: Leaf<NoInfer<T>>, path: Path) => boolean): Partial<T> =>
  partition(tree, predicate)[0]

/** The tree with the subtree at a path replaced. @throws TreeError if there is nothing at the path. */
export const treeAt = <T>(tree: T, path: Path, replace: (subtree: unknown) => unknown): T => {
  const [key, ...rest] = path
  if (key === undefined) return replace(tree) as T
  if (typeof tree !== 'object' || tree === null || !Object.hasOwn(tree, key)) {
    throw new TreeError(`tree.treeAt: there is nothing at ${core.keystr([key])}.`)
  }
  const replaced = treeAt((tree as Readonly<Record<string | number, unknown>>)[key], rest, replace)
  if (Array.isArray(tree)) return tree.with(key as number, replaced) as T
  return { ...tree, [key]: replaced }
}
