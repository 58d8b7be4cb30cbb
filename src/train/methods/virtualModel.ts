/** Models with virtual tokens before their inputs, with named inputs and outputs as in PEFT. */
import { ArgumentError } from '../../core/errors.ts'
import type { AnyModel, NamedArrays } from '../../models/index.ts'
import type { Adapter } from '../adapter.ts'
import { hiddenIds } from './extendedTable.ts'
import type { PrefixConfig } from './prefixTuning.ts'
import { prefixTuning } from './prefixTuning.ts'
import { embeddingsFile } from './promptFiles.ts'
import type { PromptConfig } from './promptTuning.ts'
import { extend, promptTuning } from './promptTuning.ts'

/** An adapter of virtual tokens. */
export type VirtualAdapter = Adapter<PromptConfig> | Adapter<PrefixConfig>

/** Options of `withVirtualTokens`. */
interface VirtualOptions {
  /**
   * Whether padding cannot be told from other tokens, as in PEFT, which passes embeddings to a model of `transformers`: a
   * decoder then classifies by the last position of a row, and RoBERTa's positions count padding. Outputs then equal those of
   * PEFT, and depend on the amount of padding.
   */
  readonly asEmbeddings: boolean
}

/** Whether the prefix consists of tokens; otherwise it is keys and values. */
export const isPrompt = (adapter: VirtualAdapter): adapter is Adapter<PromptConfig> =>
  adapter.config.method === 'prompt'

/**
 * Inputs as PEFT passes them on: given positions are dropped, and token types are kept only for classifiers, but not for span
 * classifiers.
 */
const known = (model: AnyModel, inputs: NamedArrays): NamedArrays => {
  const left = model.inputs.includes('labels') ? ['position_ids'] : ['position_ids', 'token_type_ids']
  return Object.fromEntries(Object.entries(inputs).filter(([name]) => !left.includes(name)))
}

const withPrompt = (model: AnyModel, adapter: Adapter<PromptConfig>, asEmbeddings: boolean): AnyModel['apply'] => {
  const { vocabSize, tokens } = adapter.config
  return (params, inputs, options) => {
    const { input_ids: ids, ...others } = known(model, inputs)
    if (ids === undefined) throw new ArgumentError(`${model.architecture} needs an input input_ids.`)
    const input_ids = asEmbeddings ? hiddenIds(ids.astype('int32'), vocabSize, tokens) : ids
    const widened = promptTuning.widen(adapter, { input_ids, ...others })
    return model.apply(extend(model.architecture, params, adapter, asEmbeddings), widened, options)
  }
}

const withPrefix =
  (model: AnyModel, adapter: Adapter<PrefixConfig>): AnyModel['apply'] =>
  (params, inputs, options) => {
    const { inputs: widened, cache } = prefixTuning.widen(adapter, inputs)
    return model.apply(prefixTuning.apply(params, adapter), widened, { ...options, prefix: cache })
  }

/**
 * A model that prepends an adapter's virtual tokens to its inputs. It takes the unchanged parameters of the adapter's base.
 *
 * @param adapter - may be traced: outputs have derivatives with respect to it.
 */
export const withVirtualTokens = (
  model: AnyModel,
  adapter: VirtualAdapter,
  { asEmbeddings }: VirtualOptions,
): AnyModel => ({
  ...model,
  apply: isPrompt(adapter) ? withPrompt(model, adapter, asEmbeddings) : withPrefix(model, adapter),
})

/** What is trained, or the gradients by it, under the names that files have for it. */
export const virtualTensors = ({ weights, saved }: VirtualAdapter): NamedArrays =>
  embeddingsFile(weights['prompt_encoder']!['embedding']!, saved)
