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

const split = (x: JaxArray): JaxArray => x.reshape([batch, sequence, heads, headWidth])

const attention = (p: Parameters<JaxArray>, x: JaxArray): JaxArray => {
  const mixed = nn.dotProductAttention(
    split(affine(x.ref, p.query, p.queryBias)),
    split(numpy.matmul(x.ref, p.key)),
    split(affine(x, p.value, p.valueBias)),
  )
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
