/** Norms of gradients by layer: where they vanish and where they explode. */
import { flatten, leafPaths } from '../../core/tree.ts'
import type { Path } from '../../core/path.ts'
import { globalNorm, leavesOf } from '../../optim/trees.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import type { ObjectiveMetrics } from '../objectives/objective.ts'

/** The layer of a leaf: its path up to the first number in it, or without its last name. */
const layerOf = (path: Path): string => {
  const names = path.join('.').split('.')
  const number = names.findIndex((name) => /^\d+$/.test(name))
  return names.slice(0, number < 0 ? Math.max(1, names.length - 1) : number + 1).join('.')
}

const layerNormsDoor = must.door('layerNorms', { tree: must.anything })

/**
 * The Euclidean norm of each layer's arrays, taken together. Layers are found by paths: `encoder.layer.0` is one layer, and so
 * is `classifier`, with its weight and bias.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layerNorms } from 'pullback/train'
 * const gradients = { layer: [{ w: np.array([3]), b: np.array([4]) }], head: { w: np.array([1]) } }
 * const norms = layerNorms(gradients)
 * Object.keys(norms).join() // => head,layer.0
 * norms['layer.0'] // => 5.
 * ```
 */
export const layerNorms = (tree: unknown): ObjectiveMetrics => {
  layerNormsDoor(tree)
  const paths = leafPaths(flatten(tree).treedef)
  const layers = new Map<string, NDArray[]>()
  leavesOf(tree).forEach((x, i) => {
    const layer = layerOf(paths[i]!)
    layers.set(layer, [...(layers.get(layer) ?? []), x])
  })
  return Object.fromEntries([...layers].map(([layer, arrays]) => [layer, globalNorm(arrays)]))
}
