/** What is measured, and on what data. No library is loaded here. */

/** A network with one hidden layer and relu, trained by Adam at 1e-3 on one batch. */
export interface Task {
  readonly sizes: readonly [n: number, h: number, m: number]
  readonly batch: number
  /** Cross-entropy of classes, else mean squared error. */
  readonly classes: boolean
}

export interface Data {
  readonly weights: readonly Float32Array<ArrayBuffer>[]
  readonly x: Float32Array<ArrayBuffer>
  readonly y: Float32Array<ArrayBuffer>
}

interface Measure {
  readonly what: string
  /** Microseconds that Pullback should stay under. */
  readonly target?: number
  readonly task?: Task
}

export const measures = {
  dispatch: { what: 'eager `x * 2 + 1` on 8 elements, an operation', target: 3 },
  grad: { what: 'eager `grad(sin(x * x))` of a scalar, a call' },
  tracing: { what: 'tracing, an equation', target: 10 },
  cacheHit: { what: '`jit` cache hit: compiled `x + 1` on 8 elements, a call', target: 10 },
  simpleNetwork: {
    what: 'SimpleNetwork: Linear(10, 100) → relu → Linear(100, 1), squared error, Adam, batch 32, a step',
    task: { sizes: [10, 100, 1], batch: 32, classes: false },
  },
  digits: {
    what: 'digits: 784 → 128 → 10, cross-entropy, Adam, batch 64, a step',
    task: { sizes: [784, 128, 10], batch: 64, classes: true },
  },
} as const satisfies Readonly<Record<string, Measure>>

export type MeasureName = keyof typeof measures
export const measureNames = Object.keys(measures) as readonly MeasureName[]
export const measureOf = (name: MeasureName): Measure => measures[name]

/** One contestant's way of doing a piece of work. */
export interface Work {
  /** Does it once, until the elements are in JS's hands; of a training step, gives the loss before it. */
  readonly run: () => unknown
  /** How much of the work one call does; the time is divided by it. */
  readonly per?: number
}

/** What a contestant can do. Each is made when its turn comes. */
export type Works = { readonly [M in MeasureName]?: () => Work }

export const names = ['Pullback', 'plain loops', 'TensorFlow.js cpu', 'TensorFlow.js wasm', 'jax-js'] as const
export type Name = (typeof names)[number]

export const eight = Float32Array.from({ length: 8 }, (_, i) => i)

/** Numbers in [0, 1), the same in each process: Numerical Recipes' linear congruence. */
const uniform = (): (() => number) => {
  let state = 1
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
}

export const makeData = ({ sizes: [n, h, m], batch, classes }: Task): Data => {
  const next = uniform()
  const within = (length: number, bound: number): Float32Array<ArrayBuffer> =>
    Float32Array.from({ length }, () => (2 * next() - 1) * bound)
  return {
    // Variance 1 / n: a uniform on (-√(3/n), √(3/n)).
    weights: [
      within(n * h, Math.sqrt(3 / n)),
      new Float32Array(h),
      within(h * m, Math.sqrt(3 / h)),
      new Float32Array(m),
    ],
    x: Float32Array.from({ length: batch * n }, next),
    y: classes ? Float32Array.from({ length: batch }, () => Math.floor(next() * m)) : within(batch * m, 1.7),
  }
}
