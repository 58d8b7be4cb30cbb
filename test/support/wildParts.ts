/** Layers and optimizers as they should be made, for calls with parameters, states and gradients that are nearly right. */
import * as fc from 'fast-check'
import { nn, np, optim, random } from 'pullback'
import type { NDArray } from 'pullback'
import { argumentsFor, extra, keys, nearly } from './wild.ts'
import type { Subject } from './wildCalls.ts'

type Callable = (...args: readonly unknown[]) => unknown
type Part = Readonly<Record<string, Callable>>

/** A layer, and what it computes with beside its parameters and its state. */
const layers: Readonly<Record<string, readonly [layer: object, ...inputs: readonly NDArray[]]>> = {
  'nn.linear': [nn.linear(3, 2), np.ones([2, 3])],
  'nn.embedding': [nn.embedding(5, 3), np.array([1, 4], { dtype: 'int32' })],
  'nn.layerNorm': [nn.layerNorm(3), np.ones([2, 3])],
  'nn.rmsNorm': [nn.rmsNorm(3), np.ones([2, 3])],
  'nn.groupNorm': [nn.groupNorm(4, 2), np.ones([2, 3, 4])],
  'nn.batchNorm': [nn.batchNorm(3), np.ones([4, 3])],
  'nn.instanceNorm': [nn.instanceNorm(3), np.ones([2, 4, 3])],
  'nn.dropoutLayer': [nn.dropoutLayer(0.5), np.ones([2, 3])],
  'nn.conv': [nn.conv(1, 2, [3, 3]), np.ones([1, 4, 4, 1])],
  'nn.multiHeadAttention': [nn.multiHeadAttention(4, 2), np.ones([2, 3, 4])],
  'nn.luongAttention': [nn.luongAttention(4, 6), np.ones([2, 4]), np.ones([2, 5, 6])],
  'nn.simpleCell': [nn.simpleCell(3, 2), np.ones([2, 2]), np.ones([2, 3])],
  'nn.lstmCell': [nn.lstmCell(3, 2), np.ones([2, 2]), np.ones([2, 3])],
  'nn.gruCell': [nn.gruCell(3, 2), np.ones([2, 2]), np.ones([2, 3])],
  'nn.rnn': [nn.rnn(nn.gruCell(3, 2)), np.ones([2, 4, 3])],
  'nn.sequential': [nn.sequential(nn.linear(3, 4), nn.relu, nn.batchNorm(4)), np.ones([2, 3])],
  'nn.residual': [nn.residual(nn.linear(3, 3)), np.ones([2, 3])],
  'nn.repeat': [nn.repeat(2, nn.linear(3, 3)), np.ones([2, 3])],
  'nn.layer': [nn.layer({ init: () => np.ones([3]), apply: (w, x: NDArray) => np.multiply(w, x) }), np.ones([3])],
  'nn.statefulLayer': [
    nn.statefulLayer({ init: () => np.ones([3]), initState: () => np.zeros([]), apply: (w, n: NDArray, x: NDArray) => [np.multiply(w, x), np.add(n, 1)] as const }),
    np.ones([3]),
  ],
} // prettier-ignore

/** Arguments of which one after the other is tried: an optimizer that none of them makes is missed, and the test says so. */
const attempts: readonly (readonly unknown[])[] = [
  [],
  [0.1],
  [0.1, 0.1],
  [0.1, 0.5, random.key(0)],
  [0.1, random.key(0)],
  [() => 0.1],
  [optim.adam(0.1)],
  [optim.adam(0.1), 2],
  [optim.adam(0.1), { w: true, b: false }],
  [{ w: true, b: false }],
  [{ a: optim.sgd(0.1) }, { w: 'a', b: 'a' }],
  [2],
  [(hyper: { readonly learningRate: NDArray }) => optim.sgd(hyper.learningRate), { learningRate: 0.1 }],
  [(x: unknown) => x],
]

const isPart = (x: unknown): x is Part => typeof x === 'object' && x !== null && 'init' in x

const outcome = (f: () => unknown): unknown => {
  try {
    return f()
  } catch {
    return undefined
  }
}

const params = { w: np.ones([2, 3]), b: np.ones([3]) }
const grads = { w: np.full([2, 3], 0.5), b: np.full([3], -0.5) }
/** What the private ones take: a gradient for each of four examples. */
const exampleGrads = { w: np.full([4, 2, 3], 0.5), b: np.full([4, 3], -0.5) }

/** The optimizers that the functions of `optim` make of some arguments, with gradients and their first states. */
const optimizers: readonly (readonly [name: string, optimizer: Part, gradients: unknown, state: unknown])[] =
  Object.entries(optim as unknown as Readonly<Record<string, Callable>>).flatMap(([name, make]) => {
    for (const args of attempts) {
      const made = outcome(() => make(...args))
      if (!isPart(made)) continue
      const state = outcome(() => made['init']!(params))
      if (state === undefined) continue
      for (const gradients of [grads, exampleGrads]) {
        if (outcome(() => made['update']!(gradients, state, params)) === undefined) continue
        return [[`optim.${name}`, made, gradients, state] as const]
      }
    }
    return []
  })

const subject = (group: string, name: string, call: Callable, args: fc.Arbitrary<readonly unknown[]>): Subject => ({
  name,
  group,
  args: fc.oneof({ weight: 3, arbitrary: args }, { weight: 1, arbitrary: argumentsFor('part') }),
  call,
})

const withKey = fc.tuple(keys, extra).map(([key, more]) => [key, ...more])

const layerParts = Object.entries(layers).flatMap(([name, [given, ...inputs]]): readonly Subject[] => {
  const layer = given as Part
  const { init, initState, apply, ...others } = layer
  const before = initState === undefined ? [] : [initState()]
  const args = [init!(random.key(0)), ...before, ...inputs, { training: false }]
  return [
    subject('layers', `${name}.init`, init!, withKey),
    subject('layers', `${name}.apply`, apply!, nearly(...(/Cell|rnn|luong/.test(name) ? args.slice(0, -1) : args))),
    ...Object.entries({ ...others, ...(initState === undefined ? {} : { initState }) })
      .filter(([, f]) => typeof f === 'function')
      .map(([key, f]) => subject('layers', `${name}.${key}`, f, argumentsFor('part'))),
  ]
})

const optimizerParts = optimizers.flatMap(([name, { init, update }, gradients, state]): readonly Subject[] => [
  subject('optimizers', `${name}.init`, init!, nearly(params)),
  subject('optimizers', `${name}.update`, update!, nearly(gradients, state, params)),
])

/** What layers and optimizers are made of: `nn.linear.apply`, `optim.adam.update`. */
export const madeParts: readonly Subject[] = [...layerParts, ...optimizerParts]
