/** Models of a few thousand numbers, with random weights that are large enough to matter. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { NDArray } from 'pullback'
import { np, random, tree } from 'pullback'
import {
  bertConfig,
  bertForSequenceClassification,
  gpt2Config,
  gpt2LMHeadModel,
  llamaConfig,
  llamaForCausalLM,
} from 'pullback/models'
import { expect } from 'vitest'

const right = <E extends { readonly message: string }, A>(e: Either<E, A>): A => {
  if (e._tag === 'Left') throw new Error(e.left.message)
  return e.right
}

const noDropout = { hidden_dropout_prob: 0, attention_probs_dropout_prob: 0 }
const sizes = { vocab_size: 31, hidden_size: 8, num_hidden_layers: 3, num_attention_heads: 2, intermediate_size: 12 }

export const bert = bertForSequenceClassification(right(bertConfig({ ...sizes, ...noDropout, num_labels: 3 })))
export const llama = llamaForCausalLM(right(llamaConfig({ ...sizes, num_key_value_heads: 1 })))
export const tied = llamaForCausalLM(right(llamaConfig({ ...sizes, tie_word_embeddings: true })))
export const gpt2 = gpt2LMHeadModel(
  right(gpt2Config({ vocab_size: 31, n_embd: 8, n_layer: 2, n_head: 2, n_positions: 24 })),
)

/** Fresh parameters, ten times as large where they are matrices, and nothing that is 0. */
export const begun = <P>(model: { readonly init: (key: NDArray) => P }, seed = 0): P => {
  const key = random.key(seed)
  let place = 0
  return tree.map(
    (x: NDArray) => {
      const noise = random.normal(random.foldIn(key, place++), x.shape)
      return x.ndim === 2 ? np.multiply(noise, 0.3) : np.add(x, np.multiply(noise, 0.1))
    },
    model.init(key) as never,
  )
}

export const inputIds = np.array([[3, 14, 15, 9], [2, 6, 5, 30]], { dtype: 'int32' }) // prettier-ignore
export const attentionMask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], { dtype: 'int32' }) // prettier-ignore

/** Equal to rounding. */
export const close = (what: string, got: NDArray, wanted: NDArray, atol = 1e-5): void => {
  const most = np.max(np.abs(np.subtract(got, wanted))).item()
  expect(most, `${what}: off by ${most}`).toBeLessThanOrEqual(atol * Math.max(1, np.max(np.abs(wanted)).item()))
}
