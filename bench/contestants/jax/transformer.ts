import { blockUntilReady, jit, nn, valueAndGrad, numpy } from '@jax-js/jax'
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
import type { JaxArray } from './arrays.ts'
import { array, read } from './arrays.ts'

const affine = (x: JaxArray, kernel: JaxArray, bias: JaxArray): JaxArray => numpy.matmul(x, kernel).add(bias)

const norm = (x: JaxArray, scale: JaxArray, offset: JaxArray): JaxArray =>
  nn.standardize(x, -1, { epsilon }).mul(scale).add(offset)

/** Heads before positions; `dotProductAttention` needs a later Node than 20, for its einsum. */
const split = (x: JaxArray, axes: number[]): JaxArray =>
  numpy.transpose(x.reshape([batch, sequence, heads, headWidth]), axes)

const attention = (p: Parameters<JaxArray>, x: JaxArray): JaxArray => {
  const query = split(affine(x.ref, p.query, p.queryBias), [0, 2, 1, 3])
  const key = split(numpy.matmul(x.ref, p.key), [0, 2, 3, 1])
  const value = split(affine(x, p.value, p.valueBias), [0, 2, 1, 3])
  const weights = nn.softmax(numpy.matmul(query, key).mul(1 / Math.sqrt(headWidth)))
  const mixed = numpy.transpose(numpy.matmul(weights, value), [0, 2, 1, 3])
  return affine(mixed.reshape([batch, sequence, width]), p.out, p.outBias)
}

const block = (p: Parameters<JaxArray>, x: JaxArray): JaxArray => {
  const h = x.ref.add(attention(p, norm(x, p.norm1Scale, p.norm1Offset)))
  const up = nn.gelu(affine(norm(h.ref, p.norm2Scale, p.norm2Offset), p.up, p.upBias), { approximate: true })
  return h.add(affine(up, p.down, p.downBias))
}

const encoder = (): Work => {
  const data = parameters()
  const params = mapParameters((name, shape) => array(data[name], shape))
  const x = array(input(), [batch, sequence, width])
  const loss = (p: Parameters<JaxArray>, inputs: JaxArray): JaxArray => {
    const out = block(p, inputs)
    return out.ref.mul(out).sum()
  }
  const f = jit((p: Parameters<JaxArray>, inputs: JaxArray) => {
    const [value, gradient] = valueAndGrad(loss)(p, inputs)
    return { value, gradient: gradient as Parameters<JaxArray> }
  })
  const call = (): { value: JaxArray; gradient: Parameters<JaxArray> } =>
    f(
      mapParameters((name) => params[name].ref),
      x.ref,
    )
  return {
    run: async () => {
      const { value, gradient } = call()
      const gradients = parameterNames.map((name) => gradient[name])
      await blockUntilReady(gradients)
      for (const g of gradients) g.dispose()
      return (await read(value))[0]
    },
    values: async () => {
      const { value, gradient } = call()
      const arrays = [await read(value)]
      for (const name of parameterNames) arrays.push(await read(gradient[name]))
      return arrays
    },
  }
}

export const works: Works<'W7'> = { W7: encoder }
