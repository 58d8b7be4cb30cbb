/**
 * Two spellings of the modules of a ViT. Model files have that of transformers 4, `encoder.layer.0.attention.attention.query`,
 * which is ours, and version 5 writes the same; but its modules are called `layers.0.attention.q_proj`, in PEFT's adapters too.
 */

/** Patterns of names in transformers 4 and 5. The first match is used. */
const spellings: readonly (readonly [four: string, five: string])[] = [
  ['attention.attention.query', 'attention.q_proj'],
  ['attention.attention.key', 'attention.k_proj'],
  ['attention.attention.value', 'attention.v_proj'],
  ['attention.output.dense', 'attention.o_proj'],
  ['intermediate.dense', 'mlp.fc1'],
  ['output.dense', 'mlp.fc2'],
  ['layernorm_before', 'layernorm_before'],
  ['layernorm_after', 'layernorm_after'],
]

const respelled =
  (layers: RegExp, into: string, from: 0 | 1, to: 0 | 1) =>
  (name: string): string => {
    const found = layers.exec(name)
    if (found === null) return name
    const [whole, before, layer] = found as unknown as readonly [string, string, string]
    const rest = name.slice(whole.length)
    const pair = spellings.find((spelling) => rest === spelling[from] || rest.startsWith(`${spelling[from]}.`))
    return pair === undefined ? name : `${before}${into}.${layer}.${pair[to]}${rest.slice(pair[from].length)}`
  }

/** The name of a module or a parameter of a ViT, in the spelling of transformers 5. */
export const inSpellingOf5 = respelled(/^(|.*\.)encoder\.layer\.(\d+)\./, 'layers', 0, 1)

/** The same, in the spelling of transformers 4, which is ours. */
export const inSpellingOf4 = respelled(/^(|.*\.)layers\.(\d+)\./, 'encoder.layer', 1, 0)

/** Whether these are the names of the parameters of a ViT, in our spelling or, optionally, in either. */
export const areOfVit = (names: readonly string[], inEither = false): boolean =>
  names.some(
    (name) =>
      /(^|\.)encoder\.layer\.\d+\.attention\.attention\.query(\.|$)/.test(name) ||
      (inEither && /(^|\.)layers\.\d+\.attention\.q_proj(\.|$)/.test(name)),
  )
