/** Special tokens of `tokenizer_config.json` and `generation_config.json`. */
import type { Json } from './errors.ts'

/** The role of a token. */
export type TokenRole = 'bos' | 'eos' | 'unk' | 'sep' | 'pad' | 'cls' | 'mask'

/** The texts of special tokens by role; null where a tokenizer has none. */
export type SpecialTokens = { readonly [R in TokenRole]: string | null }

/** A text, or an object with one. */
const contentOf = (json: Json): string | null => {
  if (json.isNull) return null
  return typeof json.value === 'string' ? json.value : json.at('content').string()
}

export const readSpecialTokens = (config: Json, fallback: Partial<SpecialTokens>): SpecialTokens => {
  const token = (role: TokenRole): string | null =>
    (config.isNull ? null : contentOf(config.at(`${role}_token`))) ?? fallback[role] ?? null
  return {
    bos: token('bos'),
    eos: token('eos'),
    unk: token('unk'),
    sep: token('sep'),
    pad: token('pad'),
    cls: token('cls'),
    mask: token('mask'),
  }
}

/** `eos_token_id`: an id or a list of them. */
export const readEosIds = (generation: Json): readonly number[] => {
  if (generation.isNull) return []
  const member = generation.at('eos_token_id')
  if (member.isNull) return []
  return Array.isArray(member.value) ? member.list().map((id) => id.count()) : [member.count()]
}
