/** W4, W5, W9: whole training steps of dense networks with relu, by Adam at 1e-3, always on the same batch. */
import { classes, kernel, symmetric } from './data.ts'
import type { Rows } from './row.ts'

export type Network = 'W4.32' | 'W4.1024' | 'W5'

/** A network and its batch. */
export interface NetworkTask {
  /** Features of the input, of each hidden layer, of the output. */
  readonly sizes: readonly number[]
  readonly batch: number
  /** Cross-entropy of classes, else the mean of squared errors. */
  readonly classes: boolean
}

export const tasks: { readonly [P in Network]: NetworkTask } = {
  'W4.32': { sizes: [10, 100, 1], batch: 32, classes: false },
  'W4.1024': { sizes: [10, 100, 1], batch: 1024, classes: false },
  W5: { sizes: [784, 512, 256, 10], batch: 128, classes: true },
}

export const learningRate = 1e-3

export interface LayerData {
  readonly shape: readonly [inFeatures: number, outFeatures: number]
  readonly kernel: Float32Array<ArrayBuffer>
  readonly bias: Float32Array<ArrayBuffer>
}

export interface NetworkData {
  readonly layers: readonly LayerData[]
  /** `[batch, features]`. */
  readonly x: Float32Array<ArrayBuffer>
  /** Labels `[batch]`, or wanted values `[batch, outputs]`. */
  readonly y: Float32Array<ArrayBuffer>
}

export const makeData = ({ sizes, batch, classes: isClasses }: NetworkTask): NetworkData => {
  const outputs = sizes.at(-1)!
  return {
    layers: sizes.slice(1).map((m, i) => {
      const n = sizes[i]!
      return { shape: [n, m], kernel: kernel(10 + i, n * m, n), bias: new Float32Array(m) }
    }),
    x: symmetric(6, batch * sizes[0]!, 1),
    y: isClasses ? classes(7, batch, outputs) : symmetric(7, batch * outputs, 1.7),
  }
}

const small = 'Linear(10, 100) → relu → Linear(100, 1), squared error, Adam, a step of batch'

export const rows: Rows<Network> = {
  'W4.32': { what: `${small} 32`, agreement: 'losses', target: { timesFaster: 5, fasterThan: 'JAX' } },
  'W4.1024': { what: `${small} 1024`, agreement: 'losses', target: { timesFaster: 6 } },
  W5: {
    what: 'MLP 784 → 512 → 256 → 10, cross-entropy, Adam, a step of batch 128',
    agreement: 'losses',
    target: { timesFaster: 3 },
  },
}
