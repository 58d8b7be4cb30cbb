/**
 * Descriptions of a model's parameters, without values: a tree of shapes. The paths in it are the names of Hugging Face, and
 * its type is that of the parameters, so that initialising, loading and saving follow from one description.
 */
import type { LinearOperator } from '../api/linearOperator.ts'
import type { QuantizedArray } from '../api/quantized.ts'
import type { DType } from '../core/dtype.ts'
import type { Shape } from '../core/shape.ts'
import type { LeafBrand, leafBrand, MapLeaves } from '../core/leafTypes.ts'
import { flatten, leafPaths, unflatten } from '../core/tree.ts'
import * as np from '../numpy/index.ts'
import type { Key } from '../random/keys.ts'
import { normal, split } from '../random/index.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'

/**
 * How a parameter is initialised: a constant, or drawn from a normal distribution with the model's standard deviation
 * (`'normal'`) or with its own.
 */
export type Beginning = 'normal' | 'zeros' | 'ones' | number

/** A parameter without its value. */
export class ParameterSpec implements LeafBrand {
  declare readonly [leafBrand]: true
  readonly shape: Shape
  readonly beginning: Beginning

  constructor(shape: Shape, beginning: Beginning) {
    this.shape = shape
    this.beginning = beginning
  }
}

/** The parameters that a tree of specs describes. */
export type ParamsOf<S> = MapLeaves<S, NDArray>

/** The parameters that a model accepts: matrices, of layers and tables, may be quantised, or compute their own products. */
export type WeightsOf<S> = MapLeaves<S, NDArray | QuantizedArray | LinearOperator>

/**
 * A whole number, however large: a foreign configuration may have sizes that no array can have; the model is only a description
 * until there are parameters.
 */
export const aSize = must.kind('a whole number, 0 or above', (x) => Number.isInteger(x) && (x as number) >= 0)

const aBeginning = must.kind("'normal', 'zeros', 'ones', or a standard deviation", (x) =>
  typeof x === 'string' ? ['normal', 'zeros', 'ones'].includes(x) : must.notNegative.accepts(x),
)

const parameterDoor = must.door('parameter', {
  shape: must.listOf(aSize, 'a list of whole numbers'),
  beginning: must.optional(aBeginning),
})

/**
 * A parameter of this shape.
 *
 * @param beginning - `'normal'`, by default, with the model's standard deviation; a number, with this one; `'zeros'` or `'ones'`.
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.parameter([4, 3]).beginning // => normal
 * layers.parameter([4], 'zeros').shape // => 4
 * ```
 */
export const parameter = (shape: Shape, beginning: Beginning = 'normal'): ParameterSpec => {
  parameterDoor(shape, beginning)
  return new ParameterSpec(shape, beginning)
}

/** `y = x Wᵀ + b`, in PyTorch's layout: weight `[outputs, inputs]`, bias `[outputs]`. */
export interface LinearSpec {
  readonly weight: ParameterSpec
  readonly bias: ParameterSpec | null
}

const linearDoor = must.door('linear', {
  outputs: aSize,
  inputs: aSize,
  bias: must.optional(must.boolean),
})

/**
 * The parameters of a linear layer.
 *
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.linear(4, 3).weight.shape // => 4,3
 * layers.linear(4, 3).bias?.shape // => 4
 * layers.linear(4, 3, false).bias // => null
 * ```
 */
export const linear = (outputs: number, inputs: number, bias = true): LinearSpec => {
  linearDoor(outputs, inputs, bias)
  return { weight: parameter([outputs, inputs]), bias: bias ? parameter([outputs], 'zeros') : null }
}

const layerNormDoor = must.door('layerNorm', { features: aSize })

/**
 * Scale and shift of a layer norm.
 *
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * const { weight, bias } = layers.layerNorm(8)
 * weight.beginning // => ones
 * bias.beginning // => zeros
 * ```
 */
export const layerNorm = (features: number) => {
  layerNormDoor(features)
  return { weight: parameter([features], 'ones'), bias: parameter([features], 'zeros') }
}

const rmsNormDoor = must.door('rmsNorm', { features: aSize })

/**
 * The scale of a root-mean-square norm.
 *
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.rmsNorm(8).weight.shape // => 8
 * ```
 */
export const rmsNorm = (features: number) => {
  rmsNormDoor(features)
  return { weight: parameter([features], 'ones') }
}

const embeddingDoor = must.door('embedding', { count: aSize, features: aSize })

/**
 * A table with one row for each of `count` tokens.
 *
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * layers.embedding(100, 8).weight.shape // => 100,8
 * ```
 */
export const embedding = (count: number, features: number) => {
  embeddingDoor(count, features)
  return { weight: parameter([count, features]) }
}

const repeatedDoor = must.door('repeated', { count: must.times, make: must.func })

/**
 * `count` equal subtrees: the layers of a model.
 *
 * @example
 * ```ts
 * import { layers } from 'pullback/models'
 * const specs = layers.repeated(2, () => ({ norm: layers.layerNorm(8) }))
 * specs[1]?.norm.bias.shape // => 8
 * ```
 */
export const repeated = <S>(count: number, make: (index: number) => S): readonly S[] => {
  repeatedDoor(count, make)
  return Array.from({ length: count }, (_, i) => make(i))
}

/** The parameters' names, `encoder.layer.0.attention.self.query.weight`, with their specs, in the order of the tree. */
export const namesOf = (specs: unknown): ReadonlyMap<string, ParameterSpec> => {
  const { leaves, treedef } = flatten(specs)
  const paths = leafPaths(treedef)
  return new Map(leaves.map((spec, i) => [paths[i]!.join('.'), spec as ParameterSpec]))
}

/** Whether a value is a tree of specs; it may be empty. */
export const isSpecs = (x: unknown): boolean => flatten(x).leaves.every((leaf) => leaf instanceof ParameterSpec)

/** A tree like the specs, with the arrays that `make` returns by name. */
export const fillSpecs = <S, L = NDArray>(
  specs: S,
  make: (name: string, spec: ParameterSpec, index: number) => L,
): MapLeaves<S, L> => {
  const { treedef } = flatten(specs)
  const arrays = [...namesOf(specs)].map(([name, spec], i) => make(name, spec, i))
  return unflatten(treedef, arrays) as MapLeaves<S, L>
}

/** Fresh parameters: weights normal with the given standard deviation, biases 0, scales 1. */
export const initialize = <S>(specs: S, key: Key, stddev: number, dtype: DType = 'float32'): ParamsOf<S> => {
  const keys = split(key, Math.max(1, namesOf(specs).size))
  return fillSpecs(specs, (_, { shape, beginning }, i) => {
    if (beginning === 'zeros') return np.zeros(shape, { dtype })
    if (beginning === 'ones') return np.ones(shape, { dtype })
    const deviation = beginning === 'normal' ? stddev : beginning
    return np.multiply(normal(keys.at(i).get(), shape, { dtype }), deviation)
  })
}

/** The leaves of a tree, named by their paths. */
export const leavesByName = (tree: unknown): { readonly [name: string]: NDArray } => {
  const { leaves, treedef } = flatten(tree)
  const paths = leafPaths(treedef)
  return Object.fromEntries(leaves.map((x, i) => [paths[i]!.join('.'), x as NDArray]))
}
