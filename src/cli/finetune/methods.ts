/** Tuning methods by name, with what the command line needs of each. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { parametersOf } from '../../train/targets.ts'
import type { AnyModel, ParamTree } from '../../models/index.ts'
import type { CacheShape } from '../../models/cache.ts'
import { modelOfConfig } from '../../models/index.ts'
import type { JsonRecord } from '../../io/index.ts'
import type { Key } from '../../random/keys.ts'
import type { Adapter, AdapterConfig, HeadOptions, LeavesConfig, TrainError } from '../../train/index.ts'
import {
  bitfit,
  bottleneck,
  dora,
  full,
  ia3,
  lora,
  prefixTuning,
  promptTuning,
  unfreeze,
  vera,
} from '../../train/index.ts'
import type { VirtualAdapter } from '../../train/methods/virtualModel.ts'
import { withVirtualTokens } from '../../train/methods/virtualModel.ts'
import { FailedError, orFail } from '../command.ts'
import type { Base } from './base.ts'
import { architectureFor } from './base.ts'
import type { MethodName, Settings, TaskName } from './settings.ts'
import type { Running, Task } from './task.ts'

/** Further contents of an adapter's files. */
interface SaveOptions {
  readonly baseModel: string
  readonly taskType: Task['taskType']
}

/** A method. */
export interface Method {
  readonly init: (key: Key, base: Base, settings: Settings) => Adapter
  /** The model with the adapter, on its weights or before its inputs. */
  readonly apply: (base: Running, adapter: Adapter, key?: Key) => Running
  readonly merge: (params: ParamTree, adapter: Adapter) => ParamTree
  /** Null for methods whose result is a whole model. */
  readonly save: ((path: string, adapter: Adapter, options: SaveOptions) => TaskEither<TrainError, void>) | null
}

/** A method of `pullback/train`, for adapters with its own configuration. */
interface Typed<C extends AdapterConfig> {
  readonly apply: (params: ParamTree, adapter: Adapter<C>, options?: { readonly key?: Key }) => unknown
  readonly merge: (params: ParamTree, adapter: Adapter<C>) => ParamTree
  readonly save?: (path: string, adapter: Adapter<C>, options: SaveOptions) => TaskEither<TrainError, void>
}

/** Erases the type: a method is only given adapters that it made. */
const erased = <C extends AdapterConfig>(
  typed: Typed<C>,
  init: (key: Key, base: Base, settings: Settings) => Adapter<C>,
): Method => {
  const { save } = typed
  return {
    init: init,
    apply: ({ model, params }, adapter, key) => ({
      model,
      params: typed.apply(params, adapter as Adapter<C>, key === undefined ? {} : { key }) as ParamTree,
    }),
    merge: (params, adapter) => typed.merge(params, adapter as Adapter<C>),
    save: save === undefined ? null : (path, adapter, options) => save(path, adapter as Adapter<C>, options),
  }
}

/** A method whose adapters are virtual tokens. The padding mask is extended for them. */
const ofTokens = <A extends VirtualAdapter>(
  typed: {
    readonly merge: (params: ParamTree, adapter: A) => never
    readonly save: (path: string, adapter: A, options: SaveOptions) => TaskEither<TrainError, void>
  },
  init: (key: Key, base: Base, settings: Settings) => A,
): Method => ({
  init,
  apply: ({ model, params }, adapter) => ({
    model: withVirtualTokens(model, adapter as A, { asEmbeddings: false }),
    params,
  }),
  merge: (params, adapter) => typed.merge(params, adapter as A),
  save: (path, adapter, options) => typed.save(path, adapter as A, options),
})

const heads = ['classifier', 'pre_classifier', 'score', 'qa_outputs']

/** Modules that are trained in full: newly initialised ones, and the classification head, as in PEFT. */
const savedOf = ({ params, fresh }: Base): readonly string[] => {
  const names = parametersOf(params).map(({ name }) => name)
  const there = heads.filter((head) => names.some((name) => `.${name}`.includes(`.${head}.`)))
  return [...new Set([...fresh, ...there])]
}

/** The leaves of these modules, for methods that also train a head. */
const headOf = (base: Base): HeadOptions => {
  const modules = savedOf(base)
  if (modules.length === 0) return {}
  return { head: (_, name) => modules.some((module) => `.${name}`.includes(`.${module}.`)) }
}

/** The modules to adapt, and those to train in full. */
const placesOf = (base: Base, { targets }: Settings) => {
  const modulesToSave = savedOf(base)
  const chosen = targets?.length === 1 ? targets[0]! : targets
  return {
    model: base.model,
    ...(modulesToSave.length === 0 ? {} : { modulesToSave }),
    ...(chosen === null || chosen === undefined ? {} : { targets: chosen }),
  }
}

const loraOptions = (base: Base, settings: Settings) => {
  const { rank, alpha, dropout } = settings
  return { ...placesOf(base, settings), rank, alpha, dropout }
}

const cacheOf = ({ cacheShape, architecture }: Pick<AnyModel, 'cacheShape' | 'architecture'>): CacheShape => {
  if (cacheShape !== null) return cacheShape
  throw new FailedError(
    `--method prefix: a prefix stands in the cache of a decoder; ${architecture} has none. Take prompt, whose virtual tokens stand before any text`,
  )
}

/** Refuses a method that does not fit the model, before its weights are read. */
export const checkFits = (method: MethodName, config: JsonRecord, task: TaskName): void => {
  if (method === 'prefix') cacheOf(orFail(modelOfConfig(config, architectureFor(config, task))))
}

/** All methods. */
export const methodsByName: { readonly [K in MethodName]: Method } = {
  lora: erased(lora, (key, base, settings) => lora.init(key, base.params, loraOptions(base, settings))),
  dora: erased(dora, (key, base, settings) => dora.init(key, base.params, loraOptions(base, settings))),
  ia3: erased(ia3, (key, base, settings) => ia3.init(key, base.params, placesOf(base, settings))),
  vera: erased(vera, (key, base, settings) =>
    vera.init(key, base.params, { ...placesOf(base, settings), rank: settings.rank }),
  ),
  // Rows of the vocabulary have norms that the model expects; PEFT's random ones are fifty times as long.
  prompt: ofTokens(promptTuning, (key, base, { tokens }) =>
    promptTuning.init(key, base.params, { tokens, from: 'vocabulary', model: base.model, ...headOf(base) }),
  ),
  prefix: ofTokens(prefixTuning, (key, base, { tokens, projection }) =>
    prefixTuning.init(key, base.params, { cacheShape: cacheOf(base.model), tokens, projection, ...headOf(base) }),
  ),
  bottleneck: erased(bottleneck, (key, base, { size, targets }) =>
    bottleneck.init(key, base.params, { size, ...(targets === null ? {} : { modules: targets }), ...headOf(base) }),
  ),
  bitfit: erased<LeavesConfig>({ apply: bitfit.apply, merge: bitfit.merge }, (key, base) =>
    bitfit.init(key, base.params, headOf(base)),
  ),
  unfreeze: erased<LeavesConfig>({ apply: unfreeze.apply, merge: unfreeze.merge }, (key, base, { layers }) =>
    unfreeze.init(key, base.params, { layers }),
  ),
  full: erased<LeavesConfig>({ apply: full.apply, merge: full.merge }, (key, base) => full.init(key, base.params)),
}

const rates: { readonly [K in MethodName]: readonly [texts: number, language: number] } = {
  lora: [2e-3, 5e-4],
  dora: [2e-3, 5e-4],
  ia3: [1e-2, 5e-3],
  vera: [1e-2, 5e-3],
  prompt: [1e-2, 1e-2],
  prefix: [1e-2, 1e-2],
  bottleneck: [1e-3, 5e-4],
  bitfit: [2e-3, 5e-4],
  unfreeze: [1e-4, 5e-5],
  full: [5e-5, 5e-5],
}

/** A suitable learning rate for a method: the first is for classifiers and encoders, the second for generative models. */
export const rateFor = (method: MethodName, task: TaskName): number =>
  rates[method][task === 'classify' || task === 'embed' ? 0 : 1]
