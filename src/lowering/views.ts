/** Operations that only move elements: map an element of the result to an element of the operand. */
import type { Aval } from '../core/aval.ts'
import { sameShape, withoutOnes } from '../core/shape.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Equation } from '../ir/program.ts'
import { Index, reshapeIndex } from './indices.ts'

interface View<N extends OpName> {
  /** The coordinates in the operand of the element with these coordinates in the result. */
  readonly through: (
    params: OpParams[N],
    coordinates: readonly Index[],
    operand: Aval,
    result: Aval,
  ) => readonly Index[]
  /** Whether elements keep the operand's order, if there are equally many; false by default. */
  readonly keepsOrder?: (params: OpParams[N], operand: Aval, result: Aval) => boolean
  /** Whether the result's last axis is one of the operand's: whole rows are repeated. False by default. */
  readonly repeatsRows?: (params: OpParams[N], operand: Aval) => boolean
}

const zero = Index.constant(0)

const views: { readonly [N in OpName]?: View<N> } = {
  broadcast: {
    through: ({ dims }, at, operand) => dims.map((d, i) => (operand.shape[i] === 1 ? zero : at[d]!)),
    keepsOrder: (_, operand, result) => sameShape(withoutOnes(operand.shape), withoutOnes(result.shape)),
    repeatsRows: ({ shape, dims }, operand) => {
      const last = shape.findLastIndex((n) => n !== 1)
      return last >= 0 && dims.includes(last) && operand.shape[dims.indexOf(last)] !== 1
    },
  },
  reshape: {
    through: (_, at, operand, result) => reshapeIndex(at, result.shape, operand.shape),
    keepsOrder: () => true,
  },
  transpose: {
    through: ({ permutation }, at, operand) => {
      const out = new Array<Index>(operand.rank)
      permutation.forEach((p, i) => (out[p] = at[i]!))
      return out
    },
    keepsOrder: ({ permutation }, operand) => {
      const moved = permutation.filter((p) => operand.shape[p] !== 1)
      return moved.every((p, i) => i === 0 || moved[i - 1]! < p)
    },
  },
  rev: {
    through: ({ axes }, at, operand) =>
      at.map((c, i) => (axes.includes(i) ? Index.sum(operand.shape[i]! - 1, [[c, -1]]) : c)),
  },
  slice: { through: ({ start, strides }, at) => at.map((c, i) => c.times(strides[i]!).plus(start[i]!)) },
}

const viewRule = (eqn: Equation): View<OpName> | undefined => views[eqn.op] as View<OpName> | undefined

export const isView = (eqn: Equation): boolean => viewRule(eqn) !== undefined

/** The coordinates in the operand of a view of the element with these coordinates in its result. */
export const throughView = (eqn: Equation, coordinates: readonly Index[]): readonly Index[] =>
  viewRule(eqn)!.through(eqn.params, coordinates, eqn.inputs[0]!.aval, eqn.outputs[0]!.aval)

/** Whether a view has the elements of its operand, all of them and in the same order. */
export const keepsOrder = (eqn: Equation): boolean => {
  const [operand, result] = [eqn.inputs[0]!.aval, eqn.outputs[0]!.aval]
  return operand.size === result.size && viewRule(eqn)?.keepsOrder?.(eqn.params, operand, result) === true
}

/** Whether an equation repeats rows of its operand: then each element of that is used repeatedly. */
export const repeatsRows = (eqn: Equation): boolean =>
  viewRule(eqn)?.repeatsRows?.(eqn.params, eqn.inputs[0]!.aval) === true

/** For an operation that counts along an axis: that axis; null for all others. */
export const countedAxis = (eqn: Equation): number | null => (eqn.op === 'iota' ? eqn.params.axis : null)
