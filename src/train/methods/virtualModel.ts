/** Models whose inputs are given virtual tokens, with inputs and outputs by name as PEFT has them. */
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
   * Whether padding is not known from other tokens, as where a model of `transformers` is given embeddings, which PEFT does: the last
   * place of a row is then that which a decoder classifies by, and RoBERTa counts places of padding. Outputs are those of PEFT so, and
   * depend on how long the rows are padded.
   */
  readonly asEmbeddings: boolean
}

/** Whether tokens stand before the text; else it is keys and values. */
export const isPrompt = (adapter: VirtualAdapter): adapter is Adapter<PromptConfig> =>
  adapter.config.method === 'prompt'

/** Inputs as PEFT gives them on: places are counted anew, and types of tokens are for classifiers only, not for those of spans either. */
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
 * A model that puts an adapter's virtual tokens before its inputs. It takes the parameters that the adapter is for, as they are.
 *
 * @param adapter - may be traced: outputs have derivatives by it.
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
