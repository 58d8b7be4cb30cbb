/** Facts on model families for the methods: which modules PEFT adapts by default, and which matrices are not linear layers. */

/** What the methods need of a model: a result of `makeModel` or `loadModel` will do. */
export interface ModelLike {
  /** `model_type` of `transformers`. */
  readonly type: string
  /** Further names of tied weights in files: maps each other name to the weight's own. */
  readonly tied?: ReadonlyMap<string, string>
}

/** Ends of the names of modules, by `model_type`. */
export interface TargetsByType {
  readonly [type: string]: readonly string[]
}

/**
 * What LoRA adapts by default: PEFT's `TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING`; the same of the attention in
 * families that it has no entry for (DistilBERT, ALBERT, ViT).
 */
export const productTargets: TargetsByType = {
  bert: ['query', 'value'],
  roberta: ['query', 'value'],
  'xlm-roberta': ['query', 'value'],
  distilbert: ['q_lin', 'v_lin'],
  albert: ['query', 'value'],
  llama: ['q_proj', 'v_proj'],
  mistral: ['q_proj', 'v_proj'],
  qwen2: ['q_proj', 'v_proj'],
  qwen3: ['q_proj', 'v_proj'],
  gemma: ['q_proj', 'v_proj'],
  gemma2: ['q_proj', 'v_proj'],
  gemma3_text: ['q_proj', 'v_proj'],
  gpt2: ['c_attn'],
  t5: ['q', 'v'],
  vit: ['query', 'value'],
}

/** What (IA)³ scales by default: PEFT's `TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING`, and the like. */
export const scaledTargets: TargetsByType = {
  bert: ['key', 'value', 'output.dense'],
  roberta: ['key', 'value', 'output.dense'],
  'xlm-roberta': ['key', 'value', 'output.dense'],
  distilbert: ['k_lin', 'v_lin', 'lin2'],
  albert: ['key', 'value', 'ffn_output'],
  llama: ['k_proj', 'v_proj', 'down_proj'],
  mistral: ['k_proj', 'v_proj', 'down_proj'],
  qwen2: ['q_proj', 'v_proj', 'down_proj'],
  qwen3: ['q_proj', 'v_proj', 'down_proj'],
  gemma: ['q_proj', 'v_proj', 'down_proj'],
  gemma2: ['q_proj', 'v_proj', 'down_proj'],
  gemma3_text: ['q_proj', 'v_proj', 'down_proj'],
  gpt2: ['c_attn', 'mlp.c_proj'],
  t5: ['k', 'v', 'wo'],
  vit: ['key', 'value', 'output.dense'],
}

/** Those of them whose inputs (IA)³ scales: PEFT's `TRANSFORMERS_MODELS_TO_IA3_FEEDFORWARD_MODULES_MAPPING`. */
export const feedForwardTargets: TargetsByType = {
  bert: ['output.dense'],
  roberta: ['output.dense'],
  'xlm-roberta': ['output.dense'],
  distilbert: ['lin2'],
  albert: ['ffn_output'],
  llama: ['down_proj'],
  mistral: ['down_proj'],
  qwen2: ['down_proj'],
  qwen3: ['down_proj'],
  gemma: ['down_proj'],
  gemma2: ['down_proj'],
  gemma3_text: ['down_proj'],
  gpt2: ['mlp.c_proj'],
  t5: ['wo'],
  vit: ['output.dense'],
}

/** `word_embeddings`, `embed_tokens` and others of the families, and common names in other models: `embedding`, `token_embed`. */
const tables = /(^|\.)((\w+_)?embed(ding)?s?|embed_(tokens|positions)|wte|wpe|shared|relative_attention_bias)$/

/** Whether a module is an embedding table. A head that is called `embed_out` is not. */
export const isTable = (module: string): boolean => tables.test(module)

const heads =
  /^(lm_head|classifier|score|qa_outputs|cls|predictions|vocab_transform|vocab_projector|pre_classifier)(\.|$)/

/** Whether a module belongs to a head, which is not part of the body: it is at the top of the tree. */
export const isHead = (module: string): boolean => heads.test(module)

/** Whether a module is a `Conv1D` of GPT-2, whose weight is `[inputs, outputs]`. */
export const isConv1D = (type: string | undefined, module: string): boolean =>
  type === 'gpt2' && /(^|\.)(c_attn|c_proj|c_fc)$/.test(module)
