/** SmolLM2 from its 4-bit file, and a Llama of TinyLlama's size with random weights of 4 bits: what takes room is not which numbers they are. */
import { jit, np, optim, QuantizedArray, random, tree } from 'pullback'
import { collect, emptyCache, generate, loadGguf, modelOfConfig, ParameterSpec } from 'pullback/models'
import type { AnyModel, CausalModel, ParamTree } from 'pullback/models'
import { causalLM, lora, makeStep } from 'pullback/train'
import type { Adapter, LoraConfig } from 'pullback/train'
import { smollm } from './files.ts'
import type { Task } from './task.ts'
import { folded, right } from './task.ts'

const TOKENS = 32

/** A model and its weights. */
interface Loaded {
  readonly model: AnyModel
  readonly params: ParamTree
}

const smol = async (dtype: 'quantized' | 'float32'): Promise<Loaded> => right(await loadGguf(smollm!, { dtype })())

// TinyLlama/TinyLlama-1.1B-Chat-v1.0: 1,100,048,384 parameters.
const tinyLlama = {
  model_type: 'llama',
  architectures: ['LlamaForCausalLM'],
  hidden_size: 2048,
  intermediate_size: 5632,
  num_hidden_layers: 22,
  num_attention_heads: 32,
  num_key_value_heads: 4,
  vocab_size: 32_000,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
}

const BLOCK = { elements: 32, bytes: 18 }
/** 0.0043 as a float16: with integers from -8 to 7 weights have a standard deviation of 0.02. */
const SCALE = 0x1c67

/** A matrix in blocks of q4_0, whose integers are random. */
const randomMatrix = ([rows, columns]: readonly [number, number]): QuantizedArray => {
  const bytes = new Uint8Array((rows * columns * BLOCK.bytes) / BLOCK.elements)
  let bits = rows * 31 + columns
  for (let i = 0; i < bytes.length; i++) {
    bits = (Math.imul(bits, 1_664_525) + 1_013_904_223) | 0
    const at = i % BLOCK.bytes
    bytes[i] = at === 0 ? SCALE & 255 : at === 1 ? SCALE >> 8 : bits >>> 24
  }
  return new QuantizedArray(np.reshape(bytes, [rows, bytes.length / rows]), 'q4_0')
}

const tiny = (): Promise<Loaded> => {
  const model = right(modelOfConfig(tinyLlama))
  const weightOf = ({ shape }: ParameterSpec) =>
    shape.length === 2 ? randomMatrix(shape as readonly [number, number]) : np.ones(shape)
  const params = tree.map(weightOf as never, model.specs as ParamTree) as ParamTree
  return Promise.resolve({ model, params })
}

const decode =
  (dtype: 'quantized' | 'float32'): Task =>
  async () => {
    const { model, params } = await smol(dtype)
    const decoder = model.decoder as CausalModel<ParamTree>
    const step = jit(
      (p: ParamTree, inputIds: ReturnType<typeof np.array>, cache: ReturnType<typeof emptyCache>) => {
        const output = decoder.apply(p as never, { inputIds }, { cache, logitsToKeep: 1 })
        const next = np.argmax(output.logits, { axis: -1 }).astype('int32')
        return { next, cache: output.cache! }
      },
      { donateArgnums: [2] },
    )
    return {
      parts: TOKENS,
      run: () => {
        let state = { next: np.array([[1]], { dtype: 'int32' }), cache: emptyCache(decoder.cacheShape, 1, 256) }
        for (let i = 0; i < TOKENS; i++) state = step(params, state.next, state.cache)
        return state.next.dataSync()
      },
    }
  }

const prefill =
  (dtype: 'quantized' | 'float32'): Task =>
  async () => {
    const { model, params } = await smol(dtype)
    const decoder = model.decoder as CausalModel<ParamTree>
    const inputIds = random.randint(random.key(0), [1, 256], 1000, 40000)
    const forward = jit((p: ParamTree) => decoder.apply(p as never, { inputIds }, { logitsToKeep: 1 }).logits)
    return { run: () => forward(params).dataSync() }
  }

const load: Task = () => Promise.resolve({ run: async () => (await smol('quantized')).params })

/** As anybody generates: a prompt, then tokens. */
const generated =
  (loaded: () => Promise<Loaded>): Task =>
  async () => {
    const { model, params } = await loaded()
    const prompt = Array.from({ length: 32 }, (_, i) => 1000 + 17 * i)
    const options = { maxNewTokens: TOKENS, eos: [] }
    return { parts: TOKENS, run: () => collect(generate(model.decoder!, params as never, prompt, options)) }
  }

/** A step of LoRA, r = 8 of queries and values, over weights that stay in their blocks. */
const loraStep =
  (loaded: () => Promise<Loaded>, length: number, remat: boolean): Task =>
  async () => {
    const { model, params } = await loaded()
    const ids = random.randint(random.key(0), [1, length], 1000, 30000)
    const batch = { input_ids: ids }
    const { initState, step } = makeStep({
      loss: (adapter: Adapter<LoraConfig>, { input_ids }: typeof batch, run, base: ParamTree) =>
        causalLM(
          model.apply(lora.apply(base, adapter) as ParamTree, { input_ids }, { ...run, remat })['logits']!,
          input_ids,
        ),
      optimizer: optim.adamw(1e-3),
    })
    const adapter = lora.init(random.key(1), params, { targets: ['q_proj', 'v_proj'], model })
    const compiled = jit(step)
    return {
      run: folded((state: ReturnType<typeof initState>) => {
        const [next, metrics] = compiled(state, batch, params)
        return [next, metrics['loss']!]
      }, initState(adapter)),
    }
  }

/** By name. */
export const decoderTasks: { readonly [name: string]: Task } = {
  'decoder.load': load,
  'decoder.prefill': prefill('float32'),
  'decoder.prefill.quantized': prefill('quantized'),
  'decoder.decode': decode('float32'),
  'decoder.decode.quantized': decode('quantized'),
  'decoder.generate.quantized': generated(() => smol('quantized')),
  'decoder.lora.quantized': loraStep(() => smol('quantized'), 256, false),
  'decoder.lora.remat': loraStep(() => smol('quantized'), 256, true),
  'tiny.generate': generated(tiny),
  'tiny.lora': loraStep(tiny, 128, true),
}
