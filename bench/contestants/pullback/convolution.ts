import { jit, nn, np, optim, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import { batch, channels, classCount, features, learningRate, makeData, side } from '../../tasks/convolution.ts'
import type { Work, Works } from '../../tasks/row.ts'
import { array } from './arrays.ts'

interface Params {
  readonly first: NDArray
  readonly second: NDArray
  readonly dense: NDArray
}

const convs = [
  nn.conv(channels[0], channels[1], [3, 3], { bias: false }),
  nn.conv(channels[1], channels[2], [3, 3], { bias: false }),
] as const

const stage = (conv: (typeof convs)[number], kernel: NDArray, x: NDArray): NDArray =>
  nn.maxPool(nn.relu(conv.apply({ kernel, bias: null }, x)), [2, 2], { strides: [2, 2] })

const loss = ({ first, second, dense }: Params, x: NDArray, labels: NDArray): NDArray => {
  const h = stage(convs[1], second, stage(convs[0], first, x))
  const out = np.matmul(np.reshape(h, [batch, features]), dense)
  return np.mean(optim.softmaxCrossEntropyWithIntegerLabels(out, labels))
}

const training = (): Work => {
  const data = makeData()
  const x = array(data.x, [batch, side, side, 1])
  const y = np.astype(np.array(data.y), 'int32')
  const optimizer = optim.sgd(learningRate)
  const step = jit(
    (params: Params, state: optim.StateOf<typeof optimizer>, images: NDArray, labels: NDArray) => {
      const [value, gradient] = valueAndGrad(loss)(params, images, labels)
      const [updates, next] = optimizer.update(gradient, state, params)
      return { params: optim.applyUpdates(params, updates), state: next, value }
    },
    { donateArgnums: [0, 1] },
  )
  let params: Params = {
    first: array(data.first, [3, 3, channels[0], channels[1]]),
    second: array(data.second, [3, 3, channels[1], channels[2]]),
    dense: array(data.dense, [features, classCount]),
  }
  let state = optimizer.init(params)
  return {
    run: () => {
      const result = step(params, state, x, y)
      params = result.params
      state = result.state
      return result.value.item()
    },
  }
}

export const works: Works<'W6'> = { W6: training }
