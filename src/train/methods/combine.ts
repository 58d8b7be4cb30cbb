/** One adapter of several: PEFT's `add_weighted_adapter`. */
import { ArgumentError } from '../../core/errors.ts'
import * as np from '../../numpy/index.ts'
import * as random from '../../random/index.ts'
import type { Key } from '../../random/index.ts'
import { aKey } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import { Adapter } from '../adapter.ts'
import { anAdapter } from './configs.ts'
import type { LoraConfig } from './lora.ts'
import { factorNames, rankOf, scaleOf } from './lora.ts'
import type { Rule, RuleSettings } from './merging.ts'
import { mergedArrays } from './merging.ts'

/** What is combined: the factors themselves, or their products, which are factored again by an SVD. */
interface Kind extends Rule {
  readonly of: 'factors' | 'products'
}

const plain: Rule = { prune: 'none', elect: false }
const ties: Rule = { prune: 'magnitude', elect: true }
const magnitudePrune: Rule = { prune: 'magnitude', elect: false }
const dareLinear: Rule = { prune: 'random', elect: false }
const dareTies: Rule = { prune: 'random', elect: true }

const kinds = {
  linear: { of: 'factors', ...plain },
  ties: { of: 'factors', ...ties },
  magnitudePrune: { of: 'factors', ...magnitudePrune },
  dareLinear: { of: 'factors', ...dareLinear },
  dareTies: { of: 'factors', ...dareTies },
  svd: { of: 'products', ...plain },
  tiesSvd: { of: 'products', ...ties },
  magnitudePruneSvd: { of: 'products', ...magnitudePrune },
  dareLinearSvd: { of: 'products', ...dareLinear },
  dareTiesSvd: { of: 'products', ...dareTies },
} as const satisfies { readonly [name: string]: Kind }

/** How adapters are combined. */
export type Combination = 'cat' | keyof typeof kinds

/** Options of `lora.combine`. */
export interface CombineOptions {
  /** The weight of each adapter; it may be negative. */
  readonly weights: readonly number[]
  /**
   * - `cat`: the ranks add up, and the result is exactly the weighted sum of the adapters' changes.
   * - `linear`: factors are summed, each multiplied by the root of its weight, so that the rank stays the same; the result
   *   contains cross products of one adapter's A with another's B.
   * - `svd`: the sum of the adapters' changes, truncated to a rank by an SVD.
   * - `magnitudePrune`, `dareLinear`: as `linear`, with a fraction of the elements: the largest, or random ones scaled up.
   * - `ties`, `dareTies`: likewise, averaging only elements with the prevailing sign.
   * - with the suffix `Svd`: the same for products instead of factors, truncated to a rank.
   */
  readonly combination: Combination
  /** The fraction of elements kept, in (0, 1], where elements are pruned. */
  readonly density?: number
  /** The prevailing sign in `ties` and its variants: that of the sum (default), or that of the majority of adapters. */
  readonly majoritySign?: 'total' | 'frequency'
  /** The rank of the result where products are truncated; by default the largest rank of the adapters. */
  readonly rank?: number
  /** For `dareLinear` and its variants: the key that selects the elements. */
  readonly key?: Key
}

const combineDoor = must.door('lora.combine', {
  adapters: must.kind('a list of adapters of lora', (x) =>
    Array.isArray(x) ? x.length > 0 && must.isListOf(x, anAdapter('lora', 'dora').accepts) : false,
  ),
  options: must.optionsOf<CombineOptions>({
    weights: must.required(must.listOf(must.finite)),
    combination: must.required(must.oneOf(['cat', ...(Object.keys(kinds) as (keyof typeof kinds)[])])),
    density: must.kind('a number above 0, up to 1', (x) => typeof x === 'number' && x > 0 && x <= 1),
    majoritySign: must.oneOf(['total', 'frequency']),
    rank: must.count,
    key: aKey,
  }),
})

/** Factors of one adapter, and the factor of their product. */
interface Share {
  readonly a: NDArray
  readonly b: NDArray
  readonly weight: number
  readonly scale: number
}

const shareOf = ({ config, weights }: Adapter<LoraConfig>, module: string, weight: number): Share | null => {
  const arrays = weights[module]
  if (arrays === undefined) return null
  const [nameA, nameB] = factorNames(Object.hasOwn(arrays, 'lora_embedding_A'))
  const [a, b] = [arrays[nameA]!, arrays[nameB]!]
  return { a, b, weight, scale: scaleOf(config, module, a.shape[0]!) }
}

interface Factors {
  readonly a: NDArray
  readonly b: NDArray
}

/** Pads with zeros to a rank. */
const padded = (x: NDArray, axis: 0 | 1, rank: number): NDArray => {
  const more = rank - x.shape[axis]!
  if (more === 0) return x
  return np.pad(
    x,
    x.shape.map((_, d) => [0, d === axis ? more : 0] as const),
  )
}

const paddedFactors = ({ a, b }: Factors, rank: number): Factors => ({ a: padded(a, 0, rank), b: padded(b, 1, rank) })

const concatenated = (shares: readonly Share[]): Factors => ({
  a: np.concatenate(
    shares.map(({ a, weight, scale }) => np.multiply(a, weight * scale)),
    { axis: 0 },
  ),
  b: np.concatenate(
    shares.map(({ b }) => b),
    { axis: 1 },
  ),
})

const mergedFactors = (shares: readonly Share[], rule: Rule, settings: RuleSettings, key: Key): Factors => {
  const [keyA, keyB] = random.split(key)
  const factors = shares.map(({ weight, scale }) => weight * scale)
  const roots = factors.map((factor) => Math.sqrt(Math.abs(factor)))
  const signed = roots.map((root, i) => Math.sign(factors[i]!) * root)
  const [as, bs] = [shares.map(({ a }) => a), shares.map(({ b }) => b)]
  return { a: mergedArrays(as, signed, rule, settings, keyA), b: mergedArrays(bs, roots, rule, settings, keyB) }
}

/** A factor as a matrix: of convolutions A is [rank, channels, height, width], B [channels, rank, 1, 1]. */
const asMatrix = (x: NDArray): NDArray => x.reshape([x.shape[0]!, -1])

/** Factors of the best product of a rank: Eckart and Young. */
const cut = (product: NDArray, rank: number, { a, b }: Factors): Factors => {
  const [u, s, vh] = np.linalg.svd(product, { fullMatrices: false })
  const kept = Math.min(rank, s.size)
  const [cutA, cutB] = [vh.at(np.slice(0, kept)).get(), np.multiply(u, s).at('...', np.slice(0, kept)).get()]
  return { a: cutA.reshape([kept, ...a.shape.slice(1)]), b: cutB.reshape([b.shape[0]!, kept, ...b.shape.slice(2)]) }
}

const mergedProducts = (
  shares: readonly Share[],
  rank: number,
  rule: Rule,
  settings: RuleSettings,
  key: Key,
): Factors => {
  const products = shares.map(({ a, b, scale }) => np.multiply(np.matmul(asMatrix(b), asMatrix(a)), scale))
  const weights = shares.map(({ weight }) => weight)
  return cut(mergedArrays(products, weights, rule, settings, key), rank, shares[0]!)
}

/** Refuses what cannot be combined in an adapter: biases and rows that are trained beside the factors. */
const checkFactorsOnly = (adapters: readonly Adapter<LoraConfig>[]): void => {
  for (const { config } of adapters) {
    const { method, bias, loraBias = false, tokens = {} } = config
    const other =
      // PEFT would replace DoRA's norms by those of the plain weights, which loses what was trained.
      method === 'dora'
        ? 'the magnitudes of DoRA'
        : bias !== undefined
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

const checkSameRanks = (combination: string, adapters: readonly Adapter<LoraConfig>[]): void => {
  const [first, ...others] = adapters.map(({ config }) => JSON.stringify([config.rank, config.rankPattern]))
  if (others.every((other) => other === first)) return
  const ranks = adapters.map(({ config }) => config.rank).join(', ')
  throw new ArgumentError(
    `lora.combine: '${combination}' adds factors, which takes equal ranks (and rankPattern), got ${ranks}. Combine them by 'cat' or 'svd'.`,
  )
}

/** Leaves that one of the adapters trained in full. */
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

/** The largest rank of any module. */
const mostRank = ({ config, weights }: Adapter<LoraConfig>): number =>
  Math.max(...Object.keys(weights).map((module) => rankOf(config, module)))

const checkSettings = ({ combination, density, key }: CombineOptions): void => {
  const { prune } = combination === 'cat' ? plain : kinds[combination]
  if (prune !== 'none' && density === undefined) {
    throw new ArgumentError(
      `lora.combine: '${combination}' leaves out elements: pass the share to keep, { density: 0.5 }.`,
    )
  }
  if (prune === 'random' && key === undefined) {
    throw new ArgumentError(`lora.combine: '${combination}' leaves out random elements: pass { key: random.key(0) }.`)
  }
}

/** The rank of the combined adapter. */
const combinedRank = (adapters: readonly Adapter<LoraConfig>[], { combination, rank }: CombineOptions): number => {
  const ranks = adapters.map(mostRank)
  if (combination === 'cat') return ranks.reduce((total, one) => total + one, 0)
  return kinds[combination].of === 'factors' ? adapters[0]!.config.rank : (rank ?? Math.max(...ranks))
}

export const combine = (adapters: readonly Adapter<LoraConfig>[], options: CombineOptions): Adapter<LoraConfig> => {
  combineDoor(adapters, options)
  const { weights, combination, density = 1, majoritySign = 'total', key = random.key(0) } = options
  if (weights.length !== adapters.length) {
    throw new ArgumentError(`lora.combine: there are ${adapters.length} adapters, but ${weights.length} weights.`)
  }
  checkSettings(options)
  checkFactorsOnly(adapters)
  const even = combination !== 'cat' && kinds[combination].of === 'factors'
  if (even) checkSameRanks(combination, adapters)
  const rank = combinedRank(adapters, options)
  const settings = { density, majoritySign }
  const combinedModule = (shares: readonly Share[], drawn: Key): Factors => {
    if (combination === 'cat') return paddedFactors(concatenated(shares), rank)
    const rule = kinds[combination]
    if (rule.of === 'factors') return mergedFactors(shares, rule, settings, drawn)
    return paddedFactors(mergedProducts(shares, rank, rule, settings, drawn), rank)
  }
  const modules = union(adapters.map((adapter) => Object.keys(adapter.weights)))
  const combined = modules.map((module, k) => {
    const shares = adapters.flatMap((adapter, i) => shareOf(adapter, module, weights[i]!) ?? [])
    const { a, b } = combinedModule(shares, random.foldIn(key, k))
    const table = adapters.some((adapter) => Object.hasOwn(adapter.weights[module] ?? {}, 'lora_embedding_A'))
    const [nameA, nameB] = factorNames(table)
    return [module, { [nameA]: a, [nameB]: b }] as const
  })
  const { config: first } = adapters[0]!
  // With alpha equal to the rank, the scale is 1.
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
