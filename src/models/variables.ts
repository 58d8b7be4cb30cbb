/** Parameters and state of a model: two trees, and one file. */
import type { TaskEither } from 'fp-ts/lib/TaskEither.js'
import { leavesByName } from './spec.ts'
import type { QuantizedArray } from '../api/quantized.ts'
import type { TensorFile } from '../io/index.ts'
import type { NDArray } from '../trace/value.ts'
import type { ArrayLoadOptions, Loadable, LoadError, LoadOptions } from './load.ts'
import { loadArrays } from './load.ts'
import type { ParamsOf, WeightsOf } from './spec.ts'
import { fillSpecs } from './spec.ts'

/** Both trees. The state of a model that has none is null. */
export interface Variables<P, T> {
  readonly params: P
  readonly state: T
}

/** What is needed of a model: its state's specs are null if it has none. */
export interface LoadableWithState<S, T> extends Loadable<S> {
  readonly stateSpecs: T
}

/**
 * The parameters and the state of a model from one file, as strictly as `loadParams`: running statistics that are missing are listed as
 * parameters are. `num_batches_tracked` of PyTorch is passed over.
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

/**
 * Parameters and state under the names that files have, as `writeSafetensors` takes them: what `loadVariables` reads again.
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
export const namedVariables = ({
  params,
  state,
}: Variables<unknown, unknown>): { readonly [name: string]: NDArray } => ({
  ...leavesByName(params),
  ...leavesByName(state),
})

/** The state that a run in training gave by name, `state.NAME`, as a tree. */
export const nextState = <T>(
  { stateSpecs }: { readonly stateSpecs: T },
  outputs: { readonly [name: string]: NDArray },
): ParamsOf<T> => fillSpecs(stateSpecs, (name) => outputs[`state.${name}`]!)
