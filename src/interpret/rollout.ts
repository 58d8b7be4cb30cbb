/** How information flows through attention layers. */
import { ArgumentError, ShapeError } from '../core/errors.ts'
import * as np from '../numpy/index.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'

/** Options of `attentionRollout`. */
export interface RolloutOptions {
  /** The weight r of the residual connection; 0.5 by default. */
  readonly residual?: number
  /** How the weights of heads are combined; by their mean by default. */
  readonly heads?: 'mean' | 'max' | 'min'
}

const rolloutDoor = must.door('attentionRollout', {
  attentions: must.required(must.listOf(must.arrayLike, 'a list of arrays')),
  options: must.optionsOf<RolloutOptions>({ residual: must.fraction, heads: must.oneOf(['mean', 'max', 'min']) }),
})

/**
 * The share of each input token in each token of the last layer: the product over layers of `r I + (1 - r) A`, where A are the
 * combined weights of the heads, with rows that sum to 1. Abnar and Zuidema, "Quantifying Attention Flow in Transformers"
 * (2020). Models return the weights with `{ attentions: true }`.
 *
 * @param attentions - each layer's weights, shape `[batch, heads, length, length]`, first layer first.
 * @returns shape `[batch, length, length]`: rows for tokens of the last layer, columns for tokens of the input.
 * @throws ShapeError if weights are not square, or differ in shape.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { attentionRollout } from 'pullback/interpret'
 * const layer = np.array([[[[1, 0], [1, 0]]]])
 * attentionRollout([layer, layer]) // => [[[1.   0.  ]\n  [0.75 0.25]]]
 * ```
 */
export const attentionRollout = (attentions: readonly ArrayLike[], options: RolloutOptions = {}): NDArray => {
  rolloutDoor(attentions, options)
  const { residual = 0.5, heads = 'mean' } = options
  const layers = attentions.map((x) => asArray(x))
  const [first] = layers
  if (first === undefined)
    throw new ArgumentError('attentionRollout: there are no layers; run the model with { attentions: true }.')
  const odd = layers.find(
    (x) => x.ndim !== 4 || x.shape[2] !== x.shape[3] || x.shape.some((n, i) => i !== 1 && n !== first.shape[i]),
  )
  if (odd !== undefined) {
    throw new ShapeError(
      `attentionRollout: weights are [batch, heads, length, length] in all layers, got ${odd.aval} beside ${first.aval}.`,
    )
  }
  const length = first.shape[2]!
  const past = np.multiply(np.eye(length), residual)
  const steps = layers.map((x) => {
    const together = np[heads](x, { axis: 1 })
    const mixed = np.add(np.multiply(together, 1 - residual), past)
    return np.divide(mixed, np.sum(mixed, { axis: -1, keepdims: true }))
  })
  return steps.reduce((flow, step) => np.matmul(step, flow))
}
