/** Arrays that are written piece by piece: the source elements and target indices. */
import { stridesOf } from '../core/shape.ts'
import type { OpName } from '../ir/op.ts'
import type { Atom, Equation } from '../ir/program.ts'
import type { Index } from './indices.ts'
import { linearize } from './indices.ts'

/** Elements of an atom, written to part of a result: loops over `shape`, from source coordinates to a target index. */
export interface Piece {
  readonly source: Atom
  readonly shape: readonly number[]
  readonly from: (at: readonly Index[]) => readonly Index[]
  readonly to: (at: readonly Index[]) => Index
}

type EquationOf<N extends OpName> = Extract<Equation, { readonly op: N }>

const concatenated = ({ params: { axis }, inputs, outputs: [out] }: EquationOf<'concatenate'>): readonly Piece[] => {
  const strides = stridesOf(out!.aval.shape)
  let offset = 0
  return inputs.map((source): Piece => {
    const start = offset
    offset += source.aval.shape[axis]!
    const moved = (at: readonly Index[]): readonly Index[] => at.map((c, i) => (i === axis ? c.plus(start) : c))
    return { source, shape: source.aval.shape, from: (at) => at, to: (at) => linearize(moved(at), strides) }
  })
}

/** Fills everything, then writes the part of the operand inside the result. */
const padded = ({ params: { low, interior }, inputs, outputs: [out] }: EquationOf<'pad'>): readonly Piece[] => {
  const [x, filling] = inputs
  const { shape } = out!.aval
  const strides = stridesOf(shape)
  const step = (i: number): number => interior[i]! + 1
  // Along axis i of the operand, elements from `first` on, `count` of them.
  const first = low.map((l, i) => Math.max(0, Math.ceil(-l / step(i))))
  const count = low.map((l, i) => {
    const last = Math.floor((shape[i]! - 1 - l) / step(i))
    return Math.max(0, Math.min(x!.aval.shape[i]! - 1, last) - first[i]! + 1)
  })
  const inside = (at: readonly Index[]): readonly Index[] => at.map((c, i) => c.plus(first[i]!))
  const spread = (at: readonly Index[]): readonly Index[] => inside(at).map((c, i) => c.times(step(i)).plus(low[i]!))
  return [
    { source: filling!, shape, from: () => [], to: (at) => linearize(at, strides) },
    { source: x!, shape: count, from: inside, to: (at) => linearize(spread(at), strides) },
  ]
}

const rules: { readonly [N in OpName]?: (eqn: EquationOf<N>) => readonly Piece[] } = {
  concatenate: concatenated,
  pad: padded,
}

/** Whether an equation's result is written piece by piece. */
export const hasPieces = (eqn: Equation): boolean => rules[eqn.op] !== undefined

/** The pieces of an equation that has them. */
export const piecesOf = (eqn: Equation): readonly Piece[] => (rules[eqn.op] as (eqn: Equation) => readonly Piece[])(eqn)
