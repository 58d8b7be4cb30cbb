/** The leaves of trees of parameters under their names: a quantised matrix is one, and so is a matrix that computes its products. */
import { isLinearOperator } from '../api/linearOperator.ts'
import type { LinearOperator } from '../api/linearOperator.ts'
import { isQuantized } from '../api/quantized.ts'
import type { QuantizedArray } from '../api/quantized.ts'
import { ShapeDtypeStruct } from '../api/program.ts'
import { isFloat } from '../core/dtype.ts'
import type { DType } from '../core/dtype.ts'
import { ArgumentError, ShapeError, TreeError } from '../core/errors.ts'
import { sameShape } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'
import { show } from '../core/show.ts'
import { flatten, leafPaths, unflatten } from '../core/tree.ts'
import type { IsLeaf } from '../core/tree.ts'
import type { TreeDef } from '../core/treedef.ts'
import { NDArray } from '../trace/value.ts'

/** A leaf of a tree of parameters, or a type where only shapes matter. */
export type ParamLeaf = NDArray | ShapeDtypeStruct | QuantizedArray | LinearOperator

const isMatrix = (x: unknown): x is QuantizedArray | LinearOperator => isQuantized(x) || isLinearOperator(x)

/** Containers that count as leaves here. */
export const isWhole: IsLeaf = (x) => isMatrix(x)

const isLeaf = (x: unknown): x is ParamLeaf => x instanceof NDArray || x instanceof ShapeDtypeStruct || isMatrix(x)

/** A tree, its leaves, and their names. */
export interface NamedTree {
  readonly leaves: readonly ParamLeaf[]
  /** `encoder.layer.0.output.dense.weight` */
  readonly names: readonly string[]
  readonly treedef: TreeDef
}

/** @throws TreeError for a leaf that is not an array. */
export const nameLeaves = (operation: string, params: unknown): NamedTree => {
  const { leaves, treedef } = flatten(params, isWhole)
  const names = leafPaths(treedef).map((path) => path.join('.'))
  const odd = leaves.findIndex((x) => !isLeaf(x))
  if (odd >= 0) throw new TreeError(`${operation}: ${names[odd]!} must be an array, got ${show(leaves[odd])}.`)
  return { leaves: leaves as readonly ParamLeaf[], names, treedef }
}

/** The tree with other leaves. */
export const withLeaves = <T>({ treedef }: NamedTree, leaves: readonly unknown[]): T => unflatten(treedef, leaves) as T

/** The dtype of a leaf, and its shape. */
export const typeOf = (leaf: ParamLeaf): { readonly dtype: DType; readonly shape: Shape } =>
  isQuantized(leaf) ? { dtype: 'float32', shape: leaf.shape } : leaf

/** Why a leaf cannot be trained; null if it can. */
export const whyNotTrained = (leaf: ParamLeaf): string | null => {
  if (isQuantized(leaf))
    return `is quantised (${leaf}): its blocks are not numbers that move a little. Train an adapter, or dequantize()`
  if (isLinearOperator(leaf)) return `is an operator (${leaf}). Train the arrays that it is made of`
  return isFloat(leaf.dtype) ? null : `is of dtype ${leaf.dtype}: only floats have derivatives`
}

/**
 * The tree with its leaves of these names replaced; null makes no change.
 *
 * @throws ArgumentError for a name that the tree does not have; ShapeError for a leaf of another shape.
 */
export const replaceLeaves = <P>(operation: string, params: P, replaced: { readonly [name: string]: ParamLeaf }): P => {
  const tree = nameLeaves(operation, params)
  const known = new Set(tree.names)
  for (const name of Object.keys(replaced)) {
    if (!known.has(name))
      throw new ArgumentError(`${operation}: the adapter has ${name}, which the parameters do not have.`)
  }
  return withLeaves(
    tree,
    tree.leaves.map((leaf, i) => {
      const name = tree.names[i]!
      const other = Object.hasOwn(replaced, name) ? replaced[name]! : leaf
      if (sameShape(typeOf(other).shape, typeOf(leaf).shape)) return other
      throw new ShapeError(
        `${operation}: ${name} has shape [${typeOf(leaf).shape.join()}], but the adapter's has [${typeOf(other).shape.join()}].`,
      )
    }),
  )
}

/** The leaf of that name, which must be an array. */
export const arrayNamed = (operation: string, { names, leaves }: NamedTree, name: string): NDArray => {
  const leaf = leaves[names.indexOf(name)]
  if (leaf instanceof NDArray) return leaf
  throw new ArgumentError(
    leaf === undefined
      ? `${operation}: the parameters have no ${name}.`
      : `${operation}: ${name} must be an array, got ${String(leaf)}.`,
  )
}
