import * as tf from '@tensorflow/tfjs'

export const array = (data: Float32Array<ArrayBuffer>, shape: readonly number[]): tf.Tensor =>
  tf.tensor(data, [...shape])

/** The elements, in JS's hands. */
export const read = (x: tf.Tensor): Float32Array => x.dataSync<'float32'>()

/** One element, which there is only when all is computed. */
export const finish = (x: tf.Tensor): number => {
  const [element] = tf.slice(tf.reshape(x, [-1]), 0, 1).dataSync()
  return element!
}
