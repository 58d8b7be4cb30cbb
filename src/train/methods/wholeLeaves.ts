/** Methods that train leaves of the model as they are: all of them, biases, or the last layers. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import type { FolderLike, IoError } from '../../io/index.ts'
import { ArgumentError } from '../../core/errors.ts'
import type { Shape } from '../../core/shape.ts'
import { aKey, key } from '../../random/keys.ts'
import type { Key } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import type { AdapterConfig } from '../adapter.ts'
import { Adapter } from '../adapter.ts'
import { depthsOf } from '../decay.ts'
import type { AdapterError } from '../errors.ts'
import type { NamedTree } from '../leaves.ts'
import { arrayNamed, nameLeaves, replaceLeaves, typeOf } from '../leaves.ts'
import { ownArray } from '../own.ts'
import type { Selection } from '../select.ts'
import { aSelection, checkTrained, chosenLeaves } from '../select.ts'
import type { AdapterFiles } from './adapterFolder.ts'
import {
  aFolder,
  loadAdapterFolder,
  refuse,
  takeTensors,
  wordOf,
  wordsOf,
  writeAdapterFolder,
} from './adapterFolder.ts'

/** The settings of a method that trains leaves as they are: its name only, as the leaves are in `saved`. */
export interface LeavesConfig extends AdapterConfig {
  readonly method: 'full' | 'bitfit' | 'unfreeze'
}

/** A method that trains leaves as they are. */
export interface LeavesMethod<O extends object> {
  /**
   * The trained leaves, as they are in `params`.
   *
   * @throws ArgumentError if there are none, or one has no derivative.
   */
  readonly init: (key: Key, params: unknown, options?: O) => Adapter<LeavesConfig>
  /** The parameters with the trained leaves. */
  readonly apply: <P>(params: P, adapter: Adapter<LeavesConfig>) => P
  /** The same as `apply`: nothing is added to the computation. */
  readonly merge: <P>(params: P, adapter: Adapter<LeavesConfig>) => P
  /** Writes the trained leaves under their names, and a configuration of our own: PEFT has no such method. */
  readonly save: (path: string, adapter: Adapter<LeavesConfig>) => TaskEither<IoError, void>
  /** Reads them, for these parameters. */
  readonly load: (from: FolderLike, params: unknown) => TaskEither<IoError | AdapterError, Adapter<LeavesConfig>>
}

/** Adapters of one method. */
export const anAdapterOf = (method: string): must.Check =>
  must.kind(`an adapter, as ${method}.init or ${method}.load gives it`, (x) => {
    return x instanceof Adapter && (x.config as Partial<AdapterConfig> | null)?.method === method
  })

const leavesMethod = <O extends object>(
  method: LeavesConfig['method'],
  options: must.Check,
  choose: (tree: NamedTree, options: O | undefined) => readonly boolean[],
): LeavesMethod<O> => {
  const adapter = anAdapterOf(method)
  const initDoor = must.door(`${method}.init`, { key: aKey, params: must.anything, options })
  const applyDoor = must.door(`${method}.apply`, { params: must.anything, adapter })
  const mergeDoor = must.door(`${method}.merge`, { params: must.anything, adapter })
  const saveDoor = must.door(`${method}.save`, { path: must.string, adapter })
  const loadDoor = must.door(`${method}.load`, { from: aFolder, params: must.anything })
  return {
    init: (anyKey, params, given) => {
      initDoor(anyKey, params, given)
      const tree = nameLeaves(`${method}.init`, params)
      const chosen = choose(tree, given)
      if (!chosen.includes(true)) throw new ArgumentError(`${method}.init: no leaf is trained.`)
      checkTrained(`${method}.init`, tree, chosen)
      const saved = tree.names.filter((_, i) => chosen[i])
      const arrays = saved.map((name) => [name, ownArray(arrayNamed(`${method}.init`, tree, name))] as const)
      return new Adapter({ method }, {}, Object.fromEntries(arrays))
    },
    apply: (params, trained) => {
      applyDoor(params, trained)
      return replaceLeaves(`${method}.apply`, params, trained.saved)
    },
    merge: (params, trained) => {
      mergeDoor(params, trained)
      return replaceLeaves(`${method}.merge`, params, trained.saved)
    },
    save: (path, given) => {
      saveDoor(path, given)
      return writeAdapterFolder(path, { method, leaves: Object.keys(given.saved) }, given.saved)
    },
    load: (from, params) => {
      loadDoor(from, params)
      const tree = nameLeaves(`${method}.load`, params)
      return loadAdapterFolder(from, (files) => {
        wordOf(files, 'method', [method])
        const tensors = takeTensors(files, savedShapes(files, tree, wordsOf(files, 'leaves')))
        return new Adapter({ method }, {}, Object.fromEntries(tensors))
      })
    },
  }
}

/** Options of `full`. */
export interface FullOptions {
  /** Leaves that stay as they are. */
  readonly except?: Selection
}

/**
 * Full fine-tuning: every leaf is trained, except those in `except`.
 *
 * @example
 * ```ts
 * import { grad, np, random } from 'pullback'
 * import { full } from 'pullback/train'
 * const params = { table: { weight: np.ones([9, 2]) }, head: { weight: np.ones([1, 2]) } }
 * const adapter = full.init(random.key(0), params, { except: 'table.**' })
 * const loss = (a: typeof adapter) => np.sum(np.square(full.apply(params, a).head.weight))
 * Object.keys(grad(loss)(adapter).saved) // => head.weight
 * ```
 */
export const full: LeavesMethod<FullOptions> = leavesMethod<FullOptions>(
  'full',
  must.optionsOf<FullOptions>({ except: aSelection }),
  (tree, { except } = {}) => {
    if (except === undefined) return tree.leaves.map(() => true)
    return chosenLeaves('full.init', tree, except).map((out) => !out)
  },
)

/** Classification heads, which are fresh when a pretrained body is tuned. */
const heads = /^(classifier|score|qa_outputs)(\.|$)/

/** Options of methods that also train a head. */
export interface HeadOptions {
  /** Further trained leaves: a head. By default `classifier`, `score` and `qa_outputs`, if there is one. */
  readonly head?: Selection
}

const chosenHead = (operation: string, tree: NamedTree, head: Selection | undefined): readonly boolean[] =>
  head === undefined ? tree.names.map((name) => heads.test(name)) : chosenLeaves(operation, tree, head)

/** The leaves of the head, which are also trained. */
export const savedHead = (
  operation: string,
  tree: NamedTree,
  head: Selection | undefined,
): { readonly [name: string]: NDArray } => {
  const chosen = chosenHead(operation, tree, head)
  checkTrained(operation, tree, chosen)
  return Object.fromEntries(
    tree.names.flatMap((name, i) => (chosen[i] === true ? [[name, ownArray(arrayNamed(operation, tree, name))]] : [])),
  )
}

/** The shapes of further trained leaves, as listed in files. */
export const savedShapes = (
  { source }: AdapterFiles,
  tree: NamedTree,
  names: readonly string[],
): ReadonlyMap<string, Shape> => {
  const shapes = new Map(tree.names.map((name, i) => [name, typeOf(tree.leaves[i]!).shape]))
  const unexpected = names.filter((name) => !shapes.has(name))
  if (unexpected.length > 0) refuse(source, 'the model lacks leaves that were trained.', { unexpected })
  return new Map(names.map((name) => [name, shapes.get(name)!]))
}

/**
 * BitFit: biases are trained, and the head. Ben Zaken, Ravfogel and Goldberg, "BitFit: Simple Parameter-efficient Fine-tuning for
 * Transformer-based Masked Language-models" (2022). Some models have no biases, such as Llama.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { bitfit } from 'pullback/train'
 * const dense = { weight: np.ones([2, 2]), bias: np.zeros([2]) }
 * const adapter = bitfit.init(random.key(0), { dense, classifier: dense })
 * Object.keys(adapter.saved).join(' ') // => classifier.bias classifier.weight dense.bias
 * ```
 */
export const bitfit: LeavesMethod<HeadOptions> = leavesMethod<HeadOptions>(
  'bitfit',
  must.optionsOf<HeadOptions>({ head: aSelection }),
  (tree, { head } = {}) => {
    const biases = chosenLeaves('bitfit.init', tree, /(^|[._])bias$/)
    const besides = chosenHead('bitfit.init', tree, head)
    return biases.map((is, i) => is || besides[i]!)
  },
)

/** Options of `unfreeze`. */
export interface UnfreezeOptions {
  /** The number of last layers to train; 0 trains only the head. */
  readonly layers?: number
  /** Whether the tables of embeddings are trained too. */
  readonly embeddings?: boolean
  /** The depth of a leaf, by its name; by default embeddings 0, layer i has i + 1, and everything else comes after them. */
  readonly depthOf?: (name: string) => number
}

/**
 * Layer-wise unfreezing: the last layers are trained, with everything after them: the last norm, the pooler, the head. For
 * gradual unfreezing see `nextStage`.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { unfreeze } from 'pullback/train'
 * const x = np.ones([2])
 * const params = { embeddings: x, layer: [x, x, x], head: x }
 * Object.keys(unfreeze.init(random.key(0), params, { layers: 2 }).saved).join(' ') // => head layer.1 layer.2
 * Object.keys(unfreeze.init(random.key(0), params, { layers: 0 }).saved).join(' ') // => head
 * ```
 */
export const unfreeze: LeavesMethod<UnfreezeOptions> = leavesMethod<UnfreezeOptions>(
  'unfreeze',
  must.optionsOf<UnfreezeOptions>({ layers: must.natural, embeddings: must.boolean, depthOf: must.func }),
  ({ names }, { layers = 1, embeddings = false, depthOf } = {}) => {
    const depths = depthsOf('unfreeze.init', names, depthOf)
    const last = depths.reduce((most, depth) => Math.max(most, depth), 0)
    return depths.map((depth) => (depth === 0 ? embeddings : depth > last - 1 - layers))
  },
)

const nextStageDoor = must.door('nextStage', {
  params: must.anything,
  before: anAdapterOf('unfreeze'),
  options: must.optionsOf<UnfreezeOptions>({ layers: must.natural, embeddings: must.boolean, depthOf: must.func }),
})

/**
 * The next stage of gradual unfreezing: the trained leaves are put into the parameters, and new leaves are selected.
 * `carryState` transfers the optimizer state. Howard and Ruder, "Universal Language Model Fine-tuning for Text Classification"
 * (2018).
 *
 * @param params - the adapter's base.
 * @param before - the adapter at the end of the previous stage.
 * @param options - of `unfreeze`: what is trained from now on.
 * @returns the parameters to use from now on, and the new adapter.
 * @example
 * ```ts
 * import { np, optim, random } from 'pullback'
 * import { carryState, nextStage, unfreeze } from 'pullback/train'
 * const x = np.ones([2])
 * const params = { embeddings: x, layer: [x, x], head: x }
 * const optimizer = optim.adam(0.1)
 * const head = unfreeze.init(random.key(0), params, { layers: 0 })
 * const state = optimizer.init(head)
 * const [frozen, adapter] = nextStage(params, head, { layers: 1 })
 * Object.keys(adapter.saved).join(' ') // => head layer.1
 * const next = carryState(state, optimizer.init(adapter))
 * ```
 */
export const nextStage = <P>(
  params: P,
  before: Adapter<LeavesConfig>,
  options: UnfreezeOptions,
): readonly [params: P, adapter: Adapter<LeavesConfig>] => {
  nextStageDoor(params, before, options)
  const merged = unfreeze.merge(params, before)
  return [merged, unfreeze.init(key(0), merged, options)]
}
