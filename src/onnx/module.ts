/** A program as a model of ONNX. */
import * as must from '../conversions/arguments.ts'
import { ArgumentError } from '../core/errors.ts'
import type { HostArray } from '../core/host.ts'
import type { OpName } from '../ir/op.ts'
import type { Atom, Equation, Variable } from '../ir/program.ts'
import { Literal, Program } from '../ir/program.ts'
import { graphMessage, modelMessage, valueMessage } from './format.ts'
import { stepsOf } from './patterns.ts'
import { rules } from './rules/index.ts'
import type { Rule } from './rules/rule.ts'
import type { Value } from './writer.ts'
import { Writer } from './writer.ts'

/** What has no element is written as that: operators need not be right about nothing. */
const write = (w: Writer, eqn: Equation, operands: readonly Value[]): readonly Value[] => {
  const results = eqn.outputs.map((v) => v.aval)
  if (eqn.op !== 'callback' && results.every((aval) => aval.size === 0)) return results.map((aval) => w.like(0, aval))
  const rule = rules[eqn.op] as Rule<OpName>
  return rule(w, operands, eqn.params, results)
}

const inline = (w: Writer, program: Program, operands: readonly Value[]): readonly Value[] => {
  const values = new Map<Variable, Value>(program.inputs.map((v, i) => [v, operands[i]!]))
  for (const { variable, value } of program.constants) values.set(variable, w.array(value))
  const valueOf = (a: Atom): Value => (a instanceof Literal ? w.constant(a.value, a.aval.dtype) : values.get(a)!)
  for (const { eqn, pattern } of stepsOf(program)) {
    const results = pattern === null ? write(w, eqn, eqn.inputs.map(valueOf)) : [pattern.write(w, valueOf(pattern.x))]
    eqn.outputs.forEach((v, i) => values.set(v, results[i]!))
  }
  return program.outputs.map(valueOf)
}

/** What is said of a model besides. */
export interface ModelOptions {
  /** Of each input, its name; `input0`, `input1`, … by default. */
  readonly inputNames?: readonly string[]
  /** Of each output, its name; `output0`, `output1`, … by default. */
  readonly outputNames?: readonly string[]
}

const names = must.listOf(must.string, 'a list of names')
const modelDoor = must.door('modelBytes', {
  program: must.instance('a program', Program),
  options: must.optionsOf<ModelOptions>({
    inputNames: names,
    outputNames: names,
  }),
})

/** What one message of Protocol Buffers may have. */
const MOST_BYTES = 2 ** 31 - 1

/** As many as there are, all different. */
const checkNames = (
  operation: string,
  option: string,
  given: readonly string[],
  count: number,
  others: readonly string[],
): void => {
  if (given.length !== count) {
    throw new ArgumentError(`${operation}: ${option} names ${given.length} arrays; the program has ${count}.`)
  }
  const seen = new Set(others)
  for (const name of given) {
    if (name === '')
      throw new ArgumentError(`${operation}: a name among ${option} is empty, which stands for none in ONNX.`)
    if (seen.has(name))
      throw new ArgumentError(
        `${operation}: '${name}' names two arrays; names of inputs and outputs are all different.`,
      )
    seen.add(name)
  }
}

/** The model, in which arrays stand for the inputs that they are given for; named in errors as the operation. */
export const modelOf = (
  operation: string,
  program: Program,
  options: ModelOptions,
  baked: readonly (HostArray | null)[] = [],
): Uint8Array => {
  const { inAvals, outAvals } = program
  const { inputNames = inAvals.map((_, i) => `input${i}`), outputNames = outAvals.map((_, i) => `output${i}`) } =
    options
  checkNames(operation, 'inputNames', inputNames, inAvals.length, [])
  checkNames(operation, 'outputNames', outputNames, outAvals.length, inputNames)
  const w = new Writer(inline, [...inputNames, ...outputNames])
  const operands = inAvals.map(({ dtype, shape }, i): Value => {
    const array = baked[i] ?? null
    const name = inputNames[i]!
    return array === null ? { name, dtype, shape, held: shape } : w.initializer({ dtype, shape }, array.data, name)
  })
  inline(w, program, operands).forEach((x, i) => {
    w.named(x, outputNames[i]!)
  })
  const graph = graphMessage({
    name: 'pullback',
    nodes: w.nodes,
    initializers: w.initializers,
    inputs: inAvals.flatMap((aval, i) => ((baked[i] ?? null) === null ? [valueMessage(inputNames[i]!, aval)] : [])),
    outputs: outAvals.map((aval, i) => valueMessage(outputNames[i]!, aval)),
  })
  const model = modelMessage(graph)
  if (model.length <= MOST_BYTES) return model.encode()
  throw new ArgumentError(
    `${operation}: the model has ${model.length} bytes; a file of ONNX has ${MOST_BYTES} at most. ` +
      'Leave parameters among its inputs, or export it in parts.',
  )
}

/**
 * The bytes of a file `.onnx` whose graph is the program, with its inputs and outputs in order: of the set of operators 18.
 *
 * @throws ArgumentError for a program that calls back into this process, for names that are not all different, and for a model of more
 * than 2 GB, which the format has no room for.
 * @example
 * ```ts
 * import { makeProgram, np } from 'pullback'
 * import { modelBytes } from 'pullback/onnx'
 * const program = makeProgram((x: NDArray) => np.add(x, x))(np.zeros([2]))
 * modelBytes(program, { inputNames: ['x'], outputNames: ['y'] }).length < 120 // => true
 * ```
 */
export const modelBytes = (program: Program, options: ModelOptions = {}): Uint8Array => {
  modelDoor(program, options)
  return modelOf('modelBytes', program, options)
}
