/** The methods that change products, each with its five functions, over files of PEFT. */
import { flatten } from '../../core/tree.ts'
import { ArgumentError, TreeError } from '../../core/errors.ts'
import * as np from '../../numpy/index.ts'
import { aKey } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import { NDArray } from '../../trace/value.ts'
import type { Adapter, AdapterConfig } from '../adapter.ts'
import { anAdapter } from './configs.ts'
import { combine } from './combine.ts'
import type { Ia3Config } from './ia3.ts'
import { ia3Functions } from './ia3.ts'
import type { ApplyOptions, LoraConfig } from './lora.ts'
import { makeLora, residual } from './lora.ts'
import type { PeftConfig } from './peft/formats.ts'
import { loadAdapterOf } from './peft/load.ts'
import { saveAdapterOf } from './peft/save.ts'
import type { Tuned } from './settings.ts'
import type { VeraConfig } from './vera.ts'
import { veraFunctions } from './vera.ts'

/**
 * LoRA: adds s B A to a weight W, where A has few rows and B few columns, and s = alpha / rank. `apply` returns the same tree
 * with operators instead of weights, `merge` one with arrays. `save` and `load` write and read PEFT's files. `combine` makes
 * one adapter from several, and `residual` the base that PiSSA and OLoRA belong to. Hu et al. (2021).
 *
 * A new adapter changes nothing: B is zero. The mixing weights of several adapters may be traced, so a mixture changes without
 * retracing.
 *
 * @example
 * ```ts
 * import { grad, np, random } from 'pullback'
 * import type { Adapter, LoraConfig } from 'pullback/train'
 * import { lora } from 'pullback/train'
 * import { layers } from 'pullback/models'
 * const params = { query: { weight: np.ones([4, 3]), bias: np.zeros([4]) } }
 * const adapter = lora.init(random.key(0), params, { targets: ['query'], rank: 2 })
 * const x = np.array([[1, 2, 3]])
 * layers.applyLinear(lora.apply(params, adapter).query, x) // => [[6. 6. 6. 6.]]
 * const loss = (a: Adapter<LoraConfig>) => np.sum(layers.applyLinear(lora.apply(params, a).query, x))
 * grad(loss)(adapter).weights['query']?.['lora_B']?.shape // => 4,2
 * lora.merge(params, adapter).query.weight.shape // => 4,3
 * ```
 */
export const lora = {
  ...makeLora('lora'),
  residual,
  combine,
  save: saveAdapterOf('lora.save', ['lora']),
  load: loadAdapterOf<LoraConfig>('lora.load', ['lora']),
}

/**
 * DoRA: LoRA in which the rows, one for each output, get trained norms: m (W + s B A) / ‖W + s B A‖. The norm in the
 * denominator is a constant for the gradient, as in the paper (section 4.3) and in PEFT. Liu et al. (2024). Dropout acts only
 * on the input of B A.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { dora } from 'pullback/train'
 * const params = { query: { weight: np.array([[3, 4], [6, 8]]) } }
 * const adapter = dora.init(random.key(0), params, { targets: ['query'], rank: 1 })
 * adapter.weights['query']?.['lora_magnitude_vector'] // => [ 5. 10.]
 * ```
 */
export const dora = {
  ...makeLora('dora'),
  residual,
  save: saveAdapterOf('dora.save', ['dora']),
  load: loadAdapterOf<LoraConfig>('dora.load', ['dora']),
}

/**
 * (IA)³: outputs of some layers, and inputs of others, are multiplied by trained vectors, which are initialised with ones. Liu
 * et al. (2022). An output includes its bias, which is multiplied too.
 *
 * @example
 * ```ts
 * import { np, random, tree } from 'pullback'
 * import { ia3 } from 'pullback/train'
 * const params = { key: { weight: np.ones([4, 3]) }, down: { weight: np.ones([3, 4]) } }
 * const adapter = ia3.init(random.key(0), params, { targets: ['key', 'down'], feedForward: ['down'] })
 * const shapes = tree.leaves(adapter).map((x) => x.shape.join('x'))
 * shapes // => 1x4,4x1
 * ```
 */
export const ia3 = {
  ...ia3Functions,
  save: saveAdapterOf('ia3.save', ['ia3']),
  load: loadAdapterOf<Ia3Config>('ia3.load', ['ia3']),
}

/**
 * VeRA: diag(b) B diag(d) A is added to a weight W, where A and B are drawn from a seed, once for all modules, and only the
 * vectors b and d are trained. Kopiczko et al. (2024). A and B are drawn as in PyTorch, so the seed determines them in both.
 *
 * @example
 * ```ts
 * import { np, random, tree } from 'pullback'
 * import { vera } from 'pullback/train'
 * const params = { query: { weight: np.ones([4, 3]) } }
 * const adapter = vera.init(random.key(0), params, { targets: ['query'], rank: 8 })
 * tree.size(adapter) // => 12
 * ```
 */
export const vera = {
  ...veraFunctions,
  save: saveAdapterOf('vera.save', ['vera']),
  load: loadAdapterOf<VeraConfig>('vera.load', ['vera']),
}

/**
 * Loads a PEFT directory of any of these methods. Missing or unexpected tensors and wrong shapes are an `AdapterError` that
 * names them, and so are unsupported settings.
 *
 * @param params - the adapter's base: names and shapes are compared with it.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { mkdtempSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { loadAdapter, saveAdapter, vera } from 'pullback/train'
 * const params = { query: { weight: np.ones([2, 3]) } }
 * const directory = mkdtempSync(join(tmpdir(), 'pullback-'))
 * const adapter = vera.init(random.key(0), params, { targets: ['query'], rank: 2 })
 * await saveAdapter(directory, adapter)()
 * const loaded = await loadAdapter(directory, params)()
 * loaded._tag === 'Right' && loaded.right.config.method // => vera
 * ```
 */
export const loadAdapter = loadAdapterOf<PeftConfig>('loadAdapter', ['lora', 'dora', 'ia3', 'vera'])

/**
 * Writes the directory of an adapter as PEFT reads it.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { mkdtempSync, readdirSync } from 'node:fs'
 * import { tmpdir } from 'node:os'
 * import { join } from 'node:path'
 * import { lora, saveAdapter } from 'pullback/train'
 * const params = { query: { weight: np.ones([2, 3]) } }
 * const adapter = lora.init(random.key(0), params, { targets: ['query'], rank: 1 })
 * const directory = mkdtempSync(join(tmpdir(), 'pullback-'))
 * await saveAdapter(directory, adapter)()
 * readdirSync(directory).toSorted() // => adapter_config.json,adapter_model.safetensors
 * ```
 */
export const saveAdapter = saveAdapterOf('saveAdapter', ['lora', 'dora', 'ia3', 'vera'])

/** The method of an adapter. */
const methodOf = (adapter: Adapter<PeftConfig>): Mergeable<PeftConfig> => {
  const methods = { lora, dora, ia3, vera }
  return methods[adapter.config.method] as unknown as Mergeable<PeftConfig>
}

const applyAdapterDoor = must.door('applyAdapter', {
  params: must.anything,
  adapter: anAdapter('lora', 'dora', 'ia3', 'vera'),
  options: must.optionsOf<ApplyOptions>({ key: aKey }),
})

/**
 * Applies an adapter by its own method, for adapters from `loadAdapter`.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { layers } from 'pullback/models'
 * import { applyAdapter, ia3 } from 'pullback/train'
 * const params = { key: { weight: np.ones([2, 3]), bias: null } }
 * const adapter = ia3.init(random.key(0), params, { targets: ['key'], feedForward: [] })
 * // Fresh, it changes nothing.
 * layers.applyLinear(applyAdapter(params, adapter).key, np.ones([1, 3])) // => [[3. 3.]]
 * ```
 */
export const applyAdapter = <P>(params: P, adapter: Adapter<PeftConfig>, options: ApplyOptions = {}): Tuned<P> => {
  applyAdapterDoor(params, adapter, options)
  return methodOf(adapter).apply(params, adapter, options) as Tuned<P>
}

const mergeAdapterDoor = must.door('mergeAdapter', {
  params: must.anything,
  adapter: anAdapter('lora', 'dora', 'ia3', 'vera'),
})

/**
 * Merges an adapter by its own method.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { lora, mergeAdapter } from 'pullback/train'
 * const params = { query: { weight: np.ones([2, 3]) } }
 * const adapter = lora.init(random.key(0), params, { targets: ['query'], rank: 1 })
 * // A plain tree again, which needs the adapter no more.
 * mergeAdapter(params, adapter).query.weight // => [[1. 1. 1.]\n [1. 1. 1.]]
 * ```
 */
export const mergeAdapter = <P>(params: P, adapter: Adapter<PeftConfig>): P => {
  mergeAdapterDoor(params, adapter)
  return methodOf(adapter).merge(params, adapter)
}

/** A method as `mergeDifference` needs it. */
export interface Mergeable<C extends AdapterConfig> {
  readonly apply: <P>(params: P, adapter: Adapter<C>, options?: ApplyOptions) => unknown
  readonly merge: <P>(params: P, adapter: Adapter<C>) => P
}

const differenceDoor = must.door('mergeDifference', {
  method: must.kind(
    'a method, as lora is one',
    (x) => typeof x === 'object' && x !== null && 'apply' in x && 'merge' in x && typeof x.apply === 'function',
  ),
  run: must.func,
  params: must.anything,
  adapter: anAdapter('lora', 'dora', 'ia3', 'vera'),
})

const arraysOf = (tree: unknown): readonly NDArray[] => {
  const { leaves } = flatten(tree)
  return leaves.map((leaf) => {
    if (leaf instanceof NDArray) return leaf
    throw new TreeError('mergeDifference: run must give arrays: what is compared is numbers.')
  })
}

/**
 * The largest difference between a model's outputs with an adapter applied and with the adapter merged: the error of the merge,
 * on the inputs of `run`. In float32 it is about 1e-6 of the outputs; with 16-bit weights it is their rounding error.
 *
 * @param run - the model at its inputs: `(params) => model.apply(params, inputs).logits`.
 * @returns the largest absolute difference; NaN if an output is NaN.
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { layers } from 'pullback/models'
 * import { dora, mergeDifference } from 'pullback/train'
 * const params = { weight: random.normal(random.key(0), [8, 8]), bias: null }
 * const adapter = dora.init(random.key(1), { query: params }, { targets: ['query'] })
 * const run = (p: { query: layers.LinearParams }) => layers.applyLinear(p.query, np.ones([1, 8]))
 * mergeDifference(dora, run, { query: params }, adapter) < 1e-5 // => true
 * ```
 */
export const mergeDifference = <P, C extends AdapterConfig>(
  method: Mergeable<C>,
  run: (params: P) => unknown,
  params: P,
  adapter: Adapter<C>,
): number => {
  differenceDoor(method, run, params, adapter)
  const tuned = arraysOf(run(method.apply(params, adapter) as P))
  const merged = arraysOf(run(method.merge(params, adapter)))
  if (tuned.length !== merged.length) {
    throw new ArgumentError('mergeDifference: run gives other arrays each time.')
  }
  return tuned.reduce((most, x, i) => {
    const difference = np.max(np.abs(np.subtract(np.astype(x, 'float64'), np.astype(merged[i]!, 'float64')))).item()
    return Number.isNaN(most) || !(difference <= most) ? difference : most
  }, 0)
}
