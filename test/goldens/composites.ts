/** Functions made of several operations, by the keys under which `recording/composites.py` has the same mathematics. */
import { lax, nn, np, random } from 'pullback'
import type { NDArray, nn as Nn } from 'pullback'
import { attentionFunctions } from './attention.ts'
import { edgeFunctions } from './edges.ts'
import { linalgFunctions } from './linalg.ts'
import { numericFunctions } from './numeric.ts'
import { pieceFunctions } from './pieces.ts'
import { controlFunctions } from './control.ts'
import { convolutionFunctions } from './convolution.ts'
import type { AnyFunction } from './functions.ts'

// Weak types are recorded by name.
const operand = (name: string): NDArray | number => {
  if (name === 'weak int') return 1
  if (name === 'weak float') return 0.5
  return np.zeros([], { dtype: name as 'float32' })
}

const promoteByName = (a: string, b: string): string => {
  const { dtype, aval } = np.where(true, operand(a), operand(b))
  return aval.weak ? `weak ${dtype.startsWith('float') ? 'float' : 'int'}` : dtype
}

const distributions: { readonly [name: string]: string } = {
  fan_in: 'fanIn',
  fan_out: 'fanOut',
  fan_avg: 'fanAvg',
  truncated_normal: 'truncatedNormal',
}

const initialize = (
  name: string,
  options: { readonly [k: string]: unknown },
  key: NDArray,
  shape: number[],
): NDArray => {
  const named = Object.fromEntries(
    Object.entries(options).map(([k, v]) => [k, typeof v === 'string' ? (distributions[v] ?? v) : v]),
  )
  const make = (nn.initializers as unknown as { [k: string]: (o: object) => Nn.Initializer })[name.split('.').at(-1)!]!
  return make(named)(key, shape)
}

type Unary = (x: NDArray) => NDArray

const functions: { readonly [name: string]: (...xs: NDArray[]) => NDArray } = {
  norm: (x) => np.sqrt(np.sum(np.square(x))),
  whereNan: (x) => np.where(np.greater(x, 0), np.sqrt(x), 0),
  whereGuarded: (x) => {
    const positive = np.greater(x, 0)
    return np.where(positive, np.sqrt(np.where(positive, x, 1)), 0)
  },
  cube: (x) => np.sum(np.power(x, 3)),
  quartic: (x) => np.sum(np.power(x, np.array(4))),
  product: (x) => np.prod(x),
  productOfPairs: (x) => np.sum(np.prod(x, { axis: -1 })),
  quotient: (x) => np.sum(np.divide(x.at(0).get(), x.at(1).get())),
  bilinear: (x, a) => np.dot(x, np.matmul(a, x)),
  rosenbrock: (x) => {
    const [next, here] = [x.slice(1), x.slice(0, -1)]
    const valley = np.multiply(100, np.square(np.subtract(next, np.square(here))))
    return np.sum(np.add(valley, np.square(np.subtract(1, here))))
  },
  sumOfExp: (x) => np.sum(np.multiply(np.exp(np.sin(x)), x)),
  sumOfTanh: (x) => np.sum(np.square(np.tanh(x))),
  sumOfLog: (x) => np.sum(np.log(np.add(1, np.square(x)))),
  sumOfSoftplus: (x) => np.sum(np.multiply(nn.softplus(x), x)),
  logsumexp: (x) => nn.logsumexp(x),
  crossEntropy: (x, labels) => np.negative(np.sum(np.multiply(nn.logSoftmax(x), labels))),
  softmaxDot: (x, v) => np.dot(nn.softmax(x), v),
  variance: (x) => np.var(x),
  cumulative: (x) => np.sum(np.square(np.cumsum(x))),
  cumulativeProduct: (x) => np.sum(np.cumprod(x)),
  largest: (x) => np.square(np.max(x)),
  sorted: (x) => {
    const [inOrder] = lax.sort([x])
    return np.square(np.dot(inOrder!, np.arange(1, x.size + 1, 1, { dtype: x.dtype })))
  },
  gathered: (x) => np.sum(np.power(np.take(x, [0, 2, 0], { axis: 0 }), 3)),
  scattered: (x) => np.sum(np.power(np.zeros([4], { dtype: x.dtype }).at([1, 3, 1]).add(x), 3)),
  power: (x, y) => np.sum(np.power(x, y)),
  ...Object.fromEntries(
    (['relu', 'tanh', 'sigmoid', 'gelu', 'softplus', 'silu', 'elu', 'selu'] as const).map((name) => [
      `mlp.${name}`,
      (w1: NDArray, w2: NDArray, x: NDArray) => np.sum(np.square(np.matmul((nn[name] as Unary)(np.matmul(x, w1)), w2))),
    ]),
  ),
}

export const composites: { readonly [name: string]: AnyFunction } = {
  ...controlFunctions,
  ...convolutionFunctions,
  ...edgeFunctions,
  ...linalgFunctions,
  ...numericFunctions,
  ...pieceFunctions,
  ...attentionFunctions,
  ...(functions as { readonly [name: string]: AnyFunction }),
  // JAX's keys are one array, however many are asked for by number.
  'random.split': (key, count = 2) =>
    random.split(key as NDArray, typeof count === 'number' ? [count] : (count as number[])),
  splitTwice: (key) => random.split(random.split(key as NDArray)[0])[1],
  promote: (a, b) => promoteByName(a as string, b as string),
  initialize: initialize as AnyFunction,
}
