import * as tf from '@tensorflow/tfjs'
import type { Work, Works } from '../../tasks/row.ts'
import type { Parameters } from '../../tasks/transformer.ts'
import {
  batch,
  epsilon,
  heads,
  headWidth,
  input,
  mapParameters,
  parameterNames,
  parameters,
  sequence,
  width,
} from '../../tasks/transformer.ts'
import { array, read } from './arrays.ts'
import { gelu, standardize } from './layers.ts'

// Products of matrices are much faster here than of batches: positions are one axis with the batch.

const affine = (x: tf.Tensor, kernel: tf.Tensor, bias: tf.Tensor): tf.Tensor => tf.add(tf.matMul(x, kernel), bias)

const norm = (x: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor): tf.Tensor =>
  tf.add(tf.mul(standardize(x, epsilon), scale), offset)

/** `[batch, heads, sequence, headWidth]` */
const split = (x: tf.Tensor): tf.Tensor =>
  tf.transpose(tf.reshape(x, [batch, sequence, heads, headWidth]), [0, 2, 1, 3])

const attention = (p: Parameters<tf.Tensor>, x: tf.Tensor): tf.Tensor => {
  const query = split(affine(x, p.query, p.queryBias))
  const key = split(tf.matMul(x, p.key))
  const value = split(affine(x, p.value, p.valueBias))
  const weights = tf.softmax(tf.mul(tf.matMul(query, key, false, true), 1 / Math.sqrt(headWidth)))
  const mixed = tf.transpose(tf.matMul(weights, value), [0, 2, 1, 3])
  return affine(tf.reshape(mixed, [batch * sequence, width]), p.out, p.outBias)
}

const block = (p: Parameters<tf.Tensor>, x: tf.Tensor): tf.Tensor => {
  const h = tf.add(x, attention(p, norm(x, p.norm1Scale, p.norm1Offset)))
  const up = gelu(affine(norm(h, p.norm2Scale, p.norm2Offset), p.up, p.upBias))
  return tf.add(h, affine(up, p.down, p.downBias))
}

const encoder = (): Work => {
  const data = parameters()
  const params = parameterNames.map((name) => array(data[name], mapParameters((_, shape) => shape)[name]))
  const x = array(input(), [batch * sequence, width])
  const f = tf.valueAndGrads((...ps: tf.Tensor[]) =>
    tf.sum(
      tf.square(
        block(
          mapParameters((name) => ps[parameterNames.indexOf(name)]!),
          x,
        ),
      ),
    ),
  )
  return {
    run: () => tf.tidy(() => void f(params).value.dataSync()),
    values: () =>
      tf.tidy(() => {
        const { value, grads } = f(params)
        return [read(value), ...grads.map(read)]
      }),
  }
}

export const works: Works<'W7'> = { W7: encoder }
