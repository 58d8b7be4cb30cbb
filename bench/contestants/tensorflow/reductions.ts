import * as tf from '@tensorflow/tfjs'
import type { Reduction } from '../../tasks/reductions.ts'
import { epsilon, shape, table, terms } from '../../tasks/reductions.ts'
import type { Work, Works } from '../../tasks/row.ts'
import { array, finish, read } from './arrays.ts'
import { standardize } from './layers.ts'

const reduction = (x: tf.Tensor, f: (x: tf.Tensor) => tf.Tensor): Work => ({
  run: () => tf.tidy(() => void finish(f(x))),
  values: () => [tf.tidy(() => read(f(x)))],
})

export const works: Works<Reduction> = {
  'W3.sum': () => reduction(array(terms(), [shape[0] * shape[1]]), (x) => tf.sum(x)),
  'W3.softmax': () => reduction(array(table(), shape), (x) => tf.softmax(x)),
  'W3.layerNorm': () => reduction(array(table(), shape), (x) => standardize(x, epsilon)),
}
