/** Models, tokenizers and files of tensors as they should be made, for calls that are nearly right. */
import * as fc from 'fast-check'
import { np, random } from 'pullback'
import type { NDArray } from 'pullback'
import type { TensorFile } from 'pullback/io'
import { encodeSafetensors, openSafetensors } from 'pullback/io'
import * as models from 'pullback/models'
import * as tokenizers from 'pullback/tokenizers'
import { argumentsFor, keys, nearly, spoiled, wild } from './wild.ts'
import type { Subject } from './wildCalls.ts'

type Callable = (...args: readonly unknown[]) => unknown
type Members = Readonly<Record<string, unknown>>

const right = <A>(either: { readonly _tag: 'Left' } | { readonly _tag: 'Right'; readonly right: A }): A => {
  if (either._tag === 'Left') throw new Error('wildModels: what should be right is not.')
  return either.right
}

const bytes = encodeSafetensors({ a: np.ones([2, 3]), b: np.ones([3]) })
const file: TensorFile = right(await openSafetensors(bytes)())

/** Sizes that all families read, under the names of each of them. */
const json = {
  ...{ vocab_size: 11, hidden_size: 4, embedding_size: 4, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 4 },
  ...{ max_position_embeddings: 6, dim: 4, n_layers: 1, n_heads: 2, hidden_dim: 4, d_model: 4, d_kv: 2, d_ff: 4, num_layers: 1, num_heads: 2 },
  ...{ image_size: 4, patch_size: 2, num_channels: 3, hidden_sizes: [4], depths: [1], head_size: 8, stem_size: 4, max_phonemes: 2, n_embd: 4, n_layer: 1, n_head: 2, n_positions: 6, head_dim: 2, num_key_value_heads: 1 },
} // prettier-ignore

const ids = np.array([[1, 2, 3]], { dtype: 'int32' })
const textInputs = { inputIds: ids, attentionMask: np.ones([1, 3], { dtype: 'int32' }) }
const bothInputs = { ...textInputs, decoderInputIds: ids }
const imageInputs = { pixelValues: np.ones([1, 3, 32, 32]) }

/** Families: how a configuration is read, and what their models are given. */
const families: readonly (readonly [config: string, pattern: RegExp, inputs: object])[] = [
  ['albertConfig', /^albert/, textInputs],
  ['bertConfig', /^bert/, textInputs],
  ['distilBertConfig', /^distilBert/, textInputs],
  ['robertaConfig', /^roberta/, textInputs],
  ['llamaConfig', /^llama/, textInputs],
  ['gemmaConfig', /^gemma/, textInputs],
  ['gpt2Config', /^gpt2/, textInputs],
  ['t5Config', /^t5$|^t5For/, bothInputs],
  ['t5Config', /^t5Encoder/, textInputs],
  ['g2pConfig', /^g2p/, bothInputs],
  ['vitConfig', /^vit/, { pixelValues: np.ones([1, 3, 4, 4]) }],
  ['resnetConfig', /^resnet/, imageInputs],
  ['efficientNetLiteConfig', /^efficientNet/, imageInputs],
]

const members = models as unknown as Readonly<Record<string, Callable>>

const subject = (group: string, name: string, call: Callable, args: fc.Arbitrary<readonly unknown[]>): Subject => ({
  name,
  group,
  args: fc.oneof({ weight: 3, arbitrary: args }, { weight: 1, arbitrary: argumentsFor('part') }),
  call,
})

/** Good arguments, then some that are nearly so. */
const after = (good: readonly unknown[], ...more: readonly unknown[]): fc.Arbitrary<readonly unknown[]> =>
  nearly(...more).map((rest) => [...good, ...rest])

const familyParts = families.flatMap(([reader, pattern, inputs]): readonly Subject[] => {
  const read = members[reader]! as (json: unknown) => { readonly _tag: 'Right'; readonly right: object }
  const config = right(read(json))
  const makers = Object.keys(members).filter((name) => pattern.test(name) && !name.endsWith('Config'))
  return [
    subject('models', `models.${reader}`, read, fc.tuple(spoiled(json))),
    ...makers.flatMap((name): readonly Subject[] => {
      const make = members[name]!
      const model = make(config) as Readonly<Record<string, Callable>>
      const params = model['init']!(random.key(0))
      const state = model['initState']?.()
      const options = state === undefined ? {} : { state, training: false }
      return [
        subject('models', `models.${name}`, make, nearly(config)),
        subject('models', `models.${name}.init`, model['init']!, fc.oneof(fc.tuple(keys), fc.tuple(keys, wild))),
        subject('models', `models.${name}.apply`, model['apply']!, fc.oneof(nearly(params, inputs, options), after([params], inputs, options))),
        ...(state === undefined ? [] : [subject('models', `models.${name}.initState`, model['initState']!, fc.tuple(wild))]),
        ...(model['pronounce'] === undefined ? [] : [subject('models', `models.${name}.pronounce`, model['pronounce'], after([params], ['hi', 'you']))]),
        ...(model['startCache'] === undefined ? [] : [subject('models', `models.${name}.startCache`, model['startCache'], after([params], textInputs, 5))]),
      ]
    }),
  ]
}) // prettier-ignore

const anyModel = right(models.modelOfConfig(json, 'BertForTokenClassification'))
const anyParams = anyModel.init(random.key(0))
const resnet = models.resnet(right(models.resnetConfig(json)))
const variables = { params: resnet.init(random.key(0)), state: resnet.initState() }
const cacheShape = { numHiddenLayers: 1, numKeyValueHeads: 1, headDim: 2 }
const scores = np.ones([2, 3, 4])
const labels = np.zeros([2, 3], { dtype: 'int32' })

/** A model of two parameters, those of the file. */
const small = {
  type: 'small',
  specs: { a: new models.ParameterSpec([2, 3], 'ones'), b: new models.ParameterSpec([3], 'ones') },
  stateSpecs: null,
  prefix: 'small',
  ignored: [/x/],
  tied: new Map<string, string>(),
}
const loadOptions = { dtype: 'float32', rename: (name: string) => name, transform: (_: string, x: NDArray) => x, fresh: () => null } // prettier-ignore

const loaded = (...args: readonly unknown[]): fc.Arbitrary<readonly unknown[]> =>
  nearly(small, loadOptions).map(([model, options, ...more]) => [model, ...args, options, ...more])

/** A task is run, as it would be. */
const run =
  (f: Callable): Callable =>
  (...args) => {
    const task = f(...args)
    return typeof task === 'function' ? (task as () => unknown)() : task
  }

const otherModels: readonly Subject[] = [
  subject('models', 'models.modelOfConfig', members['modelOfConfig']!, nearly({ ...json, model_type: 'bert' })),
  subject(
    'models',
    'models.AnyModel.apply',
    anyModel.apply as Callable,
    after([anyParams], { input_ids: ids, labels: np.zeros([1, 3], { dtype: 'int32' }) }, { key: random.key(0) }),
  ),
  subject('models', 'models.AnyModel.init', anyModel.init as Callable, fc.oneof(fc.tuple(keys, wild), fc.tuple(keys))),
  subject('models', 'models.loadParams', run(members['loadParams']!), loaded(file)),
  subject('models', 'models.loadVariables', run(members['loadVariables']!), loaded(file)),
  subject('models', 'models.namedVariables', members['namedVariables']!, nearly(variables)),
  subject(
    'models',
    'models.nextState',
    members['nextState']!,
    nearly({ stateSpecs: small.specs }, { 'state.a': np.ones([2, 3]), 'state.b': np.ones([3]) }),
  ),
  subject('models', 'models.emptyCache', members['emptyCache']!, nearly(cacheShape, 1, 4, 'float32')),
  subject('models', 'models.growCache', members['growCache']!, nearly(models.emptyCache(cacheShape, 1, 2), 4)),
  subject('models', 'models.quantize', members['quantize']!, nearly({ w: np.ones([2, 32]) }, { kind: 'q8_0' })),
  subject('models', 'models.crossEntropy', members['crossEntropy']!, nearly(scores, labels)),
  subject('models', 'models.nextTokenLoss', members['nextTokenLoss']!, nearly(scores, labels)),
  subject(
    'models',
    'models.classificationLoss',
    members['classificationLoss']!,
    nearly({ numLabels: 4, problemType: null }, np.ones([2, 4]), np.zeros([2], { dtype: 'int32' })),
  ),
  subject('models', 'models.meanPooling', members['meanPooling']!, nearly(scores, labels)),
  subject('models', 'models.normalize', members['normalize']!, nearly(scores)),
  subject('models', 'models.loadModel', run(members['loadModel']!), nearly(new Map(), { dtype: 'keep', token: 'x' })),
]

// Layers, for models of one's own.

const { layers } = models
const layerMembers = layers as unknown as Readonly<Record<string, Callable>>
const heads = np.ones([1, 3, 2, 4])
const hidden = np.ones([1, 3, 8])
const image = np.ones([1, 3, 4, 4])
const rope = { headDim: 4, theta: 1e4, maxPositionEmbeddings: 8, scaling: { type: 'linear', factor: 2 } }
const norm = { weight: np.ones([8]), bias: np.zeros([8]) }
const statistics = { running_mean: np.zeros([3]), running_var: np.ones([3]) }
const mask = np.ones([1, 3], { dtype: 'int32' })
const layerCache = { key: heads, value: heads }

const layerCalls: Readonly<Record<string, fc.Arbitrary<readonly unknown[]>>> = {
  attend: nearly(heads, heads, heads, { mask: layers.causalMask({ queries: 3, keys: 3 }), scale: 1, softcap: 2 }),
  applyBatchNorm: nearly({ weight: np.ones([3]), bias: np.ones([3]) }, statistics, image, { training: true, epsilon: 1e-5, momentum: 0.1 }),
  inTurn: nearly([1, 2], [3, 4], hidden, (_: unknown, state: unknown, x: NDArray) => [x, state]),
  cachedLength: nearly(models.emptyCache(cacheShape, 1, 4)),
  extendCache: nearly(layerCache, np.ones([1, 1, 2, 4]), np.ones([1, 1, 2, 4]), 1),
  lastPlaces: nearly(hidden, 2),
  encoderArrays: nearly('mine', { inputIds: ids, attentionMask: mask }, 4),
  applyActivation: nearly('gelu', hidden),
  applyEmbedding: nearly({ weight: np.ones([5, 2]) }, ids, 0, 'mine: inputIds'),
  applyLayerNorm: nearly(norm, hidden, 1e-5),
  applyLinear: nearly({ weight: np.ones([2, 8]), bias: np.ones([2]) }, hidden),
  applyRmsNorm: nearly({ weight: np.ones([8]) }, hidden, 1e-5, 1),
  makeDrop: nearly(random.key(0)),
  splitHeads: nearly(hidden, 2),
  tokenArray: nearly('mine', [[1, 2]], 'ids'),
  besideTokens: nearly('mine', 'mask', mask, [1, 3]),
  integersBesideTokens: nearly('mine', 'places', mask, [1, 3]),
  checkLength: nearly('mine', 3, 4),
  bothMasks: nearly(np.ones([3, 3], { dtype: 'bool' }), np.ones([1, 1, 1, 3], { dtype: 'bool' })),
  causalMask: nearly({ queries: 3, keys: 3, offset: 0 }, 2),
  paddingMask: nearly(mask),
  rotationAt: nearly(rope, np.array([[0, 1]], { dtype: 'int32' })),
  rotate: nearly(heads, { cos: np.ones([1, 3, 1, 4]), sin: np.ones([1, 3, 1, 4]) }),
  parameter: nearly([2, 3], 'normal'),
  linear: nearly(2, 3, true),
  repeated: nearly(2, () => 1),
  applyConv: nearly({ weight: np.ones([2, 3, 1, 1]), bias: np.ones([2]) }, image, { stride: 1, padding: 'SAME', groups: 1 }),
  channelMeans: nearly(image),
  imageArray: nearly('mine', image, 3, [4, 4]),
  patchProjection: nearly(2, 3, [2, 2]),
} // prettier-ignore

const layerParts = Object.entries(layerCalls).map(([key, args]) =>
  subject('models', `models.layers.${key}`, layerMembers[key]!, args),
)

// Tokenizers.

const { loadTokenizer } = tokenizers
const tokenizerMembers = tokenizers as unknown as Readonly<Record<string, Callable>>

const tokenizerJson = {
  model: { type: 'WordPiece', unk_token: '[UNK]', vocab: { '[UNK]': 0, pull: 1, '##back': 2, '!': 3, '[PAD]': 4 } },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  added_tokens: [{ id: 4, content: '[PAD]', special: true }],
}
const tokenizerConfig = {
  pad_token: '[PAD]',
  chat_template: '{% for m in messages %}{{ m.role }}: {{ m.content }}{% endfor %}',
}
const tokenizer = right(loadTokenizer({ tokenizerJson, tokenizerConfig })) as unknown as Readonly<
  Record<string, Callable>
>
const messages = [{ role: 'user', content: 'pullback!' }]
const encodeOptions = { truncation: true, maxLength: 4, padding: 'longest', stride: 1, addSpecialTokens: true }

const tokenizerCalls: Readonly<Record<string, fc.Arbitrary<readonly unknown[]>>> = {
  tokenToId: nearly('pull'),
  idToToken: nearly(1),
  encode: nearly('pullback!', encodeOptions),
  encodeBatch: nearly(['pullback!', ['pull', '!']], { ...encodeOptions, returnOverflowingTokens: true }),
  decode: nearly([1, 2, 3], { skipSpecialTokens: true }),
  decodeBatch: nearly([[1, 2], [3]], { cleanUpTokenizationSpaces: true }),
  decodeStream: nearly({ skipSpecialTokens: true }),
  applyChatTemplate: nearly(messages, { addGenerationPrompt: true, tools: [], variables: { a: 1 } }),
  encodeChat: nearly(messages, { addGenerationPrompt: true }),
}

const ggufMetadata: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['tokenizer.ggml.model', 'gpt2'],
  ['tokenizer.ggml.tokens', ['h', 'i', 'hi']],
  ['tokenizer.ggml.merges', ['h i']],
])
const encoded = { inputIds: [[1, 2]], attentionMask: [[1, 1]], tokenTypeIds: [[0, 0]] }

const tokenizerParts: readonly Subject[] = [
  ...Object.entries(tokenizerCalls).map(([key, args]) =>
    subject('tokenizers', `tokenizer.${key}`, (...given) => tokenizer[key]!.call(tokenizer, ...given), args),
  ),
  subject('tokenizers', 'tokenizer.decodeStream.push', (id) => (tokenizer['decodeStream']!() as { readonly push: Callable }).push(id), nearly(1)),
  subject('tokenizers', 'tokenizers.loadTokenizer', loadTokenizer as Callable, nearly({ tokenizerJson, tokenizerConfig })),
  subject('tokenizers', 'tokenizers.tokenizerFromGguf', tokenizerMembers['tokenizerFromGguf']!, nearly({ metadata: ggufMetadata })),
  subject('tokenizers', 'tokenizers.tokenizerFromGguf(metadata)', tokenizerMembers['tokenizerFromGguf']!, spoiled(Object.fromEntries(ggufMetadata)).map((x) => [{ metadata: new Map(Object.entries(x as Members)) }])),
  subject('tokenizers', 'tokenizers.trainBpe', tokenizerMembers['trainBpe']!, nearly(['pull', 'back'], { vocabSize: 300, minFrequency: 2, specialTokens: ['<s>'], initialAlphabet: ['a'], limitAlphabet: 9, addPrefixSpace: true })),
  subject('tokenizers', 'tokenizers.toInputs', tokenizerMembers['toInputs']!, nearly(encoded)),
] // prettier-ignore

// Files of tensors.

const fileParts: readonly Subject[] = [
  subject('io', 'io.TensorFile.read', run(file.read as Callable), nearly('a', { dtype: 'float16' })),
  subject('io', 'io.TensorFile.readBytes', run(file.readBytes as Callable), nearly('a')),
]

/** What is made, or called, with such things. */
export const modelParts: readonly Subject[] = [
  ...familyParts,
  ...otherModels,
  ...layerParts,
  ...tokenizerParts,
  ...fileParts,
]
