/**
 * Models in llama.cpp's files, with Hugging Face's names and hyperparameters. The mapping of names is that of `gguf-py`'s
 * `tensor_mapping.py`; the changes that `convert_hf_to_gguf.py` makes to tensors are undone.
 */
import type { Either } from 'fp-ts/lib/Either.js'
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { JsonRecord, Readable, TensorFile } from '../io/index.ts'
import { openGguf } from '../io/index.ts'
import { aReadable } from '../io/source.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import type { AnyModel, ParamTree } from './architectureKinds.ts'
import type { ArchitectureName } from './architectures.ts'
import { anArchitecture, modelOfConfig } from './architectures.ts'
import type { ConfigError } from './config.ts'
import { readConfig } from './config.ts'
import type { LoadError, LoadOptions } from './load.ts'
import { loadParams, loadTable } from './load.ts'

const nameOfGgufDoor = must.door('nameOfGguf', { name: must.string, architecture: must.optional(must.string) })

const configOfGgufDoor = must.door('configOfGguf', {
  file: must.kind('an opened GGUF file', (x) => {
    const { metadata, tensors } = (x ?? {}) as Partial<TensorFile>
    return metadata instanceof Map && tensors instanceof Map
  }),
})

/** The architectures, as `general.architecture` has them. */
const known = ['llama', 'qwen2', 'qwen3', 'gemma', 'gemma2', 'gemma3'] as const
type GgufArchitecture = (typeof known)[number]

const classes: { readonly [A in GgufArchitecture]: ArchitectureName } = {
  llama: 'LlamaForCausalLM',
  qwen2: 'Qwen2ForCausalLM',
  qwen3: 'Qwen3ForCausalLM',
  gemma: 'GemmaForCausalLM',
  gemma2: 'Gemma2ForCausalLM',
  gemma3: 'Gemma3ForCausalLM',
}

/** Names outside layers, and those of modules in them. */
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

/** Names in Gemma 2 and 3, whose layers have four norms. */
const fourNorms: { readonly [name: string]: string } = {
  ...inner,
  post_attention_norm: 'post_attention_layernorm',
  ffn_norm: 'pre_feedforward_layernorm',
  post_ffw_norm: 'post_feedforward_layernorm',
}

/**
 * Hugging Face's name for a tensor of a GGUF file of a Llama, Qwen2, Qwen3 or Gemma; an unknown name is returned as it is.
 *
 * @param architecture - `general.architecture` of the file: norms of `gemma2` and `gemma3` have different names.
 *
 * @example
 * ```ts
 * import { nameOfGguf } from 'pullback/models'
 * nameOfGguf('blk.3.attn_q.weight') // => model.layers.3.self_attn.q_proj.weight
 * ```
 */
export const nameOfGguf = (name: string, architecture?: string): string => {
  nameOfGgufDoor(name, architecture)
  const [, layer, module, kind] = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name) ?? []
  const layers = architecture === 'gemma2' || architecture === 'gemma3' ? fourNorms : inner
  const table = layer === undefined ? outer : layers
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
  'rope.freq_base_swa': 'rope_local_base_freq',
  attn_logit_softcapping: 'attn_logit_softcapping',
  final_logit_softcapping: 'final_logit_softcapping',
  vocab_size: 'vocab_size',
}

const tokenKeys: { readonly [key: string]: string } = {
  bos_token_id: 'bos_token_id',
  eos_token_id: 'eos_token_id',
  padding_token_id: 'pad_token_id',
}

/** The existing entries of the metadata, renamed. */
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

/** Which layers have a window: a list with an entry for each, or n, where every n-th layer has none. */
const windowsOf = (metadata: ReadonlyMap<string, unknown>, architecture: string): JsonRecord => {
  const window = metadata.get(`${architecture}.attention.sliding_window`)
  const pattern = metadata.get(`${architecture}.attention.sliding_window_pattern`)
  const kinds = Array.isArray(pattern)
    ? { layer_types: pattern.map((slides) => (slides === true ? 'sliding_attention' : 'full_attention')) }
    : pattern === undefined
      ? {}
      : { sliding_window_pattern: pattern }
  return { ...(window === undefined ? {} : { sliding_window: window }), ...kinds }
}

/**
 * Further keys of Gemma 2 and 3. Files do not contain the scale of scores: llama.cpp uses the size of a head, or for the
 * largest models, which it recognises by their number of layers, the hidden size divided by the number of heads.
 */
const gemmaExtras = (metadata: ReadonlyMap<string, unknown>, architecture: GgufArchitecture): JsonRecord => {
  if (architecture !== 'gemma2' && architecture !== 'gemma3') return {}
  const numberAt = (key: string): number => Number(metadata.get(`${architecture}.${key}`))
  const isLargest = numberAt('block_count') === { gemma2: 46, gemma3: 62 }[architecture]
  const perHead = numberAt('embedding_length') / numberAt('attention.head_count')
  const headDim = metadata.get(`${architecture}.attention.key_length`)
  return {
    ...windowsOf(metadata, architecture),
    ...(isLargest
      ? { query_pre_attn_scalar: perHead }
      : headDim === undefined
        ? {}
        : { query_pre_attn_scalar: headDim }),
  }
}

/** What `transformers` calls the text part of a Gemma 3. */
const modelTypeOf = (architecture: GgufArchitecture): string =>
  architecture === 'gemma3' ? 'gemma3_text' : architecture

/**
 * The equivalent of `config.json`, from the metadata of a GGUF file. * * @returns an error for an unsupported architecture.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { encodeGguf, openGguf } from 'pullback/io'
 * import { configOfGguf } from 'pullback/models'
 * const metadata = { 'general.architecture': 'llama', 'llama.block_count': 2, 'llama.embedding_length': 64 }
 * const file = await openGguf(encodeGguf({ 'token_embd.weight': np.zeros([100, 64]) }, { metadata }))()
 * const config = file._tag === 'Right' ? configOfGguf(file.right) : file
 * config._tag === 'Right' && config.right['hidden_size'] // => 64
 * // There is no `output.weight`: the table is the head.
 * config._tag === 'Right' && config.right['tie_word_embeddings'] // => true
 * ```
 */
export const configOfGguf = (file: TensorFile): Either<ConfigError, JsonRecord> => {
  configOfGgufDoor(file)
  const { metadata, tensors } = file
  return readConfig(Object.fromEntries(metadata), (reader) => {
    const architecture = reader.word('general.architecture', known)
    return {
      model_type: modelTypeOf(architecture),
      architectures: [classes[architecture]],
      vocab_size: tensors.get('token_embd.weight')?.shape[0],
      ...renamed(metadata, architecture, keys),
      ...renamed(metadata, 'tokenizer.ggml', tokenKeys),
      ...scalingOf(metadata, architecture),
      ...gemmaExtras(metadata, architecture),
      attention_bias: architecture === 'llama' && tensors.has('blk.0.attn_q.bias'),
      mlp_bias: architecture === 'llama' && tensors.has('blk.0.ffn_gate.bias'),
      tie_word_embeddings: !tensors.has('output.weight'),
    }
  })
}

/**
 * llama.cpp rotates pairs of adjacent features of a head, `transformers` feature i with i + d/2: rows of queries and keys go
 * from (0, 1, 2, ...) to (0, 2, 4, ..., 1, 3, 5, ...), head by head.
 */
const unpermuted = (x: NDArray, heads: number): NDArray => {
  const [rows, ...rest] = x.shape as readonly [number, ...number[]]
  return np.reshape(np.swapaxes(np.reshape(x, [heads, rows / heads / 2, 2, ...rest]), 1, 2), x.shape)
}

/** Undoes what `convert_hf_to_gguf.py` did to a parameter. */
const undo = (config: JsonRecord): ((name: string, x: NDArray) => NDArray) => {
  const [heads, keyHeads] = [
    Number(config['num_attention_heads']),
    Number(config['num_key_value_heads'] ?? config['num_attention_heads']),
  ]
  if (config['model_type'] === 'llama') {
    return (name, x) =>
      name.includes('.q_proj.') ? unpermuted(x, heads) : name.includes('.k_proj.') ? unpermuted(x, keyHeads) : x
  }
  // Norms of Gemma add 1 to their scales; in the file it is already added.
  if (String(config['model_type']).startsWith('gemma'))
    return (name, x) => (name.endsWith('norm.weight') ? np.subtract(x, 1) : x)
  return (_, x) => x
}

const FACTORS = 'rope_freqs.weight'

/**
 * The configuration with the divisors of frequencies, if the file has them: llama.cpp computes them from Llama 3's scaling,
 * whose four parameters it does not keep. `longrope` has such factors in `config.json`.
 */
const withFactors = async (file: TensorFile, config: JsonRecord): Promise<Either<LoadError, JsonRecord>> => {
  if (!file.tensors.has(FACTORS)) return { _tag: 'Right', right: config }
  const read = await file.read(FACTORS)()
  if (read._tag === 'Left') return read
  const factors = Array.from(read.right.astype('float32').dataSync('float32'))
  const scaling = {
    rope_type: 'longrope',
    short_factor: factors,
    long_factor: factors,
    attention_factor: 1,
    original_max_position_embeddings: config['max_position_embeddings'] ?? 2048,
  }
  return { _tag: 'Right', right: { ...config, rope_scaling: scaling } }
}

/** A model from a GGUF file. */
export interface GgufModel {
  readonly model: AnyModel
  /** The equivalent of `config.json`. */
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
 * Loads a Llama (including SmolLM2 and Mistral), Qwen2, Qwen3, Gemma, Gemma 2 or the text part of a Gemma 3 from a GGUF file,
 * strictly, as `loadParams` does. Quantised weights are dequantised, unless `dtype` is `'quantized'`; rows of q and k are
 * reordered as in `transformers`.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { encodeGguf } from 'pullback/io'
 * import { loadGguf } from 'pullback/models'
 * const metadata = {
 *   'general.architecture': 'llama',
 *   'llama.block_count': 0,
 *   'llama.embedding_length': 8,
 *   'llama.attention.head_count': 2,
 * }
 * const tensors = { 'token_embd.weight': np.ones([10, 8]), 'output_norm.weight': np.ones([8]) }
 * const loaded = await loadGguf(encodeGguf(tensors, { metadata }))()
 * loaded._tag === 'Right' && loaded.right.model.type // => llama
 * // Strictly: what is missing is listed.
 * const partial = await loadGguf(encodeGguf({ 'token_embd.weight': np.ones([10, 8]) }, { metadata }))()
 * partial._tag === 'Left' && partial.left._tag === 'Mismatch' && partial.left.missing // => model.norm.weight
 * ```
 */
export const loadGguf = (
  from: Readable,
  given: LoadGgufOptions = {},
): TaskEither<LoadError | ConfigError, GgufModel> => {
  loadGgufDoor(from, given)
  const { architecture: head, ...options } = given
  return async () => {
    const file = await openGguf(from)()
    if (file._tag === 'Left') return file
    const said = configOfGguf(file.right)
    if (said._tag === 'Left') return said
    const config = await withFactors(file.right, said.right)
    if (config._tag === 'Left') return config
    const model = modelOfConfig(config.right, head)
    if (model._tag === 'Left') return model
    const readable = { ...model.right, ignored: [...model.right.ignored, /^rope_freqs\.weight$/] }
    const transform = undo(config.right)
    const architecture = String(file.right.metadata.get('general.architecture'))
    const rename = (name: string): string => nameOfGguf(name, architecture)
    const params = await loadParams(readable, file.right, { ...options, rename, transform })()
    if (params._tag === 'Left') return params
    return { _tag: 'Right', right: { model: model.right, config: config.right, params: params.right } }
  }
}
