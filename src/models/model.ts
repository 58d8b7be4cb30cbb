/** What all models are: pure functions over trees of parameters, with a description of the tree. */
import type { DType } from '../core/dtype.ts'
import type { Key } from '../random/keys.ts'
import type { ParamsOf } from './spec.ts'
import { initialize } from './spec.ts'

/** A model: how its parameters begin, and what it computes with them. */
export interface Model<S, I, O, X = object> {
  /** `model_type` of `transformers`. */
  readonly type: string
  /** The parameters' shapes, under the names of Hugging Face. */
  readonly specs: S
  /** What the names of the body may begin with, or leave out, in files: `bert`. */
  readonly prefix: string
  /** Names in files that are no parameters here: buffers, and second names of tied weights. */
  readonly ignored: readonly RegExp[]
  /** Names that a tied weight has in files besides its own: from the other name to its own. */
  readonly tied: ReadonlyMap<string, string>
  /** Fresh parameters. */
  readonly init: (key: Key, dtype?: DType) => ParamsOf<S>
  /** The model at its inputs. */
  readonly apply: (params: ParamsOf<S>, inputs: I, options?: X) => O
}

/** Parameters of a model: `ParamsOfModel<typeof model>`. */
export type ParamsOfModel<M> = M extends { readonly specs: infer S } ? ParamsOf<S> : never

/** The parts of a model that follow from the others. */
export const makeModel = <S, I, O, X = object>({
  ignored = [],
  tied = new Map(),
  stddev,
  ...parts
}: Omit<Model<S, I, O, X>, 'init' | 'ignored' | 'tied'> & {
  readonly ignored?: readonly RegExp[]
  readonly tied?: ReadonlyMap<string, string>
  /** Standard deviation of fresh weights: `initializer_range`. */
  readonly stddev: number
}): Model<S, I, O, X> => ({
  ...parts,
  ignored,
  tied,
  init: (key, dtype) => initialize(parts.specs, key, stddev, dtype),
})
