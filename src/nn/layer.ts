/**
 * `nn`: the definition of layers. A layer is two pure functions, or three if it has state; parameters and states are plain
 * trees.
 */
import type { DType } from '../core/dtype.ts'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import type { Key } from '../random/keys.ts'
import { aKey, split } from '../random/keys.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'
import type { ArrayLike } from '../trace/surface.ts'

export const checkFeatures = (layer: string, x: NDArray, features: number, axis = -1): void => {
  if (x.aval.shape.at(axis) === features) return
  const which = axis === -1 ? 'the last axis' : `axis ${axis}`
  throw new ShapeError(`${layer}: ${which} of x must have extent ${features}, got ${x.aval}.`)
}

/** The door of a layer's `init`. */
export const initDoor = (layer: string): must.Door =>
  must.door(layer, { key: must.anything, dtype: must.optional(must.dtype) })

const objectFrom = (source: string, names: readonly string[], accepts: (part: unknown) => boolean): must.Check =>
  must.kind(`what ${source} gave, an object with ${names.join(' and ')}`, (x) => {
    if (typeof x !== 'object' || x === null) return false
    return names.every((name) => accepts((x as Readonly<Record<string, unknown>>)[name]))
  })

const isArrayOrNull = (x: unknown): boolean => x === null || must.arrayLike.accepts(x)
const isObject = (x: unknown): boolean => typeof x === 'object' && x !== null

/** Checks parameters from `init`, or a carry from `initialCarry`: arrays of these names, or null. */
export const arraysFrom = (source: string, ...names: readonly string[]): must.Check =>
  objectFrom(source, names, isArrayOrNull)

/** Checks parameters from `init` for parts of these names. */
export const partsFrom = (source: string, ...names: readonly string[]): must.Check =>
  objectFrom(source, names, isObject)

/** The door of a layer's `apply`. */
export const applyDoor = (layer: string, ...names: readonly string[]): must.Door =>
  must.door(layer, { params: arraysFrom('init', ...names), x: must.arrayLike })

/** The door of the `apply` of a layer whose state is running statistics. */
export const statefulDoor = (layer: string): must.Door =>
  must.door(layer, {
    params: arraysFrom('init', 'scale', 'bias'),
    state: arraysFrom('initState', 'mean', 'var'),
    x: must.arrayLike,
  })

/** Several keys from one, which is consumed. */
export const keysFor = (key: Key, count: number): readonly Key[] => [...split(key, Math.max(count, 1))]

/** Options of a run of a model's layers. Containers pass them on to their parts. */
export interface RunOptions {
  /**
   * Whether this is a training step: it uses batch statistics and dropout. False by default. A JS boolean, not an array, since
   * it decides what is traced.
   */
  readonly training?: boolean | undefined
  /** The key that random layers draw from in training; it is consumed. */
  readonly key?: Key | undefined
}

const known: ReadonlySet<string> = new Set(['training', 'key'] satisfies (keyof RunOptions)[])

/**
 * The options of a run, checked. A traced `training` would always count as true, and a key without `training` would silently go
 * unused.
 */
export const checkRun = (layer: string, options: RunOptions = {}): RunOptions => {
  const fail = (what: string): never => {
    throw new ArgumentError(`${layer}: ${what}.`)
  }
  if (typeof options !== 'object' || options === null || options instanceof NDArray || Array.isArray(options)) {
    return fail(
      'options of a run go in one object after x, as in apply(params, x, { training: true, key }); ' +
        'a layer with state takes apply(params, state, x, options)',
    )
  }
  const stranger = Object.keys(options).find((name) => !known.has(name))
  if (stranger !== undefined) fail(`there is no option '${stranger}' of a run; there are training and key`)
  const { training, key } = options
  if (training !== undefined && typeof training !== 'boolean') {
    fail('training must be true or false, a JS boolean: under jit, close over it or make it static (staticArgnums)')
  }
  if (key !== undefined && training === undefined) {
    fail('a key is for training: pass { training: true, key }, or training: false where it shall not be used')
  }
  return options
}

/** A layer: how its parameters are initialised, and what it computes with them. */
export interface Layer<P, A extends readonly unknown[] = readonly [x: ArrayLike], R = NDArray> {
  /** Fresh parameters. */
  readonly init: (key: Key, dtype?: DType) => P
  /** The layer's value at its arguments. */
  readonly apply: (params: P, ...args: A) => R
}

/** A layer that takes run options, which most layers ignore. */
export type RunnableLayer<P> = Layer<P, readonly [x: ArrayLike, options?: RunOptions]>

/**
 * A layer with state that is not learned by gradients, such as running statistics. State is an argument and a result; nothing
 * is mutated.
 */
export interface StatefulLayer<
  P,
  S,
  A extends readonly unknown[] = readonly [x: ArrayLike, options?: RunOptions],
  R = NDArray,
> {
  /** Fresh parameters. */
  readonly init: (key: Key, dtype?: DType) => P
  /** The state before the first run. */
  readonly initState: (dtype?: DType) => S
  /** The layer's value at its arguments, and the state after that. */
  readonly apply: (params: P, state: S, ...args: A) => readonly [y: R, state: S]
}

/** A function of parameters, and of a layer's other arguments. */
type Apply<P> = (params: P, ...args: never[]) => unknown

// A type parameter for the arguments would be simpler; with it, TypeScript no longer infers P before it checks `apply`.
type AfterFirst<F> = F extends (params: never, ...args: infer A) => unknown ? Readonly<A> : never

const layerDoor = must.door('nn.layer', {
  definition: must.optionsOf({ init: must.required(must.func), apply: must.required(must.func) }),
})

/**
 * A user-defined layer. The type of the parameters is what `init` returns; `apply` is given it.
 *
 * @throws ArgumentError for a part that is not a function.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const parts = { norm: nn.layerNorm(8), attention: nn.multiHeadAttention(8, 2) }
 * const block = nn.layer({
 *   init: (key, dtype) => nn.initAll(key, parts, dtype),
 *   apply: (params, x: NDArray) => {
 *     const normal = parts.norm.apply(params.norm, x)
 *     return np.add(x, parts.attention.apply(params.attention, normal, { isCausal: true }))
 *   },
 * })
 * type Params = ReturnType<typeof block.init>
 * const params: Params = block.init(random.key(0))
 * block.apply(params, np.ones([5, 8])).shape // => 5,8
 * ```
 */
export const layer = <P, F extends Apply<P>>(definition: {
  readonly init: (key: Key, dtype?: DType) => P
  readonly apply: F
}): Layer<P, AfterFirst<F>, ReturnType<F>> => {
  layerDoor(definition)
  const { init, apply } = definition
  return { init, apply: apply as unknown as Layer<P, AfterFirst<F>, ReturnType<F>>['apply'] }
}

const statefulLayerDoor = must.door('nn.statefulLayer', {
  definition: must.optionsOf({
    init: must.required(must.func),
    initState: must.required(must.func),
    apply: must.required(must.func),
  }),
})

/**
 * A user-defined layer with state. The types of parameters and state are what `init` and `initState` return; `apply` is given
 * them, and returns the next state beside its value.
 *
 * @throws ArgumentError for a part that is not a function.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const centre = nn.statefulLayer({
 *   init: () => null,
 *   initState: () => ({ mean: np.array(0) }),
 *   apply: (_params, { mean }, x: NDArray, { training = false }: nn.RunOptions = {}) => {
 *     const next = training ? mean.mul(0.9).add(np.mean(x).mul(0.1)) : mean
 *     return [x.sub(next), { mean: next }]
 *   },
 * })
 * const model = nn.sequential(centre, nn.linear(2, 1))
 * const [, state] = model.apply(model.init(random.key(0)), model.initState(), np.ones([3, 2]), { training: true })
 * state[0].mean // => 0.1
 * ```
 */
export const statefulLayer = <P, S, R, X = ArrayLike>(definition: {
  readonly init: (key: Key, dtype?: DType) => P
  readonly initState: (dtype?: DType) => S
  readonly apply: (params: P, state: S, x: X, options?: RunOptions) => readonly [y: R, state: S]
}): StatefulLayer<P, S, readonly [x: X, options?: RunOptions], R> => {
  statefulLayerDoor(definition)
  const { init, initState, apply } = definition
  return { init, initState, apply }
}

/** Parameters of several layers, by their names. */
export type AllParams<L> = {
  readonly [K in keyof L]: L[K] extends { readonly init: (key: Key, dtype?: DType) => infer P } ? P : never
}

const namedLayers = must.recordOf(
  must.kind('a layer', (x) => typeof (x as { readonly init?: unknown } | null | undefined)?.init === 'function'),
  'an object of layers by their names',
)

const initAllDoor = must.door('nn.initAll', { key: aKey, layers: namedLayers, dtype: must.optional(must.dtype) })

/**
 * Initialises several layers, each with its own key: the `init` of a layer that is made of them.
 *
 * @example
 * ```ts
 * import { nn, random, tree } from 'pullback'
 * const params = nn.initAll(random.key(0), { encoder: nn.linear(3, 2), decoder: nn.linear(2, 3, { bias: false }) })
 * tree.structure(params) // => {decoder: {bias: null, kernel: *}, encoder: {bias: *, kernel: *}}
 * ```
 */
export const initAll = <
  const L extends { readonly [name: string]: { readonly init: (key: Key, dtype?: DType) => unknown } },
>(
  key: Key,
  layers: L,
  dtype?: DType,
): AllParams<L> => {
  initAllDoor(key, layers, dtype)
  // Sorted by code unit, as keys of trees are: the order in which an object was written does not change the parameters.
  const names = Object.keys(layers).sort()
  const keys = keysFor(key, names.length)
  return Object.fromEntries(names.map((name, i) => [name, layers[name]!.init(keys[i]!, dtype)])) as AllParams<L>
}
