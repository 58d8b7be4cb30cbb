/** The models of test/models/data that recorded adapters are of. */
const families: { readonly [prefix: string]: string } = {
  bert: 'bert-sequence',
  roberta: 'roberta-sequence',
  llama: 'llama',
  gpt2: 'gpt2',
  t5: 't5-lm',
}

/** The model of a recorded case, by the beginning of its name. */
export const familyOf = (name: string): string => (name === 'llama-tied' ? name : families[name.split('-')[0]!]!)
