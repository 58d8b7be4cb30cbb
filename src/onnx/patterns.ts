/**
 * Groups of equations that engines know as one operator, or compute faster in another form. What only such a group needs is not written.
 */
import type { Shape } from '../core/shape.ts'
import { dropAxes, range, sameShape } from '../core/shape.ts'
import type { OpName } from '../ir/op.ts'
import type { Atom, Equation, Program } from '../ir/program.ts'
import { Literal, Variable } from '../ir/program.ts'
import { hasEffect } from '../primitives/registry.ts'
import type { Value, Writer } from './writer.ts'

/** What is written in an equation's place, of one operand. */
export interface Pattern {
  readonly x: Atom
  readonly write: (w: Writer, x: Value) => Value
}

/** An equation that is written: by its rule, or as a pattern that ends with it. */
export interface Step {
  readonly eqn: Equation
  readonly pattern: Pattern | null
}

type Definitions = ReadonlyMap<Variable, Equation>
type Of<N extends OpName> = Extract<Equation, { readonly op: N }>

/** The equation with that operation that gives the atom; null if it is another one's. */
const made = <N extends OpName>(by: Definitions, a: Atom | undefined, op: N): Of<N> | null => {
  const eqn = a instanceof Variable ? by.get(a) : undefined
  return eqn?.op === op ? (eqn as Of<N>) : null
}

/** The number that an array has everywhere; null if that is not known. */
const numberOf = (by: Definitions, a: Atom | undefined): number | null => {
  if (a === undefined) return null
  return a instanceof Literal ? Number(a.value) : numberOf(by, made(by, a, 'broadcast')?.inputs[0])
}

/** The other factor, of a product with a number near to this. */
const timesNumber = (by: Definitions, a: Atom | undefined, factor: number): Atom | null => {
  const [p, q] = made(by, a, 'mul')?.inputs ?? []
  const isFactor = (x: Atom | undefined): boolean => Math.abs((numberOf(by, x) ?? Infinity) - factor) < 1e-6
  return isFactor(p) ? q! : isFactor(q) ? p! : null
}

/**
 * ½ x erfc(-x / √2) as ½ x (1 + erf(x / √2)), which engines have kernels for: the absolute error is as small, the relative one in the
 * tail of negative x is not.
 */
const gelu = (by: Definitions, eqn: Equation): Pattern | null => {
  if (eqn.op !== 'mul' || eqn.outputs[0]!.aval.dtype !== 'float32') return null
  const [p, q] = eqn.inputs
  for (const [half, tail] of [
    [p, q],
    [q, p],
  ]) {
    const x = timesNumber(by, half, 0.5)
    const [argument] = made(by, tail, 'erfc')?.inputs ?? []
    const [turned] = made(by, timesNumber(by, argument, Math.SQRT1_2) ?? undefined, 'neg')?.inputs ?? []
    if (x === null || x !== turned) continue
    return {
      x,
      write: (w, y) => {
        const error = w.apply('Erf', w.apply('Div', y, w.like(Math.SQRT2, y)))
        return w.apply('Mul', w.apply('Mul', y, w.apply('Add', error, w.like(1, y))), w.like(0.5, y))
      },
    }
  }
  return null
}

/** What is repeated along the one axis that a reduction took away: the reduction's result; null if the atom is none of that. */
const repeatedAlong = (by: Definitions, a: Atom | undefined, shape: Shape, axis: number): Atom | null => {
  const [kept] = made(by, a, 'broadcast')?.inputs ?? []
  const { dims } = made(by, a, 'broadcast')?.params ?? { dims: [] }
  if (kept === undefined || !dims.every((d, i) => d === i)) return null
  let now: Atom | undefined = kept
  const isKept = sameShape(
    kept.aval.shape,
    shape.map((n, d) => (d === axis ? 1 : n)),
  )
  if (!isKept) return null
  for (;;) {
    const eqn: Of<'reshape'> | Of<'stopGradient'> | null = made(by, now, 'reshape') ?? made(by, now, 'stopGradient')
    if (eqn === null) break
    now = eqn.inputs[0]
  }
  return now !== undefined && sameShape(now.aval.shape, dropAxes(shape, [axis])) ? now : null
}

/** e / Σe along an axis for e = exp(x - max x). */
const softmax = (by: Definitions, eqn: Equation): Pattern | null => {
  const { dtype, shape } = eqn.outputs[0]!.aval
  if (eqn.op !== 'div' || (dtype !== 'float32' && dtype !== 'float64')) return null
  const [power, total] = eqn.inputs
  const [difference] = made(by, power, 'exp')?.inputs ?? []
  const [x, largest] = made(by, difference, 'sub')?.inputs ?? []
  if (x === undefined) return null
  for (const axis of range(shape.length)) {
    const sum = made(by, repeatedAlong(by, total, shape, axis) ?? undefined, 'reduceSum')
    const max = made(by, repeatedAlong(by, largest, shape, axis) ?? undefined, 'reduceMax')
    if (sum?.inputs[0] !== power || max?.inputs[0] !== x) continue
    return { x, write: (w, y) => w.one('Softmax', [y], y, { axis }) }
  }
  return null
}

/** The equations of a program that are written, in order. */
export const stepsOf = (program: Program): readonly Step[] =>
  program.derive('steps of ONNX', () => {
    const by = new Map(program.equations.flatMap((eqn) => eqn.outputs.map((v) => [v, eqn] as const)))
    const needed = new Set<Atom>(program.outputs)
    return program.equations
      .toReversed()
      .flatMap((eqn): readonly Step[] => {
        if (!eqn.outputs.some((v) => needed.has(v)) && !hasEffect(eqn)) return []
        const pattern = gelu(by, eqn) ?? softmax(by, eqn)
        for (const a of pattern === null ? eqn.inputs : [pattern.x]) needed.add(a)
        return [{ eqn, pattern }]
      })
      .reverse()
  })
