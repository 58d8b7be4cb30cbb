/** Layers as PyTorch computes them, over parameters as it keeps them. */
import { stopGradient } from '../api/derivatives.ts'
import { ArgumentError } from '../core/errors.ts'
import * as nn from '../nn/index.ts'
import * as np from '../numpy/index.ts'
import * as random from '../random/index.ts'
import type { Key } from '../random/keys.ts'
import type { ArrayLike, NDArray } from '../trace/value.ts'

/** Weight `[outputs, inputs]`, bias `[outputs]` or null. */
export interface LinearParams {
  readonly weight: NDArray
  readonly bias: NDArray | null
}

/** `x Wᵀ + b`. */
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

/** Rows of a table. Lookups of the padding token move nothing, as PyTorch's `padding_idx` has it. */
export const applyEmbedding = (
  { weight }: { readonly weight: NDArray },
  indices: ArrayLike,
  padTokenId: number | null = null,
): NDArray => {
  const rows = np.take(weight, indices, { axis: 0 })
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

export const activationNames = Object.keys(activations) as readonly Activation[]

export const applyActivation = (name: Activation, x: NDArray): NDArray => activations[name](x)

/** `[batch, length, heads · features]` as `[batch, length, heads, features]`. */
export const splitHeads = (x: NDArray, heads: number): NDArray => {
  const [batch, length, features] = x.shape as readonly [number, number, number]
  return np.reshape(x, [batch, length, heads, features / heads])
}

/** Dropout at one place after the other, each with a key of its own; nothing is dropped without a key. */
export type Drop = (x: NDArray, rate: number) => NDArray

/** Dropout for one run of a model. */
export const makeDrop = (key: Key | undefined): Drop => {
  if (key === undefined) return (x) => x
  let place = 0
  return (x, rate) => (rate === 0 ? x : nn.dropout(random.foldIn(key, place++), x, rate))
}

/** Inputs of shape `[batch, length]`, of integers. */
export const tokenArray = (operation: string, ids: ArrayLike): NDArray => {
  const given = Array.isArray(ids) ? np.array(ids, { dtype: 'int32' }) : np.asarray(ids)
  if (given.ndim === 2 && given.dtype !== 'float32') return given
  throw new ArgumentError(
    `${operation}: inputIds are integers of shape [batch, length], got ${given.aval}. A single sequence is [ids].`,
  )
}
