/** Gradient transformations: pairs of pure functions, composed by `chain`. After optax. */
import * as must from '../conversions/arguments.ts'
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { sameShape } from '../core/shape.ts'
import type { OpaqueBrand } from '../core/leafTypes.ts'
import { flatten, leafPaths } from '../core/tree.ts'
import { keystr } from '../core/path.ts'
import * as np from '../numpy/index.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { complement } from '../surface/hyperparameters.ts'
import { mapTree, zerosLike } from './trees.ts'

/**
 * The state of an optimizer between steps: a plain tree of arrays, to be kept, saved and passed to the next step. This is the
 * type of any such tree; `StateOf` is the type of a particular optimizer's state.
 */
export type OptState = NDArray | null | (object & OpaqueBrand)

/**
 * A gradient transformation. Optimizers are gradient transformations too: `applyUpdates` adds their updates to the parameters.
 * `S` is the type of its state.
 */
export interface GradientTransformation<S = OptState> {
  /** The state before the first step, for this tree of parameters. */
  init(params: unknown): S
  /**
   * The transformed gradients, and the next state. `params` are the parameters at which the gradients were taken;
   * some transformations need them.
   */
  update<T>(updates: T, state: S, params?: unknown): readonly [updates: T, state: S]
}

/** The type of a transformation's state: `optim.StateOf<typeof optimizer>`. */
export type StateOf<T> = T extends { init(params: unknown): infer S } ? S : never

/** Checks that a state was made by `init` or `update` of the same transformation: it must have these keys. */
export const stateOf = <S>(operation: string, state: S, ...keys: readonly (keyof S & string)[]): S => {
  const fits = typeof state === 'object' && state !== null && keys.every((k) => k in state)
  if (fits) return state
  throw new ArgumentError(
    `${operation}: the state does not have ${keys.join(', ')}; hand over what init, or the last update, of this transformation gave.`,
  )
}

/** The parameters, which this transformation requires. */
export const requireParams = (operation: string, params: unknown): unknown => {
  if (params !== undefined) return params
  throw new ArgumentError(`${operation}: needs the parameters; call update(gradients, state, params).`)
}

const statelessDoor = must.door('optim.stateless', { f: must.func })

/**
 * A transformation without state.
 *
 * @param f - from gradients, and parameters if given, to updates of the same tree.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * // Gradients and parameters added up: weight decay of 1.
 * const { init, update } = optim.stateless((gradients, params) => optim.applyUpdates(gradients, params))
 * update(np.array([0.5, 0]), init(null), np.array([1, 10]))[0] // => [ 1.5 10. ]
 * ```
 */
export const stateless = (f: <T>(updates: T, params?: unknown) => T): GradientTransformation<null> => {
  statelessDoor(f)
  return {
    init: () => null,
    update: (updates, state, params) => [f(updates, params), state],
  }
}

/**
 * Leaves everything as it is: the identity of `chain`.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.identity()
 * update(np.array([1, 2]), init(null))[0] // => [1. 2.]
 * ```
 */
export const identity = (): GradientTransformation<null> => stateless((updates) => updates)

/**
 * Zeros instead of updates.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { init, update } = optim.setToZero()
 * update({ w: np.array([1, 2]) }, init(null))[0].w // => [0. 0.]
 * ```
 */
export const setToZero = (): GradientTransformation<null> => stateless((updates) => zerosLike(updates))

const isTransformation = (x: unknown): boolean => {
  if (typeof x !== 'object' || x === null) return false
  const { init, update } = x as Partial<GradientTransformation>
  return typeof init === 'function' && typeof update === 'function'
}

/** Checks a transformation. */
export const aTransformation = must.kind('a gradient transformation, with init and update', isTransformation, {
  hint: (x) => (Array.isArray(x) ? 'Give several one by one, as in optim.chain(a, b), not as a list.' : null),
})

/** Throws for the first that is not a transformation, naming its index. */
const checkTransformations = (operation: string, transformations: readonly unknown[]): void => {
  transformations.forEach((t, i) => {
    if (!isTransformation(t)) throw aTransformation.refuse(operation, `argument ${i + 1}`, t, [])
  })
}

/**
 * Transformations one after the other; the state is the list of their states.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.chain(optim.clip(1), optim.scale(-0.1))
 * const state = optimizer.init(np.zeros([2]))
 * optimizer.update(np.array([3, 0.5]), state)[0] // => [-0.1  -0.05]
 * ```
 */
export const chain = <S extends readonly unknown[]>(
  ...transformations: { readonly [I in keyof S]: GradientTransformation<S[I]> }
): GradientTransformation<S> => {
  checkTransformations('optim.chain', transformations)
  const parts: readonly GradientTransformation<unknown>[] = transformations
  return {
    init: (params) => parts.map((t) => t.init(params)) as readonly unknown[] as S,
    update: (updates, state, params) => {
      const states = statesOf('chain', state, parts.length)
      let current = updates
      const next = parts.map((t, i) => {
        const [changed, after] = t.update(current, states[i], params)
        current = changed
        return after
      })
      return [current, next as readonly unknown[] as S]
    },
  }
}

const statesOf = (operation: string, state: unknown, count: number): readonly unknown[] => {
  if (Array.isArray(state) && state.length === count) return state as readonly unknown[]
  throw new ArgumentError(
    `optim.${operation}: the state is not a list of ${count} states; hand over what init, or the last update, gave.`,
  )
}

type Named = readonly [name: string, transformation: GradientTransformation]

/** The states of `namedChain`, by name. */
export type NamedStates<T extends readonly Named[]> = {
  readonly [E in T[number] as E[0]]: E[1] extends GradientTransformation<infer S> ? S : never
}

const aNamed = must.kind('a pair [name, transformation]', (x) => {
  return must.listOf(must.anything, '', 2).accepts(x) && typeof (x as readonly unknown[])[0] === 'string'
})

/**
 * `chain` with names, under which the states are stored.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.namedChain(['momentum', optim.trace(0.9)], ['rate', optim.scale(-0.1)])
 * const [updates, state] = optimizer.update(np.array([1]), optimizer.init(np.zeros([1])))
 * updates // => [-0.1]
 * state.momentum.trace // => [1.]
 * ```
 */
export const namedChain = <const T extends readonly Named[]>(
  ...transformations: T
): GradientTransformation<NamedStates<T>> => {
  transformations.forEach((x, i) => {
    if (!aNamed.accepts(x)) throw aNamed.refuse('optim.namedChain', `argument ${i + 1}`, x, [])
  })
  checkTransformations('optim.namedChain', transformations.map(([, t]) => t)) // prettier-ignore
  const inner = chain<OptState[]>(...transformations.map(([, t]) => t))
  const name = (states: readonly OptState[]): NamedStates<T> =>
    Object.fromEntries(transformations.map(([key], i) => [key, states[i]!])) as NamedStates<T>
  return {
    init: (params) => name(inner.init(params)),
    update: (updates, state, params) => {
      const keys = transformations.map(([key]) => key)
      const named = stateOf('optim.namedChain', state as { readonly [key: string]: OptState }, ...keys)
      const [changed, next] = inner.update(
        updates,
        keys.map((key) => named[key]!),
        params,
      )
      return [changed, name(next)]
    },
  }
}

/**
 * Transformations under `chain` as an fp-ts `Monoid`. Two transformations are equal if from equal parameters and
 * gradients they give equal updates, step after step; how their states are nested does not matter.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const { concat, empty } = optim.monoid
 * const t = concat(empty, optim.scale(2))
 * t.update(np.array(3), t.init(np.array(0)))[0] // => 6.
 * ```
 */
export const monoid: Monoid<GradientTransformation> = {
  concat: (first, second) => chain(first, second),
  empty: identity(),
}

const applyUpdatesDoor = must.door('optim.applyUpdates', { params: must.anything, updates: must.anything })

/**
 * `params + updates`, in the dtypes of the parameters.
 *
 * @throws TreeError if the trees differ, ShapeError if the shapes of a parameter and its update differ, naming the path:
 *   nothing is broadcast.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.applyUpdates({ w: np.array([1, 2]) }, { w: np.array([0.5, -1]) }).w // => [1.5 1. ]
 * ```
 */
export const applyUpdates = <P>(params: P, updates: unknown): P => {
  applyUpdatesDoor(params, updates)
  let leaf = 0
  const move = (p: NDArray, u: NDArray): NDArray => {
    if (!sameShape(p.shape, u.shape)) throw updateError(params, leaf, p, u)
    leaf++
    return np.astype(np.add(p, u), p.dtype)
  }
  return mapTree('optim.applyUpdates', move, params, updates)
}

const updateError = (params: unknown, leaf: number, p: NDArray, u: NDArray): ShapeError => {
  const path = keystr(leafPaths(flatten(params).treedef)[leaf]!)
  const place = path === '' ? '' : ` at ${path}`
  return new ShapeError(
    `optim.applyUpdates: the update${place} is ${u.aval}, its parameter ${p.aval}; both must have one shape.`,
  )
}

const incrementalUpdateDoor = must.door('optim.incrementalUpdate', {
  newTree: must.anything,
  oldTree: must.anything,
  stepSize: must.arrayLike,
})

/**
 * `stepSize · new + (1 - stepSize) · old`: a moving average of parameters.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * // A target network that follows slowly.
 * const target = optim.incrementalUpdate({ w: np.array([10]) }, { w: np.array([0]) }, 0.1)
 * target.w // => [1.]
 * ```
 */
export const incrementalUpdate = <P>(newTree: P, oldTree: unknown, stepSize: ArrayLike): P => {
  incrementalUpdateDoor(newTree, oldTree, stepSize)
  return mapTree(
    'optim.incrementalUpdate',
    (x, old) => np.add(np.multiply(x, stepSize), np.multiply(old, complement(stepSize))),
    newTree,
    oldTree,
  )
}
