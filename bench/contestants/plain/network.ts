/** What one would write by hand: typed arrays, loops, gradients derived on paper. */
import type { LayerData, Network, NetworkTask } from '../../tasks/network.ts'
import { learningRate, makeData, tasks } from '../../tasks/network.ts'
import type { Work, Works } from '../../tasks/row.ts'

/** Parameters of a layer, and Adam's averages of their gradients and of the gradients' squares. */
class Layer {
  readonly n: number
  readonly m: number
  readonly kernel: Float32Array
  readonly bias: Float32Array
  readonly #averages: readonly { readonly first: Float32Array; readonly second: Float32Array }[]

  constructor({ shape: [n, m], kernel, bias }: LayerData) {
    this.n = n
    this.m = m
    this.kernel = kernel.slice()
    this.bias = bias.slice()
    this.#averages = [n * m, m].map((k) => ({ first: new Float32Array(k), second: new Float32Array(k) }))
  }

  /** x @ kernel + bias */
  forward(x: Float32Array, batch: number): Float32Array {
    const { n, m, kernel, bias } = this
    const out = new Float32Array(batch * m)
    for (let i = 0; i < batch; i++) {
      for (let j = 0; j < m; j++) out[i * m + j] = bias[j]!
      for (let k = 0; k < n; k++) {
        const v = x[i * n + k]!
        for (let j = 0; j < m; j++) out[i * m + j]! += v * kernel[k * m + j]!
      }
    }
    return out
  }

  /** d @ kernelᵀ, where the layer's input was not cut off by relu. */
  backward(input: Float32Array, d: Float32Array, batch: number): Float32Array {
    const { n, m, kernel } = this
    const out = new Float32Array(batch * n)
    for (let i = 0; i < batch; i++) {
      for (let k = 0; k < n; k++) {
        if (input[i * n + k]! <= 0) continue
        let sum = 0
        for (let j = 0; j < m; j++) sum += d[i * m + j]! * kernel[k * m + j]!
        out[i * n + k] = sum
      }
    }
    return out
  }

  /** Adam's step t, by the gradients xᵀ @ d and the sum of d over the batch. */
  update(x: Float32Array, d: Float32Array, batch: number, t: number): void {
    const { n, m } = this
    const [dKernel, dBias] = [new Float32Array(n * m), new Float32Array(m)]
    for (let i = 0; i < batch; i++) {
      for (let j = 0; j < m; j++) dBias[j]! += d[i * m + j]!
      for (let k = 0; k < n; k++) {
        const v = x[i * n + k]!
        for (let j = 0; j < m; j++) dKernel[k * m + j]! += v * d[i * m + j]!
      }
    }
    this.#adam(0, this.kernel, dKernel, t)
    this.#adam(1, this.bias, dBias, t)
  }

  #adam(which: 0 | 1, w: Float32Array, g: Float32Array, t: number): void {
    const { first, second } = this.#averages[which]!
    const [c1, c2] = [1 - 0.9 ** t, 1 - 0.999 ** t]
    for (let i = 0; i < g.length; i++) {
      first[i] = 0.9 * first[i]! + 0.1 * g[i]!
      second[i] = 0.999 * second[i]! + 0.001 * g[i]! * g[i]!
      w[i] = w[i]! - (learningRate * (first[i]! / c1)) / (Math.sqrt(second[i]! / c2) + 1e-8)
    }
  }
}

const relu = (x: Float32Array): Float32Array => x.map((v) => (v > 0 ? v : 0))

/** The mean of squares, and its derivative. */
const squaredError = (out: Float32Array, y: Float32Array): { loss: number; d: Float32Array } => {
  const d = out.map((v, i) => (2 * (v - y[i]!)) / out.length)
  return { loss: out.reduce((sum, v, i) => sum + (v - y[i]!) ** 2, 0) / out.length, d }
}

/** The mean of -log(softmax(out)[label]), and its derivative. */
const crossEntropy = (out: Float32Array, y: Float32Array, batch: number): { loss: number; d: Float32Array } => {
  const m = out.length / batch
  const d = new Float32Array(out.length)
  let loss = 0
  for (let i = 0; i < batch; i++) {
    const row = out.subarray(i * m, (i + 1) * m)
    const top = Math.max(...row)
    const sum = row.reduce((total, v) => total + Math.exp(v - top), 0)
    row.forEach((v, j) => (d[i * m + j] = (Math.exp(v - top) / sum - Number(j === y[i])) / batch))
    loss += Math.log(sum) + top - row[y[i]!]!
  }
  return { loss: loss / batch, d }
}

const trainingOf = (task: NetworkTask): (() => number) => {
  const { batch, classes } = task
  const data = makeData(task)
  const layers = data.layers.map((layer) => new Layer(layer))
  let t = 0
  return () => {
    t++
    const inputs: Float32Array[] = [data.x]
    let out = layers[0]!.forward(data.x, batch)
    for (const layer of layers.slice(1)) {
      inputs.push(relu(out))
      out = layer.forward(inputs.at(-1)!, batch)
    }
    const { loss, d } = classes ? crossEntropy(out, data.y, batch) : squaredError(out, data.y)
    let gradient = d
    for (const [i, layer] of [...layers.entries()].reverse()) {
      const before = i === 0 ? gradient : layer.backward(inputs[i]!, gradient, batch)
      layer.update(inputs[i]!, gradient, batch, t)
      gradient = before
    }
    return loss
  }
}

const training = (name: Network) => (): Work => ({ run: trainingOf(tasks[name]) })

export const works: Works<Network> = {
  'W4.32': training('W4.32'),
  'W4.1024': training('W4.1024'),
  W5: training('W5'),
}
