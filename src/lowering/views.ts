/** Operations that only move elements: which element of the operand an element of the result is. */
import type { Aval } from '../core/aval.ts'
import { sameShape, withoutOnes } from '../core/shape.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Equation } from '../ir/program.ts'
import { Index, reshapeIndex } from './indices.ts'

type View<N extends OpName> = (
  params: OpParams[N],
  coordinates: readonly Index[],
  operand: Aval,
  result: Aval,
) => readonly Index[]

const zero = Index.constant(0)

const views: { readonly [N in OpName]?: View<N> } = {
  broadcast: ({ dims }, at, operand) => dims.map((d, i) => (operand.shape[i] === 1 ? zero : at[d]!)),
  reshape: (_, at, operand, result) => reshapeIndex(at, result.shape, operand.shape),
  transpose: ({ permutation }, at, operand) => {
    const out = new Array<Index>(operand.rank)
    permutation.forEach((p, i) => (out[p] = at[i]!))
    return out
  },
  rev: ({ axes }, at, operand) =>
    at.map((c, i) => (axes.includes(i) ? Index.sum(operand.shape[i]! - 1, [[c, -1]]) : c)),
  slice: ({ start, strides }, at) => at.map((c, i) => c.times(strides[i]!).plus(start[i]!)),
}

export const isView = (eqn: Equation): boolean => views[eqn.op] !== undefined

/** Coordinates in the operand of a view, of the element with these coordinates in its result. */
export const throughView = (eqn: Equation, coordinates: readonly Index[]): readonly Index[] =>
  (views[eqn.op] as View<OpName>)(eqn.params, coordinates, eqn.inputs[0]!.aval, eqn.outputs[0]!.aval)

/** Whether a view has the elements of its operand, all of them and in the same order. */
export const keepsOrder = (eqn: Equation): boolean => {
  const [operand, result] = [eqn.inputs[0]!.aval, eqn.outputs[0]!.aval]
  if (operand.size !== result.size) return false
  if (eqn.op === 'reshape') return true
  if (eqn.op === 'broadcast') return sameShape(withoutOnes(operand.shape), withoutOnes(result.shape))
  if (eqn.op !== 'transpose') return false
  const moved = eqn.params.permutation.filter((p) => operand.shape[p] !== 1)
  return moved.every((p, i) => i === 0 || moved[i - 1]! < p)
}
