/** A program as a module of StableHLO. */
import type { OpName } from '../ir/op.ts'
import * as must from '../conversions/arguments.ts'
import type { Atom, Equation, Variable } from '../ir/program.ts'
import { Literal, Program } from '../ir/program.ts'
import { rules } from './rules/index.ts'
import type { Rule } from './rules/rule.ts'
import { typeText } from './text.ts'
import type { Value } from './writer.ts'
import { Writer } from './writer.ts'

const write = (w: Writer, eqn: Equation, operands: readonly Value[]): readonly Value[] => {
  const rule = rules[eqn.op] as Rule<OpName>
  return rule(
    w,
    operands,
    eqn.params,
    eqn.outputs.map((v) => v.aval),
  )
}

const inline = (w: Writer, program: Program, operands: readonly Value[]): readonly Value[] => {
  const values = new Map<Variable, Value>(program.inputs.map((v, i) => [v, operands[i]!]))
  for (const { variable, value } of program.constants) values.set(variable, w.array(value))
  const valueOf = (a: Atom): Value => (a instanceof Literal ? w.constant(a.value, a.aval.dtype) : values.get(a)!)
  for (const eqn of program.equations) {
    const results = write(w, eqn, eqn.inputs.map(valueOf))
    eqn.outputs.forEach((v, i) => values.set(v, results[i]!))
  }
  return program.outputs.map(valueOf)
}

type Attributes = (i: number) => readonly string[]

const none: Attributes = () => []

const listed = (attributes: readonly string[]): string => (attributes.length === 0 ? '' : ` {${attributes.join(', ')}}`)

const functionText = (
  w: Writer,
  program: Program,
  name: string,
  ofInput: Attributes = none,
  ofOutput: Attributes = none,
): string => {
  const { args, text } = w.function('', program.inAvals, (operands) => inline(w, program, operands))
  const inputs = args.map((a, i) => `${a.name}: ${typeText(a)}${listed(ofInput(i))}`)
  const outputs = program.outAvals.map((a, i) => `${typeText(a)}${listed(ofOutput(i))}`)
  return `  func.func ${name}(${inputs.join(', ')}) -> (${outputs.join(', ')}) ${text}`
}

/** What is said of a module besides. */
export interface ModuleOptions {
  /** Of each input, the output that may be written over it; null for none. */
  readonly aliases?: readonly (number | null)[]
}

const moduleDoor = must.door('moduleText', {
  program: must.instance('a program', Program),
  options: must.optionsOf<ModuleOptions>({
    aliases: must.kind('a list of numbers of outputs, or null', (x) =>
      must.isListOf(x, (i) => i === null || must.natural.accepts(i)),
    ),
  }),
})

/**
 * The text of a module whose `main` is the program, with its inputs and outputs in order.
 *
 * @throws ArgumentError for a program that calls back into this process.
 * @example
 * ```ts
 * import { makeProgram, np } from 'pullback'
 * import { moduleText } from 'pullback/stablehlo'
 * const program = makeProgram((x: NDArray) => np.add(x, x))(np.zeros([2]))
 * moduleText(program).includes('stablehlo.add %p0, %p0 : tensor<2xf32>') // => true
 * ```
 */
export const moduleText = (program: Program, options: ModuleOptions = {}): string => {
  moduleDoor(program, options)
  const { aliases = [] } = options
  const w = new Writer({ inline, function: (writer, inner, name) => functionText(writer, inner, name) })
  const aliased: Attributes = (i) => {
    const output = aliases[i] ?? null
    return output === null ? [] : [`tf.aliasing_output = ${output} : i32`]
  }
  const main = functionText(w, program, 'public @main', aliased)
  return `module @pullback {\n${[main, ...w.functions].join('\n')}\n}\n`
}
