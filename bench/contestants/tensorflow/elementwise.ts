import * as tf from '@tensorflow/tfjs'
import type { Chain } from '../../tasks/elementwise.ts'
import { length, operand } from '../../tasks/elementwise.ts'
import type { Work, Works } from '../../tasks/row.ts'
import { array, finish, read } from './arrays.ts'
import { gelu } from './layers.ts'

const chain = (f: (x: tf.Tensor) => tf.Tensor) => (): Work => {
  const x = array(operand(), [length])
  return { run: () => tf.tidy(() => void finish(f(x))), values: () => [tf.tidy(() => read(f(x)))] }
}

export const works: Works<Chain> = {
  'W2.chain': chain((x) => tf.tanh(tf.add(tf.mul(tf.sin(x), tf.exp(x)), 1))),
  'W2.gelu': chain(gelu),
}
