/** Selecting leaves: by a tree of booleans, or by a predicate on paths. */
import { ArgumentError } from '../core/errors.ts'
import type { Path } from '../core/path.ts'
import { broadcastPrefix, flatten, leafPaths, unflatten } from '../core/tree.ts'
import { keystr } from '../core/path.ts'
import { asArray } from '../runtime/installArrays.ts'
import * as must from '../conversions/arguments.ts'
import type { ArrayLike } from '../trace/surface.ts'
import type { NDArray } from '../trace/value.ts'
import { aMask } from './options.ts'
import type { GradientTransformation, OptState } from './transformation.ts'
import { aTransformation, setToZero, stateOf } from './transformation.ts'

/** A predicate on leaves: `(path, leaf) => boolean`. A path is a list of keys and indices. */
export type LeafPredicate = (path: Path, leaf: NDArray) => boolean

/** Which leaves: a predicate, or a tree of booleans (or a prefix of one). */
export type Mask = LeafPredicate | boolean | { readonly [key: string]: unknown } | readonly unknown[]

const choose = <C>(operation: string, choice: unknown, tree: unknown): readonly C[] => {
  const { leaves, treedef } = flatten(tree)
  if (typeof choice !== 'function') return broadcastPrefix(operation, choice, treedef) as readonly C[]
  const paths = leafPaths(treedef)
  const f = choice as (path: Path, leaf: NDArray) => C
  return leaves.map((x, i) => f(paths[i]!, asArray(x as ArrayLike)))
}

/** The tree with nulls, which are empty, in place of the leaves that are not chosen. */
const keep = <T>(tree: T, chosen: readonly boolean[]): T => {
  const { leaves, treedef } = flatten(tree)
  return unflatten(
    treedef,
    leaves.map((x, i) => (chosen[i] === true ? x : null)),
  ) as T
}

/** The tree with its chosen leaves replaced, in order. */
const putBack = <T>(tree: T, chosen: readonly boolean[], replaced: unknown): T => {
  const { leaves, treedef } = flatten(tree)
  const fresh = flatten(replaced).leaves
  let next = 0
  return unflatten(
    treedef,
    leaves.map((x, i) => (chosen[i] === true ? fresh[next++] : x)),
  ) as T
}

const select = <T>(params: T | undefined, chosen: readonly boolean[]): T | undefined =>
  params === undefined ? undefined : keep(params, chosen)

/** The state of `masked`. */
export interface MaskedState<S = OptState> {
  readonly inner: S
}

const maskedDoor = must.door('optim.masked', {
  inner: aTransformation,
  mask: aMask,
})

/**
 * A transformation of some leaves only; the others pass unchanged, and have no state.
 *
 * @param mask - a predicate `(path, leaf) => boolean`, or a tree of booleans (or a prefix of one).
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const noBias = optim.masked(optim.scale(10), (path) => path.at(-1) !== 'bias')
 * const g = { kernel: np.array(1), bias: np.array(1) }
 * noBias.update(g, noBias.init(g))[0].kernel // => 10.
 * noBias.update(g, noBias.init(g))[0].bias // => 1.
 * ```
 */
export const masked = <S>(inner: GradientTransformation<S>, mask: Mask): GradientTransformation<MaskedState<S>> => {
  maskedDoor(inner, mask)
  return {
    init: (params) => ({ inner: inner.init(keep(params, choose<boolean>('optim.masked', mask, params))) }),
    update: (updates, state, params) => {
      const chosen = choose<boolean>('optim.masked', mask, updates)
      const { inner: before } = stateOf('optim.masked', state, 'inner')
      const [changed, after] = inner.update(keep(updates, chosen), before, select(params, chosen))
      return [putBack(updates, chosen, changed), { inner: after }]
    },
  }
}

const freezeDoor = must.door('optim.freeze', {
  mask: aMask,
})

/**
 * No updates for the leaves of a mask; the others pass unchanged.
 *
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const params = { body: np.array([1]), head: np.array([1]) }
 * const optimizer = optim.chain(optim.sgd(0.5), optim.freeze({ body: true, head: false }))
 * const [updates] = optimizer.update(params, optimizer.init(params))
 * updates.body // => [0.]
 * updates.head // => [-0.5]
 * ```
 */
export const freeze = (mask: Mask): GradientTransformation<MaskedState<null>> => {
  freezeDoor(mask)
  return masked(setToZero(), mask)
}

/** A label for each leaf: a function `(path, leaf) => label`, or a tree of labels (or a prefix of one). */
export type Labels =
  ((path: Path, leaf: NDArray) => string) | string | { readonly [key: string]: unknown } | readonly unknown[]

const labelsFor = (labels: Labels, known: readonly string[], tree: unknown): readonly string[] => {
  const found = choose<string>('optim.multiTransform', labels, tree)
  const odd = found.findIndex((label) => !known.includes(label))
  if (odd < 0) return found
  const place = keystr(leafPaths(flatten(tree).treedef)[odd]!)
  throw new ArgumentError(
    `optim.multiTransform: the leaf at ${place === '' ? 'the root' : place} has the label ${JSON.stringify(found[odd])}; ` +
      `there are transformations for ${known.join(', ')}.`,
  )
}

/** Labels are strings; they are checked once there is a tree. */
const aLabelling = must.kind(
  'a label, a tree of labels, or a function of paths and leaves',
  (x) => typeof x === 'string' || typeof x === 'function' || (typeof x === 'object' && x !== null),
)

const multiTransformDoor = must.door('optim.multiTransform', {
  transformations: must.recordOf(aTransformation, 'an object of gradient transformations by labels'),
  labels: aLabelling,
})

/**
 * Different transformations for different leaves.
 *
 * @param transformations - by label.
 * @param labels - a function `(path, leaf) => label`, or a tree of labels (or a prefix of one).
 * @throws ArgumentError for a label without a transformation, naming the leaf.
 * @example
 * ```ts
 * import { np, optim } from 'pullback'
 * const optimizer = optim.multiTransform({ slow: optim.sgd(0.1), fast: optim.sgd(1) }, (path) => String(path[0]))
 * const g = { slow: np.array(1), fast: np.array(1) }
 * optimizer.update(g, optimizer.init(g))[0].slow // => -0.1
 * optimizer.update(g, optimizer.init(g))[0].fast // => -1.
 * ```
 */
export const multiTransform = <S extends { readonly [K in keyof S]: unknown }>(
  transformations: { readonly [K in keyof S]: GradientTransformation<S[K]> },
  labels: Labels,
): GradientTransformation<S> => {
  multiTransformDoor(transformations, labels)
  const parts = transformations as { readonly [label: string]: GradientTransformation<unknown> }
  const known = Object.keys(parts)
  const chosenFor = (label: string, tree: unknown): readonly boolean[] =>
    labelsFor(labels, known, tree).map((l) => l === label)
  return {
    init: (params) =>
      Object.fromEntries(
        known.map((label) => [label, parts[label]!.init(keep(params, chosenFor(label, params)))]),
      ) as S,
    update: (updates, state, params) => {
      const states = stateOf('optim.multiTransform', state as { readonly [label: string]: unknown }, ...known)
      let current = updates
      const next = known.map((label) => {
        const chosen = chosenFor(label, updates)
        const [changed, after] = parts[label]!.update(keep(updates, chosen), states[label], select(params, chosen))
        current = putBack(current, chosen, changed)
        return [label, after] as const
      })
      return [current, Object.fromEntries(next) as S]
    },
  }
}
