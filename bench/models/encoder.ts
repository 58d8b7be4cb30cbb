/** MiniLM with a head of two classes: loading it, running it, training all of it, and training a LoRA of it. */
import { jit, np, optim, random, valueAndGrad } from 'pullback'
import { openTensors } from 'pullback/io'
import { bertConfig, bertForSequenceClassification, crossEntropy, loadParams } from 'pullback/models'
import type { ParamsOfModel } from 'pullback/models'
import { lora, makeStep, sequenceClassification } from 'pullback/train'
import type { Adapter, LoraConfig } from 'pullback/train'
import { minilm } from './files.ts'
import type { Task } from './task.ts'
import { folded, right } from './task.ts'

const [BATCH, LENGTH] = [16, 128]
const config = {
  hidden_size: 384,
  num_hidden_layers: 6,
  num_attention_heads: 12,
  intermediate_size: 1536,
  num_labels: 2,
}

const encoder = async () => {
  const model = bertForSequenceClassification(right(bertConfig(config)))
  const file = right(await openTensors(minilm!)())
  const fresh = (name: string, shape: readonly number[]) => (name.startsWith('classifier') ? np.zeros(shape) : null)
  const params = right(await loadParams(model, file, { fresh })())
  const inputIds = random.randint(random.key(0), [BATCH, LENGTH], 1000, 30000)
  const attentionMask = np.ones([BATCH, LENGTH], { dtype: 'int32' })
  return { model, params, inputs: { inputIds, attentionMask } }
}

const labels = () => np.remainder(np.arange(BATCH), 2).astype('int32')

const load: Task = () => Promise.resolve({ run: async () => (await encoder()).params })

const forward: Task = async () => {
  const { model, params, inputs } = await encoder()
  const compiled = jit((p: typeof params) => model.apply(p, inputs).logits)
  return { run: () => compiled(params).dataSync() }
}

const step: Task = async () => {
  const { model, params, inputs } = await encoder()
  const wanted = labels()
  const optimizer = optim.adamw(1e-5)
  type Params = ParamsOfModel<typeof model>
  type State = readonly [params: Params, slots: optim.StateOf<typeof optimizer>]
  const compiled = jit(
    ([p, slots]: State) => {
      const [loss, g] = valueAndGrad((q: Params) => crossEntropy(model.apply(q, inputs).logits, wanted))(p)
      const [updates, next] = optimizer.update(g, slots, p)
      return [[optim.applyUpdates(p, updates), next] as State, loss] as const
    },
    { donateArgnums: [0] },
  )
  return { run: folded(compiled, [params, optimizer.init(params)]) }
}

const loraStep: Task = async () => {
  const { model, params, inputs } = await encoder()
  const batch = { ...inputs, labels: labels() }
  const { initState, step: oneStep } = makeStep({
    loss: (adapter: Adapter<LoraConfig>, { labels: wanted, ...given }: typeof batch, run, base: typeof params) =>
      sequenceClassification(model.apply(lora.apply(base, adapter), given, run).logits, wanted),
    optimizer: optim.adamw(1e-3),
  })
  const adapter = lora.init(random.key(1), params, { targets: ['query', 'value'], modulesToSave: ['classifier'] })
  // The state is small, and its head is the base's: it is not donated.
  const compiled = jit(oneStep)
  return {
    run: folded((state: ReturnType<typeof initState>) => {
      const [next, metrics] = compiled(state, batch, params)
      return [next, metrics['loss']!]
    }, initState(adapter)),
  }
}

/** By name. */
export const encoderTasks: { readonly [name: string]: Task } = {
  'encoder.load': load,
  'encoder.forward': forward,
  'encoder.step': step,
  'encoder.lora': loraStep,
}
