/** Lowered programs as text: what tests of lowering show. Arrays are named by where they live, inputs `x0`, `x1`, … and the others `t0`, `t1`, …. */
import type { Node, Reduction, Value } from '../../../src/lowering/nodes.ts'
import type { Block, Carry, Kernel, Lowered, Operand, Step, Store } from '../../../src/lowering/steps.ts'
import type { LoopVar } from '../../../src/lowering/indices.ts'
import { showIndex } from './indices.ts'

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`)
const showVars = (vars: readonly LoopVar[]): string => vars.map((v) => `${v.name}<${v.extent}`).join(' ')

class Names {
  readonly #lowered: Lowered
  readonly #values = new Map<Value, string>()
  readonly #rows = new Map<Reduction, string>()

  constructor(lowered: Lowered) {
    this.#lowered = lowered
    lowered.inputs.forEach((v, i) => this.#values.set(v, `x${i}`))
    lowered.constants.forEach(({ value }, i) => this.#values.set(value, `c${i}`))
  }

  value(v: Value): string {
    const home = this.#lowered.home(v)
    const name =
      this.#values.get(home) ?? `t${this.#values.size - this.#lowered.inputs.length - this.#lowered.constants.length}`
    this.#values.set(home, name)
    return name
  }

  row(r: Reduction): string {
    const name = this.#rows.get(r) ?? `r${this.#rows.size}`
    this.#rows.set(r, name)
    return name
  }
}

const showNode = (n: Node, names: Names): string => {
  switch (n.kind) {
    case 'load':
      return `${names.value(n.value)}[${showIndex(n.index)}]`
    case 'literal':
      return Object.is(n.value, -0) ? '-0' : String(n.value)
    case 'index':
      return showIndex(n.index)
    case 'op':
      return `${n.op}(${n.operands.map((o) => showNode(o, names)).join(', ')})${n.result === 0 ? '' : `#${n.result}`}`
    case 'fold':
      return `${n.fold}(${showVars(n.vars)}: ${showNode(n.body, names)})`
    case 'row':
      return names.row(n.reduction)
  }
}

const showStore = ({ value, index, node }: Store, names: Names): string =>
  `${names.value(value)}[${showIndex(index)}] = ${showNode(node, names)}`

/** A kernel's loops, the outer ones before the bar; what each pass over the inner ones writes and reduces, and what is done after it. */
const showKernel = ({ outer, inner, stages, rowTemporaries }: Kernel, names: Names): readonly string[] => {
  const local = rowTemporaries.length === 0 ? '' : `, ${rowTemporaries.map((v) => names.value(v)).join(' ')} of one row`
  const passes = stages.map((s) => [
    ...s.stores.map((x) => showStore(x, names)),
    ...s.reductions.map((r) => `${names.row(r)} = ${r.fold} of ${showNode(r.node, names)}`),
    ...s.rowStores.map((x) => `then ${showStore(x, names)}`),
  ])
  const body = passes.flatMap((lines, i) => (passes.length === 1 ? lines : [`pass ${i}`, ...indent(lines)]))
  return [`for ${[showVars(outer), '|', showVars(inner)].filter((x) => x !== '').join(' ')}${local}`, ...indent(body)]
}

const showOperand = ({ value, view }: Operand, names: Names): string =>
  names.value(value) + (view === null ? '' : `[${[view.offset, ...view.strides.map((s) => `+${s}`)].join('')}]`)

const showCarries = (carries: readonly Carry[], names: Names): string =>
  carries
    .map((c) => {
      const places = c.inPlace ? 'in place' : `and ${names.value(c.next)}`
      return `${names.value(c.current)} from ${names.value(c.initial)} ${places}`
    })
    .join(', ')

const showBlock = ({ steps }: Block, names: Names): readonly string[] =>
  indent(steps.flatMap((s) => showStep(s, names)))

const showStep = (step: Step, names: Names): readonly string[] => {
  const list = (values: readonly Value[]): string => values.map((v) => names.value(v)).join(' ')
  switch (step.kind) {
    case 'kernel':
      return showKernel(step.kernel, names)
    case 'routine':
      return [
        `${list(step.results)} = routine ${step.equation.op} ${step.operands.map((o) => showOperand(o, names)).join(' ')}`,
      ]
    case 'host':
      return [`${list(step.results)} = host ${step.equation.op} ${list(step.operands)}`]
    case 'copy':
      return [`copy ${names.value(step.from)} to ${names.value(step.to)}`]
    case 'cond':
      return [
        `cond ${names.value(step.index)}`,
        ...step.branches.flatMap((b, i) => [`branch ${i}`, ...showBlock(b, names)]),
      ]
    case 'while':
      return [
        `while ${names.value(step.holds)}, ${showCarries(step.carries, names)}`,
        'condition',
        ...showBlock(step.condition, names),
        'body',
        ...showBlock(step.body, names),
      ]
    case 'scan': {
      const slices = [...step.inputs, ...step.outputs].map((s) => `${names.value(s.slice)} of ${names.value(s.whole)}`)
      const order = `${step.length} times${step.reverse ? ' backwards' : ''}`
      return [
        `scan ${order}, ${showCarries(step.carries, names)}${slices.length === 0 ? '' : `, ${slices.join(', ')}`}`,
        ...showBlock(step.body, names),
      ]
    }
  }
}

export const showLowered = (lowered: Lowered): string => {
  const names = new Names(lowered)
  const steps = lowered.steps.flatMap((s) => showStep(s, names))
  return [...steps, `return ${lowered.outputs.map((v) => names.value(v)).join(' ')}`].join('\n')
}
