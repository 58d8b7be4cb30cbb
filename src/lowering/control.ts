/** Control flow: programs within a program become blocks of steps in the same memory. */
import { cut } from '../core/marks.ts'
import type { OpName } from '../ir/op.ts'
import type { Equation, Program } from '../ir/program.ts'
import type { Aval } from '../core/aval.ts'
import type { Atom, Variable } from '../ir/program.ts'
import type { OperandFor } from './inPlace.ts'
import { canReplace } from './inPlace.ts'
import type { Value } from './nodes.ts'
import type { Block, Carry, Sliced, Step } from './steps.ts'

/** A program's steps; `isOwn` marks outputs that the steps compute and that may be moved to other memory. */
export interface LoweredBlock {
  readonly block: Block
  readonly outputs: readonly Value[]
  readonly isOwn: (v: Value) => boolean
}

/** The block that contains an equation. */
export interface Enclosing {
  readonly context: {
    value(aval: Aval): Value
    /** Lets a value share the memory of another one. */
    unify(value: Value, home: Value): void
    readonly home: (value: Value) => Value
    readonly operandFor: OperandFor
  }
  valueOf(a: Atom): Value
  /** New values for an equation's results. */
  results(eqn: Equation): readonly Value[]
  /** Lets a variable have the elements of a value; `pinned` if that cannot be moved. */
  alias(v: Variable, value: Value, pinned: boolean): void
  push(step: Step, results: readonly Value[]): void
  inner(program: Program, inputs: readonly Value[]): LoweredBlock
}

type EquationOf<N extends Equation['op']> = Extract<Equation, { readonly op: N }>

/** A block with its outputs in `targets`: they are written there directly, or copied where they are also other values. */
const blockInto = (
  builder: Enclosing,
  program: Program,
  inputs: readonly Value[],
  targets: readonly Value[],
): Block => {
  const { block, outputs, isOwn } = builder.inner(program, inputs)
  const moved = new Set<Value>()
  const copies: Step[] = []
  outputs.forEach((from, i) => {
    const to = targets[i]!
    if (isOwn(from) && !moved.has(from)) {
      moved.add(from)
      builder.context.unify(from, to)
    } else copies.push({ kind: 'copy', from, to })
  })
  return { steps: [...block.steps, ...copies] }
}

const lowerCond = (builder: Enclosing, eqn: EquationOf<'cond'>): void => {
  const [index, ...operands] = eqn.inputs.map((a) => builder.valueOf(a))
  const results = builder.results(eqn)
  const branches = eqn.params.branches.map((b) => blockInto(builder, b, operands, results))
  builder.push({ kind: 'cond', index: index!, branches }, results)
}

type Travelling = Omit<Carry, 'inPlace'>

const travelling = (context: Enclosing['context'], initial: readonly Value[]): readonly Travelling[] =>
  initial.map((v) => ({ initial: v, current: context.value(v.aval), next: context.value(v.aval) }))

const currents = (carries: readonly Travelling[]): readonly Value[] => carries.map((c) => c.current)

/** The body of a loop, which writes the next carry and other outputs; and which carries are updated in place. */
const loopBody = (
  builder: Enclosing,
  program: Program,
  inputs: readonly Value[],
  going: readonly Travelling[],
  others: readonly Value[],
): { readonly body: Block; readonly carries: readonly Carry[] } => {
  const { operandFor, home, unify } = builder.context
  const body = blockInto(builder, program, inputs, [...going.map((c) => c.next), ...others])
  const carries = going.map((c): Carry => {
    const inPlace = canReplace(body.steps, c.current, c.next, operandFor, home)
    if (inPlace) unify(c.current, c.next)
    return { ...c, inPlace }
  })
  return { body, carries }
}

const lowerWhile = (builder: Enclosing, eqn: EquationOf<'while'>): void => {
  const { context } = builder
  const { cond, body, condConsts, bodyConsts, maxSteps } = eqn.params
  const operands = eqn.inputs.map((a) => builder.valueOf(a))
  const [condPart, bodyPart, initial] = cut(operands, condConsts, bodyConsts, operands.length)
  const going = travelling(context, initial!)
  const [predicate] = cond.outAvals
  const holds = context.value(predicate!)
  const condition = blockInto(builder, cond, [...condPart!, ...currents(going)], [holds])
  const loop = loopBody(builder, body, [...bodyPart!, ...currents(going)], going, [])
  builder.push({ kind: 'while', condition, holds, ...loop, maxSteps }, currents(going))
  eqn.outputs.forEach((v, i) => {
    builder.alias(v, going[i]!.current, true)
  })
}

const lowerScan = (builder: Enclosing, eqn: EquationOf<'scan'>): void => {
  const { context } = builder
  const { body, length, reverse, consts, carry } = eqn.params
  const operands = eqn.inputs.map((a) => builder.valueOf(a))
  const [fixed, initial, xs] = cut(operands, consts, carry, operands.length)
  const going = travelling(context, initial!)
  const inputs = xs!.map((whole, i): Sliced => ({ whole, slice: context.value(body.inAvals[consts + carry + i]!) }))
  const outputs = eqn.outputs
    .slice(carry)
    .map((v, i): Sliced => ({ whole: context.value(v.aval), slice: context.value(body.outAvals[carry + i]!) }))
  const slices = (list: readonly Sliced[]): readonly Value[] => list.map((s) => s.slice)
  const loop = loopBody(builder, body, [...fixed!, ...currents(going), ...slices(inputs)], going, slices(outputs))
  const results = [...currents(going), ...outputs.map((s) => s.whole)]
  builder.push({ kind: 'scan', ...loop, length, reverse, inputs, outputs }, results)
  eqn.outputs.forEach((v, i) => {
    builder.alias(v, results[i]!, i < carry)
  })
}

type Rule<N extends OpName> = (builder: Enclosing, eqn: EquationOf<N>) => void

const rules: { readonly [N in OpName]?: Rule<N> } = { cond: lowerCond, while: lowerWhile, scan: lowerScan }

/** Whether an equation is a branch or a loop. */
export const isControl = (eqn: Equation): boolean => rules[eqn.op] !== undefined

/** Lowers a branch or a loop. */
export const lowerControl = (builder: Enclosing, eqn: Equation): void => {
  ;(rules[eqn.op] as (builder: Enclosing, eqn: Equation) => void)(builder, eqn)
}
