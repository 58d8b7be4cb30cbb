/**
 * Two spellings of the modules of a ViT. Files of models have that of transformers 4, `encoder.layer.0.attention.attention.query`, which is
 * ours, and version 5 writes no other; but what it computes is called `layers.0.attention.q_proj`, in adapters of PEFT, too.
 */

/** By patterns of names: those of transformers 4, and those of 5. The first that fits is taken. */
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

/** Whether these are the names of the parameters of a ViT, in our spelling; or, if that is asked, in either. */
export const areOfVit = (names: readonly string[], inEither = false): boolean =>
  names.some(
    (name) =>
      /(^|\.)encoder\.layer\.\d+\.attention\.attention\.query(\.|$)/.test(name) ||
      (inEither && /(^|\.)layers\.\d+\.attention\.q_proj(\.|$)/.test(name)),
  )
