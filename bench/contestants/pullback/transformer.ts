import { jit, nn, np, valueAndGrad } from 'pullback'
import type { NDArray } from 'pullback'
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

const affine = (x: NDArray, kernel: NDArray, bias: NDArray): NDArray => np.add(np.matmul(x, kernel), bias)

const norm = (x: NDArray, scale: NDArray, offset: NDArray): NDArray =>
  np.add(np.multiply(nn.standardize(x, { epsilon }), scale), offset)

const split = (x: NDArray): NDArray => np.reshape(x, [batch, sequence, heads, headWidth])

const attention = (p: Parameters<NDArray>, x: NDArray): NDArray => {
  const mixed = nn.dotProductAttention(
    split(affine(x, p.query, p.queryBias)),
    split(np.matmul(x, p.key)),
    split(affine(x, p.value, p.valueBias)),
  )
  return affine(np.reshape(mixed, [batch, sequence, width]), p.out, p.outBias)
}

const block = (p: Parameters<NDArray>, x: NDArray): NDArray => {
  const h = np.add(x, attention(p, norm(x, p.norm1Scale, p.norm1Offset)))
  const up = nn.gelu(affine(norm(h, p.norm2Scale, p.norm2Offset), p.up, p.upBias))
  return np.add(h, affine(up, p.down, p.downBias))
}

const encoder = (): Work => {
  const data = parameters()
  const params = mapParameters((name, shape) => array(data[name], shape))
  const x = array(input(), [batch, sequence, width])
  const f = jit(valueAndGrad((p: Parameters<NDArray>, inputs: NDArray) => np.sum(np.square(block(p, inputs)))))
  return {
    run: () => f(params, x)[0].item(),
    values: () => {
      const [value, gradient] = f(params, x)
      return [read(value), ...parameterNames.map((name) => read(gradient[name]))]
    },
  }
}

export const works: Works<'W7'> = { W7: encoder }
