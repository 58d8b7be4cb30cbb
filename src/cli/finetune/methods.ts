/** Methods of tuning by their names, each with what the command line needs of it. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { parametersOf } from '../../train/targets.ts'
import type { ParamTree } from '../../models/index.ts'
import type { Key } from '../../random/keys.ts'
import type { Adapter, AdapterConfig, LeavesConfig, TrainError } from '../../train/index.ts'
import { bitfit, dora, full, ia3, lora, unfreeze, vera } from '../../train/index.ts'
import type { Base } from './base.ts'
import type { MethodName, Settings, TaskName } from './settings.ts'

/** What a file of an adapter says besides. */
export interface SaveOptions {
  readonly baseModel: string
  readonly taskType: string
}

/** A method. */
export interface Method {
  readonly init: (key: Key, base: Base, settings: Settings) => Adapter
  readonly apply: (params: ParamTree, adapter: Adapter, key?: Key) => ParamTree
  readonly merge: (params: ParamTree, adapter: Adapter) => ParamTree
  /** Null of methods whose result is a whole model. */
  readonly save: ((path: string, adapter: Adapter, options: SaveOptions) => TaskEither<TrainError, void>) | null
}

/** A method as `pullback/train` has it, for adapters of its own configuration. */
interface Typed<C extends AdapterConfig> {
  readonly apply: (params: ParamTree, adapter: Adapter<C>, options?: { readonly key?: Key }) => unknown
  readonly merge: (params: ParamTree, adapter: Adapter<C>) => ParamTree
  readonly save?: (path: string, adapter: Adapter<C>, options: SaveOptions) => TaskEither<TrainError, void>
}

/** The adapters that a method is given here are those that it made. */
const erased = <C extends AdapterConfig>(
  typed: Typed<C>,
  init: (key: Key, base: Base, settings: Settings) => Adapter<C>,
): Method => {
  const { save } = typed
  return {
    init: init,
    apply: (params, adapter, key) =>
      typed.apply(params, adapter as Adapter<C>, key === undefined ? {} : { key }) as ParamTree,
    merge: (params, adapter) => typed.merge(params, adapter as Adapter<C>),
    save: save === undefined ? null : (path, adapter, options) => save(path, adapter as Adapter<C>, options),
  }
}

const heads = ['classifier', 'pre_classifier', 'score', 'qa_outputs']

/** Modules that are trained whole: what is fresh, and the head of classes, as PEFT has it. */
const savedOf = ({ params, fresh }: Base): readonly string[] => {
  const names = parametersOf(params).map(({ name }) => name)
  const there = heads.filter((head) => names.some((name) => `.${name}`.includes(`.${head}.`)))
  return [...new Set([...fresh, ...there])]
}

/** What is adapted, and what is trained whole. */
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

/** All of them. */
export const methodsByName: { readonly [K in MethodName]: Method } = {
  lora: erased(lora, (key, base, settings) => lora.init(key, base.params, loraOptions(base, settings))),
  dora: erased(dora, (key, base, settings) => dora.init(key, base.params, loraOptions(base, settings))),
  ia3: erased(ia3, (key, base, settings) => ia3.init(key, base.params, placesOf(base, settings))),
  vera: erased(vera, (key, base, settings) =>
    vera.init(key, base.params, { ...placesOf(base, settings), rank: settings.rank }),
  ),
  bitfit: erased<LeavesConfig>({ apply: bitfit.apply, merge: bitfit.merge }, (key, base) =>
    bitfit.init(key, base.params, {
      head: (_, name) => savedOf(base).some((module) => `.${name}`.includes(`.${module}.`)),
    }),
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
  bitfit: [2e-3, 5e-4],
  unfreeze: [1e-4, 5e-5],
  full: [5e-5, 5e-5],
}

/** A learning rate that suits a method: the first is for classes and vectors of texts, the second for models that write. */
export const rateFor = (method: MethodName, task: TaskName): number =>
  rates[method][task === 'classify' || task === 'embed' ? 0 : 1]
