/** What one would write by hand: typed arrays, loops, gradients derived on paper. */

/** A two-layer network with relu, trained by Adam: the shapes of both training benchmarks. */
export class HandNetwork {
  readonly #n: number
  readonly #h: number
  readonly #m: number
  readonly #weights: readonly Float32Array[]
  readonly #first: readonly Float32Array[]
  readonly #second: readonly Float32Array[]
  #step = 0

  constructor(n: number, h: number, m: number, weights: readonly Float32Array[]) {
    this.#n = n
    this.#h = h
    this.#m = m
    this.#weights = weights.map((w) => w.slice())
    this.#first = weights.map((w) => new Float32Array(w.length))
    this.#second = weights.map((w) => new Float32Array(w.length))
  }

  /** One step; gives the loss before it. `classes`: cross-entropy with labels, else mean squared error. */
  step(x: Float32Array, y: ArrayLike<number>, batch: number, classes: boolean): number {
    const [n, h, m] = [this.#n, this.#h, this.#m]
    const [w1, b1, w2, b2] = this.#weights as [Float32Array, Float32Array, Float32Array, Float32Array]
    const hidden = affine(x, w1, b1, batch, n, h)
    for (let i = 0; i < hidden.length; i++) if (hidden[i]! < 0) hidden[i] = 0
    const out = affine(hidden, w2, b2, batch, h, m)
    const d = new Float32Array(out.length)
    const loss = classes ? crossEntropy(out, y, d, batch, m) : squared(out, y, d)
    const gradients = [
      new Float32Array(n * h),
      new Float32Array(h),
      new Float32Array(h * m),
      new Float32Array(m),
    ] as const
    backAffine(hidden, d, gradients[2], gradients[3], batch, h, m)
    const dh = new Float32Array(batch * h)
    for (let i = 0; i < batch; i++) {
      for (let j = 0; j < h; j++) {
        if (hidden[i * h + j]! <= 0) continue
        let sum = 0
        for (let k = 0; k < m; k++) sum += d[i * m + k]! * w2[j * m + k]!
        dh[i * h + j] = sum
      }
    }
    backAffine(x, dh, gradients[0], gradients[1], batch, n, h)
    this.#adam(gradients)
    return loss
  }

  #adam(gradients: readonly Float32Array[]): void {
    const t = ++this.#step
    const [c1, c2] = [1 - 0.9 ** t, 1 - 0.999 ** t]
    gradients.forEach((g, k) => {
      const [w, mu, nu] = [this.#weights[k]!, this.#first[k]!, this.#second[k]!]
      for (let i = 0; i < g.length; i++) {
        mu[i] = 0.9 * mu[i]! + 0.1 * g[i]!
        nu[i] = 0.999 * nu[i]! + 0.001 * g[i]! * g[i]!
        w[i] = w[i]! - (1e-3 * (mu[i]! / c1)) / (Math.sqrt(nu[i]! / c2) + 1e-8)
      }
    })
  }
}

const affine = (
  x: Float32Array,
  w: Float32Array,
  b: Float32Array,
  batch: number,
  n: number,
  m: number,
): Float32Array => {
  const out = new Float32Array(batch * m)
  for (let i = 0; i < batch; i++) {
    const row = i * m
    for (let j = 0; j < m; j++) out[row + j] = b[j]!
    for (let k = 0; k < n; k++) {
      const v = x[i * n + k]!
      const weights = k * m
      for (let j = 0; j < m; j++) out[row + j]! += v * w[weights + j]!
    }
  }
  return out
}

const backAffine = (
  x: Float32Array,
  d: Float32Array,
  dw: Float32Array,
  db: Float32Array,
  batch: number,
  n: number,
  m: number,
): void => {
  for (let i = 0; i < batch; i++) {
    const row = i * m
    for (let j = 0; j < m; j++) db[j]! += d[row + j]!
    for (let k = 0; k < n; k++) {
      const v = x[i * n + k]!
      const weights = k * m
      for (let j = 0; j < m; j++) dw[weights + j]! += v * d[row + j]!
    }
  }
}

const squared = (out: Float32Array, y: ArrayLike<number>, d: Float32Array): number => {
  let loss = 0
  for (let i = 0; i < out.length; i++) {
    const e = out[i]! - y[i]!
    loss += e * e
    d[i] = (2 * e) / out.length
  }
  return loss / out.length
}

const crossEntropy = (out: Float32Array, y: ArrayLike<number>, d: Float32Array, batch: number, m: number): number => {
  let loss = 0
  for (let i = 0; i < batch; i++) {
    let top = -Infinity
    for (let j = 0; j < m; j++) top = Math.max(top, out[i * m + j]!)
    let sum = 0
    for (let j = 0; j < m; j++) sum += Math.exp(out[i * m + j]! - top)
    for (let j = 0; j < m; j++) d[i * m + j] = (Math.exp(out[i * m + j]! - top) / sum - Number(j === y[i])) / batch
    loss += Math.log(sum) + top - out[i * m + y[i]!]!
  }
  return loss / batch
}
