/** W7: value and gradient, by all parameters, of the sum of squares of a pre-LN transformer encoder block's output. */
import { kernel, symmetric } from './data.ts'
import type { Rows } from './row.ts'

export const batch = 8
export const sequence = 128
export const width = 256
export const heads = 4
export const headWidth = width / heads
export const hidden = 1024
export const epsilon = 1e-5

/**
 * The block: `h = x + attention(norm(x))`, `out = h + mlp(norm(h))`. Norms have scale and offset, the perceptron the tanh
 * form of gelu, and all kernels a bias but the keys', whose gradient would be zero but for rounding: the same shift of all
 * keys changes no weight. Gradients are compared in the order of the parameters here.
 */
export const parameterShapes = {
  norm1Scale: [width],
  norm1Offset: [width],
  query: [width, width],
  queryBias: [width],
  key: [width, width],
  value: [width, width],
  valueBias: [width],
  out: [width, width],
  outBias: [width],
  norm2Scale: [width],
  norm2Offset: [width],
  up: [width, hidden],
  upBias: [hidden],
  down: [hidden, width],
  downBias: [width],
} as const

export type Parameter = keyof typeof parameterShapes
export const parameterNames = Object.keys(parameterShapes) as readonly Parameter[]

/** Something for each parameter. */
export type Parameters<T> = { readonly [P in Parameter]: T }

export const mapParameters = <T>(f: (name: Parameter, shape: readonly number[]) => T): Parameters<T> =>
  Object.fromEntries(parameterNames.map((name) => [name, f(name, parameterShapes[name])])) as unknown as Parameters<T>

const values = (name: Parameter, [n, m]: readonly number[]): Float32Array<ArrayBuffer> => {
  const seed = 30 + parameterNames.indexOf(name)
  if (m !== undefined) return kernel(seed, n! * m, n!)
  return symmetric(seed, n!, 0.1).map((v) => (name.endsWith('Scale') ? 1 + v : v))
}

export const parameters = (): Parameters<Float32Array<ArrayBuffer>> => mapParameters(values)
export const input = (): Float32Array<ArrayBuffer> => symmetric(50, batch * sequence * width, 1.7)

export const rows: Rows<'W7'> = {
  W7: {
    what:
      'transformer encoder block (pre-LN, batch 8, sequence 128, width 256, 4 heads, MLP 1024): ' +
      'value and gradient of the sum of squares',
    agreement: 'elements',
    target: { timesFaster: 2.3 },
  },
}
