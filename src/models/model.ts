/** The definition of models: pure functions over trees of parameters, with a description of the tree. */
import type { DType } from '../core/dtype.ts'
import { ArgumentError } from '../core/errors.ts'
import { flatten } from '../core/tree.ts'
import * as np from '../numpy/index.ts'
import * as must from '../conversions/arguments.ts'
import { aKey } from '../random/keys.ts'
import type { Key } from '../random/keys.ts'
import { floatDType, stateOptions, treeOf } from './doors.ts'
import type { RunOptions } from './encoder.ts'
import type { ParamsOf, WeightsOf } from './spec.ts'
import { fillSpecs, initialize, ParameterSpec } from './spec.ts'

/** A model: how its parameters are initialised, and what it computes with them. */
export interface Model<S, I, O, X = object> {
  /** `model_type` of `transformers`. */
  readonly type: string
  /** The parameters' shapes, under the names of Hugging Face. */
  readonly specs: S
  /** The optional prefix of the body's names in files: `bert`. */
  readonly prefix: string
  /** Names in files that are not parameters here: buffers, and second names of tied weights. */
  readonly ignored: readonly RegExp[]
  /** Second names of tied weights in files, mapped to their own names. */
  readonly tied: ReadonlyMap<string, string>
  /** Fresh parameters. */
  readonly init: (key: Key, dtype?: DType) => ParamsOf<S>
  /** The model at its inputs. Weights of linear layers and embedding tables may be quantised. */
  readonly apply: (params: WeightsOf<S>, inputs: I, options?: X) => O
}

/** Further options of a run of a model with state. */
export interface StateOptions<T> {
  /** The running statistics: `initState()`, or from `loadVariables`, or from the last step. */
  readonly state: T
  /** Whether batches are normalised by their own statistics, which also update the state; false by default. */
  readonly training?: boolean
}

/** A model with state. State is a tree separate from the parameters; a run takes a state and returns the next. */
export interface StatefulModel<S, T, I, O> extends Omit<Model<S, I, O>, 'apply'> {
  /** The state's shapes, under the names of Hugging Face. */
  readonly stateSpecs: T
  /** The state before any training. */
  readonly initState: (dtype?: DType) => ParamsOf<T>
  /** The model at its inputs, and the next state: outside training, the given one. */
  readonly apply: (
    params: ParamsOf<S>,
    inputs: I,
    options: Pick<RunOptions, 'key'> & StateOptions<ParamsOf<T>>,
  ) => O & { readonly state: ParamsOf<T> }
}

/** State of a model: `StateOfModel<typeof model>`. */
export type StateOfModel<M> = M extends { readonly stateSpecs: infer T } ? ParamsOf<T> : never

/** Parameters of a model: `ParamsOfModel<typeof model>`. */
export type ParamsOfModel<M> = M extends { readonly specs: infer S } ? ParamsOf<S> : never

/** Checks of a model's arguments: see `doors.ts`. */
interface ModelDoors {
  readonly inputs: must.Check
  readonly options: must.Check
}

const initDoor = (type: string): must.Door => must.door(type, { key: aKey, dtype: floatDType })

const someInputs = must.kind('an object of arrays by name', (x) => typeof x === 'object' && x !== null)

const someOptions = must.optional(must.kind('an object of options', (x) => typeof x === 'object' && x !== null))

/** The argument of `makeModel`. */
interface ModelParts<S, I, O, X> extends Omit<Model<S, I, O, X>, 'init' | 'apply' | 'ignored' | 'tied'> {
  readonly apply: (params: ParamsOf<S>, inputs: I, options?: X) => O
  readonly ignored?: readonly RegExp[]
  readonly tied?: ReadonlyMap<string, string>
  /** Checks of inputs and options. */
  readonly doors?: ModelDoors
  /** Standard deviation of fresh weights: `initializer_range`. */
  readonly stddev: number
}

/** The argument of `makeStatefulModel`. */
interface StatefulModelParts<S, T, I, O> extends Omit<StatefulModel<S, T, I, O>, 'init' | 'initState' | 'tied'> {
  /** A check of the inputs. */
  readonly inputs?: must.Check
  readonly stddev: number
}

const someSpecs = must.kind('a tree of specs, as layers.linear and layers.parameter give them', (x) =>
  flatten(x).leaves.every((leaf) => leaf instanceof ParameterSpec),
)

const commonParts = {
  type: must.required(must.string),
  specs: must.required(someSpecs),
  prefix: must.required(must.string),
  stddev: must.required(must.notNegative),
  apply: must.required(must.func),
  ignored: must.listOf(must.instance('a RegExp', RegExp)),
}

const makeModelDoor = must.door('makeModel', {
  parts: must.optionsOf(
    {
      ...commonParts,
      tied: must.instance('a Map', Map),
      doors: must.kind('an object of checks', (x) => typeof x === 'object' && x !== null),
    },
    'part',
  ),
})

const makeStatefulModelDoor = must.door('makeStatefulModel', {
  parts: must.optionsOf(
    {
      ...commonParts,
      stateSpecs: must.required(someSpecs),
      inputs: must.kind('a check', (x) => typeof x === 'object' && x !== null),
    },
    'part',
  ),
})

const loadedParams = (specs: unknown): must.Check => treeOf(specs, 'model.init or loadParams')

/**
 * A model from its parts; what follows from them, such as `init` from the specs, is added. docs/bring-your-own-model.md has a
 * complete family.
 *
 * @example
 * ```ts
 * import { np, random } from 'pullback'
 * import type { NDArray } from 'pullback'
 * import { layers, makeModel } from 'pullback/models'
 * const bagOfWords = makeModel({
 *   type: 'bag-of-words',
 *   specs: { words: layers.embedding(100, 8), classifier: layers.linear(2, 8) },
 *   prefix: 'words',
 *   stddev: 0.02,
 *   apply: (params, inputs: { readonly inputIds: NDArray }) => {
 *     const words = layers.applyEmbedding(params.words, inputs.inputIds)
 *     return layers.applyLinear(params.classifier, np.mean(words, { axis: 1 }))
 *   },
 * })
 * const params = bagOfWords.init(random.key(0))
 * bagOfWords.apply(params, { inputIds: np.array([[3, 14, 15]], { dtype: 'int32' }) }).shape // => 1,2
 * ```
 */
export const makeModel = <S, I, O, X = object>(given: ModelParts<S, I, O, X>): Model<S, I, O, X> => {
  makeModelDoor(given)
  const {
    ignored = [],
    tied = new Map(),
    doors = { inputs: someInputs, options: someOptions },
    stddev,
    apply,
    ...parts
  } = given
  const enterInit = initDoor(parts.type)
  const enterApply = must.door(parts.type, { params: loadedParams(parts.specs), ...doors })
  // Families are written for arrays, but they use matrices only in layers and functions that also take quantised ones.
  const run = apply as Model<S, I, O, X>['apply']
  return {
    ...parts,
    ignored,
    tied,
    init: (key, dtype) => {
      enterInit(key, dtype)
      return initialize(parts.specs, key, stddev, dtype)
    },
    apply: (params, inputs, options) => {
      enterApply(params, inputs, options)
      return run(params, inputs, options)
    },
  }
}

/**
 * A model with state from its parts. The state has its own tree of specs; a run without state throws an `ArgumentError`.
 *
 * @example
 * ```ts
 * import { NDArray, np, random } from 'pullback'
 * import { layers, makeStatefulModel } from 'pullback/models'
 * const model = makeStatefulModel({
 *   type: 'centred',
 *   specs: { scale: layers.parameter([1], 'ones') },
 *   stateSpecs: { mean: layers.parameter([1], 'zeros') },
 *   prefix: 'centred',
 *   ignored: [],
 *   stddev: 0.02,
 *   apply: (params, { x }: { readonly x: NDArray }, { state, training = false }) => {
 *     const mean = training ? np.mean(x, { keepdims: true }) : state.mean
 *     return { y: np.multiply(np.subtract(x, mean), params.scale), state: { mean } }
 *   },
 * })
 * const params = model.init(random.key(0))
 * const { state } = model.apply(params, { x: np.array([2, 4]) }, { state: model.initState(), training: true })
 * state.mean // => [3.]
 * model.apply(params, { x: np.array([10]) }, { state }).y // => [7.]
 * ```
 */
export const makeStatefulModel = <S, T, I, O>(given: StatefulModelParts<S, T, I, O>): StatefulModel<S, T, I, O> => {
  makeStatefulModelDoor(given)
  const { apply, stateSpecs, inputs: inputsCheck = someInputs, ...parts } = given
  const { type, specs, stddev } = parts
  const enterInit = initDoor(type)
  const enterInitState = must.door(type, { dtype: floatDType })
  const enterApply = must.door(type, {
    params: loadedParams(specs),
    inputs: inputsCheck,
    options: stateOptions(stateSpecs),
  })
  return {
    ...parts,
    tied: new Map(),
    stateSpecs,
    init: (key, dtype) => {
      enterInit(key, dtype)
      return initialize(specs, key, stddev, dtype)
    },
    initState: (dtype = 'float32') => {
      enterInitState(dtype)
      return fillSpecs(stateSpecs, (_, { shape, beginning }) => np.full(shape, beginning === 'ones' ? 1 : 0, { dtype }))
    },
    apply: (params, inputs, options) => {
      const { state } = (options as Partial<typeof options> | null | undefined) ?? {}
      if (state === undefined) {
        throw new ArgumentError(
          `${type} has state: give it as options.state. It comes from model.initState(), loadVariables, or the step before.`,
        )
      }
      enterApply(params, inputs, options)
      return apply(params, inputs, options)
    },
  }
}
