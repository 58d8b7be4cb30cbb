/** Control flow, and operations that are a program. */
import { ArgumentError } from '../../core/errors.ts'
import { range } from '../../core/shape.ts'
import { bodyProgram } from '../../primitives/registry.ts'
import type { OpName } from '../../ir/op.ts'
import { linearOf } from '../expansions/index.ts'
import { namesOf, typesOf } from '../writer.ts'
import type { Value } from '../writer.ts'
import type { Rule, Rules } from './rule.ts'

/** The branch with that number, clamped into range. */
const cond: Rule<'cond'> = (w, [given, ...operands], { branches }, results) => {
  const bound = (x: Value, by: number, how: string): Value => w.plain(how, x, w.constant(by, 'int32'))
  const index = bound(bound(w.convert(given!, 'int32'), 0, 'maximum'), branches.length - 1, 'minimum')
  const regions = branches.map((branch) => w.region([], () => w.inline(branch, operands)))
  return w.generic('case', [index], { regions }, results)
}

const whileLoop: Rule<'while'> = (w, operands, { cond: condition, body, condConsts, bodyConsts, maxSteps }) => {
  const ofCondition = operands.slice(0, condConsts)
  const ofBody = operands.slice(condConsts, condConsts + bodyConsts)
  const carry = operands.slice(condConsts + bodyConsts)
  const isOpen = (now: readonly Value[]): Value => w.inline(condition, [...ofCondition, ...now])[0]!
  const next = (now: readonly Value[]): readonly Value[] => w.inline(body, [...ofBody, ...now])
  if (maxSteps === Infinity) return w.while(carry, isOpen, next)
  const count = (x: number): Value => w.constant(x, 'int32')
  const [limit, one] = [count(maxSteps), count(1)]
  return w
    .while(
      [count(0), ...carry],
      ([i, ...now]) => w.plain('and', w.compare('LT', i!, limit), isOpen(now)),
      ([i, ...now]) => [w.plain('add', i!, one), ...next(now)],
    )
    .slice(1)
}

/** A loop that counts: reads an element of each array, and writes one of each stack. */
const scan: Rule<'scan'> = (w, operands, { body, length, reverse, consts, carry }, results) => {
  const fixed = operands.slice(0, consts)
  const start = operands.slice(consts, consts + carry)
  const arrays = operands.slice(consts + carry)
  const stacks = results.slice(carry).map((aval) => w.like(0, aval))
  if (length === 0) return [...start, ...stacks]
  const count = (x: number): Value => w.constant(x, 'int32')
  const [zero, one, end, last] = [count(0), count(1), count(length), count(length - 1)]
  const step = ([i, ...now]: readonly Value[]): readonly Value[] => {
    const at = reverse ? w.plain('subtract', last, i!) : i!
    const starts = (rank: number): readonly Value[] => [at, ...range(rank - 1).map(() => zero)]
    const elements = arrays.map((x) => {
      const element = x.shape.slice(1)
      return w.reshape(w.dynamicSlice(x, starts(x.shape.length), [1, ...element]), element)
    })
    const made = w.call(body, [...fixed, ...now.slice(0, carry), ...elements])
    const written = now
      .slice(carry)
      .map((stack, k) =>
        w.dynamicUpdateSlice(
          stack,
          w.reshape(made[carry + k]!, [1, ...stack.shape.slice(1)]),
          starts(stack.shape.length),
        ),
      )
    return [w.plain('add', i!, one), ...made.slice(0, carry), ...written]
  }
  return w.while([zero, ...start, ...stacks], ([i]) => w.compare('LT', i!, end), step).slice(1)
}

/** In line, behind a barrier that keeps what is computed again apart from what was there. */
const checkpoint: Rule<'checkpoint'> = (w, operands, { program, preventCse }) => {
  if (!preventCse || operands.length === 0) return w.inline(program, operands)
  const held = w.values(`stablehlo.optimization_barrier ${namesOf(operands)} : ${typesOf(operands)}`, operands)
  return w.inline(program, held)
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
    `StableHLO: ${name} is a function of this process, which no other engine can call. Leave callbacks out of what is exported.`,
  )
}

export const control = {
  cond,
  while: whileLoop,
  scan,
  call: (w, operands, { program }) => w.call(program, operands),
  checkpoint,
  customJvp: body('customJvp'),
  customVjp: body('customVjp'),
  linearSolve: body('linearSolve'),
  root: body('root'),
  customLinear,
  callback,
} satisfies Partial<Rules>
