import * as tf from '@tensorflow/tfjs'
import { oneHot } from '../../tasks/data.ts'
import type { Network } from '../../tasks/network.ts'
import { learningRate, makeData, tasks } from '../../tasks/network.ts'
import type { Work, Works } from '../../tasks/row.ts'
import { array } from './arrays.ts'

const training = (name: Network) => (): Work => {
  const task = tasks[name]
  const data = makeData(task)
  const outputSize = task.sizes.at(-1)!
  const x = array(data.x, [task.batch, task.sizes[0]!])
  const y = array(task.classes ? oneHot(data.y, outputSize) : data.y, [task.batch, outputSize])
  const layers = data.layers.map(({ shape, kernel, bias }) => ({
    kernel: tf.variable(array(kernel, shape)),
    bias: tf.variable(array(bias, [bias.length])),
  }))
  const outputs = (): tf.Tensor =>
    layers.reduce<tf.Tensor>((h, { kernel, bias }, i) => tf.add(tf.matMul(i === 0 ? h : tf.relu(h), kernel), bias), x)
  const loss = (): tf.Scalar =>
    task.classes ? tf.losses.softmaxCrossEntropy(y, outputs()) : tf.mean(tf.square(tf.sub(outputs(), y)))
  const optimizer = tf.train.adam(learningRate, 0.9, 0.999, 1e-8)
  return {
    run: () => {
      const value = optimizer.minimize(loss, true)!
      const [number] = value.dataSync()
      value.dispose()
      return number
    },
  }
}

export const works: Works<Network> = {
  'W4.32': training('W4.32'),
  'W4.1024': training('W4.1024'),
  W5: training('W5'),
}
