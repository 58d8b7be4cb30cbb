/** A model as anyone writes one: functions of a tree, and nothing of the package's models. docs/fine-tuning/your-own-model.md tunes it. */
import { nn, np, random } from 'pullback'
import type { NDArray } from 'pullback'
import type { Tuned } from 'pullback/train'

const SIZE = 32

const dense = (key: random.Key, inputs: number, outputs: number) => ({
  weight: random.normal(key, [inputs, outputs]).div(Math.sqrt(inputs)),
  bias: np.zeros([outputs]),
})

const block = (key: random.Key) => {
  const [forQuery, forKey, forValue, forOut] = random.split(key, 4)
  return {
    query: dense(forQuery, SIZE, SIZE),
    key: dense(forKey, SIZE, SIZE),
    value: dense(forValue, SIZE, SIZE),
    out: dense(forOut, SIZE, SIZE),
  }
}

export const init = (key: random.Key) => {
  const [forWords, forFirst, forSecond, forHead] = random.split(key, 4)
  return {
    embeddings: { weight: random.normal(forWords, [100, SIZE]) },
    blocks: [block(forFirst), block(forSecond)],
    classifier: dense(forHead, SIZE, 2),
  }
}

export type Params = ReturnType<typeof init>

const linear = (layer: Tuned<ReturnType<typeof dense>>, x: NDArray) => np.add(np.matmul(x, layer.weight), layer.bias)

/** Scores of two classes for texts of tokens, shape `[batch, length]`. */
export const apply = (params: Tuned<Params>, { inputIds }: { readonly inputIds: NDArray }): NDArray => {
  const words = np.take(params.embeddings.weight, inputIds, { axis: 0 })
  const read = params.blocks.reduce<NDArray>((x, { query, key, value, out }) => {
    const scores = np.einsum('bqi,bki->bqk', linear(query, x), linear(key, x))
    const seen = np.matmul(nn.softmax(scores.div(Math.sqrt(SIZE))), linear(value, x))
    return np.add(x, np.tanh(linear(out, seen)))
  }, words)
  return linear(params.classifier, np.mean(read, { axis: 1 }))
}
