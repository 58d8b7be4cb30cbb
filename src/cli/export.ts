/** `pullback export`: a model as a module of StableHLO, for engines that are not ours. */
import { valueAndGrad } from '../api/grad.ts'
import { openTensors, readTensors } from '../io/index.ts'
import type { NamedArrays, ParamTree } from '../models/index.ts'
import { architectureNames } from '../models/index.ts'
import { exportProgram } from '../stablehlo/index.ts'
import type { ExportedArray } from '../stablehlo/index.ts'
import type { NDArray } from '../trace/value.ts'
import type { Command, Given, Terminal } from './command.ts'
import { FailedError, orFail, required, UsageError, wordOption } from './command.ts'
import { writeText } from './finetune/files.ts'
import { loadFrom } from './model.ts'

const described = ({ path, dtype, shape }: ExportedArray) => ({ name: path.slice(1).join('.'), dtype, shape })

const run = async (given: Given, terminal: Terminal): Promise<void> => {
  const [out, inputsPath] = [required(given, 'out'), required(given, 'inputs')]
  if (!out.endsWith('.mlir')) throw new UsageError(`--out must end with .mlir, not '${out}'`)
  const architecture = wordOption(given, 'architecture', architectureNames)
  const { model, params, state } = await loadFrom(required(given, 'model'), { architecture }, terminal)
  const inputs = orFail(await readTensors(orFail(await openTensors(inputsPath)()))())
  const apply = (p: ParamTree, x: NamedArrays): NamedArrays => model.apply(p, x, { state })
  const lossOf = (p: ParamTree, x: NamedArrays): NDArray => {
    const { loss } = apply(p, x)
    if (loss === undefined) throw new FailedError(`${model.architecture} has no loss without labels among the inputs`)
    return loss
  }
  const f = given.flag('grads') ? valueAndGrad(lossOf) : apply
  const exported = exportProgram(f as (p: ParamTree, x: NamedArrays) => unknown)(params, inputs)
  const signature = {
    architecture: model.architecture,
    sha256: exported.hash,
    inputs: exported.inputs.map(described),
    outputs: exported.outputs.map(({ path, dtype, shape }) => ({ name: path.join('.'), dtype, shape })),
  }
  await writeText(out, exported.text)
  await writeText(`${out}.json`, `${JSON.stringify(signature, null, 2)}\n`)
  const report = {
    out,
    architecture: model.architecture,
    sha256: exported.hash,
    operations: exported.program.equations.length,
    inputs: signature.inputs.length,
    outputs: signature.outputs.length,
  }
  if (given.flag('json')) terminal.out(`${JSON.stringify(report, null, 2)}\n`)
  else terminal.out(`${out}: ${report.operations} operations, ${report.inputs} inputs, ${report.outputs} outputs\n`)
}

export const exportModel: Command = {
  name: 'export',
  usage: '--model DIR --inputs IN.safetensors --out OUT.mlir',
  summary:
    'Writes a model as StableHLO, its parameters and inputs being arguments, and OUT.mlir.json, which says what they are.',
  options: {
    model: { type: 'string', value: 'DIR', help: 'a directory, hf:owner/name@revision, or an address' },
    inputs: { type: 'string', value: 'IN', help: 'a file whose arrays say names and shapes, as of forward' },
    out: { type: 'string', value: 'OUT', help: 'the module' },
    grads: { type: 'boolean', help: 'of the loss and its gradients, with labels among the inputs' },
    architecture: { type: 'string', value: 'NAME', help: "another head than the configuration's own" },
    json: { type: 'boolean', help: 'what was written, as JSON' },
  },
  words: [0, 0],
  run,
}
