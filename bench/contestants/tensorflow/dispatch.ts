import * as tf from '@tensorflow/tfjs'
import type { Call } from '../../tasks/dispatch.ts'
import { at, eight } from '../../tasks/dispatch.ts'
import type { Work, Works } from '../../tasks/row.ts'
import { read } from './arrays.ts'

const call = (x: tf.Tensor, f: (x: tf.Tensor) => tf.Tensor): Work => ({
  run: () => tf.tidy(() => void f(x).dataSync()),
  values: () => [read(f(x))],
})

const timesTwoPlusOne = (x: tf.Tensor): tf.Tensor => tf.add(tf.mul(x, 2), 1)

/** It has no jit: its eager operations stand in both rows. */
export const works: Works<Call> = {
  'W8.jit': () => call(tf.tensor1d(eight), timesTwoPlusOne),
  'W8.eager': () => call(tf.tensor1d(eight), timesTwoPlusOne),
  'W8.grad': () =>
    call(
      tf.scalar(at),
      tf.grad((x) => tf.sin(tf.mul(x, x))),
    ),
}
