/** Arguments that nobody should write, in the midst of some that one would. */
import * as fc from 'fast-check'
import { ShapeDtypeStruct, np, random } from 'pullback'
import type { DType, NDArray } from 'pullback'
import { dtypes } from '../../src/core/dtype.ts'

/** Thrown by functions that are arguments. */
class Thrown extends Error {}

const wildFunctions = new WeakSet<object>()

/** What comes out of a call as it must: a function that went in, or what one throws; a class called as if it were none. */
export const isOwn = (x: unknown): boolean =>
  x instanceof Thrown ||
  (typeof x === 'function' && wildFunctions.has(x)) ||
  (x instanceof TypeError && / (requires 'new'|cannot be invoked without 'new')/.test(x.message))

const shapes: readonly (readonly number[])[] = [[], [1], [3], [0], [2, 3], [3, 3], [2, 0], [2, 2, 3], [1, 2, 3, 2]]

/** Arrays of every dtype, of ranks 0 to 4, some of them without elements. */
export const arrays: fc.Arbitrary<NDArray> = fc
  .tuple(
    fc.oneof({ weight: 3, arbitrary: fc.constant<DType>('float32') }, fc.constantFrom(...dtypes)),
    fc.constantFrom(...shapes),
    fc.integer({ min: -2, max: 3 }),
  ) // prettier-ignore
  .map(([dtype, shape, from]) => {
    const size = shape.reduce((a, b) => a * b, 1)
    const values = Array.from({ length: size }, (_, i) => from + (i % 5) / (dtype.startsWith('f') ? 2 : 1))
    return np.astype(np.reshape(np.array(Float64Array.from(values)), shape), dtype)
  })

/** Keys of random numbers. */
export const keys: fc.Arbitrary<unknown> = fc.integer({ min: 0, max: 3 }).map((seed) => random.key(seed))

const selfish = (): unknown => {
  const self: Record<string, unknown> = { a: 1 }
  self['self'] = self
  return self
}
const ring = (): unknown => {
  const list: unknown[] = [1]
  list.push(list)
  return list
}
const sparse = (length: number): unknown => {
  const list: unknown[] = [1]
  list.length = length
  return list
}

/** What is not an argument of anything, made anew each time. */
const oddities: readonly (() => unknown)[] = [
  () => undefined,
  () => null,
  () => NaN,
  () => Infinity,
  () => -1,
  () => 1.5,
  () => 1e9,
  () => 1e10,
  () => 2n,
  () => 2n ** 70n,
  () => Symbol('wild'),
  () => '',
  () => 'axis',
  () => 'SAME',
  () => 'float32',
  () => '__proto__',
  () => true,
  () => new Date(0),
  () => new Set([2]),
  () => new Map([['axis', 0]]),
  () => /x/,
  () => Promise.resolve(1),
  () => new Proxy({}, {}),
  () => new Proxy([1, 2], {}),
  () => new Proxy(() => 1, {}),
  selfish,
  ring,
  () => sparse(3),
  () => sparse(2 ** 31),
  () => [1, undefined],
  () => [[1, 2], [3]],
  () => ['a', {}],
  () => [NaN],
  () => [-1],
  () => [1e9],
  () => [1e5, 1e5],
  () => [2n],
  () => Object.create(null) as unknown,
  () => Float32Array.of(1, 2),
  () => Int32Array.of(2, 3),
  () => Uint16Array.of(1),
  () => BigInt64Array.of(1n),
  () => new DataView(new ArrayBuffer(4)),
  () => new ArrayBuffer(4),
  () => new Error('wild'),
  () => Map,
  () => new ShapeDtypeStruct([2], 'float32'),
  () => globalThis.Math,
]

/** Functions as one might hand over, and some that do what they should not. */
const functions: readonly (() => unknown)[] = [
  () => (x: unknown) => x,
  () => (x: NDArray) => np.sum(np.multiply(x, x)),
  () => (x: NDArray, y: NDArray) => np.add(x, y),
  () => (x: unknown, y: unknown) => [x, y],
  () => (_: unknown, y: unknown) => y,
  () => () => undefined,
  () => () => 1,
  () => () => true,
  () => () => false,
  () => () => null,
  () => () => [1, 2],
  () => () => 'no',
  () => () => Promise.resolve(1),
  () => () => selfish(),
  () => () => () => 1,
  () => () => {
    throw new Thrown('wild')
  },
]

const optionKeys = [
  'axis', 'keepdims', 'dtype', 'where', 'initial', 'ddof', 'shape', 'mode', 'fillValue', 'size', 'argnums', 'hasAux', 'inAxes', 'outAxes',
  'axisSize', 'length', 'reverse', 'unroll', 'maxSteps', 'padding', 'windowStrides', 'strides', 'b1', 'eps', 'learningRate', 'weightDecay',
  'keepDims', 'dim', 'in_axes', 'axes', 'axsi', 'approximate', 'policy', 'staticArgnums', 'minval', 'maxval', 'replace', 'p', 'order', 'k',
  'contract', 'batch', 'constructor', 'decayRate', 'initValue', 'transitionSteps', 'useBias', 'biasInit', 'kernelInit', 'mask', 'rtol',
] // prettier-ignore

const small = fc.oneof(fc.integer({ min: -3, max: 4 }), fc.constantFrom(0.5, 1e-3))
const lists = fc.array(fc.integer({ min: -1, max: 3 }), { maxLength: 4 })
const oddity = fc.constantFrom(...oddities).map((make) => make())
const func = fc.constantFrom(...functions).map((make) => {
  const f = make() as object
  wildFunctions.add(f)
  return f
})
const sensible = fc.oneof(
  arrays,
  arrays,
  small,
  lists,
  fc.constantFrom('float32', 'SAME', 'fill', 'clip', 'edge'),
  keys,
  func,
)

const option = fc.oneof(sensible, oddity, fc.boolean())
const options = fc
  .array(fc.tuple(fc.constantFrom(...optionKeys), option), { maxLength: 3 })
  .map((entries) => Object.fromEntries(entries) as unknown)

const trees = fc.oneof(
  fc.tuple(arrays, arrays).map(([w, b]) => ({ w, b: [b, null] })),
  fc.array(arrays, { maxLength: 3 }),
)

/** Any argument. */
export const wild: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: sensible },
  { weight: 2, arbitrary: oddity },
  { weight: 2, arbitrary: options },
  { weight: 1, arbitrary: trees },
  { weight: 1, arbitrary: fc.array(fc.oneof(sensible, oddity), { maxLength: 3 }) },
)

/** What the first arguments of a function in that namespace should be, so that some calls get beyond them. */
const proper: { readonly [namespace: string]: fc.Arbitrary<unknown> } = {
  np: arrays,
  lax: fc.oneof(arrays, arrays, func),
  nn: fc.oneof(arrays, small),
  optim: fc.oneof(small, trees),
  random: keys,
  tree: fc.oneof(trees, func),
  method: arrays,
}

/** The arguments of one call: up to five, of which the first are often what they should be. */
export const argumentsFor = (namespace: string): fc.Arbitrary<readonly unknown[]> => {
  const good = Object.hasOwn(proper, namespace) ? proper[namespace]! : fc.oneof(func, func, arrays)
  const rest = fc.array(wild, { maxLength: 4 })
  return fc.oneof(
    { weight: 3, arbitrary: fc.tuple(good, rest).map(([x, xs]) => [x, ...xs]) },
    { weight: 2, arbitrary: fc.tuple(good, good, rest).map(([x, y, xs]) => [x, y, ...xs]) },
    { weight: 2, arbitrary: fc.array(wild, { maxLength: 5 }) },
  )
}

type Place = readonly (string | number)[]

const isContainer = (x: unknown): x is Readonly<Record<string | number, unknown>> =>
  Array.isArray(x) || (typeof x === 'object' && x !== null && Object.getPrototypeOf(x) === Object.prototype)

const placesIn = (x: unknown): readonly Place[] =>
  isContainer(x) ? [[], ...Object.entries(x).flatMap(([key, y]) => placesIn(y).map((place) => [key, ...place]))] : [[]]

const replaced = (x: unknown, [key, ...rest]: Place, y: unknown): unknown => {
  if (key === undefined || !isContainer(x)) return y
  const inner = replaced(x[key], rest, y)
  return Array.isArray(x)
    ? (x as readonly unknown[]).map((item, i) => (String(i) === key ? inner : item))
    : { ...x, [key]: inner }
}

/** What is right, or right but for one of its parts, which is missing, misspelt, or anything. */
export const spoiled = (good: unknown): fc.Arbitrary<unknown> => {
  const place = fc.constantFrom(...placesIn(good))
  return fc.oneof(
    fc.constant(good),
    fc.tuple(place, wild).map(([at, odd]) => replaced(good, at, odd)),
    place.map((at) => replaced(good, [...at, 'odd'], 1)),
  )
}

/** What is too much. */
export const extra = fc.array(wild, { maxLength: 2 })

/** What should come in order, one of it or more spoiled, and what is too much. */
export const nearly = (...good: readonly unknown[]): fc.Arbitrary<readonly unknown[]> =>
  fc.tuple(fc.tuple(...good.map(spoiled)), extra).map(([args, more]) => [...args, ...more])
