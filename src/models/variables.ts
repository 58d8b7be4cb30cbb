/** Parameters and state of a model: two trees, and one file. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { leavesByName } from './spec.ts'
import type { QuantizedArray } from '../api/quantized.ts'
import type { TensorFile } from '../io/index.ts'
import { ArgumentError, TreeError } from '../core/errors.ts'
import { show } from '../core/show.ts'
import * as must from '../conversions/arguments.ts'
import { NDArray } from '../trace/value.ts'
import { anArray } from './doors.ts'
import type { ArrayLoadOptions, Loadable, LoadError, LoadOptions } from './load.ts'
import { loadArrays, loadDoor } from './load.ts'
import type { ParamsOf, WeightsOf } from './spec.ts'
import { fillSpecs, isSpecs } from './spec.ts'

/** Parameters and state. The state of a stateless model is null. */
export interface Variables<P, T> {
  readonly params: P
  readonly state: T
}

/** The part of a model that is needed: the state's specs are null if it has none. */
export interface LoadableWithState<S, T> extends Loadable<S> {
  readonly stateSpecs: T
}

const loadVariablesDoor = loadDoor('loadVariables')

/**
 * The parameters and the state of a model from one file, as strictly as `loadParams`: missing running statistics are listed
 * like parameters. PyTorch's `num_batches_tracked` is skipped.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { encodeSafetensors, openSafetensors } from 'pullback/io'
 * import { loadVariables, namedVariables, resnet, resnetConfig } from 'pullback/models'
 * const config = resnetConfig({ embedding_size: 4, hidden_sizes: [4], depths: [1], layer_type: 'basic' })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = resnet(config.right)
 * const before = { params: model.init(random.key(0)), state: model.initState() }
 * const file = await openSafetensors(encodeSafetensors(namedVariables(before)))()
 * if (file._tag === 'Left') throw new Error(file.left.message)
 * const loaded = await loadVariables(model, file.right)()
 * loaded._tag === 'Right' && loaded.right.state.embedder.embedder.normalization.running_var // => [1. 1. 1. 1.]
 * ```
 */
export function loadVariables<S, T>(
  model: LoadableWithState<S, T>,
  file: TensorFile,
  options?: ArrayLoadOptions,
): TaskEither<LoadError, Variables<ParamsOf<S>, ParamsOf<T>>>
export function loadVariables<S, T>(
  model: LoadableWithState<S, T>,
  file: TensorFile,
  options: LoadOptions,
): TaskEither<LoadError, Variables<WeightsOf<S>, WeightsOf<T>>>
export function loadVariables<S, T>(
  model: LoadableWithState<S, T>,
  file: TensorFile,
  options: LoadOptions = {},
): TaskEither<LoadError, Variables<WeightsOf<S>, WeightsOf<T>>> {
  loadVariablesDoor(model, file, options)
  return async () => {
    const arrays = await loadArrays(model, file, options)()
    if (arrays._tag === 'Left') return arrays
    const take = (name: string): NDArray | QuantizedArray => arrays.right.get(name)!
    return {
      _tag: 'Right',
      right: { params: fillSpecs(model.specs, take), state: fillSpecs(model.stateSpecs, take) },
    }
  }
}

const namedVariablesDoor = must.door('namedVariables', {
  variables: must.kind(
    'an object with params and state',
    (x) => typeof x === 'object' && x !== null && 'params' in x && 'state' in x,
  ),
})

const nextStateDoor = must.door('nextState', {
  model: must.kind('a model', (x) => typeof x === 'object' && x !== null && 'stateSpecs' in x && isSpecs(x.stateSpecs)),
  outputs: must.recordOf(anArray, 'an object of arrays, as apply gave it'),
})

/**
 * Parameters and state under their names in files, for `writeSafetensors`; `loadVariables` reads them back.
 *
 * @example
 * ```ts
 * import { random } from 'pullback'
 * import { namedVariables, resnet, resnetConfig } from 'pullback/models'
 * const config = resnetConfig({ embedding_size: 4, hidden_sizes: [8], depths: [1] })
 * if (config._tag === 'Left') throw new Error(config.left.message)
 * const model = resnet(config.right)
 * const named = namedVariables({ params: model.init(random.key(0)), state: model.initState() })
 * named['embedder.embedder.normalization.running_var']?.shape // => 4
 * ```
 */
export const namedVariables = (variables: Variables<unknown, unknown>): { readonly [name: string]: NDArray } => {
  namedVariablesDoor(variables)
  const named = { ...leavesByName(variables.params), ...leavesByName(variables.state) }
  for (const [name, x] of Object.entries<unknown>(named)) {
    if (!(x instanceof NDArray)) throw new TreeError(`namedVariables: ${name} must be an array, got ${show(x)}.`)
  }
  return named
}

/**
 * The state from the named outputs `state.NAME` of a training run, as a tree.
 *
 * @example
 * ```ts
 * import { np } from 'pullback'
 * import { layers, nextState } from 'pullback/models'
 * const model = { stateSpecs: { norm: layers.runningStatistics(1) } }
 * const outputs = { 'state.norm.running_mean': np.array([3]), 'state.norm.running_var': np.array([2]) }
 * nextState(model, outputs).norm.running_mean // => [3.]
 * nextState(model, {}) // throws ArgumentError
 * ```
 */
export const nextState = <T>(
  model: { readonly stateSpecs: T },
  outputs: { readonly [name: string]: NDArray },
): ParamsOf<T> => {
  nextStateDoor(model, outputs)
  return fillSpecs(model.stateSpecs, (name) => {
    const x = outputs[`state.${name}`]
    if (x !== undefined) return x
    throw new ArgumentError(`nextState: there is no output state.${name}. A run gives them with { training: true }.`)
  })
}
