/** A LoRA of a tiny BERT by `pullback/train`: rows, tokens, batches, steps, and what they lead to. Runs in Node too. */
import type { NDArray } from 'pullback'
import { np, optim, random, tree } from 'pullback'
import type { AnyModel, NamedArrays, ParamTree } from 'pullback/models'
import { modelOfConfig } from 'pullback/models'
import type { Adapter } from 'pullback/train'
import { fromArray, lora, makeStep, onStep, sequenceClassification, train } from 'pullback/train'

const config = {
  model_type: 'bert',
  architectures: ['BertForSequenceClassification'],
  vocab_size: 12,
  hidden_size: 16,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 32,
  max_position_embeddings: 8,
  initializer_range: 0.2,
  hidden_dropout_prob: 0,
  attention_probs_dropout_prob: 0,
}

const tinyModel = (): AnyModel => {
  const model = modelOfConfig(config)
  if (model._tag === 'Left') throw new Error(model.left.message)
  return model.right
}

/** The class of a row is whether its second token is one of the later words. */
const batches = Array.from({ length: 4 }, (_, batch) => {
  const words = Array.from({ length: 8 }, (__, row) => 2 + ((batch * 3 + row * 7) % 10))
  return {
    input_ids: np.array(
      words.map((word, i) => [1, word, 2 + (i % 5), 1]),
      { dtype: 'int32' },
    ),
    attention_mask: np.ones([8, 4], { dtype: 'int32' }),
    labels: np.array(words.map((word) => Number(word >= 7)), { dtype: 'int32' }), // prettier-ignore
  }
})

/** All numbers of a tree. */
const flatOf = (params: ParamTree): readonly number[] =>
  tree.leaves(params).flatMap((x) => Array.from((x as NDArray).dataSync() as Float32Array))

/** What tuning came to. */
export interface TunedLosses {
  readonly losses: readonly number[]
  readonly reason: string
  /** Whether the base is what it was. */
  readonly kept: boolean
}

/** The losses of a run of so many passes. */
export const tuneLora = async ({ epochs }: { readonly epochs: number }): Promise<TunedLosses> => {
  const model = tinyModel()
  const params = model.init(random.key(1))
  const adapter = lora.init(random.key(2), params, { model, rank: 4, modulesToSave: ['classifier'] })
  const { initState, step } = makeStep({
    loss: (trained: Adapter, { labels, ...inputs }: NamedArrays, _run, base: ParamTree) => {
      const { logits } = model.apply(lora.apply(base, trained as typeof adapter), inputs)
      return sequenceClassification(logits!, labels!)
    },
    optimizer: optim.adam(0.02),
  })
  const losses: number[] = []
  const before = JSON.stringify(flatOf(params))
  const ended = await train(step, initState(adapter as Adapter), fromArray<NamedArrays>(batches), {
    frozen: params,
    epochs,
    hooks: [onStep(({ metrics }) => void losses.push(metrics['loss']!))],
  })()
  if (ended._tag === 'Left') throw new Error(ended.left.message)
  return { losses, reason: ended.right.reason, kept: JSON.stringify(flatOf(params)) === before }
}
