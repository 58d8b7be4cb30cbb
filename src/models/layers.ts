/** Layers as PyTorch computes them, over parameters as it keeps them. */
import { isLinearOperator } from '../api/linearOperator.ts'
import type { LinearOperator } from '../api/linearOperator.ts'
import type { QuantizedArray } from '../api/quantized.ts'
import { stopGradient } from '../api/derivatives.ts'
import { Aval } from '../core/aval.ts'
import { convert } from '../core/convert.ts'
import { isInteger } from '../core/dtype.ts'
import type { TypedArray } from '../core/dtype.ts'
import { ArgumentError, DTypeError, IndexError, ShapeError, TracerError } from '../core/errors.ts'
import { showShape } from '../core/shape.ts'
import * as nn from '../nn/index.ts'
import * as np from '../numpy/index.ts'
import * as random from '../random/index.ts'
import type { Key } from '../random/keys.ts'
import { fromHost } from '../trace/value.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'

/** A matrix as linear layers and tables take it: it may be quantised, or compute its own products. */
export type Weight = NDArray | QuantizedArray | LinearOperator

/** Weight `[outputs, inputs]`; bias `[outputs]` or null. */
export interface LinearParams {
  readonly weight: Weight
  readonly bias: NDArray | null
}

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
export const applyLinear = ({ weight, bias }: LinearParams, x: NDArray): NDArray => {
  const product = np.einsum('...i,oi->...o', x, weight)
  return bias === null ? product : np.add(product, bias)
}

/** Mean 0 and variance 1 along the last axis, then scale and shift. */
export const applyLayerNorm = (
  { weight, bias }: { readonly weight: NDArray; readonly bias: NDArray },
  x: NDArray,
  epsilon: number,
): NDArray => np.add(np.multiply(nn.standardize(x, { epsilon }), weight), bias)

/** `x / sqrt(mean(x²) + ε)`, then scale; `offset` is added to the scale (1 in Gemma). */
export const applyRmsNorm = (
  { weight }: { readonly weight: NDArray },
  x: NDArray,
  epsilon: number,
  offset = 0,
): NDArray => {
  const power = np.mean(np.square(x), { axis: -1, keepdims: true })
  const normed = np.divide(x, np.sqrt(np.add(power, epsilon)))
  return np.multiply(normed, offset === 0 ? weight : np.add(weight, offset))
}

/** The elements of an array where they are known: those of what a transformation traces are not. */
export const knownElements = (x: NDArray): TypedArray | null => {
  try {
    return x.body.trace === null ? x.body.host('models') : null
  } catch (error) {
    if (error instanceof TracerError) return null
    throw error
  }
}

/** Integers as int32; known ones stay known, also where a function is traced. */
export const asInt32 = (integers: ArrayLike): NDArray => {
  const x = Array.isArray(integers) ? np.array(integers, { dtype: 'int32' }) : np.asarray(integers)
  const elements = x.dtype === 'int32' ? null : knownElements(x)
  if (elements === null) return x.astype('int32')
  return fromHost(new Aval('int32', x.shape), convert(elements, x.dtype, 'int32'))
}

/**
 * The same indices, all of them rows of a table of that size. Known ones are checked, but for those that are `except`; of traced ones,
 * those that are no rows are moved beyond the table, where lookups give NaN: -1 is not its last row.
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

/**
 * Rows of a table. Lookups of the padding token move nothing, as PyTorch's `padding_idx` has it. An index that is no row throws an
 * `IndexError` if it is known, and gives NaN if a transformation traces it.
 *
 * @param name - what the indices are, for the error: `bert: inputIds`.
 */
export const applyEmbedding = (
  { weight }: { readonly weight: Weight },
  indices: ArrayLike,
  padTokenId: number | null = null,
  name = 'embedding',
): NDArray => {
  const count = isLinearOperator(weight) ? weight.rowCount : weight.shape[0]!
  const rows = np.take(weight, rowsOf(np.asarray(indices), count, name), { axis: 0 })
  if (padTokenId === null) return rows
  return np.where(np.expandDims(np.equal(indices, padTokenId), -1), stopGradient(rows), rows)
}

/** Activations by the names that configurations have for them. */
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

/** All of them. */
export const activationNames = Object.keys(activations) as readonly Activation[]

/** The activation of that name at `x`: what `hidden_act` of a configuration means. */
export const applyActivation = (name: Activation, x: NDArray): NDArray => activations[name](x)

/** `[batch, length, heads · features]` as `[batch, length, heads, features]`. */
export const splitHeads = (x: NDArray, heads: number): NDArray => {
  const [batch, length, features] = x.shape as readonly [number, number, number]
  return np.reshape(x, [batch, length, heads, features / heads])
}

/** Dropout at one place after the other, each with a key of its own; nothing is dropped without a key. */
export type Drop = (x: NDArray, rate: number) => NDArray

/**
 * Dropout for one run of a model.
 *
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
export const makeDrop = (key: Key | undefined): Drop => {
  if (key === undefined) return (x) => x
  let place = 0
  return (x, rate) => (rate === 0 ? x : nn.dropout(random.foldIn(key, place++), x, rate))
}

/** Inputs of shape `[batch, length]`, of integers. */
export const tokenArray = (operation: string, ids: ArrayLike, name = 'inputIds'): NDArray => {
  const given = Array.isArray(ids) ? asInt32(ids) : np.asarray(ids)
  if (given.ndim === 2 && isInteger(given.dtype)) return asInt32(given)
  throw new ArgumentError(
    `${operation}: ${name} are integers of shape [batch, length], got ${given.aval}. A single sequence is [ids].`,
  )
}

/**
 * What stands beside tokens: an array of their shape `[batch, length]`, or of shape `[1, length]` for all sequences alike. Nothing
 * else broadcasts, which would put it beside other tokens without a word.
 */
export const besideTokens = (
  operation: string,
  name: string,
  given: ArrayLike,
  [batch, length]: readonly [batch: number, length: number],
): NDArray => {
  const x = np.asarray(given)
  if (x.ndim === 2 && x.shape[1] === length && (x.shape[0] === batch || x.shape[0] === 1)) return x
  throw new ShapeError(
    `${operation}: ${name} has shape ${showShape(x.shape)}, but the tokens have shape ${showShape([batch, length])}: ` +
      'it has one number for each of them.',
  )
}

/** The same of integers. */
export const integersBesideTokens = (
  operation: string,
  name: string,
  given: ArrayLike,
  shape: readonly [batch: number, length: number],
): NDArray => {
  const x = besideTokens(operation, name, Array.isArray(given) ? asInt32(given) : given, shape)
  if (isInteger(x.dtype)) return asInt32(x)
  throw new DTypeError(`${operation}: ${name} are integers, got ${x.aval}.`)
}

/** A sequence must not be longer than there are positions for. */
export const checkLength = (operation: string, length: number, maxPositions: number): void => {
  if (length <= maxPositions) return
  throw new ArgumentError(
    `${operation}: ${length} tokens are more than the ${maxPositions} that the model has positions for ` +
      '(max_position_embeddings). Truncate the text, or take it in parts.',
  )
}
