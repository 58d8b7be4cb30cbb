import { jit, nn, np, optim, valueAndGrad } from 'pullback'
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

const attention = (p: Parameters<NDArray>, x: NDArray): NDArray => {
  const split = (y: NDArray): NDArray => np.reshape(y, [x.shape[0]!, sequence, heads, headWidth])
  const mixed = nn.dotProductAttention(
    split(affine(x, p.query, p.queryBias)),
    split(np.matmul(x, p.key)),
    split(affine(x, p.value, p.valueBias)),
  )
  return affine(np.reshape(mixed, x.shape), p.out, p.outBias)
}

const block = (p: Parameters<NDArray>, x: NDArray): NDArray => {
  const h = np.add(x, attention(p, norm(x, p.norm1Scale, p.norm1Offset)))
  const up = nn.gelu(affine(norm(h, p.norm2Scale, p.norm2Offset), p.up, p.upBias))
  return np.add(h, affine(up, p.down, p.downBias))
}

const makeParameters = (): Parameters<NDArray> => {
  const data = parameters()
  return mapParameters((name, shape) => array(data[name], shape))
}

const encoder = (): Work => {
  const params = makeParameters()
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

/** A training step of twelve blocks on a batch of one: there is much to compile, and little to compute. */
const deep = (): Work => {
  const loss = (blocks: readonly Parameters<NDArray>[], x: NDArray): NDArray =>
    np.mean(np.square(blocks.reduce((h, p) => block(p, h), x)))
  const optimizer = optim.adam(1e-3)
  const step = jit(
    (params: readonly Parameters<NDArray>[], state: optim.StateOf<typeof optimizer>, x: NDArray) => {
      const [value, gradient] = valueAndGrad(loss)(params, x)
      const [updates, next] = optimizer.update(gradient, state, params)
      return { params: optim.applyUpdates(params, updates), state: next, value }
    },
    { donateArgnums: [0, 1] },
  )
  const x = array(input().slice(0, sequence * width), [1, sequence, width])
  let params: readonly Parameters<NDArray>[] = Array.from({ length: 12 }, makeParameters)
  let state = optimizer.init(params)
  return {
    run: () => {
      const result = step(params, state, x)
      params = result.params
      state = result.state
      return result.value.item()
    },
  }
}

export const works: Works<'W7' | 'deep'> = { W7: encoder, deep }
