/** Algebraic simplifications that hold for every value, including NaN, infinities and signed zeros, and keep derivatives. */
import { isFloat } from '../core/dtype.ts'
import { range } from '../core/shape.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Atom, Equation, Program } from '../ir/program.ts'
import { Literal, equation } from '../ir/program.ts'
import type { Rewriter } from '../ir/rewrite.ts'
import { rewrite } from '../ir/rewrite.ts'

/** The simplification of an equation: another atom, or another equation with the same outputs. */
type Simpler = Atom | Equation | undefined

type Rule<N extends OpName> = (eqn: Extract<Equation, { readonly op: N }>, r: Rewriter) => Simpler

/** The one value that all elements of an atom have, if that is known. */
const valueOf = (a: Atom, r: Rewriter): number | bigint | undefined => {
  if (a instanceof Literal) return a.value
  const definition = r.definition(a)
  if (definition?.op !== 'broadcast') return undefined
  const [source] = definition.inputs
  return source instanceof Literal ? source.value : undefined
}

const isOne = (a: Atom, r: Rewriter): boolean => Number(valueOf(a, r)) === 1
// x + (-0) and x - (+0) are x for every float x; x + (+0) is not where x is -0.
const isZero = (a: Atom, r: Rewriter, sign: 1 | -1): boolean => {
  const value = valueOf(a, r)
  return Number(value) === 0 && (!isFloat(a.aval.dtype) || Object.is(value, sign === 1 ? 0 : -0))
}

const sameOutputs = <N extends OpName>(eqn: Equation, op: N, params: OpParams[N], inputs: readonly Atom[]): Equation =>
  equation(op, params, inputs, eqn.outputs, eqn.source)

const defined = <N extends OpName>(a: Atom, op: N, r: Rewriter): Extract<Equation, { readonly op: N }> | undefined => {
  const definition = r.definition(a)
  return definition?.op === op ? (definition as Extract<Equation, { readonly op: N }>) : undefined
}

const rules: { readonly [N in OpName]?: Rule<N> } = {
  add: ({ inputs: [x, y] }, r) => (isZero(y!, r, -1) ? x : isZero(x!, r, -1) ? y : undefined),
  sub: ({ inputs: [x, y] }, r) => (isZero(y!, r, 1) ? x : undefined),
  mul: ({ inputs: [x, y] }, r) => (isOne(y!, r) ? x : isOne(x!, r) ? y : undefined),
  div: ({ inputs: [x, y] }, r) => (isOne(y!, r) ? x : undefined),
  neg: ({ inputs: [x] }, r) => defined(x!, 'neg', r)?.inputs[0],
  integerPow: ({ inputs: [x], params }) => (params.exponent === 1 ? x : undefined),
  select: ({ inputs: [which, x, y] }, r) => {
    const known = valueOf(which!, r)
    if (known !== undefined) return known === 1 ? x : y
    return x === y ? x : undefined
  },
  cast: ({ inputs: [x], params }) => (x!.aval.dtype === params.dtype && x!.aval.weak === params.weak ? x : undefined),
  reshape: (eqn, r) => {
    const inner = defined(eqn.inputs[0]!, 'reshape', r)
    return inner === undefined ? eqn.inputs[0] : sameOutputs(eqn, 'reshape', eqn.params, inner.inputs)
  },
  transpose: (eqn, r) => {
    const { permutation } = eqn.params
    const inner = defined(eqn.inputs[0]!, 'transpose', r)
    const composed = inner === undefined ? permutation : permutation.map((p) => inner.params.permutation[p]!)
    const source = inner === undefined ? eqn.inputs[0]! : inner.inputs[0]!
    if (composed.every((p, i) => p === i)) return source
    return inner === undefined ? undefined : sameOutputs(eqn, 'transpose', { permutation: composed }, [source])
  },
  broadcast: (eqn, r) => {
    const { shape, dims } = eqn.params
    if (dims.length === shape.length && range(shape.length).every((d) => dims[d] === d)) return eqn.inputs[0]
    const inner = defined(eqn.inputs[0]!, 'broadcast', r)
    if (inner === undefined) return undefined
    return sameOutputs(eqn, 'broadcast', { shape, dims: inner.params.dims.map((d) => dims[d]!) }, inner.inputs)
  },
  rev: (eqn, r) => {
    const inner = defined(eqn.inputs[0]!, 'rev', r)
    return inner?.params.axes.join() === eqn.params.axes.join() ? inner.inputs[0] : undefined
  },
}

const isAtom = (x: Atom | Equation): x is Atom => !('op' in x)

/** Replaces equations by simpler ones, in one walk. */
export const simplify = (program: Program): Program =>
  rewrite(program, (r, eqn) => {
    const rule = rules[eqn.op] as Rule<OpName> | undefined
    const simpler = rule?.(eqn, r)
    if (simpler === undefined) r.emit(eqn)
    else if (!isAtom(simpler)) r.emit(simpler)
    else if (simpler.aval.equals(eqn.outputs[0]!.aval)) r.replace(eqn.outputs[0]!, simpler)
    else r.emit(eqn)
  })
