/**
 * OPT: Zhang et al., "OPT: Open Pre-trained Transformer Language Models" (2022), built from what `pullback/models` exports. The page
 * docs/bring-your-own-model.md goes through this file.
 */
import { np } from 'pullback'
import type { NDArray } from 'pullback'
import { layers, makeModel, nextTokenLoss, readConfig } from 'pullback/models'
import type { ConfigReader, DecoderInputs, ParamsOf, RunOptions } from 'pullback/models'

const readOpt = (config: ConfigReader) => {
  const hiddenSize = config.count('hidden_size', 768)
  config.only('do_layer_norm_before', true)
  config.only('_remove_final_layer_norm', false)
  config.only('enable_bias', true)
  config.only('layer_norm_elementwise_affine', true)
  config.only('word_embed_proj_dim', hiddenSize)
  config.only('tie_word_embeddings', true)
  return {
    vocabSize: config.count('vocab_size', 50272),
    hiddenSize,
    numHiddenLayers: config.layers('num_hidden_layers', 12),
    numAttentionHeads: config.divisor('num_attention_heads', hiddenSize, 'hidden_size', 12),
    ffnDim: config.count('ffn_dim', 3072),
    maxPositionEmbeddings: config.count('max_position_embeddings', 2048),
    activation: config.word('activation_function', layers.activationNames, 'relu'),
    dropout: config.number('dropout', 0.1),
    attentionDropout: config.number('attention_dropout', 0),
    padTokenId: config.token('pad_token_id', 1),
    initStd: config.number('init_std', 0.02),
  }
}

export const optConfig = (json: unknown) => readConfig(json, readOpt)

type OptConfig = ReturnType<typeof readOpt>

const layerSpecs = ({ hiddenSize, ffnDim }: OptConfig) => ({
  self_attn: {
    q_proj: layers.linear(hiddenSize, hiddenSize),
    k_proj: layers.linear(hiddenSize, hiddenSize),
    v_proj: layers.linear(hiddenSize, hiddenSize),
    out_proj: layers.linear(hiddenSize, hiddenSize),
  },
  self_attn_layer_norm: layers.layerNorm(hiddenSize),
  fc1: layers.linear(ffnDim, hiddenSize),
  fc2: layers.linear(hiddenSize, ffnDim),
  final_layer_norm: layers.layerNorm(hiddenSize),
})

/** Positions are counted from 2 on. */
const POSITION_OFFSET = 2

const decoderSpecs = (config: OptConfig) => ({
  embed_tokens: layers.embedding(config.vocabSize, config.hiddenSize),
  embed_positions: layers.embedding(config.maxPositionEmbeddings + POSITION_OFFSET, config.hiddenSize),
  layers: layers.repeated(config.numHiddenLayers, () => layerSpecs(config)),
  final_layer_norm: layers.layerNorm(config.hiddenSize),
})

type LayerParams = ParamsOf<ReturnType<typeof layerSpecs>>
type DecoderParams = ParamsOf<ReturnType<typeof decoderSpecs>>

const EPSILON = 1e-5

const applyLayer = (params: LayerParams, x: NDArray, mask: NDArray, config: OptConfig, drop: layers.Drop): NDArray => {
  const { q_proj, k_proj, v_proj, out_proj } = params.self_attn
  const normed = layers.applyLayerNorm(params.self_attn_layer_norm, x, EPSILON)
  const heads = (p: layers.LinearParams) => layers.splitHeads(layers.applyLinear(p, normed), config.numAttentionHeads)
  const options = { mask, drop, dropRate: config.attentionDropout }
  const attended = layers.attend(heads(q_proj), heads(k_proj), heads(v_proj), options)
  const middle = np.add(x, drop(layers.applyLinear(out_proj, attended), config.dropout))
  const again = layers.applyLayerNorm(params.final_layer_norm, middle, EPSILON)
  const inner = layers.applyActivation(config.activation, layers.applyLinear(params.fc1, again))
  return np.add(middle, drop(layers.applyLinear(params.fc2, inner), config.dropout))
}

const applyDecoder = (params: DecoderParams, inputs: DecoderInputs, config: OptConfig, drop: layers.Drop) => {
  const ids = layers.tokenArray('opt', inputs.inputIds)
  const [batch, length] = ids.shape as readonly [number, number]
  layers.checkLength('opt', length, config.maxPositionEmbeddings)
  const given = inputs.attentionMask ?? np.ones([batch, length], { dtype: 'int32' })
  const attention = layers.integersBesideTokens('opt', 'attentionMask', given, [batch, length])
  const seen = layers.causalMask({ queries: length, keys: length })
  const mask = np.logicalAnd(np.expandDims(np.notEqual(attention, 0), [1, 2]), seen)
  // Tokens are counted from 0 on, and padding is before them all.
  const counted = np.subtract(np.multiply(np.cumsum(attention, { axis: 1 }), attention), 1)
  const positions = np.add(inputs.positionIds ?? counted, POSITION_OFFSET)
  const words = layers.applyEmbedding(params.embed_tokens, ids, config.padTokenId, 'opt: inputIds')
  const hiddenStates = [np.add(words, layers.applyEmbedding(params.embed_positions, positions))]
  for (const layer of params.layers) hiddenStates.push(applyLayer(layer, hiddenStates.at(-1)!, mask, config, drop))
  const lastHiddenState = layers.applyLayerNorm(params.final_layer_norm, hiddenStates.pop()!, EPSILON)
  return { lastHiddenState, hiddenStates: [...hiddenStates, lastHiddenState] }
}

export const optForCausalLM = (config: OptConfig) =>
  makeModel({
    type: 'opt',
    specs: { model: { decoder: decoderSpecs(config) } },
    prefix: 'model',
    tied: new Map([['lm_head.weight', 'model.decoder.embed_tokens.weight']]),
    stddev: config.initStd,
    apply: (params, inputs: DecoderInputs, options: RunOptions = {}) => {
      const { decoder } = params.model
      const states = applyDecoder(decoder, inputs, config, layers.makeDrop(options.key))
      const head = { weight: decoder.embed_tokens.weight, bias: null }
      return { ...states, logits: layers.applyLinear(head, states.lastHiddenState) }
    },
  })

type OptModel = ReturnType<typeof optForCausalLM>
type OptParams = ParamsOf<OptModel['specs']>

/** Cross-entropy of the next tokens. */
export const optLoss = (model: OptModel, params: OptParams, inputs: DecoderInputs, labels: NDArray) =>
  nextTokenLoss(model.apply(params, inputs).logits, labels)
