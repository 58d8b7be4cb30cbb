/** One adapter of several: PEFT's `add_weighted_adapter`, of which the combinations `linear` and `cat`. */
import { ArgumentError } from '../../core/errors.ts'
import * as np from '../../numpy/index.ts'
import * as must from '../../surface/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import { Adapter } from '../adapter.ts'
import { anAdapter } from './configs.ts'
import type { LoraConfig } from './lora.ts'
import { factorNames, rankOf, scaleOf } from './lora.ts'

/** Options of `lora.combine`. */
export interface CombineOptions {
  /** How much each adapter counts; they may be negative. */
  readonly weights: readonly number[]
  /**
   * `cat`: the ranks add up, and the result adds exactly what the adapters add together. `linear`: factors are summed, each multiplied by
   * the root of its weight, so that the rank stays; products of one adapter's A with another's B come in.
   */
  readonly combination: 'cat' | 'linear'
}

const combineDoor = must.door('lora.combine', {
  adapters: must.kind('a list of adapters of lora', (x) =>
    Array.isArray(x) ? x.length > 0 && must.isListOf(x, anAdapter('lora').accepts) : false,
  ),
  options: must.optionsOf<CombineOptions>({
    weights: must.required(must.listOf(must.finite)),
    combination: must.required(must.oneOf(['cat', 'linear'])),
  }),
})

/** Factors of one adapter, multiplied so that their product has its weight and scale. */
interface Share {
  readonly a: NDArray
  readonly b: NDArray
}

const shareOf = (
  { config, weights }: Adapter<LoraConfig>,
  module: string,
  weight: number,
  even: boolean,
): Share | null => {
  const arrays = weights[module]
  if (arrays === undefined) return null
  const [nameA, nameB] = factorNames(Object.hasOwn(arrays, 'lora_embedding_A'))
  const [a, b] = [arrays[nameA]!, arrays[nameB]!]
  const factor = weight * scaleOf(config, module, a.shape[0]!)
  if (!even) return { a: np.multiply(a, factor), b }
  const root = Math.sqrt(Math.abs(factor))
  return { a: np.multiply(a, Math.sign(factor) * root), b: np.multiply(b, root) }
}

const sum = (xs: readonly NDArray[]): NDArray => xs.slice(1).reduce((x, y) => np.add(x, y), xs[0]!)

/** Zeros up to a rank, which add nothing. */
const padded = (x: NDArray, axis: 0 | 1, rank: number): NDArray => {
  const more = rank - x.shape[axis]!
  if (more === 0) return x
  return np.pad(
    x,
    x.shape.map((_, d) => [0, d === axis ? more : 0] as const),
  )
}

const combinedModule = (shares: readonly Share[], rank: number, combination: CombineOptions['combination']): Share => {
  const [as, bs] = [shares.map(({ a }) => a), shares.map(({ b }) => b)]
  if (combination === 'linear') return { a: sum(as), b: sum(bs) }
  return { a: padded(np.concatenate(as, { axis: 0 }), 0, rank), b: padded(np.concatenate(bs, { axis: 1 }), 1, rank) }
}

/** What has no sum that an adapter could hold: biases and rows that are trained beside the factors. */
const checkFactorsOnly = (adapters: readonly Adapter<LoraConfig>[]): void => {
  for (const { config } of adapters) {
    const { bias, loraBias = false, tokens = {} } = config
    const other =
      bias !== undefined
        ? 'biases'
        : loraBias
          ? 'biases of B'
          : Object.keys(tokens).length > 0
            ? 'rows of tables'
            : null
    if (other === null) continue
    throw new ArgumentError(
      `lora.combine: one of the adapters trained ${other} beside its factors, which have no sum. Merge it into the parameters, and combine the others.`,
    )
  }
}

const checkSameRanks = (adapters: readonly Adapter<LoraConfig>[]): void => {
  const [first, ...others] = adapters.map(({ config }) => JSON.stringify([config.rank, config.rankPattern]))
  if (others.every((other) => other === first)) return
  const ranks = adapters.map(({ config }) => config.rank).join(', ')
  throw new ArgumentError(
    `lora.combine: 'linear' sums factors, which takes equal ranks (and rankPattern), got ${ranks}. Combine them by 'cat'.`,
  )
}

/** Leaves that one of the adapters trained whole. */
const allSaved = (adapters: readonly Adapter<LoraConfig>[]): Adapter['saved'] => {
  const saved: { [name: string]: NDArray } = {}
  for (const adapter of adapters) {
    for (const [name, x] of Object.entries(adapter.saved)) {
      if (Object.hasOwn(saved, name)) {
        throw new ArgumentError(`lora.combine: two adapters trained ${name} whole, and it has no sum.`)
      }
      saved[name] = x
    }
  }
  return saved
}

/** Names of all lists, each once. */
const union = (lists: readonly (readonly string[])[]): readonly string[] => [...new Set(lists.flat())]

/** The most that any module's rank is. */
const mostRank = ({ config, weights }: Adapter<LoraConfig>): number =>
  Math.max(...Object.keys(weights).map((module) => rankOf(config, module)))

export const combine = (adapters: readonly Adapter<LoraConfig>[], options: CombineOptions): Adapter<LoraConfig> => {
  combineDoor(adapters, options)
  const { weights, combination } = options
  if (weights.length !== adapters.length) {
    throw new ArgumentError(`lora.combine: there are ${adapters.length} adapters, but ${weights.length} weights.`)
  }
  checkFactorsOnly(adapters)
  const even = combination === 'linear'
  if (even) checkSameRanks(adapters)
  const [{ config: first }] = adapters as readonly [Adapter<LoraConfig>]
  const rank = even ? first.rank : adapters.reduce((total, adapter) => total + mostRank(adapter), 0)
  const modules = union(adapters.map((adapter) => Object.keys(adapter.weights)))
  const combined = modules.map((module) => {
    const shares = adapters.flatMap((adapter, i) => shareOf(adapter, module, weights[i]!, even) ?? [])
    const { a, b } = combinedModule(shares, rank, combination)
    const table = adapters.some((adapter) => Object.hasOwn(adapter.weights[module] ?? {}, 'lora_embedding_A'))
    const [nameA, nameB] = factorNames(table)
    return [module, { [nameA]: a, [nameB]: b }] as const
  })
  // With alpha equal to the rank nothing is multiplied any more.
  const patterns = even ? first.rankPattern : {}
  const config: LoraConfig = {
    ...first,
    rank,
    alpha: rank,
    rsLora: false,
    initLoraWeights: 'default',
    rankPattern: patterns,
    alphaPattern: patterns,
    targetModules: union(adapters.map((adapter) => adapter.config.targetModules)),
    modulesToSave: union(adapters.map((adapter) => adapter.config.modulesToSave)),
    fanInFanOut: union(adapters.map((adapter) => adapter.config.fanInFanOut)),
    tied: Object.assign({}, ...adapters.map((adapter) => adapter.config.tied)) as LoraConfig['tied'],
  }
  return new Adapter(config, Object.fromEntries(combined), allSaved(adapters))
}
