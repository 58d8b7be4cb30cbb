/**
 * Models in llama.cpp's files: their names and hyperparameters in the words of Hugging Face. Names are those of `gguf-py`'s
 * `tensor_mapping.py`, what is done to tensors is undone as `convert_hf_to_gguf.py` does it.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { JsonRecord, Readable, TensorFile } from '../io/index.ts'
import { openGguf } from '../io/index.ts'
import { aReadable } from '../io/source.ts'
import * as np from '../numpy/index.ts'
import * as must from '../surface/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import type { AnyModel, ArchitectureName, ParamTree } from './architectures.ts'
import { anArchitecture, modelOfConfig } from './architectures.ts'
import type { ConfigError } from './config.ts'
import { readConfig } from './config.ts'
import type { LoadError, LoadOptions } from './load.ts'
import { loadParams, loadTable } from './load.ts'

const nameOfGgufDoor = must.door('nameOfGguf', { name: must.string })

const configOfGgufDoor = must.door('configOfGguf', {
  file: must.kind('an opened GGUF file', (x) => {
    const { metadata, tensors } = (x ?? {}) as Partial<TensorFile>
    return metadata instanceof Map && tensors instanceof Map
  }),
})

/** The architectures, as `general.architecture` has them. */
const known = ['llama', 'qwen2', 'qwen3', 'gemma'] as const
type GgufArchitecture = (typeof known)[number]

const classes: { readonly [A in GgufArchitecture]: ArchitectureName } = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  gemma: 'GemmaForCausalLM',
}

/** Names outside of layers, and those of modules in them. */
const outer: { readonly [name: string]: string } = {
  token_embd: 'model.embed_tokens',
  output_norm: 'model.norm',
  output: 'lm_head',
}

const inner: { readonly [name: string]: string } = {
  attn_norm: 'input_layernorm',
  attn_q: 'self_attn.q_proj',
  attn_k: 'self_attn.k_proj',
  attn_v: 'self_attn.v_proj',
  attn_output: 'self_attn.o_proj',
  attn_q_norm: 'self_attn.q_norm',
  attn_k_norm: 'self_attn.k_norm',
  ffn_norm: 'post_attention_layernorm',
  ffn_gate: 'mlp.gate_proj',
  ffn_up: 'mlp.up_proj',
  ffn_down: 'mlp.down_proj',
}

/**
 * The name that Hugging Face has for a tensor of a GGUF file of a Llama, Qwen2, Qwen3 or Gemma; a name that is not known stays as it is.
 *
 * @example
 * ```ts
 * import { nameOfGguf } from 'pullback/models'
 * nameOfGguf('blk.3.attn_q.weight') // => model.layers.3.self_attn.q_proj.weight
 * ```
 */
export const nameOfGguf = (name: string): string => {
  nameOfGgufDoor(name)
  const [, layer, module, kind] = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name) ?? []
  const table = layer === undefined ? outer : inner
  if (module === undefined || !Object.hasOwn(table, module)) return name
  return `${layer === undefined ? '' : `model.layers.${layer}.`}${table[module]!}.${kind!}`
}

/** Keys of the metadata, after the architecture's name, and those of `config.json`. */
const keys: { readonly [key: string]: string } = {
  block_count: 'num_hidden_layers',
  context_length: 'max_position_embeddings',
  embedding_length: 'hidden_size',
  feed_forward_length: 'intermediate_size',
  'attention.head_count': 'num_attention_heads',
  'attention.head_count_kv': 'num_key_value_heads',
  'attention.key_length': 'head_dim',
  'attention.layer_norm_rms_epsilon': 'rms_norm_eps',
  'rope.freq_base': 'rope_theta',
  vocab_size: 'vocab_size',
}

const tokenKeys: { readonly [key: string]: string } = {
  bos_token_id: 'bos_token_id',
  eos_token_id: 'eos_token_id',
  padding_token_id: 'pad_token_id',
}

/** Entries of the metadata that are there, under other names. */
const renamed = (
  metadata: ReadonlyMap<string, unknown>,
  prefix: string,
  table: { readonly [key: string]: string },
): JsonRecord =>
  Object.fromEntries(
    Object.entries(table).flatMap(([key, name]) =>
      metadata.has(`${prefix}.${key}`) ? [[name, metadata.get(`${prefix}.${key}`)]] : [],
    ),
  )

const scalingOf = (metadata: ReadonlyMap<string, unknown>, architecture: string): JsonRecord => {
  const type = metadata.get(`${architecture}.rope.scaling.type`)
  if (type === undefined || type === 'none') return {}
  const original = metadata.get(`${architecture}.rope.scaling.original_context_length`)
  const factor = metadata.get(`${architecture}.rope.scaling.factor`)
  return {
    rope_scaling: {
      rope_type: type,
      factor,
      ...(original === undefined ? {} : { original_max_position_embeddings: original }),
    },
  }
}

/**
 * What `config.json` would say, from the metadata of a GGUF file.
 *
 * @returns an error for an architecture that is not known here.
 */
export const configOfGguf = (file: TensorFile): Either<ConfigError, JsonRecord> => {
  configOfGgufDoor(file)
  const { metadata, tensors } = file
  return readConfig(Object.fromEntries(metadata), (reader) => {
    const architecture = reader.word('general.architecture', known)
    return {
      model_type: architecture,
      architectures: [classes[architecture]],
      vocab_size: tensors.get('token_embd.weight')?.shape[0],
      ...renamed(metadata, architecture, keys),
      ...renamed(metadata, 'tokenizer.ggml', tokenKeys),
      ...scalingOf(metadata, architecture),
      attention_bias: architecture === 'llama' && tensors.has('blk.0.attn_q.bias'),
      mlp_bias: architecture === 'llama' && tensors.has('blk.0.ffn_gate.bias'),
      tie_word_embeddings: !tensors.has('output.weight'),
    }
  })
}

/**
 * llama.cpp turns neighbouring features of a head, `transformers` feature i with i + d/2: rows of queries and keys go from
 * (0, 1, 2, ...) to (0, 2, 4, ..., 1, 3, 5, ...), head by head.
 */
const unpermuted = (x: NDArray, heads: number): NDArray => {
  const [rows, ...rest] = x.shape as readonly [number, ...number[]]
  return np.reshape(np.swapaxes(np.reshape(x, [heads, rows / heads / 2, 2, ...rest]), 1, 2), x.shape)
}

/** What `convert_hf_to_gguf.py` did to a parameter, undone. */
const undo = (config: JsonRecord): ((name: string, x: NDArray) => NDArray) => {
  const [heads, keyHeads] = [
    Number(config['num_attention_heads']),
    Number(config['num_key_value_heads'] ?? config['num_attention_heads']),
  ]
  if (config['model_type'] === 'llama') {
    return (name, x) =>
      name.includes('.q_proj.') ? unpermuted(x, heads) : name.includes('.k_proj.') ? unpermuted(x, keyHeads) : x
  }
  // Norms of Gemma add 1 to their scales; in the file it is added already.
  if (config['model_type'] === 'gemma') return (name, x) => (name.endsWith('norm.weight') ? np.subtract(x, 1) : x)
  return (_, x) => x
}

/** A model from a GGUF file. */
export interface GgufModel {
  readonly model: AnyModel
  /** What `config.json` would say. */
  readonly config: JsonRecord
  readonly params: ParamTree
}

/** Options of `loadGguf`. */
export interface LoadGgufOptions extends Omit<LoadOptions, 'rename' | 'transform'> {
  /** Another head: `LlamaForSequenceClassification`. */
  readonly architecture?: ArchitectureName
}

const { dtype, fresh, onProgress } = loadTable

const loadGgufDoor = must.door('loadGguf', {
  from: aReadable,
  options: must.optionsOf<LoadGgufOptions>({ dtype, fresh, onProgress, architecture: must.optional(anArchitecture) }),
})

/**
 * Loads a Llama (SmolLM2 and Mistral are such), Qwen2, Qwen3 or Gemma from a GGUF file, strictly, as `loadParams` does. Quantised
 * weights are expanded; q and k rows are put into the order of `transformers`.
 */
export const loadGguf = (
  from: Readable,
  given: LoadGgufOptions = {},
): TaskEither<LoadError | ConfigError, GgufModel> => {
  loadGgufDoor(from, given)
  const { architecture, ...options } = given
  return async () => {
    const file = await openGguf(from)()
    if (file._tag === 'Left') return file
    const config = configOfGguf(file.right)
    if (config._tag === 'Left') return config
    const model = modelOfConfig(config.right, architecture)
    if (model._tag === 'Left') return model
    const transform = undo(config.right)
    const params = await loadParams(model.right, file.right, { ...options, rename: nameOfGguf, transform })()
    if (params._tag === 'Left') return params
    return { _tag: 'Right', right: { model: model.right, config: config.right, params: params.right } }
  }
}
