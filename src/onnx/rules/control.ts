/** Control flow, and operations that are a program. */
import { ArgumentError } from '../../core/errors.ts'
import { bodyProgram } from '../../primitives/registry.ts'
import type { OpName } from '../../ir/op.ts'
import { linearOf } from '../../stablehlo/expansions/index.ts'
import type { Typed } from '../format.ts'
import type { Value, Writer } from '../writer.ts'
import type { Rule, Rules } from './rule.ts'

/** The branch with that number, clamped into range: one choice of two inside of the other. */
const cond: Rule<'cond'> = (w, [given, ...operands], { branches }, results) => {
  const index = w.cast(given!, 'int64')
  const from = (first: number): readonly Value[] => {
    const branch = branches[first]!
    if (first === branches.length - 1) return w.inline(branch, operands)
    const isHere = w.test('LessOrEqual', index, w.constant(first, 'int64'))
    return w.node(
      'If',
      [isHere],
      {
        then_branch: w.graph([], () => w.inline(branch, operands)),
        else_branch: w.graph([], () => from(first + 1)),
      },
      results,
    )
  }
  return from(0)
}

const scalarOf = (dtype: 'int64' | 'bool'): Typed => ({ dtype, shape: [] })

/**
 * Loop's body takes the number of the step, whether it goes on, and the carry; it gives whether to go on, the next carry, and elements of
 * what is stacked.
 */
const loop = (
  w: Writer,
  most: number | null,
  first: Value | null,
  carry: readonly Value[],
  stacks: readonly Typed[],
  body: (step: Value, carry: readonly Value[]) => { readonly goesOn: Value; readonly results: readonly Value[] },
): readonly Value[] => {
  const graph = w.graph([scalarOf('int64'), scalarOf('bool'), ...carry], ([step, , ...now]) => {
    const { goesOn, results } = body(step!, now)
    return [goesOn, ...results]
  })
  const limit = most === null ? null : w.integers([most], [])
  return w.node('Loop', [limit, first, ...carry.map((x) => w.whole(x))], { body: graph }, [...carry, ...stacks])
}

const whileLoop: Rule<'while'> = (w, operands, { cond: condition, body, condConsts, bodyConsts, maxSteps }) => {
  const ofCondition = operands.slice(0, condConsts)
  const ofBody = operands.slice(condConsts, condConsts + bodyConsts)
  const carry = operands.slice(condConsts + bodyConsts)
  const isOpen = (now: readonly Value[]): Value => w.inline(condition, [...ofCondition, ...now])[0]!
  return loop(w, maxSteps === Infinity ? null : maxSteps, isOpen(carry), carry, [], (_, now) => {
    const results = w.inline(body, [...ofBody, ...now])
    return { goesOn: isOpen(results), results }
  })
}

/** A loop that counts: reads an element of each array, and gives one of each stack. */
const scan: Rule<'scan'> = (w, operands, { body, length, reverse, consts, carry }, results) => {
  const fixed = operands.slice(0, consts)
  const start = operands.slice(consts, consts + carry)
  const arrays = operands.slice(consts + carry).map((x) => w.whole(x))
  const stacks = results.slice(carry)
  if (length === 0) return [...start, ...stacks.map((aval) => w.like(0, aval))]
  const made = loop(w, length, null, start, stacks, (step, now) => {
    const at = reverse ? w.apply('Sub', w.constant(length - 1, 'int64'), step) : step
    const elements = arrays.map((x) => w.take(x, at, 0))
    return { goesOn: w.constant(1, 'bool'), results: w.inline(body, [...fixed, ...now, ...elements]) }
  })
  // What is stacked is in the order of the steps.
  return made.map((x, i) => (reverse && i >= carry ? w.reverse(x, [0]) : x))
}

/** What its program gives. */
const body =
  <N extends OpName>(op: N): Rule<N> =>
  (w, operands, params) =>
    w.inline(bodyProgram({ op, params })!, operands)

const customLinear: Rule<'customLinear'> = (w, operands, params, results) =>
  w.inline(
    linearOf(params, params.backward.inAvals.slice(0, params.residuals).concat(params.backward.outAvals), results),
    operands,
  )

const callback: Rule<'callback'> = (_, __, { callback: { name } }) => {
  throw new ArgumentError(
    `ONNX: ${name} is a function of this process, which no other engine can call. Leave callbacks out of what is exported.`,
  )
}

export const control = {
  cond,
  while: whileLoop,
  scan,
  call: (w, operands, { program }) => w.inline(program, operands),
  checkpoint: (w, operands, { program }) => w.inline(program, operands),
  customJvp: body('customJvp'),
  customVjp: body('customVjp'),
  linearSolve: body('linearSolve'),
  root: body('root'),
  customLinear,
  callback,
} satisfies Partial<Rules>
