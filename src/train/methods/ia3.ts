/**
 * (IA)³: Liu et al., "Few-Shot Parameter-Efficient Fine-Tuning is Better and Cheaper than In-Context Learning" (2022): the
 * outputs of some layers, and the inputs of others, are multiplied by trained vectors.
 */
import type { DType } from '../../core/dtype.ts'
import { ArgumentError } from '../../core/errors.ts'
import * as np from '../../numpy/index.ts'
import type { Key } from '../../random/keys.ts'
import { aKey } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import { Adapter } from '../adapter.ts'
import { feedForwardTargets, scaledTargets } from '../modelTypes.ts'
import type { NDArray } from '../../trace/value.ts'
import type { Parameter } from '../targets.ts'
import { moduleOf, parametersOf } from '../targets.ts'
import { anAdapter } from './configs.ts'
import { denseOf, Scaled } from './operators.ts'
import { calledIn } from './spelling.ts'
import type { Changes, ModuleConfig, ModuleOptions, Tuned } from './settings.ts'
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

/** The settings of (IA)³. */
export interface Ia3Config extends ModuleConfig {
  readonly method: 'ia3'
  /** Suffixes of the names of modules whose inputs are scaled; for others it is the outputs. */
  readonly feedForward: readonly string[]
}

/** Options of `ia3.init`. */
export interface Ia3Options extends ModuleOptions {
  /**
   * Suffixes of the names of adapted modules whose inputs are scaled instead of their outputs. By default those of the model's
   * type, if the targets are the default too; none if targets are given.
   */
  readonly feedForward?: readonly string[]
  /** The dtype of the vectors; float32 by default, float64 where the weight is. */
  readonly dtype?: DType
}

const ia3Options: must.OptionTable<Ia3Options> = {
  ...moduleOptions,
  feedForward: must.listOf(must.string, 'a list of names of modules'),
  dtype: must.dtype,
}

/** Whether a module's inputs are scaled. PEFT compares suffixes whether or not a dot precedes them. */
export const scalesInputs = (config: Pick<Ia3Config, 'feedForward' | 'spelling'>, module: string): boolean => {
  const name = calledIn(config, module)
  return config.feedForward.some((end) => name.endsWith(end))
}

/** The shape of a vector in PEFT's files, for a matrix or the kernel of a convolution, `[outputs, inputs, height, width]`. */
export const vectorShape = (inputs: boolean, value: Parameter, outputs: 0 | 1): readonly number[] => {
  if (value.ndim === 4) return [1, value.shape[inputs ? 1 : 0]!, 1, 1]
  const [ins, outs] = extentsOf(value, outputs)
  return inputs ? [1, ins] : [outs, 1]
}

const feedForwardOf = ({ targets, model, feedForward }: Ia3Options): readonly string[] => {
  if (feedForward !== undefined) return feedForward
  return targets === undefined && model !== undefined ? (feedForwardTargets[model.type] ?? []) : []
}

const initDoor = must.door('ia3.init', { key: aKey, params: must.anything, options: must.optionsOf(ia3Options) })

/**
 * A fresh adapter: vectors of ones, which change nothing.
 *
 * @param key - only for uniformity with other methods: nothing here is random.
 */
const init = (key: Key, params: unknown, options: Ia3Options = {}): Adapter<Ia3Config> => {
  initDoor(key, params, options)
  const { modules, saved, config: found } = planModules('ia3.init', params, options, scaledTargets)
  const config: Ia3Config = { method: 'ia3', feedForward: feedForwardOf(options), ...found }
  const weights = modules.map(({ module, value, table, outputs }) => {
    if (table)
      throw new ArgumentError(`ia3.init: ${module} is a table of embeddings, which has no inputs or outputs to scale.`)
    const shape = vectorShape(scalesInputs(config, module), value, outputs)
    const dtype = options.dtype ?? (value.dtype === 'float64' ? 'float64' : 'float32')
    return [module, { ia3_l: np.ones(shape, { dtype }) }] as const
  })
  return new Adapter(config, Object.fromEntries(weights), saved)
}

/** A kernel `[outputs, inputs, height, width]` whose inputs or outputs are scaled. Convolutions take arrays only. */
const scaledKernel = (leaf: Parameter, vector: NDArray, inputs: boolean): NDArray => {
  const kernel = denseOf(leaf)
  return np.astype(np.multiply(kernel, np.reshape(vector, inputs ? [-1, 1, 1] : [-1, 1, 1, 1])), kernel.dtype)
}

const changesOf = <P>(operation: string, params: P, { config, weights, saved }: Adapter<Ia3Config>): Changes => {
  const find = leafFinder(operation, params, config.untied)
  const names = new Set(parametersOf(params).map(({ name }) => name))
  const changes: Changes = new Map()
  for (const [module, arrays] of Object.entries(weights)) {
    const { name, value } = find(module)
    const inputs = scalesInputs(config, module)
    const outputs = outputsAxis(config, module, false)
    const vector = takeArray(operation, module, arrays, 'ia3_l', vectorShape(inputs, value, outputs))
    const flat = np.reshape(vector, [-1])
    const inputsAxis = outputs === 0 ? 1 : 0
    changes.set(name, (leaf) =>
      leaf.ndim === 4 ? scaledKernel(leaf, flat, inputs) : new Scaled(leaf, flat, inputs ? inputsAxis : outputs),
    )
    const bias = `${moduleOf(name)}.bias`
    // The output includes the bias.
    if (!inputs && names.has(bias)) {
      changes.set(bias, (leaf) => np.astype(np.multiply(denseOf(leaf), flat), leaf.dtype))
    }
  }
  changeSaved(operation, changes, saved)
  return joined(changes, config.untied)
}

const doorOf = (operation: string): must.Door =>
  must.door(operation, {
    params: must.anything,
    adapter: anAdapter('ia3'),
    options: must.optionsOf<{ key?: Key }>({ key: aKey }),
  })

const applyDoor = doorOf('ia3.apply')

const apply = <P>(params: P, adapter: Adapter<Ia3Config>, options: { readonly key?: Key } = {}): Tuned<P> => {
  applyDoor(params, adapter, options)
  return changed('ia3.apply', params, changesOf('ia3.apply', params, adapter)) as Tuned<P>
}

const mergeDoor = doorOf('ia3.merge')

const merge = <P>(params: P, adapter: Adapter<Ia3Config>): P => {
  mergeDoor(params, adapter)
  const changes = changesOf('ia3.merge', params, adapter)
  const dense: Changes = new Map([...changes].map(([name, change]) => [name, (leaf) => denseOf(change(leaf))]))
  return changed('ia3.merge', params, dense) as P
}

export const ia3Functions = { init, apply, merge }
