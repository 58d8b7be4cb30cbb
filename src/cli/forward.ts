/** `pullback forward`: outputs, losses and gradients of a model at inputs from a file. */
import { grad } from '../api/grad.ts'
import { jit } from '../api/jit.ts'
import { flattenWithPath } from '../api/tree.ts'
import { openTensors, readTensors, writeSafetensors } from '../io/index.ts'
import type { AnyModel, NamedArrays, ParamTree } from '../models/index.ts'
import { architectureNames } from '../models/index.ts'
import type { Adapter } from '../train/index.ts'
import type { NDArray } from '../trace/value.ts'
import type { Command, Given, Terminal } from './command.ts'
import { FailedError, orFail, required, UsageError, wordOption } from './command.ts'
import { exactly } from './finetune/adapters.ts'
import { loadAdapted } from './finetune/tuned.ts'
import { loadFrom } from './model.ts'

/** The loss among the outputs, if there is one. */
const lossOf = (model: AnyModel, outputs: NamedArrays): NDArray => {
  const { loss } = outputs
  if (loss !== undefined) return loss
  throw new FailedError(
    model.inputs.includes('labels')
      ? '--grads needs labels among the inputs'
      : `${model.architecture} has no loss; choose another head with --architecture`,
  )
}

const gradientsOf = (model: AnyModel, params: ParamTree, run: (p: ParamTree) => NamedArrays): NamedArrays => {
  const gradient = jit(grad((p: ParamTree) => lossOf(model, run(p))))(params)
  return Object.fromEntries(flattenWithPath(gradient)[0].map(([path, g]) => [`grad.${path.join('.')}`, g] as const))
}

/** The computation on the inputs, which are captured, so that their values can be checked. */
interface Computed {
  readonly model: AnyModel
  readonly outputs: NamedArrays
  readonly gradients: NamedArrays
}

const withoutAdapter = async (given: Given, terminal: Terminal, inputs: NamedArrays): Promise<Computed> => {
  const architecture = wordOption(given, 'architecture', architectureNames)
  const { model, params, state } = await loadFrom(required(given, 'model'), { architecture }, terminal)
  const apply = (p: ParamTree): NamedArrays => model.apply(p, inputs, { state })
  return { model, outputs: jit(apply)(params), gradients: given.flag('grads') ? gradientsOf(model, params, apply) : {} }
}

/** Gradients with respect to an adapter's own arrays, under their names in files. */
const withAdapter = async (given: Given, terminal: Terminal, inputs: NamedArrays): Promise<Computed> => {
  const architecture = wordOption(given, 'architecture', architectureNames)
  const { body, plain, one } = await loadAdapted(given, terminal, architecture)
  const { model, state } = body
  const { adapter, run, named } = exactly(one, model)
  const apply = (a: Adapter, p: ParamTree): NamedArrays => run(a, p, inputs, { state })
  const outputs = jit(apply)(adapter, plain)
  if (!given.flag('grads')) return { model, outputs, gradients: {} }
  const gradient = jit(grad((a: Adapter, p: ParamTree) => lossOf(model, apply(a, p))))(adapter, plain)
  const gradients = Object.entries(named(gradient)).map(([name, g]) => [`grad.${name}`, g] as const)
  return { model, outputs, gradients: Object.fromEntries(gradients) }
}

const run = async (given: Given, terminal: Terminal): Promise<void> => {
  required(given, 'model')
  const [inputPath, outPath] = [required(given, 'inputs'), required(given, 'out')]
  if (!outPath.endsWith('.safetensors')) throw new UsageError(`--out must end with .safetensors, not '${outPath}'`)
  const inputs = orFail(await readTensors(orFail(await openTensors(inputPath)()))())
  const compute = given.text('adapter') === undefined ? withoutAdapter : withAdapter
  const { model, outputs, gradients } = await compute(given, terminal, inputs)
  orFail(await writeSafetensors(outPath, { ...outputs, ...gradients })())
  const shapes = Object.fromEntries(Object.entries(outputs).map(([name, x]) => [name, x.shape]))
  const loss = outputs['loss'] === undefined ? null : outputs['loss'].item()
  if (given.flag('json')) {
    const report = {
      out: outPath,
      architecture: model.architecture,
      loss,
      outputs: shapes,
      gradients: Object.keys(gradients).length,
    }
    terminal.out(`${JSON.stringify(report, null, 2)}\n`)
    return
  }
  for (const [name, shape] of Object.entries(shapes)) terminal.out(`${name}  [${shape.join(', ')}]\n`)
  if (loss !== null) terminal.out(`loss = ${loss}\n`)
  if (given.flag('grads')) terminal.out(`gradients of ${Object.keys(gradients).length} parameters\n`)
}

export const forward: Command = {
  name: 'forward',
  usage: '--model DIR --inputs IN.safetensors --out OUT.safetensors',
  summary: 'Runs a model on inputs named as in transformers; writes outputs, and gradients of the loss.',
  options: {
    model: { type: 'string', value: 'DIR', help: 'a directory, hf:owner/name@revision, or an address' },
    inputs: {
      type: 'string',
      value: 'IN',
      help: 'input_ids, attention_mask, token_type_ids, position_ids, pixel_values, labels, decoder_input_ids, start_positions, end_positions',
    },
    out: { type: 'string', value: 'OUT', help: 'logits, hidden_states.0 and on, pooled, loss' },
    grads: { type: 'boolean', help: 'writes grad.PARAMETER of the loss too' },
    adapter: { type: 'string', value: 'DIR', help: "an adapter of PEFT's files; --grads are those of its own tensors" },
    task: {
      type: 'string',
      value: 'TASK',
      help: 'of the adapter: classify, causal, seq2seq, embed; as its files say by default',
    },
    architecture: { type: 'string', value: 'NAME', help: "another head than the configuration's own" },
    json: { type: 'boolean', help: 'what was written, as JSON' },
  },
  words: [0, 0],
  run,
}
