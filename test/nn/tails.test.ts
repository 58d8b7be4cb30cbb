/** Activations and special functions, with their first and second derivatives, far out and near 0: against mpmath. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { grad, jit, lax, nn, np, optim, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import { describe, expect, it } from 'vitest'

type Fn = (x: NDArray) => NDArray

/** Points, and at each the function and its first three derivatives, as float64 in base64. */
interface Recorded {
  readonly x: string
  readonly derivatives: readonly string[]
}

const file = fileURLToPath(new URL('../goldens/data/tails.json', import.meta.url))
const recorded = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, Recorded>>
const numbers = (text: string): number[] => {
  const { buffer, byteOffset, byteLength } = Buffer.from(text, 'base64')
  return [...new Float64Array(buffer.slice(byteOffset, byteOffset + byteLength))]
}

const functions: Readonly<Record<string, Fn>> = {
  sigmoid: nn.sigmoid,
  softplus: nn.softplus,
  logSigmoid: nn.logSigmoid,
  silu: nn.silu,
  tanh: nn.tanh,
  gelu: (x) => nn.gelu(x),
  geluErf: (x) => nn.gelu(x, { approximate: false }),
  softSign: nn.softSign,
  elu: (x) => nn.elu(x),
  celu: (x) => nn.celu(x, 2),
  selu: nn.selu,
  mish: nn.mish,
  squareplus: (x) => nn.squareplus(x),
  log1mexp: nn.log1mexp,
  logaddexp: (x) => np.logaddexp(0, x),
  logCosh: (x) => optim.logCosh(x),
  expm1: np.expm1,
  log1p: np.log1p,
  sinh: np.sinh,
  cosh: np.cosh,
  tan: np.tan,
  arcsinh: np.arcsinh,
  arccosh: np.arccosh,
  arctanh: np.arctanh,
  arcsin: np.arcsin,
  arccos: np.arccos,
  arctan: np.arctan,
  erf: lax.erf,
  erfc: lax.erfc,
  erfInv: lax.erfInv,
  logit: (x) => np.log(np.divide(x, np.subtract(1, x))),
  hypot: (x) => np.hypot(x, 1),
}

const formats = {
  float32: { epsilon: 2 ** -23, least: 2 ** -126, most: 2 ** 127 },
  float64: { epsilon: 2 ** -52, least: 2 ** -1022, most: 2 ** 1023 },
} as const

/**
 * Relative accuracy of `got` where the true value is a normal number, in units of the last place: of the result, and of an argument
 * that is off by one unit (an intermediate result may be, and where a function crosses 0 that is all there is to say).
 */
const check = (
  what: string,
  dtype: keyof typeof formats,
  x: number[],
  got: ArrayLike<number>,
  [want, slope]: number[][],
) => {
  const { epsilon, least, most } = formats[dtype]
  x.forEach((at, i) => {
    const [y, truth] = [got[i]!, want![i]!]
    if (Math.abs(truth) > most) return
    const unit = epsilon * (Math.abs(truth) + Math.abs(at * slope![i]!) / 4)
    const bound = Math.max(64 * unit, least)
    expect(Math.abs(y - truth), `${what} at ${at}: ${y}, wanted ${truth}`).toBeLessThanOrEqual(bound)
  })
}

it('covers what is recorded', () => {
  expect(Object.keys(recorded).sort()).toEqual(Object.keys(functions).sort())
})

describe.each(['float32', 'float64'] as const)('%s', (dtype) => {
  it.each(Object.entries(functions))('%s', (name, f) => {
    const { x, derivatives } = recorded[name]!
    const points = numbers(x)
    const truths = derivatives.map(numbers)
    const array = np.array(points, { dtype })
    const orders = [vmap(f), vmap(grad(f)), vmap(grad(grad(f)))]
    orders.forEach((g, order) => {
      const wanted = truths.slice(order, order + 2)
      check(`${name}, order ${order}`, dtype, points, g(array).dataSync() as Float64Array, wanted)
      check(`${name}, order ${order}, compiled`, dtype, points, jit(g)(array).dataSync() as Float64Array, wanted)
    })
  })
})
