/** The configuration of T5's family, as `transformers` writes it. */
import type { Either } from 'fp-ts/lib/Either.js'
import type { ConfigError, ConfigReader } from './config.ts'
import { readConfig } from './config.ts'
import type { Activation } from './layers.ts'
import { activationNames } from './layers.ts'
import type { BucketConfig } from './relative.ts'

/** The families of this shape. */
const types = ['t5', 'mt5'] as const

/** The keys of `config.json` that are used. */
export interface T5Config {
  readonly type: (typeof types)[number]
  readonly vocabSize: number
  /** Features of hidden states: `d_model`. */
  readonly hiddenSize: number
  /** Features of one head: `d_kv`. */
  readonly headDim: number
  readonly numHeads: number
  /** Features inside of the feed-forward layers: `d_ff`. */
  readonly intermediateSize: number
  readonly numLayers: number
  readonly numDecoderLayers: number
  readonly activation: Activation
  /** Whether feed-forward layers have gates: `gated-…` of `feed_forward_proj`. */
  readonly gated: boolean
  readonly buckets: BucketConfig
  readonly dropoutRate: number
  readonly layerNormEps: number
  readonly initializerFactor: number
  readonly padTokenId: number
  readonly decoderStartTokenId: number
  /** Whether the head's weight is the embedding table. */
  readonly tieWordEmbeddings: boolean
  /** Whether the input of the head is scaled by `1 / √hiddenSize`. */
  readonly scaleDecoderOutputs: boolean
}

const bucketConfig = (config: ConfigReader): BucketConfig => {
  const numBuckets = config.count('relative_attention_num_buckets', 32, 4)
  return {
    numBuckets,
    maxDistance: config.count('relative_attention_max_distance', 128, Math.floor(numBuckets / 2) + 1),
  }
}

/** The activation, and whether the layer is gated. `gated-gelu` is the tanh form. */
const feedForward = (config: ConfigReader, fallback: string): Pick<T5Config, 'activation' | 'gated'> => {
  const known = ['', 'gated-'].flatMap((gate) => activationNames.map((name) => `${gate}${name}`))
  const [, gate, name] = /^(gated-)?(.*)$/.exec(config.word('feed_forward_proj', known, fallback))!
  const activation = activationNames.find((a) => a === name)!
  return {
    activation: gate !== undefined && activation === 'gelu' ? 'gelu_new' : activation,
    gated: gate !== undefined,
  }
}

/**
 * Reads the configuration of a T5 or an MT5. Version 1.1 has `tie_word_embeddings: false`; newer files have `true` and
 * `scale_decoder_outputs: false`, and still have a separate head. An MT5 always has one, whatever its file says.
 *
 * @example
 * ```ts
 * import { t5Config } from 'pullback/models'
 * const config = t5Config({ model_type: 'mt5', feed_forward_proj: 'gated-gelu' })
 * config._tag === 'Right' && config.right.vocabSize // => 250112
 * config._tag === 'Right' && config.right.tieWordEmbeddings // => false
 * ```
 */
export const t5Config = (json: unknown): Either<ConfigError, T5Config> =>
  readConfig(json, (config) => {
    config.only('is_decoder', false)
    const type = config.word('model_type', types, 't5')
    const isMt5 = type === 'mt5'
    const numLayers = config.layers('num_layers', isMt5 ? 8 : 6, 1)
    const padTokenId = config.count('pad_token_id', 0, 0)
    const tied = config.flag('tie_word_embeddings', true)
    const scaled = !isMt5 && config.flag('scale_decoder_outputs', tied)
    return {
      type,
      vocabSize: config.count('vocab_size', isMt5 ? 250_112 : 32_128),
      hiddenSize: config.count('d_model', 512),
      headDim: config.count('d_kv', 64),
      numHeads: config.count('num_heads', isMt5 ? 6 : 8),
      intermediateSize: config.count('d_ff', isMt5 ? 1024 : 2048),
      numLayers,
      numDecoderLayers: config.layers('num_decoder_layers', numLayers, 1),
      ...feedForward(config, isMt5 ? 'gated-gelu' : 'relu'),
      buckets: bucketConfig(config),
      dropoutRate: config.number('dropout_rate', 0.1),
      layerNormEps: config.number('layer_norm_epsilon', 1e-6),
      initializerFactor: config.notNegative('initializer_factor', 1),
      padTokenId,
      decoderStartTokenId: config.count('decoder_start_token_id', padTokenId, 0),
      tieWordEmbeddings: tied && scaled,
      scaleDecoderOutputs: scaled,
    }
  })
