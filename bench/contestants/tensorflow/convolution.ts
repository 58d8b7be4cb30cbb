import * as tf from '@tensorflow/tfjs'
import { batch, channels, classCount, features, learningRate, makeData, side } from '../../tasks/convolution.ts'
import { oneHot } from '../../tasks/data.ts'
import type { Work, Works } from '../../tasks/row.ts'
import { array } from './arrays.ts'

/**
 * The gradient of a 3 × 3 'SAME' convolution by its kernel, for which the WebAssembly back end has no kernel of its own:
 * dw[h, w, i, o] = Σ x[n, y + h - 1, x + w - 1, i] dy[n, y, x, o], which is a convolution too, of the images with channels as
 * the batch by the output's gradient as a kernel over the whole image.
 */
const kernelGradient = (x: tf.Tensor4D, dy: tf.Tensor4D): tf.Tensor => {
  const padded = tf.pad(tf.transpose(x, [3, 1, 2, 0]), [
    [0, 0],
    [1, 1],
    [1, 1],
    [0, 0],
  ])
  const swapped = tf.conv2d(padded as tf.Tensor4D, tf.transpose(dy, [1, 2, 0, 3]) as tf.Tensor4D, 1, 'valid')
  return tf.transpose(swapped, [1, 2, 0, 3])
}

/** Of the images, by whose elements nobody differentiates. */
const convImages = (images: tf.Tensor4D) =>
  tf.customGrad((kernel) => ({
    value: tf.conv2d(images, kernel as tf.Tensor4D, 1, 'same'),
    gradFunc: (dy) => kernelGradient(images, dy as tf.Tensor4D),
  }))

const conv = tf.customGrad((x, kernel, save) => {
  const [input, weights] = [x as tf.Tensor4D, kernel as tf.Tensor4D]
  ;(save as tf.GradSaveFunc)([input, weights])
  return {
    value: tf.conv2d(input, weights, 1, 'same'),
    gradFunc: (dy, saved) => {
      const [before, by] = saved as [tf.Tensor4D, tf.Tensor4D]
      const out = dy as tf.Tensor4D
      return [tf.conv2dTranspose(out, by, before.shape, 1, 'same'), kernelGradient(before, out)]
    },
  }
})

const pool = (x: tf.Tensor): tf.Tensor => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid')

const training = (): Work => {
  const data = makeData()
  const x = array(data.x, [batch, side, side, 1]) as tf.Tensor4D
  const y = array(oneHot(data.y, classCount), [batch, classCount])
  const first = tf.variable(array(data.first, [3, 3, channels[0], channels[1]]))
  const second = tf.variable(array(data.second, [3, 3, channels[1], channels[2]]))
  const dense = tf.variable(array(data.dense, [features, classCount]))
  const firstConv = convImages(x)
  const loss = (): tf.Scalar => {
    const h = pool(tf.relu(conv(pool(tf.relu(firstConv(first))), second)))
    return tf.losses.softmaxCrossEntropy(y, tf.matMul(tf.reshape(h, [batch, features]), dense))
  }
  const optimizer = tf.train.sgd(learningRate)
  return {
    run: () => {
      const value = optimizer.minimize(loss, true)!
      const [number] = value.dataSync()
      value.dispose()
      return number
    },
  }
}

export const works: Works<'W6'> = { W6: training }
