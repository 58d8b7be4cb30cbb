/** Which other tokens would change a model's prediction. */
import { grad } from '../api/grad.ts'
import { ArgumentError } from '../core/errors.ts'
import { range } from '../core/shape.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import type { NDArray } from '../trace/value.ts'
import type { EmbeddingView } from './embeddings.ts'

/** The replacement of one token by another. */
export interface Counterfactual {
  /** The position of the replaced token. */
  readonly position: number
  /** Its id, and that of the replacement. */
  readonly was: number
  readonly token: number
  /** The value, estimated to first order. */
  readonly estimated: number
  /** The exact value. */
  readonly value: number
}

/** Options of `counterfactualTokens`. */
export interface CounterfactualOptions {
  /** How many replacements are computed exactly: the best to first order; 10 by default. */
  readonly count?: number
  /** Whether the value should fall (the default) or rise. */
  readonly direction?: 'decrease' | 'increase'
  /** Ids that are neither replaced nor inserted, such as special tokens. */
  readonly except?: readonly number[]
  /** Positions that may be replaced; all by default. */
  readonly positions?: readonly number[]
}

const optionTable: must.OptionTable<CounterfactualOptions> = {
  count: must.count,
  direction: must.oneOf(['decrease', 'increase']),
  except: must.listOf(must.natural),
  positions: must.listOf(must.natural),
}

const aView = must.kind(
  'a function by its embeddings, as byEmbeddings gives it',
  (x) => typeof x === 'object' && x !== null && 'embeddings' in x && 'table' in x && 'lookup' in x,
)

const oneSequence = (operation: string, view: EmbeddingView): readonly number[] => {
  const [batch, length] = view.ids.shape as readonly [number, number]
  if (batch !== 1) throw new ArgumentError(`${operation}: one sequence at a time, got ${batch} of them.`)
  return Array.from({ length }, (_, i) => view.ids.at(0, i).get().item())
}

interface Candidate {
  readonly position: number
  readonly token: number
  readonly change: number
}

/** The changes to first order: `(e' - e) · ∂f/∂e` for each token's row e and each row e' of the table; shape `[length, vocabulary]`. */
const firstOrder = (view: EmbeddingView): NDArray => {
  const gradient = grad(view.f)(view.embeddings).at(0).get()
  const now = np.sum(np.multiply(gradient, view.embeddings.at(0).get()), { axis: -1, keepdims: true })
  return np.subtract(np.einsum('ld,vd->lv', gradient, view.table), now)
}

const candidatesOf = (
  operation: string,
  view: EmbeddingView,
  ids: readonly number[],
  { count = 10, direction = 'decrease', except = [], positions = range(ids.length) }: CounterfactualOptions,
): readonly Candidate[] => {
  const beyond = positions.find((p) => p >= ids.length)
  if (beyond !== undefined) {
    throw new ArgumentError(`${operation}: there is no token ${beyond} among ${ids.length}.`)
  }
  const kept = new Set(except)
  const changes = firstOrder(view)
  const vocabulary = changes.shape[1]!
  const elements = changes.dataSync()
  const sign = direction === 'decrease' ? 1 : -1
  // The best so far, best first: few compared with the vocabulary.
  const best: Candidate[] = []
  for (const position of positions) {
    if (kept.has(ids[position]!)) continue
    for (let token = 0; token < vocabulary; token++) {
      const change = Number(elements[position * vocabulary + token])
      const isBetter = best.length < count || sign * change < sign * best.at(-1)!.change
      if (!isBetter || token === ids[position] || kept.has(token)) continue
      const at = best.findIndex((b) => sign * change < sign * b.change)
      best.splice(at === -1 ? best.length : at, 0, { position, token, change })
      best.length = Math.min(best.length, count)
    }
  }
  return best
}

const counterfactualsOf = (
  operation: string,
  view: EmbeddingView,
  options: CounterfactualOptions,
): readonly Counterfactual[] => {
  const ids = oneSequence(operation, view)
  const value = view.f(view.embeddings).item()
  const found = candidatesOf(operation, view, ids, options).map(({ position, token, change }) => {
    const other = view.at([ids.with(position, token)])
    const exact = other.f(other.embeddings).item()
    return { position, was: ids[position]!, token, estimated: value + change, value: exact }
  })
  const sign = options.direction === 'increase' ? -1 : 1
  return found.sort((a, b) => sign * (a.value - b.value))
}

const counterfactualDoor = must.door('counterfactualTokens', {
  view: must.required(aView),
  options: must.optionsOf<CounterfactualOptions>(optionTable),
})

/**
 * Single replacements of tokens that change a value most: all replacements are ranked to first order, with one gradient over
 * the whole table, and the best are computed exactly. Ebrahimi et al., "HotFlip" (2018).
 *
 * @param view - of one sequence, from `byEmbeddings`.
 * @returns the computed ones, best first.
 * @throws ArgumentError for several sequences at once.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { byEmbeddings, counterfactualTokens } from 'pullback/interpret'
 * const params = { table: np.array([[1], [2], [30], [-4]]) }
 * const total = (p: typeof params, ids: NDArray) => np.sum(np.take(p.table, ids, { axis: 0 }))
 * const view = byEmbeddings(total, params, [[0, 1, 2]], { table: 'table' })
 * const [best] = counterfactualTokens(view, { count: 1 })
 * best?.position // => 2
 * best?.token // => 3
 * best?.value // => -1
 * ```
 */
export const counterfactualTokens = (
  view: EmbeddingView,
  options: CounterfactualOptions = {},
): readonly Counterfactual[] => {
  counterfactualDoor(view, options)
  return counterfactualsOf('counterfactualTokens', view, options)
}

/** Options of `flipTokens`. */
export interface FlipOptions extends CounterfactualOptions {
  /** How many tokens are replaced at most; 3 by default. */
  readonly flips?: number
  /** Whether the value is good enough to stop. */
  readonly until?: (value: number) => boolean
}

/** A sequence after some replacements. */
export interface Flipped {
  readonly ids: readonly number[]
  readonly value: number
  /** The replacements, in order. */
  readonly changes: readonly Counterfactual[]
}

const flipDoor = must.door('flipTokens', {
  view: must.required(aView),
  options: must.optionsOf<FlipOptions>({ ...optionTable, flips: must.natural, until: must.func }),
})

/**
 * Greedy replacements, as an attacker would make them: the best replacement, then the best one in the result, and so on, no
 * position twice, as long as each improves the value.
 *
 * @param view - of one sequence, from `byEmbeddings`.
 * @throws ArgumentError for several sequences at once.
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { byEmbeddings, flipTokens } from 'pullback/interpret'
 * const params = { table: np.array([[1], [2], [30], [-4]]) }
 * const total = (p: typeof params, ids: NDArray) => np.sum(np.take(p.table, ids, { axis: 0 }))
 * const view = byEmbeddings(total, params, [[0, 1, 2]], { table: 'table' })
 * flipTokens(view, { flips: 2 }).ids // => 0,3,3
 * ```
 */
export const flipTokens = (view: EmbeddingView, options: FlipOptions = {}): Flipped => {
  flipDoor(view, options)
  const { flips = 3, until = () => false, ...rest } = options
  const sign = rest.direction === 'increase' ? -1 : 1
  let now = view
  let ids = oneSequence('flipTokens', view)
  let value = view.f(view.embeddings).item()
  let positions = rest.positions ?? range(ids.length)
  const changes: Counterfactual[] = []
  while (changes.length < flips && !until(value)) {
    const [best] = counterfactualsOf('flipTokens', now, { ...rest, positions })
    if (best === undefined || sign * best.value >= sign * value) break
    changes.push(best)
    ids = ids.with(best.position, best.token)
    positions = positions.filter((p) => p !== best.position)
    value = best.value
    now = now.at([ids])
  }
  return { ids, value, changes }
}
