import { jit, lax, nn, numpy, valueAndGrad } from '@jax-js/jax'
import { oneHot } from '../../tasks/data.ts'
import {
  batch,
  channels,
  classCount,
  features,
  learningRate,
  makeData,
  side,
  toChannelsFirst,
  toOihw,
} from '../../tasks/convolution.ts'
import type { Work, Works } from '../../tasks/row.ts'
import type { JaxArray } from './arrays.ts'
import { array, readNumber } from './arrays.ts'

/** 2 × 2 max pooling of NCHW; its `reduceWindow` has no gradient. */
const pool = (x: JaxArray): JaxArray => {
  const [n, c, h, w] = x.shape as [number, number, number, number]
  return numpy.max(x.reshape([n, c, h / 2, 2, w / 2, 2]), [3, 5])
}

const stage = (x: JaxArray, kernel: JaxArray): JaxArray =>
  pool(nn.relu(lax.convGeneralDilated(x, kernel, [1, 1], 'SAME')))

const loss = ([first, second, dense]: JaxArray[], x: JaxArray, wanted: JaxArray): JaxArray => {
  const h = stage(stage(x, first!), second!)
  const out = numpy.matmul(h.reshape([batch, features]), dense!)
  return nn.logSoftmax(out).mul(wanted).sum(-1).mean().mul(-1)
}

const training = (): Work => {
  const data = makeData()
  const x = array(data.x, [batch, 1, side, side])
  const y = array(oneHot(data.y, classCount), [batch, classCount])
  let params = [
    array(toOihw(data.first, [channels[0], channels[1]]), [channels[1], channels[0], 3, 3]),
    array(toOihw(data.second, [channels[1], channels[2]]), [channels[2], channels[1], 3, 3]),
    array(toChannelsFirst(data.dense), [features, classCount]),
  ]
  const step = jit((ps: JaxArray[], inputs: JaxArray, wanted: JaxArray) => {
    const [value, gradients] = valueAndGrad(loss)(
      ps.map((p) => p.ref),
      inputs,
      wanted,
    )
    return { value, params: ps.map((p, i) => p.sub((gradients as JaxArray[])[i]!.mul(learningRate))) }
  })
  return {
    run: () => {
      const result = step(params, x.ref, y.ref)
      params = result.params
      return readNumber(result.value)
    },
  }
}

export const works: Works<'W6'> = { W6: training }
