/** Small models with random weights, and inputs for them. */
import type { NDArray } from 'pullback'
import { np, random, tree } from 'pullback'
import type { AnyModel, NamedArrays, ParamTree } from 'pullback/models'
import { modelOfConfig } from 'pullback/models'
import { rightOf } from '../../../io/support/recorded.ts'

const tokens = { vocab_size: 40, pad_token_id: 0, bos_token_id: 1, eos_token_id: 2 }
const sizes = { hidden_size: 16, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 24 }

const configs = {
  bert: {
    ...tokens,
    ...sizes,
    model_type: 'bert',
    max_position_embeddings: 16,
    architectures: ['BertForSequenceClassification'],
    initializer_range: 0.3,
    hidden_dropout_prob: 0,
    attention_probs_dropout_prob: 0,
  },
  llama: {
    ...tokens,
    ...sizes,
    model_type: 'llama',
    num_key_value_heads: 1,
    max_position_embeddings: 16,
    architectures: ['LlamaForCausalLM'],
    initializer_range: 0.3,
  },
  gpt2: {
    ...tokens,
    model_type: 'gpt2',
    n_embd: 16,
    n_layer: 2,
    n_head: 2,
    n_positions: 16,
    architectures: ['GPT2LMHeadModel'],
    initializer_range: 0.3,
    embd_pdrop: 0,
    attn_pdrop: 0,
    resid_pdrop: 0,
  },
  albert: {
    ...tokens,
    ...sizes,
    model_type: 'albert',
    embedding_size: 8,
    max_position_embeddings: 16,
    architectures: ['AlbertForSequenceClassification'],
    initializer_range: 0.3,
  },
} as const

export interface Tiny {
  readonly model: AnyModel
  readonly params: ParamTree
  readonly inputs: NamedArrays
  /** Scores at the inputs. */
  readonly logits: (params: unknown) => NDArray
}

/** A model of a family, with the same weights every time. */
export const tiny = (family: keyof typeof configs, changes: object = {}): Tiny => {
  const model = rightOf(modelOfConfig({ ...configs[family], ...changes }))
  const inputs = {
    input_ids: np.array([[1, 5, 9, 13, 2], [1, 7, 30, 2, 0]], { dtype: 'int32' }), // prettier-ignore
    attention_mask: np.array([[1, 1, 1, 1, 1], [1, 1, 1, 1, 0]], { dtype: 'int32' }), // prettier-ignore
  }
  return {
    model,
    params: model.init(random.key(17)),
    inputs,
    logits: (params) => model.apply(params as ParamTree, inputs)['logits']!,
  }
}

/** The largest absolute difference. */
export const difference = (x: NDArray, y: NDArray): number => np.max(np.abs(np.subtract(x, y))).item()

/** An adapter no part of which is idle: numbers drawn with this deviation are added to its own. */
export const moved = <A>(adapter: A, seed = 2, deviation = 0.2): A => {
  let place = 0
  const noisy = (x: NDArray): NDArray =>
    np.add(x, np.multiply(random.normal(random.foldIn(random.key(seed), place++), x.shape), deviation))
  return tree.map(noisy, adapter as never)
}

/** Something to be made small. */
export const loss = (scores: NDArray): NDArray => np.mean(np.square(np.subtract(scores, 0.3)))
