/** `nn`: layers made of layers. A container has state if one of its parts does. */
import { scan } from '../api/scan.ts'
import type { ScanOptions } from '../api/scan.ts'
import { aLoopCheckpoint, anUnroll } from '../api/scanSteps.ts'
import type { DType } from '../core/dtype.ts'
import { ArgumentError, ShapeError, TreeError } from '../core/errors.ts'
import { sameShape } from '../core/shape.ts'
import { show } from '../core/show.ts'
import { flatten, flattenUpTo, unflatten } from '../core/tree.ts'
import * as np from '../numpy/index.ts'
import type { Key } from '../random/keys.ts'
import { split } from '../random/keys.ts'
import { arrayFor } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import type { RunnableLayer, RunOptions, StatefulLayer } from './layer.ts'
import { checkRun, keysFor } from './layer.ts'

type Init = (key: Key, dtype?: DType) => unknown

/** A layer of any parameters, from an array to an array. */
export interface AnyLayer {
  readonly init: Init
  readonly apply: (params: never, x: NDArray, options: RunOptions) => NDArray
}

/** A layer of any parameters and state, from an array to an array. */
export interface AnyStatefulLayer {
  readonly init: Init
  readonly initState: (dtype?: DType) => unknown
  readonly apply: (
    params: never,
    state: never,
    x: NDArray,
    options: RunOptions,
  ) => readonly [y: NDArray, state: unknown]
}

/** A part of a container: a layer, with or without state, or a plain function. */
export type Part = AnyLayer | AnyStatefulLayer | ((x: NDArray) => NDArray)

/** Parameters of a part; null for a function. */
export type ParamsOf<L> = L extends { readonly init: (key: Key, dtype?: DType) => infer P } ? P : null

/** The state of a part; null where it has none. */
export type StateOf<L> = L extends { readonly initState: (dtype?: DType) => infer S } ? S : null

/** A layer like `L`, with or without state, whose parameters and state are these. */
type Like<L, P, S> = [Extract<L, { readonly initState: unknown }>] extends [never]
  ? RunnableLayer<P>
  : [Exclude<L, { readonly initState: unknown }>] extends [never]
    ? StatefulLayer<P, S>
    : RunnableLayer<P> | StatefulLayer<P, S>

/** A layer that wraps one part. */
export type Wrapped<L> = Like<L, ParamsOf<L>, StateOf<L>>

/** Parameters of a chain: a tuple with null in the places of plain functions. */
export type SequentialParams<S extends readonly unknown[]> = { readonly [I in keyof S]: ParamsOf<S[I]> }

/** The state of a chain: a tuple with null in the places of parts without state. */
export type SequentialState<S extends readonly unknown[]> = { readonly [I in keyof S]: StateOf<S[I]> }

/** A chain of parts: stateful if one of them is. */
export type Sequential<S extends readonly unknown[]> = number extends S['length']
  ? Like<S[number], SequentialParams<S>, SequentialState<S>>
  : [Extract<S[number], { readonly initState: unknown }>] extends [never]
    ? RunnableLayer<SequentialParams<S>>
    : StatefulLayer<SequentialParams<S>, SequentialState<S>>

/** A uniform view of any part: the state of a stateless one is null. */
interface Uniform {
  readonly stateful: boolean
  readonly init: Init
  readonly initState: (dtype?: DType) => unknown
  readonly run: (params: unknown, state: unknown, x: NDArray, options: RunOptions) => readonly [NDArray, unknown]
}

const noState = (): null => null

const isLayer = (part: AnyLayer | AnyStatefulLayer | null): part is AnyLayer | AnyStatefulLayer =>
  typeof part?.init === 'function' && typeof part.apply === 'function'

const uniform = (name: string, part: Part): Uniform => {
  if (typeof part === 'function') {
    return { stateful: false, init: noState, initState: noState, run: (_params, _state, x) => [part(x), null] }
  }
  if (!isLayer(part)) {
    throw new ArgumentError(`${name}: expected layers, with init and apply, and functions, got ${show(part)}.`)
  }
  const { init } = part
  if ('initState' in part) {
    const run = (params: unknown, state: unknown, x: NDArray, options: RunOptions) =>
      part.apply(params as never, state as never, x, options)
    return { stateful: true, init, initState: part.initState, run }
  }
  const run = (params: unknown, _state: unknown, x: NDArray, options: RunOptions): readonly [NDArray, null] => [
    part.apply(params as never, x, options),
    null,
  ]
  return { stateful: false, init, initState: noState, run }
}

/** The public form of a container: with state as argument and result, or without state. */
const exposed = (name: string, { stateful, init, initState, run }: Uniform): unknown => {
  if (!stateful) {
    const apply = (params: unknown, x: ArrayLike, options?: RunOptions): NDArray =>
      run(params, null, arrayFor(name, x), checkRun(name, options))[0]
    return { init, apply }
  }
  const apply = (params: unknown, state: unknown, x: ArrayLike, options?: RunOptions) => {
    if ((x as ArrayLike | undefined) === undefined) {
      throw new ArgumentError(
        `${name}: one of its layers has state: apply(params, state, x), from initState() at first.`,
      )
    }
    return run(params, state, arrayFor(name, x), checkRun(name, options))
  }
  return { init, initState, apply }
}

/** The entries of a chain's parameters or state. */
const entries = (what: string, tree: unknown, count: number): readonly unknown[] => {
  if (Array.isArray(tree) && tree.length === count) return tree
  const got = Array.isArray(tree) ? `${tree.length}` : show(tree)
  throw new TreeError(`nn.sequential: ${what} of ${count} layers has an entry for each, got ${got}.`)
}

/**
 * Layers and plain functions one after the other. With a stateful layer among them the whole is stateful: see `batchNorm`. A
 * key for training is split: each part gets its own.
 *
 * @throws ArgumentError for a part that is neither a layer nor a function; TreeError from a run with parameters of another
 *   chain.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const model = nn.sequential(nn.linear(10, 100), nn.relu, nn.linear(100, 1))
 * const params = model.init(random.key(0))
 * model.apply(params, np.ones([4, 10])).shape // => 4,1
 * ```
 */
export const sequential = <const S extends readonly Part[]>(...parts: S): Sequential<S> => {
  const name = 'nn.sequential'
  const steps = parts.map((part) => uniform(name, part))
  const stateful = steps.some((step) => step.stateful)
  return exposed(name, {
    stateful,
    init: (key, dtype) => {
      const keys = keysFor(key, steps.length)
      return steps.map((step, i) => step.init(keys[i]!, dtype))
    },
    initState: (dtype) => steps.map((step) => step.initState(dtype)),
    run: (params, state, x, { training, key }) => {
      const given = entries('the tree of parameters', params, steps.length)
      const before = stateful ? entries('the state', state, steps.length) : []
      const keys = key === undefined ? [] : keysFor(key, steps.length)
      const after: unknown[] = []
      const y = steps.reduce((value, step, i) => {
        const [next, kept] = step.run(given[i], before[i] ?? null, value, { training, key: keys[i] })
        after.push(kept)
        return next
      }, x)
      return [y, after]
    },
  }) as Sequential<S>
}

/** Throws unless a part preserves shapes: its output is its next input. */
const checkKept = (name: string, x: NDArray, y: NDArray): void => {
  if (sameShape(x.shape, y.shape)) return
  throw new ShapeError(`${name}: the layer must keep the shape of its input, but makes ${y.aval} of ${x.aval}.`)
}

/**
 * `x + layer(x)`. He et al., "Deep residual learning for image recognition" (2015). Parameters and state are those of the layer.
 *
 * @throws ArgumentError for a part that is neither a layer nor a function; ShapeError from a run that changes the shape.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const block = nn.residual(nn.sequential(nn.layerNorm(8), nn.linear(8, 8), nn.gelu))
 * block.apply(block.init(random.key(0)), np.ones([4, 8])).shape // => 4,8
 * ```
 */
export const residual = <const L extends Part>(layer: L): Wrapped<L> => {
  const name = 'nn.residual'
  const part = uniform(name, layer)
  return exposed(name, {
    ...part,
    run: (params, state, x, options) => {
      const [y, next] = part.run(params, state, x, options)
      checkKept(name, x, y)
      return [np.add(x, y), next]
    },
  }) as Wrapped<L>
}

/** Stacks trees of the same structure: the arrays get a new first axis. */
const stacked = (trees: readonly unknown[]): unknown => {
  const { treedef, leaves } = flatten(trees[0])
  const others = trees.slice(1).map((tree) => flattenUpTo('nn.repeat', treedef, tree))
  return unflatten(
    treedef,
    leaves.map((leaf, i) => np.stack([leaf, ...others.map((list) => list[i])] as readonly ArrayLike[])),
  )
}

/** Options of `repeat`, as in `lax.scan`. */
export type RepeatOptions = Pick<ScanOptions, 'unroll' | 'checkpoint'>

const repeatDoor = must.door('nn.repeat', {
  count: must.kind('a whole number from 1 to 1048576', (x) => must.count.accepts(x) && must.times.accepts(x)),
  layer: must.anything,
  options: must.optionsOf<RepeatOptions>({
    unroll: anUnroll,
    checkpoint: aLoopCheckpoint,
  }),
})

/**
 * `count` copies of a layer one after the other, each with its own parameters (and state): their arrays are stacked along a new
 * first axis. They run in a `lax.scan`, so that they are traced and compiled only once. * * @throws ArgumentError unless there
 * is at least one copy; ShapeError from a run that changes the shape.
 * @example
 * ```ts
 * import { nn, np, random } from 'pullback'
 * const block = nn.residual(nn.sequential(nn.layerNorm(8), nn.linear(8, 8)))
 * const model = nn.sequential(nn.repeat(12, block), nn.linear(8, 2))
 * const params = model.init(random.key(0))
 * params[0][1].kernel.shape // => 12,8,8
 * model.apply(params, np.ones([4, 8])).shape // => 4,2
 * ```
 */
export const repeat = <const L extends Part>(count: number, layer: L, options: RepeatOptions = {}): Wrapped<L> => {
  repeatDoor(count, layer, options)
  const name = 'nn.repeat'
  const part = uniform(name, layer)
  const copies = <T>(make: (i: number) => T): unknown => stacked(Array.from({ length: count }, (_, i) => make(i)))
  return exposed(name, {
    ...part,
    init: (key, dtype) => {
      const keys = keysFor(key, count)
      return copies((i) => part.init(keys[i]!, dtype))
    },
    initState: (dtype) => copies(() => part.initState(dtype)),
    run: (params, state, x, { training, key }) => {
      const elements = { params, state, key: key === undefined ? null : split(key, [count]) }
      const body = (value: NDArray, element: { params: unknown; state: unknown; key: NDArray | null }) => {
        const run: RunOptions = { training, key: element.key ?? undefined }
        const [y, next] = part.run(element.params, element.state, value, run)
        checkKept(name, value, y)
        return [y, next] as const
      }
      const [y, next] = scan(body, x, elements, { length: count, ...options })
      return [y, next]
    },
  }) as Wrapped<L>
}
