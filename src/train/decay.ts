/** The weight decay and the learning rate of each leaf. */
import { ArgumentError } from '../core/errors.ts'
import { show } from '../core/show.ts'
import { flatten, leafPaths, unflatten } from '../core/tree.ts'
import { keystr } from '../core/path.ts'
import type { MapLeaves } from '../core/leafTypes.ts'
import * as np from '../numpy/index.ts'
import { stateless } from '../optim/transformation.ts'
import type { GradientTransformation } from '../optim/transformation.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import { nameLeaves, withLeaves } from './leaves.ts'
import type { Selection } from './select.ts'
import { aSelection, chosenLeaves } from './select.ts'

/** Norms by the names of modules: `LayerNorm`, `input_layernorm`, `norm`, `q_norm`, `ln_1`, `norm1`, `bn2`, `normalization`. */
const norms = /(^|[._])((\w*_)?(layer_?norm|rms_?norm|norm(alization)?)(\d+|_\w+)?|ln(_\w+)?|bn\d*)(\.|$)/i

/** Whether a leaf of that name is usually decayed: neither a bias nor the scale of a norm. */
export const isDecayed = (name: string): boolean => !/(^|[._])bias(es)?(\.|$)/.test(name) && !norms.test(name)

/** Options of `decayMask`. */
export interface DecayMaskOptions {
  /** Further leaves that are not decayed. */
  readonly except?: Selection
}

const decayMaskDoor = must.door('decayMask', {
  params: must.anything,
  options: must.optionsOf<DecayMaskOptions>({ except: aSelection }),
})

/**
 * The leaves to decay: all except biases and the scales of norms, recognised by name, as in the `Trainer` of `transformers`.
 * For the option `mask` of optimizers.
 *
 * @returns a tree of booleans.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * import { decayMask } from 'pullback/train'
 * const params = { dense: { weight: np.ones([2, 2]), bias: np.ones([2]) }, LayerNorm: { weight: np.ones([2]) } }
 * const mask = decayMask(params)
 * mask.dense.weight // => true
 * mask.dense.bias // => false
 * mask.LayerNorm.weight // => false
 * optim.adamw(1e-3, { weightDecay: 0.01, mask }).init(params).length // => 3
 * ```
 */
export const decayMask = <P>(params: P, options: DecayMaskOptions = {}): MapLeaves<P, boolean> => {
  decayMaskDoor(params, options)
  const tree = nameLeaves('decayMask', params)
  const { except } = options
  const excepted = except === undefined ? null : chosenLeaves('decayMask', tree, except)
  return withLeaves(
    tree,
    tree.names.map((name, i) => isDecayed(name) && excepted?.[i] !== true),
  )
}

/** The index of a layer in a name: `encoder.layer.3`, `h.3`, `blocks.3`. */
const layerNumber = (name: string): number | null => {
  const found = /(?:^|\.)(\d+)(?:\.|$)/.exec(name)
  return found === null ? null : Number(found[1])
}

/** Names of embedding tables. */
const tables = /(^|\.)(\w*embed\w*|wte|wpe|shared)(\.|$)/i

/**
 * The depths of leaves, by their names: embeddings 0, layer i has i + 1, everything else, heads and the last norm, one more
 * than the last layer.
 */
const depthsByName = (names: readonly string[]): readonly number[] => {
  const layers = names.map(layerNumber)
  const last = layers.reduce<number>((most, layer) => Math.max(most, layer ?? -1), -1)
  return names.map((name, i) => {
    const layer = layers[i] ?? null
    if (layer !== null) return layer + 1
    return tables.test(name) ? 0 : last + 2
  })
}

/** The depths of leaves, from `depthOf`, or by their names. */
export const depthsOf = (
  operation: string,
  names: readonly string[],
  depthOf: ((name: string) => number) | undefined,
): readonly number[] => {
  if (depthOf === undefined) return depthsByName(names)
  const depths: readonly unknown[] = names.map((name) => depthOf(name))
  const odd = depths.findIndex((depth) => !Number.isSafeInteger(depth))
  if (odd < 0) return depths as readonly number[]
  throw new ArgumentError(`${operation}: depthOf must give whole numbers, got ${show(depths[odd])} for ${names[odd]!}.`)
}

/** Options of `layerwiseDecay`. */
export interface LayerwiseDecayOptions {
  /** The ratio of each layer's rate to that of the layer after it, for example 0.9. */
  readonly decay: number
  /**
   * The depth of a leaf, by its name: a whole number. By default embeddings 0, layer i has i + 1, and everything else comes
   * after them.
   */
  readonly depthOf?: (name: string) => number
}

const layerwiseDecayDoor = must.door('layerwiseDecay', {
  params: must.anything,
  options: must.required(
    must.optionsOf<LayerwiseDecayOptions>({ decay: must.required(must.positive), depthOf: must.func }),
  ),
})

/**
 * Factors of learning rates, leaf by leaf: 1 for the deepest, and `decay` to the power of the distance for the others. Howard
 * and Ruder, "Universal Language Model Fine-tuning for Text Classification" (2018). For `scaleLeaves`, after the optimizer.
 *
 * @returns a tree of numbers.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * import { layerwiseDecay, scaleLeaves } from 'pullback/train'
 * const x = np.ones([2])
 * const params = { embeddings: x, layer: [x, x], head: x }
 * const factors = layerwiseDecay(params, { decay: 0.5 })
 * factors.embeddings // => 0.125
 * factors.layer // => 0.25,0.5
 * const optimizer = optim.chain(optim.sgd(1), scaleLeaves(factors))
 * optimizer.update(params, optimizer.init(params))[0].layer[0]! // => [-0.25 -0.25]
 * ```
 */
export const layerwiseDecay = <P>(params: P, options: LayerwiseDecayOptions): MapLeaves<P, number> => {
  layerwiseDecayDoor(params, options)
  const { decay, depthOf } = options
  const tree = nameLeaves('layerwiseDecay', params)
  const depths = depthsOf('layerwiseDecay', tree.names, depthOf)
  const deepest = depths.reduce((most, depth) => Math.max(most, depth), -Infinity)
  return withLeaves(
    tree,
    depths.map((depth) => decay ** (deepest - depth)),
  )
}

const scaleLeavesDoor = must.door('scaleLeaves', {
  factors: must.kind('a number, or a tree of numbers', (x) => flatten(x).leaves.every((f) => typeof f === 'number')),
})

/**
 * A gradient transformation that multiplies updates, leaf by leaf: after an optimizer it multiplies learning rates, those of weight decay
 * included. Leaves that are not trained may have factors too.
 *
 * @param factors - a tree of numbers, such as from `layerwiseDecay`, or a prefix of one.
 * @throws ArgumentError where a leaf has no factor.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * import { scaleLeaves } from 'pullback/train'
 * const optimizer = optim.chain(optim.sgd(1), scaleLeaves({ body: 0.5, head: 1 }))
 * const params = { body: { weight: np.ones([2]) }, head: np.ones([2]) }
 * const [updates] = optimizer.update(params, optimizer.init(params))
 * updates.body.weight // => [-0.5 -0.5]
 * updates.head // => [-1. -1.]
 * ```
 */
export const scaleLeaves = (factors: unknown): GradientTransformation<null> => {
  scaleLeavesDoor(factors)
  const byPath = new Map<string, number>()
  const { leaves, treedef } = flatten(factors)
  leafPaths(treedef).forEach((path, i) => byPath.set(keystr(path), leaves[i] as number))
  return stateless((updates) => {
    const given = flatten(updates)
    const paths = leafPaths(given.treedef)
    const scaled = given.leaves.map((x, i) => {
      const path = paths[i]!
      for (let length = path.length; length >= 0; length--) {
        const factor = byPath.get(keystr(path.slice(0, length)))
        if (factor !== undefined) return np.multiply(x as NDArray, factor)
      }
      throw new ArgumentError(`scaleLeaves: there is no factor for the leaf at ${keystr(path)}.`)
    })
    return unflatten(given.treedef, scaled) as typeof updates
  })
}
