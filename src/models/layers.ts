/** Layers as in PyTorch, with parameters in its layout. */
import { isLinearOperator } from '../api/linearOperator.ts'
import type { LinearOperator } from '../api/linearOperator.ts'
import type { QuantizedArray } from '../api/quantized.ts'
import { stopGradient } from '../api/derivatives.ts'
import { IndexError, ShapeError } from '../core/errors.ts'
import { showShape } from '../core/shape.ts'
import { inFloat32 } from '../nn/inFloat32.ts'
import * as nn from '../nn/index.ts'
import * as np from '../numpy/index.ts'
import * as random from '../random/index.ts'
import { aKey } from '../random/keys.ts'
import type { Key } from '../random/keys.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { aMatrix, anArray, arrayOfRank, aVector, orNull, withMembers } from './doors.ts'
import { asInt32, knownElements } from './inputs.ts'

/** A matrix of a linear layer or a table: it may be quantised, or compute its own products. */
export type Weight = NDArray | QuantizedArray | LinearOperator

/** Weight `[outputs, inputs]`; bias `[outputs]` or null. */
export interface LinearParams {
  readonly weight: Weight
  readonly bias: NDArray | null
}

const applyLinearDoor = must.door('applyLinear', {
  params: withMembers({ weight: aMatrix, bias: orNull(aVector) }),
  x: anArray,
})

/**
 * `x Wᵀ + b`, along the last axis of `x`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const params = { weight: np.array([[1, 2, 3]]), bias: np.array([10]) }
 * layers.applyLinear(params, np.ones([2, 3])) // => [[16.]\n [16.]]
 * ```
 */
export const applyLinear = (params: LinearParams, x: NDArray): NDArray => {
  applyLinearDoor(params, x)
  const { weight, bias } = params
  const [outputs, inputs] = weight.shape as readonly [number, number]
  if (x.shape.at(-1) !== inputs) {
    throw new ShapeError(
      `applyLinear: ${x.aval} has not ${inputs} features along its last axis, as a weight of shape ${showShape(weight.shape)} asks for.`,
    )
  }
  if (bias !== null && bias.size !== outputs) {
    throw new ShapeError(`applyLinear: ${outputs} outputs have a bias of as many numbers, got ${bias.aval}.`)
  }
  const product = np.einsum('...i,oi->...o', x, weight)
  return bias === null ? product : np.add(product, bias)
}

/** Checks that a norm's scale and shift have the number of features. */
const checkFeatures = (operation: string, x: NDArray, weight: NDArray): void => {
  if (x.shape.at(-1) === weight.size) return
  throw new ShapeError(
    `${operation}: ${x.aval} has not the ${weight.size} features along its last axis that the weight has.`,
  )
}

const applyLayerNormDoor = must.door('applyLayerNorm', {
  params: withMembers({ weight: aVector, bias: aVector }),
  x: anArray,
  epsilon: must.finite,
})

/**
 * Normalises to mean 0 and variance 1 along the last axis, then scales and shifts.
 *
 * @throws ShapeError if the last axis of `x` does not have the features of scale and shift.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const params = { weight: np.array([10, 10]), bias: np.array([1, 1]) }
 * layers.applyLayerNorm(params, np.array([[2, 4], [0, 9]]), 0) // => [[-9. 11.]\n [-9. 11.]]
 * ```
 */
export const applyLayerNorm = (
  params: { readonly weight: NDArray; readonly bias: NDArray },
  x: NDArray,
  epsilon: number,
): NDArray => {
  applyLayerNormDoor(params, x, epsilon)
  const { weight, bias } = params
  checkFeatures('applyLayerNorm', x, weight)
  checkFeatures('applyLayerNorm', x, bias)
  return inFloat32(x, (wide) => np.add(np.multiply(nn.standardize(wide, { epsilon }), weight), bias))
}

const applyRmsNormDoor = must.door('applyRmsNorm', {
  params: withMembers({ weight: aVector }),
  x: anArray,
  epsilon: must.finite,
  offset: must.optional(must.finite),
})

/**
 * `x / sqrt(mean(x²) + ε)`, then scale; `offset` is added to the scale (1 in Gemma).
 *
 * @throws ShapeError if the last axis of `x` does not have the features of the scale.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const params = { weight: np.array([0, 0]) }
 * layers.applyRmsNorm(params, np.array([2, 2]), 0) // => [0. 0.]
 * // As Gemma counts: a weight of 0 is a scale of 1.
 * layers.applyRmsNorm(params, np.array([2, 2]), 0, 1) // => [1. 1.]
 * ```
 */
export const applyRmsNorm = (
  params: { readonly weight: NDArray },
  x: NDArray,
  epsilon: number,
  offset = 0,
): NDArray => {
  applyRmsNormDoor(params, x, epsilon, offset)
  const { weight } = params
  checkFeatures('applyRmsNorm', x, weight)
  return inFloat32(x, (wide) => {
    const power = np.mean(np.square(wide), { axis: -1, keepdims: true })
    const normed = np.divide(wide, np.sqrt(np.add(power, epsilon)))
    return np.multiply(normed, offset === 0 ? weight : np.add(weight, offset))
  })
}

/**
 * Checks that indices are rows of a table of that size. Known ones are checked, except those equal to `except`; traced ones out
 * of range are moved beyond the table, where lookups return NaN: -1 is not its last row.
 */
export const rowsOf = (indices: NDArray, size: number, name: string, except?: number): NDArray => {
  const elements = knownElements(indices)
  if (elements === null) return np.where(np.less(indices, 0), size, indices)
  for (const index of elements) {
    if ((index >= 0 && index < size) || index === except) continue
    throw new IndexError(`${name}: ${index} is not one of ${size}, which are 0 to ${size - 1}.`)
  }
  return indices
}

const applyEmbeddingDoor = must.door('applyEmbedding', {
  params: withMembers({ weight: aMatrix }),
  indices: must.arrayLike,
  padTokenId: must.nullable(must.natural),
  name: must.optional(must.string),
})

/**
 * Rows of a table. Lookups of the padding token have no gradient, as with PyTorch's `padding_idx`. An index out of range throws
 * an `IndexError` if it is known; if it is traced, the result is NaN.
 *
 * @param name - what the indices are, for the error: `bert: inputIds`.
 * @example
 * ```ts
 * import { NDArray, grad, np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const params = { weight: np.array([[0, 0], [1, 2], [3, 4]]) }
 * layers.applyEmbedding(params, [2, 1]) // => [[3. 4.]\n [1. 2.]]
 * layers.applyEmbedding(params, [3]) // throws IndexError
 * // No gradient goes to the row of padding.
 * const sum = (weight: NDArray) => np.sum(layers.applyEmbedding({ weight }, [0, 1], 0))
 * grad(sum)(params.weight) // => [[0. 0.]\n [1. 1.]\n [0. 0.]]
 * ```
 */
export const applyEmbedding = (
  params: { readonly weight: Weight },
  indices: ArrayLike,
  padTokenId: number | null = null,
  name = 'applyEmbedding: indices',
): NDArray => {
  applyEmbeddingDoor(params, indices, padTokenId, name)
  const { weight } = params
  const ids = asInt32(name, indices)
  const count = isLinearOperator(weight) ? weight.rowCount : weight.shape[0]!
  const known = rowsOf(ids, count, name)
  if (padTokenId !== null && isLinearOperator(weight) && weight.rowsBut !== undefined) {
    return weight.rowsBut(known, padTokenId)
  }
  const rows = np.take(weight, known, { axis: 0 })
  if (padTokenId === null) return rows
  return np.where(np.expandDims(np.equal(ids, padTokenId), -1), stopGradient(rows), rows)
}

/** Activations by their names in configurations. */
const activations = {
  gelu: (x: NDArray) => nn.gelu(x, { approximate: false }),
  gelu_new: (x: NDArray) => nn.gelu(x),
  gelu_pytorch_tanh: (x: NDArray) => nn.gelu(x),
  gelu_fast: (x: NDArray) => nn.gelu(x),
  quick_gelu: (x: NDArray) => np.multiply(x, nn.sigmoid(np.multiply(x, 1.702))),
  relu: (x: NDArray) => nn.relu(x),
  silu: (x: NDArray) => nn.silu(x),
  swish: (x: NDArray) => nn.silu(x),
  tanh: (x: NDArray) => np.tanh(x),
} as const

/** The name of an activation. */
export type Activation = keyof typeof activations

/** All names of activations. */
export const activationNames = Object.keys(activations) as readonly Activation[]

const applyActivationDoor = must.door('applyActivation', { name: must.oneOf(activationNames), x: anArray })

/**
 * The activation of that name at `x`, as `hidden_act` of a configuration names it.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * const x = np.array([-1, 0, 1])
 * layers.applyActivation('gelu', x) // => [-0.15865526  0.          0.8413447 ]
 * layers.applyActivation('gelu_new', x) // => [-0.158808  0.        0.841192]
 * ```
 */
export const applyActivation = (name: Activation, x: NDArray): NDArray => {
  applyActivationDoor(name, x)
  return activations[name](x)
}

const splitHeadsDoor = must.door('splitHeads', {
  x: arrayOfRank(3, '[batch, length, heads · features]'),
  heads: must.count,
})

/**
 * `[batch, length, heads · features]` as `[batch, length, heads, features]`.
 *
 * @throws ShapeError unless the heads are equal.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers } from 'pullback/models'
 * layers.splitHeads(np.ones([1, 5, 12]), 3).shape // => 1,5,3,4
 * layers.splitHeads(np.ones([1, 5, 12]), 5) // throws ShapeError
 * ```
 */
export const splitHeads = (x: NDArray, heads: number): NDArray => {
  splitHeadsDoor(x, heads)
  const [batch, length, features] = x.shape as readonly [number, number, number]
  if (features % heads !== 0) throw new ShapeError(`splitHeads: ${features} features are not of ${heads} equal heads.`)
  return np.reshape(x, [batch, length, heads, features / heads])
}

/** Dropout at one place after the other, each with its own key; without a key there is no dropout. */
export interface Drop {
  (x: NDArray, rate: number): NDArray
  /** Collects the attention weights, layer by layer, if the run returns them. */
  readonly attentions?: NDArray[]
}

const makeDropDoor = must.door('makeDrop', { key: must.optional(aKey), attentions: must.optional(must.boolean) })
const dropDoor = must.door('makeDrop', { x: anArray, rate: must.number })

/**
 * Dropout for one run of a model.
 *
 * @param attentions - whether `attend`, given this as its `drop`, stores its weights in it, for the run to return.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { layers } from 'pullback/models'
 * const x = np.ones([1000])
 * layers.makeDrop(undefined)(x, 0.5) === x // => true
 * const drop = layers.makeDrop(random.key(0))
 * np.arrayEqual(drop(x, 0.5), drop(x, 0.5)).bool() // => false
 * ```
 */
export const makeDrop = (key: Key | undefined, attentions = false): Drop => {
  makeDropDoor(key, attentions)
  let place = 0
  const drop = (x: NDArray, rate: number): NDArray => {
    dropDoor(x, rate)
    return key === undefined || rate === 0 ? x : nn.dropout(random.foldIn(key, place++), x, rate)
  }
  return attentions ? Object.assign(drop, { attentions: [] }) : drop
}
