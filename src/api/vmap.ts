/** Turns a function of one element into a function of a batch. */
import { ArgumentError, ShapeError, TreeError } from '../core/errors.ts'
import { show } from '../core/show.ts'
import type { TreeDef } from '../core/treedef.ts'
import { broadcastPrefix, flatten, leafPaths, unflatten } from '../core/tree.ts'
import { keystr } from '../core/path.ts'
import { asArray, isArrayLeaf } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import { batch, placeBatchAxis } from '../transforms/programs.ts'
import type { NDArray } from '../trace/value.ts'
import { flattenResult, restore } from './leaves.ts'
import type { AnyTree, ArrayArguments, Arrays, TreeOfArrays, Fn } from './types.ts'

/** An axis, null for "not mapped", or a tree of axes that is a prefix of the tree that it describes. */
export type Axes = number | null | readonly Axes[] | { readonly [key: string]: Axes }

/** Options of `vmap`. */
export interface VmapOptions {
  /** The mapped axis of every argument: one for all, or an array with an entry for each argument. */
  readonly inAxes?: Axes
  /** The position of the batch axis in results; null for results that are the same for every element. */
  readonly outAxes?: Axes
  /** Extent of the batch; needed where no argument is mapped. */
  readonly axisSize?: number
}

const isAxis = (x: unknown): boolean => x === null || typeof x === 'number'

/** An axis for each leaf. */
const axesOf = (name: string, axes: unknown, treedef: TreeDef): readonly (number | null)[] => {
  const spread = broadcastPrefix(name, axes, treedef, isAxis)
  const bad = spread.find((a) => a !== null && !Number.isInteger(a))
  if (bad !== undefined) throw new ArgumentError(`${name}: axes are integers or null, got ${show(bad)}.`)
  return spread as readonly (number | null)[]
}

const normalize = (what: string, axis: number, rank: number): number => {
  if (axis >= -rank && axis < rank) return axis < 0 ? axis + rank : axis
  const hint = rank === 0 ? ' A JS array is a tree of scalars: np.array(list) makes one array; null maps nothing.' : ''
  throw new ShapeError(`vmap: ${what} ${axis} is out of range for an array of rank ${rank}.${hint}`)
}

/** Axes counted from the front, and their common extent. */
const batchOf = (
  leaves: readonly unknown[],
  axes: readonly (number | null)[],
  treedef: TreeDef,
  axisSize: number | undefined,
): { readonly axes: readonly (number | null)[]; readonly size: number } => {
  let size = axisSize
  let first = 'axisSize'
  const places = axes.map((axis, i) => {
    if (axis === null) return null
    const path = `argument${keystr(leafPaths(treedef)[i]!)}`
    if (!isArrayLeaf(leaves[i])) throw new TreeError(`vmap: ${path} is mapped but not an array. Give it axis null.`)
    const { aval } = asArray(leaves[i])
    const place = normalize(`inAxes of ${path} (${aval}):`, axis, aval.rank)
    const extent = aval.shape[place]!
    if (size !== undefined && extent !== size) {
      throw new ShapeError(
        `vmap: mapped axes must have one extent: ${first} has ${size}, ${path} (${aval}) has ${extent}.`,
      )
    }
    if (size === undefined) first = path
    size = extent
    return place
  })
  if (size === undefined) throw new ArgumentError('vmap: no argument is mapped; give axisSize or an axis in inAxes.')
  return { axes: places, size }
}

const vmapOptions: must.OptionTable<VmapOptions> = {
  inAxes: must.anything,
  outAxes: must.anything,
  axisSize: must.extent,
}
const vmapDoor = must.door('vmap', { f: must.anything, options: must.optionsOf(vmapOptions) })

/**
 * Vectorises a function: applies `f` to all elements at once, along an axis of each argument.
 *
 * @param options - `inAxes` (0), `outAxes` (0): axes or trees of axes that are prefixes of the arguments and of the
 *   result; `axisSize`.
 * @returns a function of batched arguments that returns batched results.
 * @throws ShapeError if mapped axes differ in extent; TreeError if axes do not fit the trees.
 * @example
 * ```ts
 * import { np, vmap } from 'pullback'
 * const dot = (x: NDArray, y: NDArray) => np.dot(x, y)
 * vmap(dot)(np.array([[1, 2], [3, 4]]), np.array([[1, 1], [2, 2]])) // => [ 3. 14.]
 * vmap(dot, { inAxes: [0, null] })(np.array([[1, 2], [3, 4]]), np.array([1, 1])) // => [3. 7.]
 * ```
 */
export function vmap<A extends readonly unknown[] = ArrayArguments, R extends TreeOfArrays<R> = NDArray>(
  f: Fn<A, R>,
  options?: VmapOptions,
): (...args: A) => R
export function vmap<A extends readonly unknown[] = ArrayArguments, R extends AnyTree = AnyTree>(
  f: Fn<A, R>,
  options?: VmapOptions,
): (...args: A) => Arrays<R>
export function vmap<A extends readonly unknown[], R>(
  f: Fn<A, R>,
  options: VmapOptions = {},
): (...args: A) => Arrays<R> {
  if (typeof f !== 'function') throw new ArgumentError('vmap: expected a function. Write vmap(f)(x), not vmap(f(x)).')
  vmapDoor(f, options)
  const { inAxes = 0, outAxes = 0, axisSize } = options
  return (...args) => {
    const { leaves, treedef } = flatten(args)
    if (Array.isArray(inAxes) && inAxes.length !== args.length) {
      throw new TreeError(`vmap: inAxes has ${inAxes.length} entries for ${args.length} arguments.`)
    }
    const { axes, size } = batchOf(leaves, axesOf('vmap: inAxes', inAxes, treedef), treedef, axisSize)
    const mapped = axes.flatMap((a, i) => (a === null ? [] : [i]))
    let outTree: TreeDef | undefined
    const call = (xs: readonly NDArray[]): readonly NDArray[] => {
      const given: unknown[] = leaves.slice()
      mapped.forEach((place, i) => (given[place] = xs[i]))
      const result = flattenResult('vmap', f(...(unflatten(treedef, given) as A)))
      outTree = result.treedef
      return result.leaves
    }
    const inputs = mapped.map((place) => asArray(leaves[place] as NDArray))
    const result = batch(
      'vmap',
      call,
      inputs,
      mapped.map((place) => axes[place]!),
      size,
    )
    const places = axesOf('vmap: outAxes', outAxes, outTree!)
    const outputs = result.outputs.map((y, i) => {
      const from = result.axes[i]!
      const to = places[i]!
      if (to !== null)
        return placeBatchAxis(y, from, normalize('outAxes', to, y.aval.rank + (from === null ? 1 : 0)), size)
      if (from === null) return y
      throw new ArgumentError('vmap: outAxes is null for a result that differs from element to element of the batch.')
    })
    return restore(outTree!, outputs)
  }
}
