/** What is measured of real models. Each task is prepared once, and its run is timed. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { jit, np, optim, random, valueAndGrad } from 'pullback'
import { openGguf, openTensors } from 'pullback/io'
import {
  bertConfig,
  bertForSequenceClassification,
  crossEntropy,
  emptyCache,
  loadGguf,
  loadParams,
} from 'pullback/models'
import type { CausalModel, ParamsOfModel } from 'pullback/models'

const root = join(import.meta.dirname, '..', '..', '.models')

/** Files that scripts/fetch-models.sh has put there, by what their paths end with. */
const find = (ending: string): string | null => {
  if (!existsSync(root)) return null
  const found = readdirSync(root, { recursive: true, encoding: 'utf8' }).find((name) => name.endsWith(ending))
  return found === undefined ? null : join(root, found)
}

export const minilm = find('model/model.safetensors')
export const smollm = find('SmolLM2-135M-Instruct.Q4_1.gguf')

/** A task that is ready: one run of it, and into how many equal parts a run falls. */
export interface Ready {
  readonly run: () => unknown
  readonly parts?: number
}

/** Something that waits. */
type Task = () => Promise<Ready>

const right = async <A>(task: () => Promise<{ readonly _tag: 'Left' | 'Right' }>): Promise<A> => {
  const result = await task()
  if (result._tag === 'Right') return (result as unknown as { readonly right: A }).right
  throw new Error(JSON.stringify(result))
}

const [BATCH, LENGTH] = [16, 128]
const config = {
  hidden_size: 384,
  num_hidden_layers: 6,
  num_attention_heads: 12,
  intermediate_size: 1536,
  num_labels: 2,
}

const encoder = async () => {
  const parsed = bertConfig(config)
  if (parsed._tag === 'Left') throw new Error(parsed.left.message)
  const model = bertForSequenceClassification(parsed.right)
  const file = await openTensors(minilm!)()
  if (file._tag === 'Left') throw new Error(file.left.message)
  const fresh = (name: string, shape: readonly number[]) => (name.startsWith('classifier') ? np.zeros(shape) : null)
  const params = await loadParams(model, file.right, { fresh })()
  if (params._tag === 'Left') throw new Error(params.left.message)
  const inputIds = random.randint(random.key(0), [BATCH, LENGTH], 1000, 30000)
  const attentionMask = np.ones([BATCH, LENGTH], { dtype: 'int32' })
  return { model, params: params.right, inputs: { inputIds, attentionMask } }
}

const encoderForward: Task = async () => {
  const { model, params, inputs } = await encoder()
  const forward = jit((p: typeof params) => model.apply(p, inputs).logits)
  return { run: () => forward(params).dataSync() }
}

const encoderStep: Task = async () => {
  const { model, params, inputs } = await encoder()
  const labels = np.remainder(np.arange(BATCH), 2).astype('int32')
  const optimizer = optim.adamw(1e-5)
  type Params = ParamsOfModel<typeof model>
  const step = jit(
    (p: Params, state: optim.StateOf<typeof optimizer>) => {
      const [loss, g] = valueAndGrad((q: Params) => crossEntropy(model.apply(q, inputs).logits, labels))(p)
      const [updates, next] = optimizer.update(g, state, p)
      return [optim.applyUpdates(p, updates), next, loss] as const
    },
    { donateArgnums: [0, 1] },
  )
  let [p, state] = [params as Params, optimizer.init(params)]
  return {
    run: () => {
      const [nextParams, nextState, loss] = step(p, state)
      ;[p, state] = [nextParams as Params, nextState as typeof state]
      return loss.item()
    },
  }
}

const encoderLoad: Task = () =>
  Promise.resolve({
    run: async () => {
      const { params } = await encoder()
      return params
    },
  })

const decoder = async (dtype: 'quantized' | 'float32') => {
  const loaded = await right<{ readonly model: { readonly decoder: unknown }; readonly params: unknown }>(
    loadGguf(smollm!, { dtype }),
  )
  return { model: loaded.model.decoder as CausalModel, params: loaded.params as never }
}

const TOKENS = 32

const decode =
  (dtype: 'quantized' | 'float32'): Task =>
  async () => {
    const { model, params } = await decoder(dtype)
    const step = jit(
      (p: never, inputIds: ReturnType<typeof np.array>, cache: ReturnType<typeof emptyCache>) => {
        const output = model.apply(p, { inputIds }, { cache, logitsToKeep: 1 })
        const next = np.argmax(output.logits, { axis: -1 }).astype('int32')
        return { next, cache: output.cache! }
      },
      { donateArgnums: [2] },
    )
    return {
      parts: TOKENS,
      run: () => {
        let state = { next: np.array([[1]], { dtype: 'int32' }), cache: emptyCache(model.cacheShape, 1, 256) }
        for (let i = 0; i < TOKENS; i++) state = step(params, state.next, state.cache)
        return state.next.dataSync()
      },
    }
  }

const prefill =
  (dtype: 'quantized' | 'float32'): Task =>
  async () => {
    const { model, params } = await decoder(dtype)
    const inputIds = random.randint(random.key(0), [1, 256], 1000, 40000)
    const forward = jit((p: never) => model.apply(p, { inputIds }, { logitsToKeep: 1 }).logits)
    return { run: () => forward(params).dataSync() }
  }

const decoderLoad: Task = () => Promise.resolve({ run: async () => (await decoder('quantized')).params })

/** By name. */
export const tasks: { readonly [name: string]: Task } = {
  'encoder.load': encoderLoad,
  'encoder.forward': encoderForward,
  'encoder.step': encoderStep,
  'decoder.load': decoderLoad,
  'decoder.prefill': prefill('float32'),
  'decoder.prefill.quantized': prefill('quantized'),
  'decoder.decode': decode('float32'),
  'decoder.decode.quantized': decode('quantized'),
}

export const canOpen = async (): Promise<boolean> =>
  minilm !== null && smollm !== null && (await openGguf(smollm)())._tag === 'Right'
