/** What methods know of families of models: which modules PEFT adapts by default, and which matrices are not linear layers. */

/** A model as far as methods need to know it: what `makeModel` and `loadModel` give will do. */
export interface ModelLike {
  /** `model_type` of `transformers`. */
  readonly type: string
  /** Names that a tied weight has in files besides its own: from the other name to its own. */
  readonly tied?: ReadonlyMap<string, string>
}

/** Ends of the names of modules, by `model_type`. */
export interface TargetsByType {
  readonly [type: string]: readonly string[]
}

/**
 * What LoRA adapts unless told otherwise: PEFT's `TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING`; the same of the attention in
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

/** What (IA)³ scales unless told otherwise: PEFT's `TRANSFORMERS_MODELS_TO_IA3_TARGET_MODULES_MAPPING`, and the like. */
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

/** `word_embeddings`, `embed_tokens` and others of the families, and what people call tables of their own: `embedding`, `token_embed`. */
const tables = /(^|\.)((\w+_)?embed(ding)?s?|embed_(tokens|positions)|wte|wpe|shared|relative_attention_bias)$/

/** Whether a module is a table of embeddings: rows are looked up in it. A head that is called `embed_out` is none. */
export const isTable = (module: string): boolean => tables.test(module)

const heads =
  /^(lm_head|classifier|score|qa_outputs|cls|predictions|vocab_transform|vocab_projector|pre_classifier)(\.|$)/

/** Whether a module belongs to a head, which is not a part of the body: it stands at the top of the tree. */
export const isHead = (module: string): boolean => heads.test(module)

/** Whether a module is a `Conv1D` of GPT-2, whose weight is `[inputs, outputs]`. */
export const isConv1D = (type: string | undefined, module: string): boolean =>
  type === 'gpt2' && /(^|\.)(c_attn|c_proj|c_fc)$/.test(module)
