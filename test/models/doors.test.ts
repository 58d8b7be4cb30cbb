/** What models, and what loads and saves them, are called with by mistake: named errors that say where, before anything is computed. */
import { beforeAll, describe, expect, test } from 'vitest'
import { ArgumentError, DTypeError, ShapeError, TreeError, jit, np, random, tree, vmap } from 'pullback'
import type { NDArray } from 'pullback'
import type { TensorFile } from 'pullback/io'
import { encodeSafetensors, openSafetensors } from 'pullback/io'
import {
  ParameterSpec,
  architectureNames,
  bert,
  bertConfig,
  bertForSequenceClassification,
  distilBert,
  distilBertConfig,
  emptyCache,
  growCache,
  llamaConfig,
  llamaForCausalLM,
  loadParams,
  meanPooling,
  modelOfConfig,
  namedVariables,
  nextState,
  nextTokenLoss,
  quantize,
  resnet,
  resnetConfig,
  t5Config,
  t5ForConditionalGeneration,
} from 'pullback/models'
import type { AnyModel, ArchitectureName, ParamTree } from 'pullback/models'
import { loadTokenizer, toInputs } from 'pullback/tokenizers'
import { rightOf } from '../io/support/recorded.ts'

const small = {
  ...{ vocab_size: 11, hidden_size: 4, embedding_size: 4, num_hidden_layers: 2, num_attention_heads: 2, intermediate_size: 4 },
  ...{ max_position_embeddings: 6, dim: 4, n_layers: 2, n_heads: 2, hidden_dim: 4, d_model: 4, d_kv: 2, d_ff: 4, num_layers: 2, num_heads: 2 },
  ...{ image_size: 4, patch_size: 2, hidden_sizes: [4, 4], depths: [1, 1], head_size: 8, stem_size: 4, n_embd: 4, n_layer: 2, n_head: 2, n_positions: 6, head_dim: 2, num_key_value_heads: 1 },
} // prettier-ignore

const ids = np.array([[1, 2, 3]], { dtype: 'int32' })
const key = random.key(0)

const inputsOf = ({ inputs }: AnyModel): { readonly [name: string]: NDArray } =>
  inputs.includes('pixel_values')
    ? { pixel_values: np.ones([1, 3, 4, 4]) }
    : Object.fromEntries(inputs.filter((name) => name.endsWith('input_ids')).map((name) => [name, ids]))

/** What a call throws. */
const thrown = (f: () => unknown): Error => {
  try {
    f()
  } catch (error) {
    if (error instanceof Error) return error
  }
  throw new Error('nothing was thrown')
}

describe.each(architectureNames)('%s', (name: ArchitectureName) => {
  const model = rightOf(modelOfConfig(small, name))
  const state = model.initState()
  const options = state === null ? {} : { state }
  let params: ParamTree = {}
  beforeAll(() => {
    params = model.init(key)
  })

  /** The tree with one of its leaves changed; undefined is a leaf that is left out. */
  const withLeaf = (at: number, change: (x: NDArray) => unknown): ParamTree => {
    const [leaves, treedef] = tree.flatten(params)
    return tree.unflatten(treedef, leaves.map((x, i) => (i === at ? change(x as NDArray) : x))) // prettier-ignore
  }

  const run = (given: ParamTree): unknown => model.apply(given, inputsOf(model), options)

  test('a parameter that is missing, is not an array, or has another shape is named by its path', () => {
    const paths = tree.flattenWithPath(params)[0].map(([path]) => `params.${path.join('.')}`)
    for (const [i, path] of paths.entries()) {
      const missing = thrown(() => run(withLeaf(i, () => undefined)))
      expect(missing).toBeInstanceOf(TreeError)
      expect(missing.message).toContain(`${path}, an array of shape`)
      const text = thrown(() => run(withLeaf(i, () => 'weight')))
      expect(text).toBeInstanceOf(TreeError)
      expect(text.message).toContain(`${path} must be an array of shape`)
      const wider = thrown(() => run(withLeaf(i, (x) => np.zeros([...x.shape, 1]))))
      expect(wider).toBeInstanceOf(ShapeError)
      expect(wider.message).toContain(`${path} must have shape`)
    }
  })

  test('what is not a parameter is an error', () => {
    expect(() => run({ ...params, heads: np.ones([2]) })).toThrow(/the model has no params\.heads/)
    expect(() => run(null as unknown as ParamTree)).toThrow(TreeError)
  })

  test('inputs and options that there are not are errors', () => {
    const apply = model.apply as (params: unknown, inputs: unknown, options?: unknown) => unknown
    expect(() => apply(params, { ...inputsOf(model), inputs_embeds: ids })).toThrow(
      `${name}: there is no input 'inputs_embeds'`,
    )
    expect(() => apply(params, [1, 2])).toThrow(`${name}: inputs go in one object`)
    expect(() => apply(params, inputsOf(model), { dropout: 0.1 })).toThrow(`${name}: there is no option 'dropout'`)
  })

  test('fresh parameters need a key and a dtype of floats', () => {
    const init = model.init as (key: unknown, dtype?: unknown) => unknown
    expect(() => init(0)).toThrow(/a key is a uint32 array/)
    expect(() => init(key, 'int32')).toThrow(DTypeError)
  })
})

describe('typed models', () => {
  const config = rightOf(bertConfig(small))
  const model = bert(config)
  const params = model.init(key)
  const apply = model.apply as (params: unknown, inputs: unknown, options?: unknown) => unknown

  test('names that are nearly right are suggested', () => {
    expect(() => apply(params, { inputIds: ids, attention_mask: ids })).toThrow(
      "bert: there is no input 'attention_mask'. Did you mean attentionMask?",
    )
    expect(() => apply(params, { inputIds: ids }, { keys: key })).toThrow(
      "bert: there is no option 'keys'. Did you mean key?",
    )
    const { word_embeddings, ...rest } = params.embeddings
    const misspelt = { ...params, embeddings: { ...rest, word_embeddings, word_embedings: word_embeddings } }
    expect(() => apply(misspelt, { inputIds: ids })).toThrow(
      'the model has no params.embeddings.word_embedings. Did you mean word_embeddings?',
    )
  })

  test('parameters of another head are not taken', () => {
    const head = bertForSequenceClassification(config)
    expect(() => (head.apply as typeof apply)(params, { inputIds: ids })).toThrow(
      'bert: params.bert, an object with embeddings, encoder, pooler, is missing.',
    )
    expect(() => apply({ ...params, encoder: { layer: [] } }, { inputIds: ids })).toThrow(
      'bert: params.encoder.layer must be a list of 2, got one of 0.',
    )
  })

  test('it says so inside of jit as well, and the members of a batch of parameters are looked at one by one', () => {
    const f = jit((p: typeof params) => model.apply(p, { inputIds: ids }).lastHiddenState)
    const odd = { ...params, embeddings: { ...params.embeddings, position_embeddings: { weight: np.ones([6, 5]) } } }
    expect(() => f(odd)).toThrow(/params\.embeddings\.position_embeddings\.weight must have shape \[6, 4\]/)
    const several = tree.map((x) => np.stack([x, x]), params)
    const batched = vmap((p: typeof params) => model.apply(p, { inputIds: ids }).lastHiddenState)
    expect(batched(several).shape).toEqual([2, 1, 3, 4])
    expect(() => model.apply(several, { inputIds: ids })).toThrow(ShapeError)
  })

  test('quantised parameters are parameters', () => {
    const wide = bert(rightOf(bertConfig({ ...small, hidden_size: 32 })))
    const quantized = quantize(wide.init(key), { kind: 'q8_0' }) as never
    expect(wide.apply(quantized, { inputIds: ids }).lastHiddenState.shape).toEqual([1, 3, 32])
  })

  test('configurations are looked at', () => {
    const make = bert as (config: unknown, options?: unknown) => unknown
    expect(() => make(bertConfig(small))).toThrow(/It is what bertConfig gave, an Either/)
    expect(() => make(small)).toThrow(/bertConfig\(json\) reads one/)
    expect(() => make({ ...config, hiddenAct: 'mish' })).toThrow(/bert: hiddenAct must be 'gelu' or/)
    expect(() => make({ ...config, hiddenSize: 4.5 })).toThrow(/bert: hiddenSize must be a whole number/)
    expect(() => make({ ...config, numLables: 3 })).toThrow(/no field 'numLables'. Did you mean numLabels/)
    expect(() => make(config, { pool: false })).toThrow(/no option 'pool'. Did you mean pooler/)
  })

  test('state has its shapes too', () => {
    const net = resnet(rightOf(resnetConfig(small)))
    const [weights, state] = [net.init(key), net.initState()]
    const images = { pixelValues: np.ones([1, 3, 4, 4]) }
    const run = net.apply as (params: unknown, inputs: unknown, options: unknown) => unknown
    expect(() => run(weights, images, { state: { ...state, encoder: null } })).toThrow(
      /resnet: state\.encoder must be an object with stages/,
    )
    expect(() => run(weights, images, {})).toThrow(/resnet has state/)
    expect(() => run(weights, images, { state, trainin: true })).toThrow(/no option 'trainin'. Did you mean training/)
  })
})

test('token types that are all 0 fit models without token types: what toInputs gives fits all', () => {
  const tokenizer = rightOf(loadTokenizer({ tokenizerJson: { model: { type: 'WordLevel', vocab: { a: 1, b: 2 }, unk_token: 'a' }, pre_tokenizer: { type: 'Whitespace' } } })) // prettier-ignore
  const inputs = toInputs(tokenizer.encodeBatch(['a b', 'b a']))
  const [decoder, encoder, both] = [
    llamaForCausalLM(rightOf(llamaConfig(small))),
    distilBert(rightOf(distilBertConfig(small))),
    t5ForConditionalGeneration(rightOf(t5Config(small))),
  ]
  const runs: readonly ((given: typeof inputs) => NDArray)[] = [
    (given) => decoder.apply(decoder.init(key), given).logits,
    (given) => encoder.apply(encoder.init(key), given).lastHiddenState,
    (given) => both.apply(both.init(key), { ...given, labels: given.inputIds }).logits,
  ]
  for (const run of runs) {
    expect(run(inputs).shape.slice(0, 2)).toEqual([2, 2])
    expect(jit(run)(inputs).shape.slice(0, 2)).toEqual([2, 2])
    expect(() => run({ ...inputs, tokenTypeIds: np.onesLike(inputs.tokenTypeIds) })).toThrow(
      /tokenTypeIds must be all 0 or left out, as the model has no token types/,
    )
  }
})

test('a cache must be one, and does not shrink', () => {
  const model = llamaForCausalLM(rightOf(llamaConfig(small)))
  const params = model.init(key)
  const run = model.apply as (params: unknown, inputs: unknown, options: unknown) => unknown
  const cache = emptyCache(model.cacheShape, 1, 4)
  expect(() => run(params, { inputIds: ids }, { cache: cache.layers })).toThrow(/llama: cache must be a cache/)
  expect(() => run(params, { inputIds: ids }, { cache, logitsToKeep: 0 })).toThrow(/logitsToKeep must be a whole/)
  expect(() => growCache(cache, 3)).toThrow('growCache: there is room for 4 tokens already')
  expect(() => emptyCache(model.cacheShape, 1, 4, 'int32')).toThrow(DTypeError)
})

describe('loading', () => {
  const specs = { a: new ParameterSpec([2, 3], 'ones'), b: new ParameterSpec([3], 'ones') }
  const model = {
    type: 'small',
    specs,
    stateSpecs: null,
    prefix: 'small',
    ignored: [],
    tied: new Map<string, string>(),
  }
  let file: TensorFile | null = null
  beforeAll(async () => {
    file = rightOf(await openSafetensors(encodeSafetensors({ a: np.ones([2, 3]) }))())
  })

  test('takes a model, a file and known options', () => {
    const load = loadParams as (...args: readonly unknown[]) => unknown
    expect(() => load(file, model)).toThrow(/loadParams: model must be a model/)
    expect(() => load(model, 'model.safetensors')).toThrow(/loadParams: file must be a file of tensors/)
    expect(() => load(model, file, { dtype: 'float8' })).toThrow(/loadParams: dtype must be/)
    expect(() => load(model, file, { strict: false })).toThrow(/loadParams: there is no option 'strict'/)
  })

  test('functions of the caller must give arrays of the right shape', async () => {
    const fresh = loadParams(model, file!, { fresh: () => np.ones([4]) })
    await expect(fresh()).rejects.toThrow('loadParams: fresh must give an array of shape [3] for b, got f32[4].')
    const transform = loadParams(model, file!, { fresh: () => np.ones([3]), transform: (_, x) => x.T })
    await expect(transform()).rejects.toThrow('transform must give an array of shape [2, 3] for a, got f32[3,2].')
  })

  test('files look at names and options', () => {
    const read = file!.read as (...args: readonly unknown[]) => unknown
    expect(() => read(0)).toThrow(/read: name must be a string/)
    expect(() => read('a', 'float16')).toThrow(/read: options go in one object/)
    expect(() => read('a', { dtype: 'float8' })).toThrow(DTypeError)
    expect(() => (file!.readBytes as typeof read)(undefined)).toThrow(/readBytes: name must be a string/)
  })
})

test('states by name must be there', () => {
  const net = resnet(rightOf(resnetConfig(small)))
  expect(() => nextState(net, {})).toThrow(/nextState: there is no output state\.embedder\..*training: true/)
  expect(() => namedVariables({ params: { a: 1 }, state: null })).toThrow('namedVariables: a must be an array, got 1.')
})

test('losses and pooling say what shapes they take', () => {
  expect(() => nextTokenLoss(np.ones([2, 3]), [0, 1])).toThrow(ShapeError)
  expect(() => nextTokenLoss(np.ones([1, 3, 4]), [[0, 1]])).toThrow(/nextTokenLoss: labels have shape \[1, 2\]/)
  expect(() => meanPooling(np.ones([3, 4]))).toThrow(/hidden must be an array of shape \[batch, length, features\]/)
  expect(() => modelOfConfig(small, 'BertForMaskedLm' as ArchitectureName)).toThrow(/Did you mean 'BertForMaskedLM'/)
  expect(() => meanPooling(null as unknown as NDArray)).toThrow(ShapeError)
  expect(() => quantize(np.ones([2, 32]), 'q8_0' as never)).toThrow(ArgumentError)
})
