/** A program as a module of StableHLO. */
import type { OpName } from '../ir/op.ts'
import type { Atom, Equation, Program, Variable } from '../ir/program.ts'
import { Literal } from '../ir/program.ts'
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

/** The text of a module whose `main` is the program. */
export const moduleText = (program: Program, { aliases = [] }: ModuleOptions = {}): string => {
  const w = new Writer({ inline, function: (writer, inner, name) => functionText(writer, inner, name) })
  const aliased: Attributes = (i) => {
    const output = aliases[i] ?? null
    return output === null ? [] : [`tf.aliasing_output = ${output} : i32`]
  }
  const main = functionText(w, program, 'public @main', aliased)
  return `module @pullback {\n${[main, ...w.functions].join('\n')}\n}\n`
}
