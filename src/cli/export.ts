/** `pullback export`: a model as a module of StableHLO, or as a model of ONNX, for engines that are not ours. */
import { valueAndGrad } from '../api/grad.ts'
import { openTensors, readTensors } from '../io/index.ts'
import type { NamedArrays, ParamTree } from '../models/index.ts'
import { architectureNames } from '../models/index.ts'
import { writeFile } from '../io/node.ts'
import { exportOnnx } from '../onnx/index.ts'
import { exportProgram } from '../stablehlo/index.ts'
import type { ExportedArray } from '../stablehlo/index.ts'
import type { NDArray } from '../trace/value.ts'
import type { Command, Given, Terminal } from './command.ts'
import { FailedError, orFail, required, UsageError, wordOption } from './command.ts'
import { writeText } from './finetune/files.ts'
import { loadFrom } from './model.ts'

const described = ({ path, dtype, shape }: ExportedArray) => ({ name: path.slice(1).join('.'), dtype, shape })

/** The model, or its loss and gradients, as a function of parameters and inputs; and what it is exported for. */
const subjectOf = async (given: Given, terminal: Terminal) => {
  const architecture = wordOption(given, 'architecture', architectureNames)
  const { model, params, state } = await loadFrom(required(given, 'model'), { architecture }, terminal)
  const inputs = orFail(await readTensors(orFail(await openTensors(required(given, 'inputs'))()))())
  const apply = (p: ParamTree, x: NamedArrays): NamedArrays => model.apply(p, x, { state })
  const lossOf = (p: ParamTree, x: NamedArrays): NDArray => {
    const { loss } = apply(p, x)
    if (loss === undefined) throw new FailedError(`${model.architecture} has no loss without labels among the inputs`)
    return loss
  }
  const f = (given.flag('grads') ? valueAndGrad(lossOf) : apply) as (p: ParamTree, x: NamedArrays) => unknown
  return { architecture: model.architecture, f, params, inputs }
}

type Subject = Awaited<ReturnType<typeof subjectOf>>

/** What was written, as far as the terminal is told. */
interface Written {
  /** Of a module's text. */
  readonly sha256?: string
  readonly operations: number
  readonly inputs: number
  readonly outputs: number
}

const writeStableHlo = async (out: string, { architecture, f, params, inputs }: Subject): Promise<Written> => {
  const exported = exportProgram(f)(params, inputs)
  const signature = {
    architecture,
    sha256: exported.hash,
    inputs: exported.inputs.map(described),
    outputs: exported.outputs.map(({ path, dtype, shape }) => ({ name: path.join('.'), dtype, shape })),
  }
  await writeText(out, exported.text)
  await writeText(`${out}.json`, `${JSON.stringify(signature, null, 2)}\n`)
  return {
    sha256: exported.hash,
    operations: exported.program.equations.length,
    inputs: signature.inputs.length,
    outputs: signature.outputs.length,
  }
}

const writeOnnx = async (out: string, { f, params, inputs }: Subject): Promise<Written> => {
  const exported = exportOnnx(f, { bakeArgnums: 0 })(params, inputs)
  orFail(await writeFile(out, [exported.bytes])())
  return {
    operations: exported.program.equations.length,
    inputs: exported.inputs.length,
    outputs: exported.outputs.length,
  }
}

const run = async (given: Given, terminal: Terminal): Promise<void> => {
  const out = required(given, 'out')
  const write = out.endsWith('.mlir') ? writeStableHlo : out.endsWith('.onnx') ? writeOnnx : null
  if (write === null) throw new UsageError(`--out must end with .mlir or .onnx, not '${out}'`)
  const subject = await subjectOf(given, terminal)
  const written = await write(out, subject)
  const { operations, inputs, outputs } = written
  const report = { out, architecture: subject.architecture, ...written }
  if (given.flag('json')) terminal.out(`${JSON.stringify(report, null, 2)}\n`)
  else terminal.out(`${out}: ${operations} operations, ${inputs} inputs, ${outputs} outputs\n`)
}

export const exportModel: Command = {
  name: 'export',
  usage: '--model DIR --inputs IN.safetensors --out OUT.mlir | OUT.onnx',
  summary:
    'Writes a model as StableHLO, its parameters and inputs being arguments, and OUT.mlir.json, which says what they are; ' +
    'or as ONNX, its parameters inside.',
  options: {
    model: { type: 'string', value: 'DIR', help: 'a directory, hf:owner/name@revision, or an address' },
    inputs: { type: 'string', value: 'IN', help: 'a file whose arrays say names and shapes, as of forward' },
    out: { type: 'string', value: 'OUT', help: 'the module, or the model' },
    grads: { type: 'boolean', help: 'of the loss and its gradients, with labels among the inputs' },
    architecture: { type: 'string', value: 'NAME', help: "another head than the configuration's own" },
    json: { type: 'boolean', help: 'what was written, as JSON' },
  },
  words: [0, 0],
  run,
}
