/** Adapters from files, for commands, whatever they change: weights, layers' outputs, or the tokens before a text. */
import type { JsonRecord } from '../../io/index.ts'
import type { AnyModel, AnyRunOptions, GenerateOptions, NamedArrays, ParamTree } from '../../models/index.ts'
import type { Adapter, BottleneckConfig, LoraConfig, PeftConfig } from '../../train/index.ts'
import { applyAdapter, bottleneck, loadAdapter, lora, prefixTuning, promptTuning } from '../../train/index.ts'
import { bottleneckTensors } from '../../train/methods/bottleneck.ts'
import { trainedTensors } from '../../train/methods/peft/save.ts'
import type { VirtualAdapter } from '../../train/methods/virtualModel.ts'
import { isPrompt, virtualTensors, withVirtualTokens } from '../../train/methods/virtualModel.ts'
import { FailedError, orFail } from '../command.ts'

/** An adapter that changes weights. */
interface WeightAdapter {
  readonly kind: 'weights'
  readonly adapter: Adapter<PeftConfig>
}

/** An adapter with virtual tokens. */
interface TokenAdapter {
  readonly kind: 'tokens'
  readonly adapter: VirtualAdapter
}

/** An adapter after layers (bottleneck), in our own files. */
interface LayerAdapter {
  readonly kind: 'layers'
  readonly adapter: Adapter<BottleneckConfig>
}

export type AnyAdapter = WeightAdapter | TokenAdapter | LayerAdapter

/** Reads an adapter of the kind that its configuration names. */
export const readAdapter = async (
  directory: string,
  peft: JsonRecord,
  model: AnyModel,
  params: ParamTree,
): Promise<AnyAdapter> => {
  if (peft['method'] === 'bottleneck')
    return { kind: 'layers', adapter: orFail(await bottleneck.load(directory, params)()) }
  const type = peft['peft_type']
  if (type === 'PROMPT_TUNING' || type === 'P_TUNING')
    return { kind: 'tokens', adapter: orFail(await promptTuning.load(directory, params, { model })()) }
  if (type === 'PREFIX_TUNING') {
    const { cacheShape, architecture } = model
    if (cacheShape === null)
      throw new FailedError(
        `${directory} is a prefix, which stands in the cache of a decoder; ${architecture} has none`,
      )
    return { kind: 'tokens', adapter: orFail(await prefixTuning.load(directory, params, { cacheShape })()) }
  }
  return { kind: 'weights', adapter: orFail(await loadAdapter(directory, params, { model, residual: true })()) }
}

/** The base of an adapter: the residual of the weights, if it was initialised with a part of them. */
export const plainOf = ({ adapter }: AnyAdapter, params: ParamTree): ParamTree =>
  adapter.config.method === 'lora' || adapter.config.method === 'dora'
    ? lora.residual(params, adapter as Adapter<LoraConfig>)
    : params

/** The parameters with the adapter applied. */
const changed = (one: WeightAdapter | LayerAdapter, plain: ParamTree): ParamTree =>
  one.kind === 'weights' ? applyAdapter(plain, one.adapter) : bottleneck.apply(plain, one.adapter)

/** The model and the parameters to run, with the adapter in one of them. */
export const adapted = (
  one: AnyAdapter,
  model: AnyModel,
  plain: ParamTree,
): { readonly model: AnyModel; readonly params: ParamTree } =>
  one.kind === 'tokens'
    ? { model: withVirtualTokens(model, one.adapter, { asEmbeddings: false }), params: plain }
    : { model, params: changed(one, plain) }

/** The number of virtual tokens among those of a text; 0 for a prefix. */
export const virtualTokens = (one: AnyAdapter | null): number =>
  one?.kind === 'tokens' && isPrompt(one.adapter) ? one.adapter.config.tokens : 0

/** The arguments of `generate` for a model, with or without an adapter. */
export interface Writing {
  readonly params: ParamTree
  /** The prefix of texts. */
  readonly options: Pick<GenerateOptions, 'prefix'>
}

export const writing = (one: AnyAdapter | null, plain: ParamTree): Writing => {
  if (one === null) return { params: plain, options: {} }
  if (one.kind !== 'tokens') return { params: changed(one, plain), options: {} }
  const { adapter } = one
  return isPrompt(adapter)
    ? { params: promptTuning.apply(plain, adapter), options: { prefix: promptTuning.prefix(adapter) } }
    : { params: prefixTuning.apply(plain, adapter), options: { prefix: prefixTuning.prefix(adapter) } }
}

/** A model with an adapter, computed as PEFT does where it has the method, as a function of the adapter's own arrays. */
interface Exact {
  readonly adapter: Adapter
  readonly run: (adapter: Adapter, plain: ParamTree, inputs: NamedArrays, options: AnyRunOptions) => NamedArrays
  /** The adapter's arrays, or gradients with respect to them, under their names in files. */
  readonly named: (adapter: Adapter) => NamedArrays
}

export const exactly = (one: AnyAdapter, model: AnyModel): Exact => {
  if (one.kind === 'weights') {
    return {
      adapter: one.adapter,
      run: (a, plain, inputs, options) => model.apply(applyAdapter(plain, a as typeof one.adapter), inputs, options),
      named: (a) => trainedTensors(a as typeof one.adapter),
    }
  }
  if (one.kind === 'layers') {
    return {
      adapter: one.adapter,
      run: (a, plain, inputs, options) =>
        model.apply(bottleneck.apply(plain, a as typeof one.adapter), inputs, options),
      named: (a) => bottleneckTensors(a as typeof one.adapter),
    }
  }
  return {
    adapter: one.adapter,
    run: (a, plain, inputs, options) =>
      withVirtualTokens(model, a as typeof one.adapter, { asEmbeddings: true }).apply(plain, inputs, options),
    named: (a) => virtualTensors(a as typeof one.adapter),
  }
}
