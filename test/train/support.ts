/** Small models of each family, by the names of transformers. */
import { np, random, tree } from 'pullback'
import type { NDArray } from 'pullback'
import { modelOfConfig } from 'pullback/models'
import type { AnyModel, ArchitectureName, ParamTree } from 'pullback/models'
import { rightOf } from '../io/support/recorded.ts'

const size = {
  vocab_size: 32,
  hidden_size: 16,
  embedding_size: 8,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 24,
  max_position_embeddings: 24,
  head_dim: 4,
  initializer_range: 0.3,
}

const named: { readonly [name in ArchitectureName]?: object } = {
  DistilBertForMaskedLM: { dim: 16, n_layers: 2, n_heads: 4, hidden_dim: 24 },
  GPT2LMHeadModel: { n_embd: 16, n_layer: 2, n_head: 4, n_positions: 24 },
  MistralForCausalLM: { sliding_window: 3 },
  Gemma2ForCausalLM: { sliding_window: 3, query_pre_attn_scalar: 4 },
  Gemma3ForCausalLM: { sliding_window: 3, sliding_window_pattern: 2, query_pre_attn_scalar: 4 },
  T5ForConditionalGeneration: { d_model: 16, d_kv: 4, d_ff: 24, num_layers: 2, num_heads: 4 },
  ViTForImageClassification: { image_size: 8, patch_size: 4, num_channels: 1 },
}

const types: { readonly [name in ArchitectureName]?: string } = {
  MistralForCausalLM: 'mistral',
  Qwen3ForCausalLM: 'qwen3',
  Gemma2ForCausalLM: 'gemma2',
  Gemma3ForCausalLM: 'gemma3_text',
}

/** A model with random parameters: two layers of sixteen features. */
export const tinyModel = (
  name: ArchitectureName,
  more: object = {},
): { readonly model: AnyModel; readonly params: ParamTree } => {
  const type = types[name]
  const config = { ...size, ...named[name], ...(type === undefined ? {} : { model_type: type }), ...more }
  const model = rightOf(modelOfConfig(config, name))
  return { model, params: model.init(random.key(7)) }
}

export const int32 = (ids: readonly (readonly number[])[]): NDArray => np.array(ids, { dtype: 'int32' })

/** The first leaf of a tree with such a name. */
export const leafOf = (params: unknown, name: RegExp): NDArray => {
  const [leaves] = tree.flattenWithPath(params)
  const found = leaves.find(([path]) => name.test(path.join('.')))
  if (found === undefined) throw new Error(`no leaf ${String(name)}`)
  return found[1] as NDArray
}

export const largest = (x: NDArray): number => np.max(np.abs(x)).item()

/** By how much two trees of arrays differ, as a part of the largest element. */
export const treeDifference = (a: unknown, b: unknown): number => {
  const [xs, ys] = [tree.leaves(a), tree.leaves(b)] as [NDArray[], NDArray[]]
  if (xs.length !== ys.length) throw new Error(`${xs.length} leaves and ${ys.length}`)
  const scale = Math.max(1e-30, ...ys.map(largest))
  return Math.max(0, ...xs.map((x, i) => largest(np.subtract(x, ys[i]!)))) / scale
}
