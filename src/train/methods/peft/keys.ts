/** Names of tensors in files of PEFT, of this version and of older ones. */

/** The prefix that PEFT adds to the names of the model it wraps. */
export const PREFIX = 'base_model.model.'

/** Trained rows of a table. */
export const TOKENS = 'trainable_tokens_delta'

/** Names of arrays of adapters. */
const arrayNames = [
  'lora_A',
  'lora_B',
  'lora_embedding_A',
  'lora_embedding_B',
  'lora_magnitude_vector',
  'ia3_l',
  'vera_lambda_b',
  'vera_lambda_d',
]

/** `module.lora_A`, with `.weight` or without, and with the adapter's name in between in older files. */
const arrayKey = new RegExp(`^(.+)\\.(${arrayNames.join('|')})(?:\\.(?!weight$)[^.]+)?(?:\\.weight)?$`)

/** The key of an array in a file. */
export const fileKey = (module: string, name: string): string =>
  name === 'lora_B_bias'
    ? `${PREFIX}${module}.lora_B.bias`
    : name === TOKENS
      ? `${PREFIX}${module}.token_adapter.${TOKENS}`
      : `${PREFIX}${module}.${name}${name === 'lora_A' || name === 'lora_B' ? '.weight' : ''}`

/**
 * The possible meanings of a key in a file, most likely first: `module.name` of an adapter's array, or the name of a parameter
 * that was trained whole.
 */
export const meaningsOf = (key: string): readonly string[] => {
  const bare = key.startsWith(PREFIX) ? key.slice(PREFIX.length) : key
  const special = /^(.+)\.(?:(lora_B)(?:\.[^.]+)?\.bias|token_adapter\.trainable_tokens_delta(?:\.[^.]+)?)$/.exec(bare)
  if (special !== null) return [`${special[1]!}.${special[2] === undefined ? TOKENS : 'lora_B_bias'}`]
  const found = arrayKey.exec(bare)
  if (found !== null) return [`${found[1]!}.${found[2]!}`]
  // Where PEFT wraps a module, its own parameters are a level below.
  const unwrapped = bare.replace(/\.base_layer\.bias$/, '.bias')
  if (unwrapped !== bare) return [unwrapped]
  const parts = bare.split('.modules_to_save.')
  if (parts.length !== 2) return [bare]
  const [module, rest] = parts as [string, string]
  // The name of the adapter may come in between.
  return [`${module}.${rest}`, `${module}.${rest.slice(rest.indexOf('.') + 1)}`]
}
