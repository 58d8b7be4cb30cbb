/** Gradient transformations: pairs of pure functions, composed by `chain`. After optax. */
import type { Monoid } from 'fp-ts/lib/Monoid.js'
import { ArgumentError, ShapeError } from '../core/errors.ts'
import { sameShape } from '../core/shape.ts'
import type { OpaqueBrand } from '../core/tree.ts'
import { flatten, keystr, leafPaths } from '../core/tree.ts'
import * as np from '../numpy/index.ts'
import type { NDArray } from '../trace/value.ts'
import { mapTree, zerosLike } from './trees.ts'

/** What an optimizer remembers between steps: a plain tree of arrays, to be kept, saved and handed back. */
export type OptState = NDArray | null | ((readonly OptState[] | { readonly [key: string]: OptState }) & OpaqueBrand)

/**
 * A gradient transformation. Optimizers are gradient transformations too: what they give is added to the parameters by
 * `applyUpdates`.
 */
export interface GradientTransformation {
  /** The state before the first step, for parameters of this tree. */
  readonly init: (params: unknown) => OptState
  /**
   * What becomes of the gradients, and the next state. `params` are the parameters at which the gradients were taken;
   * some transformations need them.
   */
  readonly update: <T>(updates: T, state: OptState, params?: unknown) => readonly [updates: T, state: OptState]
}

/** Reads a state that `init` or `update` of the same transformation made. */
export const stateOf = <S extends { readonly [K in keyof S]: OptState }>(
  operation: string,
  state: OptState,
  ...keys: readonly (keyof S & string)[]
): S => {
  const fits = typeof state === 'object' && state !== null && keys.every((k) => k in state)
  if (fits) return state as unknown as S
  throw new ArgumentError(
    `${operation}: the state does not have ${keys.join(', ')}; hand over what init, or the last update, of this transformation gave.`,
  )
}

/** The parameters, which this transformation cannot do without. */
export const requireParams = (operation: string, params: unknown): unknown => {
  if (params !== undefined) return params
  throw new ArgumentError(`${operation}: needs the parameters; call update(gradients, state, params).`)
}

/**
 * A transformation without state.
 *
 * @param f - from gradients, and parameters if given, to updates of the same tree.
 */
export const stateless = (f: <T>(updates: T, params?: unknown) => T): GradientTransformation => ({
  init: () => null,
  update: (updates, state, params) => [f(updates, params), state],
})

/** Leaves everything as it is: the unit of `chain`. */
export const identity: () => GradientTransformation = () => stateless((updates) => updates)

/** Zeros instead of updates. */
export const setToZero = (): GradientTransformation => stateless((updates) => zerosLike(updates))

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
export const chain = (...transformations: readonly GradientTransformation[]): GradientTransformation => ({
  init: (params) => transformations.map((t) => t.init(params)),
  update: (updates, state, params) => {
    const states = statesOf('chain', state, transformations.length)
    let current = updates
    const next = transformations.map((t, i) => {
      const [changed, after] = t.update(current, states[i]!, params)
      current = changed
      return after
    })
    return [current, next]
  },
})

const statesOf = (operation: string, state: OptState, count: number): readonly OptState[] => {
  if (Array.isArray(state) && state.length === count) return state as readonly OptState[]
  throw new ArgumentError(
    `optim.${operation}: the state is not a list of ${count} states; hand over what init, or the last update, gave.`,
  )
}

/** `chain` with names, by which the states are kept. */
export const namedChain = (
  ...transformations: readonly (readonly [name: string, transformation: GradientTransformation])[]
): GradientTransformation => {
  const inner = chain(...transformations.map(([, t]) => t))
  const name = (states: OptState): OptState =>
    Object.fromEntries(transformations.map(([key], i) => [key, (states as readonly OptState[])[i]!]))
  return {
    init: (params) => name(inner.init(params)),
    update: (updates, state, params) => {
      const named = stateOf<Record<string, OptState>>('optim.namedChain', state, ...transformations.map(([key]) => key))
      const [changed, next] = inner.update(
        updates,
        transformations.map(([key]) => named[key]!),
        params,
      )
      return [changed, name(next)]
    },
  }
}

/**
 * Transformations under `chain` as an fp-ts `Monoid`. Two transformations are equal if from equal parameters and
 * gradients they give equal updates, step after step; how their states are nested does not count.
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

/**
 * `params + updates`, in the dtypes of the parameters.
 *
 * @throws TreeError if the trees differ, ShapeError if a parameter and its update do, naming the path: nothing is broadcast.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * optim.applyUpdates({ w: np.array([1, 2]) }, { w: np.array([0.5, -1]) }).w // => [1.5 1. ]
 * ```
 */
export const applyUpdates = <P>(params: P, updates: unknown): P => {
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

/** `stepSize · new + (1 - stepSize) · old`: a moving average of parameters. */
export const incrementalUpdate = <P>(newTree: P, oldTree: unknown, stepSize: number): P =>
  mapTree(
    'optim.incrementalUpdate',
    (x, old) => np.add(np.multiply(x, stepSize), np.multiply(old, 1 - stepSize)),
    newTree,
    oldTree,
  )
