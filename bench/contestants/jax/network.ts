import { jit, nn, numpy, valueAndGrad } from '@jax-js/jax'
import type { Network } from '../../tasks/network.ts'
import { learningRate, makeData, tasks } from '../../tasks/network.ts'
import { oneHot } from '../../tasks/data.ts'
import type { Work, Works } from '../../tasks/row.ts'
import type { JaxArray } from './arrays.ts'
import { array, readNumber } from './arrays.ts'

/** Parameters, and Adam's two averages of their gradients. All in lists: kernel and bias of each layer in turn. */
interface State {
  readonly params: JaxArray[]
  readonly first: JaxArray[]
  readonly second: JaxArray[]
}

const outputs = (params: JaxArray[], x: JaxArray): JaxArray => {
  let h = x
  for (let i = 0; i < params.length; i += 2) {
    h = numpy.matmul(i === 0 ? h : nn.relu(h), params[i]!).add(params[i + 1]!)
  }
  return h
}

const crossEntropy = (out: JaxArray, wanted: JaxArray): JaxArray =>
  nn.logSoftmax(out).mul(wanted).sum(-1).mean().mul(-1)

const squaredError = (out: JaxArray, wanted: JaxArray): JaxArray => {
  const error = out.sub(wanted)
  return error.ref.mul(error).mean()
}

/** Adam's step, where `c1` and `c2` undo the averages' bias towards 0. */
const adam = ({ params, first, second }: State, gradients: JaxArray[], c1: JaxArray, c2: JaxArray): State => {
  const next = params.map((p, i) => {
    const g = gradients[i]!
    const m = first[i]!.mul(0.9).add(g.ref.mul(0.1))
    const v = second[i]!.mul(0.999).add(g.ref.mul(g).mul(0.001))
    const root = numpy.sqrt(v.ref.div(c2.ref)).add(1e-8)
    return { p: p.sub(m.ref.div(c1.ref).div(root).mul(learningRate)), m, v }
  })
  c1.dispose()
  c2.dispose()
  return { params: next.map((t) => t.p), first: next.map((t) => t.m), second: next.map((t) => t.v) }
}

const training = (name: Network) => (): Work => {
  const task = tasks[name]
  const data = makeData(task)
  const outputSize = task.sizes.at(-1)!
  const x = array(data.x, [task.batch, task.sizes[0]!])
  const y = array(task.classes ? oneHot(data.y, outputSize) : data.y, [task.batch, outputSize])
  const loss = (params: JaxArray[], inputs: JaxArray, wanted: JaxArray): JaxArray =>
    (task.classes ? crossEntropy : squaredError)(outputs(params, inputs), wanted)
  const step = jit(
    (
      params: JaxArray[],
      first: JaxArray[],
      second: JaxArray[],
      c1: JaxArray,
      c2: JaxArray,
      inputs: JaxArray,
      wanted: JaxArray,
    ) => {
      const [value, gradients] = valueAndGrad(loss)(
        params.map((p) => p.ref),
        inputs,
        wanted,
      )
      return { value, ...adam({ params, first, second }, gradients as JaxArray[], c1, c2) }
    },
  )
  const params = data.layers.flatMap(({ shape, kernel, bias }) => [array(kernel, shape), array(bias, [bias.length])])
  const zeros = (): JaxArray[] => params.map((p) => numpy.zeros(p.shape))
  let state: State = { params, first: zeros(), second: zeros() }
  let t = 0
  return {
    run: () => {
      t++
      const [c1, c2] = [numpy.array(1 - 0.9 ** t), numpy.array(1 - 0.999 ** t)]
      const { value, ...next } = step(state.params, state.first, state.second, c1, c2, x.ref, y.ref)
      state = next
      return readNumber(value)
    },
  }
}

export const works: Works<Network> = {
  'W4.32': training('W4.32'),
  'W4.1024': training('W4.1024'),
  W5: training('W5'),
}
