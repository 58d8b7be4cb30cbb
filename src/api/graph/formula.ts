/** Partial derivatives of operations as text, from the same rules that differentiate them. */
import { Aval } from '../../core/aval.ts'
import { isFloat } from '../../core/dtype.ts'
import { numberText } from '../../ir/elements.ts'
import type { OpName } from '../../ir/op.ts'
import type { Atom, Equation, Program } from '../../ir/program.ts'
import { scalar } from '../../ops/creation.ts'
import { optimize } from '../../passes/pipeline.ts'
import { primitiveOf } from '../../primitives/all.ts'
import { bindAll } from '../../trace/interpreter.ts'
import * as transforms from '../../transforms/programs.ts'
import { stage } from '../../transforms/stage.ts'

/** Text, and the precedence of its outermost operation. */
interface Expression {
  readonly text: string
  readonly level: number
}

const LOOSE = 0
const SUM = 1
const PRODUCT = 2
const TIGHT = 4

const wrap = ({ text, level }: Expression, least: number): string => (level < least ? `(${text})` : text)

const infix =
  (sign: string, level: number, right = level) =>
  ([x, y]: readonly Expression[]): Expression => ({
    text: `${wrap(x!, level)} ${sign} ${wrap(y!, right)}`,
    level,
  })

const around =
  (open: string, close: string) =>
  ([x]: readonly Expression[]): Expression => ({
    text: `${open}${x!.text}${close}`,
    level: TIGHT,
  })

const digits = '⁰¹²³⁴⁵⁶⁷⁸⁹'
const superscript = (n: number): string =>
  String(n)
    .replaceAll('-', '⁻')
    .replaceAll(/\d/g, (d) => digits[Number(d)]!)

const same = ([x]: readonly Expression[]): Expression => x!

type Writer = (operands: readonly Expression[], eqn: Equation) => Expression

const writers: { readonly [N in OpName]?: Writer } = {
  add: infix('+', SUM),
  sub: infix('-', SUM, PRODUCT),
  mul: infix('·', PRODUCT),
  div: infix('/', PRODUCT, TIGHT),
  neg: ([x]) => ({ text: `-${wrap(x!, PRODUCT)}`, level: PRODUCT }),
  pow: ([x, y]) => ({ text: `${wrap(x!, TIGHT)}^${wrap(y!, TIGHT)}`, level: PRODUCT }),
  integerPow: ([x], eqn) => ({
    text: `${wrap(x!, TIGHT)}${superscript(eqn.op === 'integerPow' ? eqn.params.exponent : 1)}`,
    level: PRODUCT,
  }),
  abs: around('|', '|'),
  select: ([which, x, y]) => ({ text: `${wrap(which!, SUM)} ? ${wrap(x!, SUM)} : ${y!.text}`, level: LOOSE }),
  eq: infix('=', LOOSE, SUM),
  ne: infix('≠', LOOSE, SUM),
  lt: infix('<', LOOSE, SUM),
  le: infix('≤', LOOSE, SUM),
  gt: infix('>', LOOSE, SUM),
  ge: infix('≥', LOOSE, SUM),
  and: infix('and', LOOSE, SUM),
  or: infix('or', LOOSE, SUM),
  not: ([x]) => ({ text: `not ${wrap(x!, SUM)}`, level: LOOSE }),
  cast: same,
  broadcast: same,
  reshape: same,
  stopGradient: same,
}

const literalText = ({ aval, value }: Extract<Atom, { readonly value: unknown }>): string =>
  typeof value === 'bigint' || Math.abs(value) === Infinity || Number.isNaN(value)
    ? numberText(value)
    : String(Number(value.toPrecision(aval.dtype === 'float64' ? 12 : 6)))

/** A program with one result as an expression in the names of its inputs; `own` is the name of the operation's own result. */
const expressionOf = (
  program: Program,
  names: readonly string[],
  own: { readonly eqn: Equation; readonly name: string },
): string => {
  const known = new Map<Atom, Expression>(program.inputs.map((v, i) => [v, { text: names[i]!, level: TIGHT }]))
  const read = (a: Atom): Expression => {
    if (!('value' in a)) return known.get(a)!
    const text = literalText(a)
    return { text, level: text.startsWith('-') ? PRODUCT : TIGHT }
  }
  for (const eqn of program.equations) {
    const operands = eqn.inputs.map(read)
    const isOwn =
      eqn.op === own.eqn.op &&
      JSON.stringify(eqn.params) === JSON.stringify(own.eqn.params) &&
      eqn.inputs.every((a, i) => a === program.inputs[i])
    const expression = isOwn
      ? { text: own.name, level: TIGHT }
      : (writers[eqn.op]?.(operands, eqn) ?? {
          text: `${eqn.op}(${operands.map((x) => x.text).join(', ')})`,
          level: TIGHT,
        })
    for (const v of eqn.outputs) known.set(v, expression)
  }
  return read(program.outputs[0]!).text
}

/** The rule of an elementwise operation, on scalars, at a tangent of 1. */
const elementwiseFormula = (eqn: Equation, k: number, names: readonly string[], own: string): string => {
  const avals = eqn.inputs.map(({ aval }) => new Aval(aval.dtype, []))
  let moves = true
  const { program } = stage(
    'toMermaid',
    (xs) => {
      const tangents = xs.map((x, i) => (i === k ? scalar(1, x.aval.dtype) : null))
      const { tangents: out } = transforms.jvp('toMermaid', (ys) => bindAll(eqn.op, eqn.params, ys), xs, tangents)
      moves = out[0] !== null
      return [out[0] ?? xs[k]!]
    },
    avals,
  )
  return moves ? expressionOf(optimize(program), names, { eqn, name: own }) : '0'
}

/** Operations that are linear in their first operand, or in all, and only move elements and add them up. */
const movesOnly: ReadonlySet<OpName> = new Set<OpName>([
  'dynamicSlice',
  'dynamicUpdateSlice',
  'gather',
  'scatterAdd',
  'reduceWindowSum',
  'concatenate',
  'pad',
])

/** Textbook formulas, where the rule is written in another form for accuracy. */
const textbook: { readonly [N in OpName]?: (names: readonly string[], own: string) => readonly string[] } = {
  div: ([, y], own) => [`1 / ${y!}`, `-${own} / ${y!}`],
  tanh: (_, own) => [`1 - ${own}²`],
  logistic: (_, own) => [`${own} · (1 - ${own})`],
}

/**
 * The derivative of an equation's result with respect to its operand `k`, in the names of operands and result; null where there
 * is not a short formula.
 */
export const formulaOf = (eqn: Equation, k: number, names: readonly string[], own: string): string | null => {
  const { facts } = primitiveOf(eqn.op)
  if (eqn.outputs.length !== 1) return null
  if (
    facts.elementwise === true &&
    facts.higherOrder !== true &&
    eqn.inputs.every((a) => a.aval.rank === eqn.outputs[0]!.aval.rank)
  ) {
    if (!isFloat(eqn.outputs[0]!.aval.dtype)) return null
    return textbook[eqn.op]?.(names, own)[k] ?? elementwiseFormula(eqn, k, names, own)
  }
  if (eqn.op === 'dotGeneral' || eqn.op === 'conv') return names[1 - k]!
  return facts.linear === true || movesOnly.has(eqn.op) ? '1' : null
}
