/** The models of test/models/data that recorded adapters are of. */
const families: { readonly [prefix: string]: string } = {
  bert: 'bert-sequence',
  masked: 'bert-masked',
  roberta: 'roberta-sequence',
  distilbert: 'distilbert-sequence',
  albert: 'albert-sequence',
  llama: 'llama',
  tied: 'llama-tied',
  gemma3: 'gemma3',
  qwen3: 'qwen3',
  gpt2: 'gpt2',
  t5: 't5-lm',
  resnet: 'resnet-bottleneck',
  vit: 'vit-image',
  tokens: 'distilbert-masked',
}

/** The model of a recorded case, by the beginning of its name. */
export const familyOf = (name: string): string => (name === 'llama-tied' ? name : families[name.split('-')[0]!]!)
