/** Encoders beyond recorded values: dropout, and configurations of unusual kinds. */
import { describe, expect, test } from 'vitest'
import { np, random, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { architectureNames, modelOfConfig } from 'pullback/models'
import type { ArchitectureName } from 'pullback/models'
import { rightOf } from '../io/support/recorded.ts'

const small = {
  vocab_size: 11,
  hidden_size: 8,
  embedding_size: 4,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 8,
  max_position_embeddings: 8,
  pad_token_id: 0,
}

const rates = {
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
  classifier_dropout: 0.1,
  classifier_dropout_prob: 0.1,
  seq_classif_dropout: 0.1,
  dropout: 0.1,
  attention_dropout: 0.1,
}
const noRates = Object.fromEntries(Object.keys(rates).map((name) => [name, 0]))

const family = /^(Bert|Roberta|DistilBert|Albert)/
const encoders = architectureNames.filter((name) => family.test(name))

const inputs = { input_ids: np.array([[1, 2, 3, 4]], { dtype: 'int32' }) }

/** The rates that a model of `transformers` reads: those of its body, and of its head. */
const ratesOf = (architecture: string): readonly string[] => {
  const classifies = /ForSequence|ForToken/.test(architecture)
  if (architecture.startsWith('DistilBert')) {
    return ['dropout', 'attention_dropout', ...(architecture.includes('ForSequence') ? ['seq_classif_dropout'] : [])]
  }
  const head = architecture.startsWith('Albert') ? 'classifier_dropout_prob' : 'classifier_dropout'
  return ['hidden_dropout_prob', 'attention_probs_dropout_prob', ...(classifies ? [head] : [])]
}

/** A head's scores, or the last states; with keys, their mean over these. */
const outputs = (architecture: ArchitectureName, config: object, keys: NDArray | null) => {
  const model = rightOf(modelOfConfig({ ...small, ...config }, architecture))
  const params = model.init(random.key(1))
  const run = (key?: NDArray): NDArray => {
    const found = model.apply(params, inputs, key === undefined ? {} : { key })
    return found['logits'] ?? found['last_hidden_state']!
  }
  return keys === null ? run() : np.mean(vmap(run)(keys), { axis: 0 })
}

const difference = (x: NDArray, y: NDArray): number => np.max(np.abs(np.subtract(x, y))).item()

describe.each(encoders)('dropout of %s', (architecture) => {
  test('is none without a key, and none at rate 0', () => {
    const plain = outputs(architecture, rates, null)
    expect(difference(plain, outputs(architecture, noRates, random.split(random.key(2), 2)))).toBeLessThan(1e-6)
  })

  test('depends on the key, at the rates that the family has', () => {
    const keys = random.split(random.key(3), 1)
    const plain = outputs(architecture, noRates, null)
    const matters = Object.keys(rates).filter(
      (name) => difference(plain, outputs(architecture, { ...noRates, [name]: 0.5 }, keys)) > 1e-6,
    )
    expect(matters.sort()).toEqual([...ratesOf(architecture)].sort())
  })
})

/** The error of a configuration. */
const faultOf = (config: object): { readonly key: string; readonly message: string } | null => {
  const result = modelOfConfig({ ...small, ...config })
  return result._tag === 'Left' ? result.left : null
}

describe('configurations', () => {
  test.each([
    [{ model_type: 'bert', position_embedding_type: 'relative_key' }, 'position_embedding_type'],
    [{ model_type: 'bert', is_decoder: true }, 'is_decoder'],
    [{ model_type: 'bert', num_attention_heads: 3 }, 'num_attention_heads'],
    [{ model_type: 'bert', hidden_act: 'none' }, 'hidden_act'],
    [{ model_type: 'roberta', position_embedding_type: 'relative_key_query' }, 'position_embedding_type'],
    [{ model_type: 'roberta', is_decoder: true }, 'is_decoder'],
    [{ model_type: 'roberta', pad_token_id: -1 }, 'pad_token_id'],
    [{ model_type: 'distilbert', n_heads: 3 }, 'n_heads'],
    [{ model_type: 'albert', position_embedding_type: 'relative_key' }, 'position_embedding_type'],
    [{ model_type: 'albert', num_hidden_groups: 0 }, 'num_hidden_groups'],
  ])('%j is an error that names its key', (config, key) => {
    expect(faultOf(config)).toMatchObject({ key, message: expect.stringContaining(key) as string })
  })

  test('an old file that says little has the defaults of the class', () => {
    for (const type of ['bert', 'roberta', 'xlm-roberta', 'distilbert', 'albert']) {
      expect(modelOfConfig({ model_type: type })._tag).toBe('Right')
    }
  })
})
