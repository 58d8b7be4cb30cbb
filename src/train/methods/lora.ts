/**
 * LoRA: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021): s B A is added to a weight W, where A and B are
 * thin. With DoRA (Liu et al., "DoRA: Weight-Decomposed Low-Rank Adaptation", 2024) the rows of the sum also get trained norms.
 */
import { calledIn } from './spelling.ts'
import { stopGradient } from '../../api/derivatives.ts'
import type { DType } from '../../core/dtype.ts'
import { ArgumentError } from '../../core/errors.ts'
import * as must from '../../conversions/arguments.ts'
import * as np from '../../numpy/index.ts'
import * as random from '../../random/index.ts'
import type { Key } from '../../random/keys.ts'
import { aKey } from '../../random/keys.ts'
import type { ArrayLike } from '../../trace/surface.ts'
import type { NDArray } from '../../trace/value.ts'
import { Adapter } from '../adapter.ts'
import type { AdapterWeights } from '../adapter.ts'
import { productTargets } from '../modelTypes.ts'
import type { Parameter } from '../targets.ts'
import { anAdapter, byPattern } from './configs.ts'
import type { Factors, LoraInit } from './loraInit.ts'
import { freshFactors, freshTableFactors, loraInits, principalFactors, takesPart } from './loraInit.ts'
import type { LowRankTerm } from './operators.ts'
import { denseOf, LowRank, productOf, Scaled, widened } from './operators.ts'
import { valueByPattern } from './patterns.ts'
import { TOKENS } from './peft/keys.ts'
import type { AdaptedModule, Changes, ModuleConfig, ModuleOptions, Tuned } from './settings.ts'
import {
  changed,
  changeSaved,
  extentsOf,
  joined,
  leafFinder,
  moduleOptions,
  outputsAxis,
  planModules,
  takeArray,
} from './settings.ts'

/** The settings of LoRA and DoRA. */
export interface LoraConfig extends ModuleConfig {
  readonly method: 'lora' | 'dora'
  readonly rank: number
  /** The scale of B A is alpha / rank, or alpha / √rank with `rsLora`. */
  readonly alpha: number
  readonly dropout: number
  readonly rsLora: boolean
  /** Whether B has a bias, which is scaled like B's output. */
  readonly loraBias?: boolean
  readonly initLoraWeights: string
  readonly rankPattern: { readonly [pattern: string]: number }
  readonly alphaPattern: { readonly [pattern: string]: number }
}

/** Options of `lora.init` and `dora.init`. */
export interface LoraOptions extends ModuleOptions {
  /** Rows of A; 8 by default. */
  readonly rank?: number
  /** The scale of B A is alpha / rank; 8 by default. */
  readonly alpha?: number
  /** The probability that an input of A is dropped in training; 0 by default. */
  readonly dropout?: number
  /** Scales by alpha / √rank instead: Kalajdzievski, "A Rank Stabilization Scaling Factor for Fine-Tuning with LoRA" (2023). */
  readonly rsLora?: boolean
  /** How A and B are initialised. */
  readonly initLoraWeights?: LoraInit
  /** Ranks of some modules, by regular expressions for the ends of their names. */
  readonly rankPattern?: { readonly [pattern: string]: number }
  /** Alphas of some modules, by regular expressions for the ends of their names. */
  readonly alphaPattern?: { readonly [pattern: string]: number }
  /** The dtype of A and B; float32 by default, float64 where the weight is. */
  readonly dtype?: DType
}

/** Options of `apply`. */
export interface ApplyOptions {
  /** The key of dropout; without it there is no dropout. */
  readonly key?: Key
}

/** Options of `lora.apply`. */
export interface LoraApplyOptions extends ApplyOptions {
  /** The weights of several adapters: one number for each, 1 by default. They may be traced. */
  readonly weights?: ArrayLike
}

const loraOptions: must.OptionTable<LoraOptions> = {
  ...moduleOptions,
  rank: must.count,
  alpha: must.positive,
  dropout: must.fraction,
  rsLora: must.boolean,
  initLoraWeights: must.oneOf(loraInits),
  rankPattern: byPattern(must.count),
  alphaPattern: byPattern(must.positive),
  dtype: must.dtype,
}

type LoraMethod = LoraConfig['method']

/** The scale of B A. */
export const scaleOf = (config: LoraConfig, module: string, rank: number): number => {
  const alpha = valueByPattern(config.alphaPattern, calledIn(config, module), config.alpha)
  return alpha / (config.rsLora ? Math.sqrt(rank) : rank)
}

/** The rank of a module's factors. */
export const rankOf = (config: LoraConfig, module: string): number =>
  valueByPattern(config.rankPattern, calledIn(config, module), config.rank)

// Initialising an adapter.

const dtypeOf = (value: Parameter, { dtype }: LoraOptions): DType =>
  dtype ?? (value.dtype === 'float64' ? 'float64' : 'float32')

const beginning = (
  operation: string,
  key: Key,
  module: AdaptedModule,
  config: LoraConfig,
  options: LoraOptions,
): Factors => {
  const extents = extentsOf(module.value, module.outputs)
  const rank = rankOf(config, module.module)
  const dtype = dtypeOf(module.value, options)
  const { initLoraWeights: init = 'default' } = options
  if (module.table) return freshTableFactors(key, extents, rank, dtype)
  if (!takesPart(init)) return freshFactors(init, key, extents, rank, dtype)
  const { a, b } = principalFactors(operation, init, module, rank, scaleOf(config, module.module, rank))
  return { a: np.astype(a, dtype), b: np.astype(b, dtype) }
}

/** A and B under PEFT's names. */
export const factorNames = (table: boolean): readonly [a: string, b: string] =>
  table ? ['lora_embedding_A', 'lora_embedding_B'] : ['lora_A', 'lora_B']

// Applying an adapter.

type Arrays = AdapterWeights[string]

/** The factors, ordered such that `left right` has the shape of the weight. */
const sidesOf = (
  operation: string,
  module: string,
  arrays: Arrays,
  value: Parameter,
  config: LoraConfig,
): { readonly left: NDArray; readonly right: NDArray; readonly outputs: 0 | 1; readonly rank: number } => {
  const table = Object.hasOwn(arrays, 'lora_embedding_A')
  const outputs = outputsAxis(config, module, table)
  const [inputs, outs] = extentsOf(value, outputs)
  const rank = rankOf(config, module)
  const [nameA, nameB] = factorNames(table)
  const a = takeArray(operation, module, arrays, nameA, [rank, inputs])
  const b = takeArray(operation, module, arrays, nameB, [outs, rank])
  return outputs === 0 ? { left: b, right: a, outputs, rank } : { left: a.T, right: b.T, outputs, rank }
}

/**
 * Norms of the rows of the changed weight, if rows are outputs; of its columns otherwise. They are expanded,
 * ‖w + s b A‖² = ‖w‖² + 2 s b·(A w) + s² b·(A Aᵀ b), so that the sum is never built.
 */
const lengths = (base: Parameter, left: NDArray, right: NDArray, scale: number, outputs: 0 | 1): NDArray => {
  const squares = np.sum(np.square(widened(denseOf(base))), { axis: 1 - outputs })
  const [thin, wide] = outputs === 0 ? [left.T, right] : [right, left.T]
  const met = productOf(wide, base, outputs === 0)
  const gram = np.matmul(wide, wide.T)
  const crossed = np.sum(np.multiply(thin, met), { axis: 0 })
  const own = np.sum(np.multiply(thin, np.matmul(gram, thin)), { axis: 0 })
  const sum = np.add(squares, np.add(np.multiply(crossed, 2 * scale), np.multiply(own, scale * scale)))
  return np.sqrt(np.maximum(sum, 0))
}

/** An adapter, and its weight. */
interface Part {
  readonly adapter: Adapter<LoraConfig>
  readonly share: NDArray | null
  readonly key: Key | null
}

/** A weight `W`, `[outputs, ...]`, as all rows of one matrix. */
const flat = (x: NDArray): NDArray => np.reshape(x, [x.shape[0]!, -1])

/**
 * The kernel of a convolution changed by one adapter: W + s B A, in which each output is a row; for convolutions there is no
 * cheaper form here.
 */
const changedKernel = (operation: string, { adapter, share, key }: Part, module: string, base: Parameter): NDArray => {
  const { config, weights } = adapter
  const arrays = weights[module]!
  const kernel = denseOf(base)
  const [outs, ...inner] = kernel.shape as readonly [number, ...number[]]
  const rank = rankOf(config, module)
  if (key !== null && config.dropout > 0) {
    throw new ArgumentError(
      `${operation}: ${module} is a convolution, whose inputs are not dropped: leave out the key, or take a dropout of 0.`,
    )
  }
  const a = takeArray(operation, module, arrays, 'lora_A', [rank, ...inner])
  const b = takeArray(operation, module, arrays, 'lora_B', [outs, rank, 1, 1])
  const scale = scaleOf(config, module, rank)
  const product = np.reshape(np.multiply(np.matmul(flat(b), flat(a)), scale), kernel.shape)
  const sum = np.add(widened(kernel), share === null ? product : np.multiply(product, share))
  if (config.method === 'lora') return np.astype(sum, kernel.dtype)
  const magnitude = takeArray(operation, module, arrays, 'lora_magnitude_vector', [1, outs, 1, 1])
  const length = stopGradient(np.sqrt(np.sum(np.square(flat(sum)), { axis: 1 })))
  const factor = np.divide(np.reshape(magnitude, [outs]), np.where(np.equal(length, 0), 1, length))
  return np.astype(np.multiply(sum, np.reshape(factor, [outs, 1, 1, 1])), kernel.dtype)
}

/** A bias plus the bias of B. */
const changedBias = (operation: string, { adapter, share }: Part, module: string, bias: Parameter): NDArray => {
  const { config, weights } = adapter
  const own = weights[module]!['lora_B_bias']!
  const scaled = np.multiply(own, scaleOf(config, module, rankOf(config, module)))
  const added = share === null ? scaled : np.multiply(scaled, share)
  const before = denseOf(bias)
  takeArray(operation, module, weights[module]!, 'lora_B_bias', before.shape)
  return np.astype(np.add(before, added), before.dtype)
}

/** A table with some trained rows. */
const changedRows = (operation: string, { adapter, share }: Part, table: string, base: Parameter): NDArray => {
  if (share !== null) {
    throw new ArgumentError(
      `${operation}: rows of ${table} are trained whole, and take no part of a weight: leave out the weights.`,
    )
  }
  const dense = denseOf(base)
  const indices = adapter.config.tokens![table]!
  const rows = takeArray(operation, table, adapter.weights[table]!, TOKENS, [indices.length, dense.shape[1]!])
  return dense.at(np.array([...indices], { dtype: 'int32' })).set(np.astype(rows, dense.dtype))
}

/** The operator of a weight changed by one adapter, around the operators of others. */
const changedBy = (operation: string, { adapter, share, key }: Part, module: string, base: Parameter): Parameter => {
  const { config, weights } = adapter
  const arrays = weights[module]!
  const { left, right, outputs, rank } = sidesOf(operation, module, arrays, base, config)
  const scale = scaleOf(config, module, rank)
  const table = Object.hasOwn(arrays, 'lora_embedding_A')
  const term: LowRankTerm = { left, right, scale, share, key, rate: table ? 0 : config.dropout }
  if (config.method === 'lora') {
    return base instanceof LowRank ? new LowRank(base.base, [...base.terms, term]) : new LowRank(base, [term])
  }
  const [, outs] = extentsOf(base, outputs)
  const magnitude = takeArray(operation, module, arrays, 'lora_magnitude_vector', [outs])
  // The norm is a constant for the gradient: section 4.3 of the paper.
  const length = stopGradient(lengths(base, left, right, scale, outputs))
  const factor = np.divide(magnitude, np.where(np.equal(length, 0), 1, length))
  return new Scaled(new LowRank(base, [term]), factor, outputs)
}

const partsOf = (
  operation: string,
  adapters: readonly Adapter<LoraConfig>[],
  { key, weights }: LoraApplyOptions,
): readonly Part[] => {
  const shares = weights === undefined ? null : np.asarray(weights)
  if (shares !== null && (shares.ndim !== 1 || shares.shape[0] !== adapters.length)) {
    throw new ArgumentError(`${operation}: there are ${adapters.length} adapters, but weights are ${shares.aval}.`)
  }
  return adapters.map((adapter, i) => ({
    adapter,
    share: shares === null ? null : shares.at(i).get(),
    key: key === undefined ? null : random.foldIn(key, i),
  }))
}

const changesBy = <P>(operation: string, params: P, parts: readonly Part[]): Changes => {
  const untied = Object.assign({}, ...parts.map(({ adapter }) => adapter.config.untied)) as ModuleConfig['untied']
  const find = leafFinder(operation, params, untied)
  const changes: Changes = new Map()
  for (const part of parts) {
    const { adapter, key } = part
    const after = (name: string, change: (leaf: Parameter) => Parameter): void => {
      const before = changes.get(name)
      changes.set(name, (leaf) => change(before === undefined ? leaf : before(leaf)))
    }
    const biases: (readonly [name: string, change: (leaf: Parameter) => Parameter])[] = []
    for (const [i, [module, arrays]] of Object.entries(adapter.weights).entries()) {
      const { name, value } = find(module)
      const own = { ...part, key: key === null ? null : random.foldIn(key, i) }
      if (Object.hasOwn(arrays, TOKENS)) after(name, (leaf) => changedRows(operation, own, module, leaf))
      if (Object.keys(arrays).every((array) => array === TOKENS)) continue
      after(name, (leaf) => (value.ndim === 4 ? changedKernel : changedBy)(operation, own, module, leaf))
      if (Object.hasOwn(arrays, 'lora_B_bias')) {
        biases.push([`${module}.bias`, (leaf) => changedBias(operation, own, module, leaf)])
      }
    }
    const twice = Object.keys(adapter.saved).find((name) => changes.has(name))
    if (twice !== undefined) {
      throw new ArgumentError(
        `${operation}: ${twice} is trained whole by one adapter, and changed by another; of two such adapters one can be applied.`,
      )
    }
    changeSaved(operation, changes, adapter.saved)
    for (const [name, change] of biases) after(name, change)
    for (const name of adapter.config.idleBiases ?? []) after(name, (leaf) => np.zerosLike(denseOf(leaf)))
  }
  return joined(changes, untied)
}

const someAdapters = (method: LoraMethod): must.Check => {
  const one = anAdapter(method)
  return must.kind(`${one.wanted}, or a list of them`, (x) =>
    Array.isArray(x) ? x.length > 0 && must.isListOf(x, one.accepts) : one.accepts(x),
  )
}

const applyOptions: must.OptionTable<LoraApplyOptions> = { key: aKey, weights: must.arrayLike }

/** One adapter, or several at once. */
export type LoraAdapters = Adapter<LoraConfig> | readonly Adapter<LoraConfig>[]

const listOf = (adapters: LoraAdapters): readonly Adapter<LoraConfig>[] =>
  adapters instanceof Adapter ? [adapters] : adapters

/** `init`, `apply` and `merge` of LoRA, or of DoRA. */
export const makeLora = (method: LoraMethod) => {
  const initDoor = must.door(`${method}.init`, {
    key: aKey,
    params: must.anything,
    options: must.optionsOf(loraOptions),
  })
  const tables = { params: must.anything, adapter: someAdapters(method), options: must.optionsOf(applyOptions) }
  const applyDoor = must.door(`${method}.apply`, tables)
  const mergeDoor = must.door(`${method}.merge`, tables)

  const init = (key: Key, params: unknown, options: LoraOptions = {}): Adapter<LoraConfig> => {
    initDoor(key, params, options)
    const operation = `${method}.init`
    const { rank = 8, alpha = 8, dropout = 0, rsLora = false, initLoraWeights = 'default' } = options
    const { rankPattern = {}, alphaPattern = {} } = options
    const { modules, saved, config: found } = planModules(operation, params, options, productTargets)
    const own = { rank, alpha, dropout, rsLora, initLoraWeights, rankPattern, alphaPattern }
    const config: LoraConfig = { method, ...own, ...found }
    const keys = random.split(key, modules.length)
    const weights = modules.map((module, i) => {
      const { a, b } = beginning(operation, keys.at(i).get(), module, config, options)
      const [nameA, nameB] = factorNames(module.table)
      const factors = { [nameA]: a, [nameB]: b }
      if (method === 'lora') return [module.module, factors] as const
      const { left, right, outputs } = sidesOf(operation, module.module, factors, module.value, config)
      // An adapter that is initialised with a part of the weight belongs to the rest: their sum is the weight.
      const scale = takesPart(initLoraWeights) ? 0 : scaleOf(config, module.module, rankOf(config, module.module))
      const length = lengths(module.value, left, right, scale, outputs)
      return [module.module, { ...factors, lora_magnitude_vector: np.astype(length, a.dtype) }] as const
    })
    return new Adapter(config, Object.fromEntries(weights), saved)
  }

  const changesOf = <P>(operation: string, params: P, adapters: LoraAdapters, options: LoraApplyOptions): Changes => {
    const list = listOf(adapters)
    if (method === 'dora' && (list.length > 1 || options.weights !== undefined)) {
      throw new ArgumentError(
        `${operation}: lengths of rows do not add up: one adapter is applied at a time, without weights.`,
      )
    }
    return changesBy(operation, params, partsOf(operation, list, options))
  }

  const apply = <P>(params: P, adapter: LoraAdapters, options: LoraApplyOptions = {}): Tuned<P> => {
    applyDoor(params, adapter, options)
    const operation = `${method}.apply`
    return changed(operation, params, changesOf(operation, params, adapter, options)) as Tuned<P>
  }

  const merge = <P>(params: P, adapter: LoraAdapters, options: Omit<LoraApplyOptions, 'key'> = {}): P => {
    mergeDoor(params, adapter, options)
    const operation = `${method}.merge`
    const changes = changesOf(operation, params, adapter, options)
    const dense: Changes = new Map([...changes].map(([name, change]) => [name, (leaf) => denseOf(change(leaf))]))
    return changed(operation, params, dense) as P
  }

  return { init, apply, merge }
}

const residualDoor = must.door('lora.residual', { params: must.anything, adapter: anAdapter('lora', 'dora') })

/**
 * The base of an adapter that is initialised with a part of the weights (PiSSA, OLoRA): the parameters without this part, W − s
 * B A with the initial factors. Quantised weights become arrays; `quantize` quantises them again. For other adapters, the
 * parameters themselves.
 */
export const residual = <P>(params: P, adapter: Adapter<LoraConfig>): P => {
  residualDoor(params, adapter)
  const { config, weights } = adapter
  const { initLoraWeights: init } = config
  if (!takesPart(init)) return params
  const find = leafFinder('lora.residual', params)
  const changes: Changes = new Map()
  for (const [module, arrays] of Object.entries(weights)) {
    // Embedding tables, and trained rows of them, are initialised as without `pissa`.
    if (!Object.hasOwn(arrays, 'lora_A')) continue
    const outputs = outputsAxis(config, module, false)
    const rank = rankOf(config, module)
    const scale = scaleOf(config, module, rank)
    changes.set(find(module).name, (value) => {
      const { a, b } = principalFactors('lora.residual', init, { module, value, outputs }, rank, scale)
      const part = np.multiply(outputs === 0 ? np.matmul(b, a) : np.matmul(b, a).T, scale)
      const dense = denseOf(value)
      return np.astype(np.subtract(widened(dense), part), dense.dtype)
    })
  }
  return changed('lora.residual', params, changes) as P
}
