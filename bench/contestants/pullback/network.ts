import { jit, nn, np, optim, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
import type { Network } from '../../tasks/network.ts'
import { learningRate, makeData, tasks } from '../../tasks/network.ts'
import type { Work, Works } from '../../tasks/row.ts'
import { array } from './arrays.ts'

type Params = readonly { readonly kernel: NDArray; readonly bias: NDArray }[]

const outputs = (params: Params, x: NDArray): NDArray =>
  params.reduce((h, { kernel, bias }, i) => np.add(np.matmul(i === 0 ? h : nn.relu(h), kernel), bias), x)

const training = (name: Network) => (): Work => {
  const task = tasks[name]
  const data = makeData(task)
  const x = array(data.x, [task.batch, task.sizes[0]!])
  const y = task.classes ? np.astype(np.array(data.y), 'int32') : array(data.y, [task.batch, task.sizes.at(-1)!])
  const loss = (params: Params, inputs: NDArray, wanted: NDArray): NDArray => {
    const out = outputs(params, inputs)
    return np.mean(
      task.classes ? optim.softmaxCrossEntropyWithIntegerLabels(out, wanted) : np.square(np.subtract(out, wanted)),
    )
  }
  const optimizer = optim.adam(learningRate)
  const step = jit(
    (params: Params, state: optim.StateOf<typeof optimizer>, inputs: NDArray, wanted: NDArray) => {
      const [value, gradient] = valueAndGrad(loss)(params, inputs, wanted)
      const [updates, next] = optimizer.update(gradient, state, params)
      return { params: optim.applyUpdates(params, updates), state: next, value }
    },
    { donateArgnums: [0, 1] },
  )
  let params: Params = data.layers.map(({ shape, kernel, bias }) => ({
    kernel: array(kernel, shape),
    bias: np.array(bias),
  }))
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

export const works: Works<Network> = {
  'W4.32': training('W4.32'),
  'W4.1024': training('W4.1024'),
  W5: training('W5'),
}
