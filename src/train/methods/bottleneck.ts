/** Bottleneck adapters: a thin layer down, an activation, a thin layer up, added to the output of a linear layer. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { LinearOperator } from '../../api/linearOperator.ts'
import type { DType } from '../../core/dtype.ts'
import { ArgumentError, ShapeError } from '../../core/errors.ts'
import type { Shape } from '../../core/shape.ts'
import { registerPytreeNode } from '../../core/registration.ts'
import type { FolderLike, IoError } from '../../io/index.ts'
import type { Activation, Weight } from '../../models/layers.ts'
import { activationNames, applyActivation, applyLinear } from '../../models/layers.ts'
import * as np from '../../numpy/index.ts'
import { normal, split } from '../../random/index.ts'
import { aKey } from '../../random/keys.ts'
import type { Key } from '../../random/keys.ts'
import * as must from '../../conversions/arguments.ts'
import type { NDArray } from '../../trace/value.ts'
import { Adapter } from '../adapter.ts'
import type { AdapterConfig } from '../adapter.ts'
import type { AdapterError } from '../errors.ts'
import type { NamedTree, ParamLeaf } from '../leaves.ts'
import { arrayNamed, nameLeaves, replaceLeaves, typeOf, withLeaves } from '../leaves.ts'
import type { Selection } from '../select.ts'
import { aSelection, chosenLeaves } from '../select.ts'
import {
  aFolder,
  countOf,
  loadAdapterFolder,
  refuse,
  takeTensors,
  wordOf,
  wordsOf,
  writeAdapterFolder,
} from './adapterFolder.ts'
import { asWeight, isConv1D, matrixModules } from './modules.ts'
import type { Tuned } from './settings.ts'
import type { HeadOptions } from './wholeLeaves.ts'
import { anAdapterOf, savedHead, savedShapes } from './wholeLeaves.ts'

/** The settings of bottleneck adapters. */
export interface BottleneckConfig extends AdapterConfig {
  readonly method: 'bottleneck'
  /** The number of features in the middle. */
  readonly size: number
  readonly activation: Activation
  /** Whether weights are `[inputs, outputs]`; those of GPT-2 always are. */
  readonly fanInFanOut?: true
}

/** Options of `bottleneck.init`. */
export interface BottleneckOptions extends HeadOptions {
  /** The number of features in the middle; 64 by default. */
  readonly size?: number
  /** `gelu` by default. */
  readonly activation?: Activation
  /**
   * Where adapters are inserted: `houlsby` (the default), after attention and after the feed-forward part of each block, as in
   * Houlsby et al. (2019); `pfeiffer`, only after the feed-forward part, as in Pfeiffer et al. (2021).
   */
  readonly placement?: 'houlsby' | 'pfeiffer'
  /** Instead of a placement: names of linear layers, `encoder.layer.*.output.dense`. */
  readonly modules?: Selection
  /** Whether the weights of these layers are `[inputs, outputs]`, in a user's own tree. */
  readonly fanInFanOut?: boolean
}

/** The last linear layer of attention, and of the feed-forward part, in the supported families. */
const afterAttention =
  /(^|\.)(attention\.output\.dense|attention\.out_lin|attention\.dense|self_attn\.o_proj|attn\.c_proj|(Self|EncDec)Attention\.o)$/
const afterFeedForward =
  /(^|\.)((?<!attention\.)output\.dense|ffn\.lin2|ffn_output|mlp\.down_proj|mlp\.c_proj|DenseReluDense\.wo)$/

const isPlaced = (module: string, placement: 'houlsby' | 'pfeiffer'): boolean =>
  afterFeedForward.test(module) || (placement === 'houlsby' && afterAttention.test(module))

/** The arrays of one adapter, by their names in files. */
interface Layers {
  readonly [part: string]: NDArray
  readonly down_weight: NDArray
  readonly down_bias: NDArray
  readonly up_weight: NDArray
  readonly up_bias: NDArray
}

const parts = ['down_weight', 'down_bias', 'up_weight', 'up_bias'] as const

/** The arrays of an adapter, made by `init` or `load`, or their gradients. */
const layersOf = (given: { readonly [part: string]: NDArray }): Layers => ({
  down_weight: given['down_weight']!,
  down_bias: given['down_bias']!,
  up_weight: given['up_weight']!,
  up_bias: given['up_bias']!,
})

const shapesOf = (size: number, features: number): { readonly [K in (typeof parts)[number]]: Shape } => ({
  down_weight: [size, features],
  down_bias: [size],
  up_weight: [features, size],
  up_bias: [features],
})

interface MatrixSettings {
  readonly activation: Activation
  /** Whether the matrix is [inputs, outputs], as in GPT-2. */
  readonly fanInFanOut: boolean
}

/**
 * A linear layer with an adapter after it, which replaces its weight: y = x Wᵀ + b, then y + U act(D y + d) + u. It is not
 * really a matrix, as it contains an activation; but linear layers only multiply by their weights.
 */
class BottleneckMatrix extends LinearOperator {
  readonly base: Weight
  readonly bias: NDArray | null
  readonly layers: Layers
  readonly settings: MatrixSettings

  constructor(base: Weight, bias: NDArray | null, layers: Layers, settings: MatrixSettings) {
    super()
    this.base = base
    this.bias = bias
    this.layers = layers
    this.settings = settings
  }

  get shape(): Shape {
    return this.base.shape
  }

  get dtype(): DType {
    return typeOf(this.base).dtype
  }

  multiply(x: NDArray, transposed: boolean): NDArray {
    const { activation, fanInFanOut } = this.settings
    if (transposed === fanInFanOut) {
      throw new ArgumentError('bottleneck: a layer with an adapter after it goes from its inputs to its outputs only.')
    }
    const product = transposed ? np.einsum('...i,oi->...o', x, this.base) : np.matmul(x, this.base)
    const y = this.bias === null ? product : np.add(product, this.bias)
    const { down_weight, down_bias, up_weight, up_bias } = this.layers
    const inner = applyActivation(activation, applyLinear({ weight: down_weight, bias: down_bias }, y))
    return np.add(y, applyLinear({ weight: up_weight, bias: up_bias }, inner))
  }

  dense(): NDArray {
    throw new ArgumentError(
      'bottleneck: a layer with an adapter after it is not a matrix, as there is an activation in it.',
    )
  }
}

registerPytreeNode<BottleneckMatrix>(
  BottleneckMatrix,
  ({ base, bias, layers, settings }) => ({
    children: [base, bias, ...parts.map((part) => layers[part])],
    keys: ['base', 'bias', ...parts],
    aux: settings,
  }),
  (settings, [base, bias, ...arrays]) =>
    new BottleneckMatrix(
      base as Weight,
      bias as NDArray | null,
      layersOf(Object.fromEntries(parts.map((part, i) => [part, arrays[i] as NDArray]))),
      settings as MatrixSettings,
    ),
)

type FanIn = Pick<BottleneckConfig, 'fanInFanOut'>

/** Whether the weight is [inputs, outputs]. */
const isTurned = ({ fanInFanOut }: FanIn, module: string): boolean => fanInFanOut === true || isConv1D(module)

/** The number of output features of a linear layer. */
const outputsOf = (config: FanIn, module: string, weight: ParamLeaf): number =>
  weight.shape[isTurned(config, module) ? 1 : 0]!

const modulesOf = (
  tree: NamedTree,
  { placement = 'houlsby', modules }: BottleneckOptions,
): ReadonlyMap<string, ParamLeaf> => {
  const matrices = matrixModules(tree)
  const names = [...matrices.keys()]
  const chosen =
    modules === undefined
      ? names.map((name) => isPlaced(name, placement))
      : chosenLeaves('bottleneck.init', { names, leaves: [...matrices.values()] }, modules)
  if (!chosen.includes(true)) {
    throw new ArgumentError(
      `bottleneck.init: there is no place for ${placement} in these parameters. Say which layers are meant: ` +
        `{ modules: '${names[0] ?? 'dense'}' }.`,
    )
  }
  return new Map([...matrices].filter((_, i) => chosen[i]))
}

const settingsTable: must.OptionTable<BottleneckOptions> = {
  size: must.count,
  activation: must.oneOf(activationNames),
  placement: must.oneOf(['houlsby', 'pfeiffer']),
  modules: aSelection,
  fanInFanOut: must.boolean,
  head: aSelection,
}

const adapterCheck = anAdapterOf('bottleneck')
const initDoor = must.door('bottleneck.init', {
  key: aKey,
  params: must.anything,
  options: must.optionsOf(settingsTable),
})
const applyDoor = must.door('bottleneck.apply', { params: must.anything, adapter: adapterCheck })
const mergeDoor = must.door('bottleneck.merge', { params: must.anything, adapter: adapterCheck })
const saveDoor = must.door('bottleneck.save', { path: must.string, adapter: adapterCheck })
const loadDoor = must.door('bottleneck.load', { from: aFolder, params: must.anything })

/** The key is written to files only if it is true. */
const fanIn = (fanInFanOut: boolean): FanIn => (fanInFanOut ? { fanInFanOut } : {})

const init = (key: Key, params: unknown, options: BottleneckOptions = {}): Adapter<BottleneckConfig> => {
  initDoor(key, params, options)
  const { size = 64, activation = 'gelu', fanInFanOut = false, head } = options
  const config: BottleneckConfig = { method: 'bottleneck', size, activation, ...fanIn(fanInFanOut) }
  const tree = nameLeaves('bottleneck.init', params)
  const modules = modulesOf(tree, options)
  const keys = split(key, modules.size)
  const fresh = [...modules].map(([module, weight], i): readonly [string, Layers] => {
    const shapes = shapesOf(size, outputsOf(config, module, weight))
    const { dtype } = typeOf(weight)
    return [
      module,
      {
        down_weight: np.multiply(normal(keys.at(i).get(), shapes.down_weight, { dtype }), 0.02),
        down_bias: np.zeros(shapes.down_bias, { dtype }),
        up_weight: np.zeros(shapes.up_weight, { dtype }),
        up_bias: np.zeros(shapes.up_bias, { dtype }),
      },
    ]
  })
  return new Adapter(config, Object.fromEntries(fresh), savedHead('bottleneck.init', tree, head))
}

const apply = <P>(params: P, adapter: Adapter<BottleneckConfig>): Tuned<P> => {
  applyDoor(params, adapter)
  const { config, weights, saved } = adapter
  const tree = nameLeaves('bottleneck.apply', replaceLeaves('bottleneck.apply', params, saved))
  const places = new Map(tree.names.map((name, i) => [name, i]))
  const leaves: ParamLeaf[] = [...tree.leaves]
  for (const [module, arrays] of Object.entries(weights)) {
    const layers = layersOf(arrays)
    const at = places.get(`${module}.weight`)
    if (at === undefined) {
      throw new ArgumentError(`bottleneck.apply: the adapter has ${module}, which the parameters do not have.`)
    }
    const base = asWeight('bottleneck.apply', module, leaves[at]!)
    const features = outputsOf(config, module, base)
    const { down_weight } = layers
    if (down_weight.shape[1] !== features) {
      throw new ShapeError(
        `bottleneck.apply: ${module} gives ${features} features, the adapter takes ${down_weight.shape[1]}.`,
      )
    }
    const biasAt = places.get(`${module}.bias`)
    const bias = biasAt === undefined ? null : arrayNamed('bottleneck.apply', tree, `${module}.bias`)
    const settings = { activation: config.activation, fanInFanOut: isTurned(config, module) }
    leaves[at] = new BottleneckMatrix(base, bias, layers, settings)
    // The bias is added inside the adapter, so it is 0 outside.
    if (biasAt !== undefined && bias !== null) leaves[biasAt] = np.zerosLike(bias)
  }
  return withLeaves(tree, leaves)
}

const merge = (params: unknown, adapter: Adapter<BottleneckConfig>): never => {
  mergeDoor(params, adapter)
  throw new ArgumentError(
    'bottleneck.merge: an adapter with an activation in it is not a change of a matrix; keep it beside the model, and use apply.',
  )
}

/** The names of tensors in files, with their module and name. */
const fileNames = (
  modules: readonly string[],
): readonly (readonly [name: string, module: string, part: (typeof parts)[number]])[] =>
  modules.flatMap((module) => parts.map((part) => [`${module}.${part}`, module, part] as const))

/** The trained arrays, or gradients with respect to them, under their names in files. */
export const bottleneckTensors = ({
  weights,
  saved,
}: Adapter<BottleneckConfig>): { readonly [name: string]: NDArray } => {
  const names = fileNames(Object.keys(weights))
  return { ...Object.fromEntries(names.map(([name, module, part]) => [name, weights[module]![part]!])), ...saved }
}

const save = (path: string, adapter: Adapter<BottleneckConfig>): TaskEither<IoError, void> => {
  saveDoor(path, adapter)
  const { config, weights, saved } = adapter
  const settings = { ...config, modules: Object.keys(weights), leaves: Object.keys(saved) }
  return writeAdapterFolder(path, settings, bottleneckTensors(adapter))
}

const load = (from: FolderLike, params: unknown): TaskEither<IoError | AdapterError, Adapter<BottleneckConfig>> => {
  loadDoor(from, params)
  const tree = nameLeaves('bottleneck.load', params)
  return loadAdapterFolder(from, (files) => {
    wordOf(files, 'method', ['bottleneck'])
    const activation = wordOf(files, 'activation', activationNames) as Activation
    const size = countOf(files, 'size')
    const said = files.config['fanInFanOut'] ?? false
    if (typeof said !== 'boolean') {
      return refuse(
        files.source,
        `fanInFanOut in adapter_config.json must be true or false, got ${JSON.stringify(said)}.`,
      )
    }
    const config: BottleneckConfig = { method: 'bottleneck', size, activation, ...fanIn(said) }
    const matrices = matrixModules(tree)
    const modules = wordsOf(files, 'modules')
    const unexpected = modules.filter((module) => !matrices.has(module))
    if (unexpected.length > 0) refuse(files.source, 'the model lacks layers that adapters are after.', { unexpected })
    const saved = savedShapes(files, tree, wordsOf(files, 'leaves'))
    const wanted = fileNames(modules).map(([name, module, part]) => {
      return [name, shapesOf(size, outputsOf(config, module, matrices.get(module)!))[part]] as const
    })
    const tensors = takeTensors(files, new Map([...wanted, ...saved]))
    const weights = modules.map(
      (module) => [module, Object.fromEntries(parts.map((part) => [part, tensors.get(`${module}.${part}`)!]))] as const,
    )
    return new Adapter<BottleneckConfig>(
      config,
      Object.fromEntries(weights),
      Object.fromEntries([...saved.keys()].map((name) => [name, tensors.get(name)!])),
    )
  })
}

/**
 * Bottleneck adapters: Houlsby et al., "Parameter-Efficient Transfer Learning for NLP" (2019). The output of a linear layer,
 * with its bias, goes through `size` features, an activation, and a way back, which is added: y + U act(D y + d) + u. A fresh
 * one changes nothing, as U and u are 0. Biases of layers that have one are 0 in the tree that `apply` gives, as they are added
 * before the adapter.
 *
 * They cannot be merged. Files are our own: PEFT has no such method, and AdapterHub's placements are beside norms, not layers.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import { bottleneck } from 'pullback/train'
 * const params = { mlp: { down_proj: { weight: np.ones([4, 9]) } } }
 * const adapter = bottleneck.init(random.key(0), params, { size: 2 })
 * Object.entries(adapter.weights['mlp.down_proj'] ?? {}).map(([name, x]) => `${name} ${x.shape}`).join('; ') // => down_weight 2,4; down_bias 2; up_weight 4,2; up_bias 4
 * const { weight } = bottleneck.apply(params, adapter).mlp.down_proj
 * np.einsum('bi,oi->bo', np.ones([1, 9]), weight) // => [[9. 9. 9. 9.]]
 * ```
 */
export const bottleneck = { init, apply, merge, save, load } as const
