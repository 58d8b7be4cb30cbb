/** TensorFlow.js, on the back end that is set by the time its work is made. */
import { createRequire } from 'node:module'
import { dirname, sep } from 'node:path'
import * as tf from '@tensorflow/tfjs'
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import type { Data, Task, Work, Works } from '../tasks.ts'
import { eight, makeData, measures } from '../tasks.ts'

const require = createRequire(import.meta.url)
setWasmPaths(dirname(require.resolve('@tensorflow/tfjs-backend-wasm')) + sep)

/** Makes one of its back ends the one in use. */
export const useBackend = async (backend: 'cpu' | 'wasm'): Promise<void> => {
  if (!(await tf.setBackend(backend))) throw new Error(`TensorFlow.js has no back end ${backend}.`)
}

const training = (task: Task, data: Data): (() => number) => {
  const {
    sizes: [n, h, m],
    batch,
    classes,
  } = task
  const [w1, b1, w2, b2] = [
    tf.variable(tf.tensor2d(data.weights[0]!, [n, h])),
    tf.variable(tf.tensor1d(data.weights[1]!)),
    tf.variable(tf.tensor2d(data.weights[2]!, [h, m])),
    tf.variable(tf.tensor1d(data.weights[3]!)),
  ] as const
  const x = tf.tensor2d(data.x, [batch, n])
  const y = classes ? tf.oneHot(tf.tensor1d(data.y, 'int32'), m) : tf.tensor2d(data.y, [batch, m])
  const optimizer = tf.train.adam(1e-3)
  return () => {
    const value = optimizer.minimize((): tf.Scalar => {
      const out = tf.add(tf.matMul(tf.relu(tf.add(tf.matMul(x, w1), b1)), w2), b2)
      return classes ? tf.losses.softmaxCrossEntropy(y, out) : tf.mean(tf.square(tf.sub(out, y)))
    }, true)!
    const [loss] = value.dataSync()
    value.dispose()
    return loss!
  }
}

const step = (task: Task): Work => ({ run: training(task, makeData(task)) })

export const works: Works = {
  dispatch: () => {
    const x = tf.tensor1d(eight)
    return { per: 2, run: () => tf.tidy(() => x.mul(2).add(1).dataSync()) }
  },
  grad: () => {
    const derivative = tf.grad((x) => tf.sin(tf.mul(x, x)))
    const x = tf.scalar(0.7)
    return { run: () => tf.tidy(() => derivative(x).dataSync()) }
  },
  simpleNetwork: () => step(measures.simpleNetwork.task),
  digits: () => step(measures.digits.task),
}
