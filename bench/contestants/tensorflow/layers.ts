/** What TensorFlow.js lacks, of its operations. */
import * as tf from '@tensorflow/tfjs'

/** The tanh form: `x / 2 · (1 + tanh(√(2 / π) (x + 0.044715 x³)))`. */
export const gelu = (x: tf.Tensor): tf.Tensor => {
  const inner = tf.mul(tf.add(x, tf.mul(0.044715, tf.mul(tf.square(x), x))), Math.sqrt(2 / Math.PI))
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.tanh(inner), 1))
}

/** `(x - mean) / sqrt(variance + epsilon)` along the last axis. */
export const standardize = (x: tf.Tensor, epsilon: number): tf.Tensor => {
  const centred = tf.sub(x, tf.mean(x, -1, true))
  const variance = tf.mean(tf.square(centred), -1, true)
  return tf.mul(centred, tf.rsqrt(tf.add(variance, epsilon)))
}
