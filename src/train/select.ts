/** Selects leaves of a tree by globs of their names, regular expressions, or predicates. */
import type { Partial, PartOf } from '../api/tree.ts'
import { ArgumentError, TreeError } from '../core/errors.ts'
import { show } from '../core/show.ts'
import { suggestion } from '../core/suggest.ts'
import { flatten, flattenUpTo, unflatten } from '../core/tree.ts'
import * as must from '../conversions/arguments.ts'
import { globExpression } from './globs.ts'
import type { NamedTree, ParamLeaf } from './leaves.ts'
import { isWhole, nameLeaves, whyNotTrained, withLeaves } from './leaves.ts'

/** A test of a leaf and its name, `encoder.layer.0.output.dense.weight`. */
export type LeafTest = (leaf: ParamLeaf, name: string) => boolean

/**
 * Leaves of a tree: a glob of names, `encoder.layer.{10,11}.**`, or `!embeddings.**` for all but those; a RegExp that matches
 * part of a name; a predicate; or a list of these. Each item of a list adds leaves, and a glob with `!` removes them. A list
 * that begins with such a glob starts from all leaves.
 */
export type Selection = string | RegExp | LeafTest | readonly (string | RegExp | LeafTest)[]

const isPattern = (x: unknown): boolean =>
  (typeof x === 'string' && x !== '' && x !== '!') || x instanceof RegExp || typeof x === 'function'

/** What a selection must be. */
export const aSelection: must.Check = must.kind(
  'a glob of names, a RegExp, a predicate of leaves, or a list of these',
  (x) => isPattern(x) || (must.isListOf(x, isPattern) && (x as readonly unknown[]).length > 0),
)

const testOf = (operation: string, pattern: string | RegExp | LeafTest): LeafTest => {
  if (typeof pattern === 'function') {
    return (leaf, name) => {
      const answer: unknown = pattern(leaf, name)
      if (typeof answer === 'boolean') return answer
      throw new ArgumentError(`${operation}: the predicate must give true or false, got ${show(answer)} for ${name}.`)
    }
  }
  if (typeof pattern === 'string') {
    const expression = globExpression(operation, pattern)
    return (_, name) => expression.test(name)
  }
  // Drops the flags that make a RegExp keep its last index.
  const { source, flags } = pattern
  const expression = new RegExp(source, flags.replaceAll(/[gy]/g, ''))
  return (_, name) => expression.test(name)
}

/** Names with `*` for numbers, each once: `encoder.layer.*.output.dense.weight`. */
const folded = (names: readonly string[]): readonly string[] => [
  ...new Set(names.map((name) => name.replaceAll(/(?<=^|\.)\d+(?=\.|$)/g, '*'))),
]

const SHOWN = 8

/** The parts of a glob without wildcards. */
const plainParts = (glob: string): readonly string[] => glob.split('.').filter((part) => /^\w+$/.test(part))

/** The message for a pattern without matches: similar names, and the existing ones. */
const nothingFits = (operation: string, pattern: string | RegExp | LeafTest, names: readonly string[]): Error => {
  const known = folded(names)
  const parts = [...new Set(names.flatMap((name) => name.split('.')))]
  const meant = (typeof pattern === 'string' ? plainParts(pattern.replace(/^!/, '')) : [])
    .filter((part) => !parts.includes(part))
    .flatMap((part) => {
      const near = suggestion(part, parts)
      return near === null ? [`There is no ${part}.`] : [`There is no ${part}; did you mean ${near}?`]
    })
  const some = known.slice(0, SHOWN).join(', ')
  const rest = known.length > SHOWN ? `, and ${known.length - SHOWN} more` : ''
  const what =
    typeof pattern === 'function'
      ? 'no leaf passes the predicate'
      : `no leaf fits ${typeof pattern === 'string' ? `'${pattern}'` : String(pattern)}`
  return new ArgumentError(
    `${operation}: ${[`${what}.`, ...meant].join(' ')} ${names.length === 0 ? 'The tree has no leaves.' : `Leaves are ${some}${rest}.`}`,
  )
}

const isExcluding = (pattern: unknown): pattern is string => typeof pattern === 'string' && pattern.startsWith('!')

/** Which leaves are chosen. */
export const chosenLeaves = (
  operation: string,
  { leaves, names }: Pick<NamedTree, 'leaves' | 'names'>,
  selection: Selection,
): readonly boolean[] => {
  const patterns = (Array.isArray(selection) ? selection : [selection]) as readonly (string | RegExp | LeafTest)[]
  let chosen: readonly boolean[] = leaves.map(() => isExcluding(patterns[0]))
  for (const pattern of patterns) {
    const excludes = isExcluding(pattern)
    const test = testOf(operation, excludes ? pattern.slice(1) : pattern)
    const fits = leaves.map((leaf, i) => test(leaf, names[i]!))
    if (!fits.includes(true)) throw nothingFits(operation, pattern, names)
    chosen = chosen.map((was, i) => (fits[i]! ? !excludes : was))
  }
  return chosen
}

const selectDoor = must.door('select', { params: must.anything, selection: aSelection })

/**
 * The names of the leaves that are selected, in the order of the tree.
 *
 * @throws ArgumentError for a pattern that matches no leaf, with similar names.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { select } from 'pullback/train'
 * const layer = { weight: np.ones([2, 2]), bias: np.zeros([2]) }
 * const params = { embeddings: { weight: np.ones([9, 2]) }, layer: [layer, layer, layer] }
 * select(params, 'layer.{1,2}.**').join(' ') // => layer.1.bias layer.1.weight layer.2.bias layer.2.weight
 * select(params, '**.bias').length // => 3
 * select(params, ['!embeddings.**', '!**.bias']).join(' ') // => layer.0.weight layer.1.weight layer.2.weight
 * select(params, (leaf) => leaf.shape.length === 1).length // => 3
 * ```
 */
export const select = (params: unknown, selection: Selection): readonly string[] => {
  selectDoor(params, selection)
  const tree = nameLeaves('select', params)
  const chosen = chosenLeaves('select', tree, selection)
  return tree.names.filter((_, i) => chosen[i])
}

/** @throws ArgumentError for a leaf that has no derivative. */
export const checkTrained = (operation: string, { leaves, names }: NamedTree, chosen: readonly boolean[]): void => {
  leaves.forEach((leaf, i) => {
    const why = chosen[i] === true ? whyNotTrained(leaf) : null
    if (why !== null) throw new ArgumentError(`${operation}: ${names[i]!} cannot be trained, as it ${why}.`)
  })
}

const partitionDoor = must.door('partition', { params: must.anything, selection: aSelection })

/**
 * Splits a tree in two, the trained leaves and the others, each with null for the leaves of the other. Differentiate with
 * respect to the first only: then nothing is computed for the others, and optimizers keep nothing for them.
 *
 * @throws ArgumentError for a pattern that matches no leaf, or a leaf that cannot be trained: quantised, or of integers.
 * @example
 * ```ts
 * import { grad, np } from 'pullback'
 * import { combine, partition } from 'pullback/train'
 * const params = { body: np.array([1, 2]), head: np.array([3, 4]) }
 * const [trained, frozen] = partition(params, 'head')
 * const loss = (part: typeof trained) => {
 *   const { body, head } = combine(part, frozen)
 *   return np.sum(np.multiply(body, head))
 * }
 * grad(loss)(trained).head // => [1. 2.]
 * grad(loss)(trained).body // => null
 * ```
 */
export const partition = <T>(params: T, selection: Selection): [trained: Partial<T>, frozen: Partial<T>] => {
  partitionDoor(params, selection)
  const tree = nameLeaves('partition', params)
  const chosen = chosenLeaves('partition', tree, selection)
  checkTrained('partition', tree, chosen)
  const part = (kind: boolean): Partial<T> =>
    withLeaves(
      tree,
      tree.leaves.map((leaf, i) => (chosen[i] === kind ? leaf : null)),
    )
  return [part(true), part(false)]
}

const combineDoor = must.door('combine', { trained: must.anything, frozen: must.anything })

const isPlace = (x: unknown): boolean => x === null || isWhole(x)

/**
 * Joins the two parts of a tree: the inverse of `partition`. Where both have a leaf, the first's is taken.
 *
 * @throws TreeError naming the path where they differ.
 * @example
 * ```ts
 * import { NDArray, np, tree } from 'pullback'
 * import { combine, partition } from 'pullback/train'
 * const params = { body: np.array([1]), head: np.array([2]) }
 * const [trained, frozen] = partition(params, 'head')
 * const updated = tree.map((x: NDArray) => np.add(x, 10), trained)
 * const whole = combine(updated, frozen)
 * whole.body // => [1.]
 * whole.head // => [12.]
 * ```
 */
export const combine = <T>(trained: PartOf<T>, frozen: PartOf<NoInfer<T>>): T => {
  combineDoor(trained, frozen)
  const [first, second] = [flatten(trained, isPlace), flatten(frozen, isPlace)]
  if (!first.treedef.equals(second.treedef)) {
    // Throws an error that names where they differ.
    flattenUpTo('combine', first.treedef, frozen)
    throw new TreeError(`combine: ${first.treedef.toString()} and ${second.treedef.toString()} differ.`)
  }
  return unflatten(
    first.treedef,
    first.leaves.map((leaf, i) => leaf ?? second.leaves[i]),
  ) as T
}
