/**
 * How operations compute on elements of fewer than 32 bits: operands are widened, 16-bit floats to float32 and small
 * integers to 32 bits, and results are rounded, or wrapped around, back. This file is the one definition: the reference
 * applies it to elements, and the lowering to programs.
 */
import type { Aval } from '../core/aval.ts'
import { convert } from '../core/convert.ts'
import type { DType, NarrowDType } from '../core/dtype.ts'
import { isFloat, isNarrow, widened } from '../core/dtype.ts'
import type { OpName } from '../ir/op.ts'
import type { Facts, Primitive } from './primitive.ts'

const signed: { readonly [D in NarrowDType]?: DType } = { uint8: 'int8', uint16: 'int16' }
const unsigned: { readonly [D in NarrowDType]?: DType } = { int8: 'uint8', int16: 'uint16' }

const path = (dtype: NarrowDType, facts: Facts): readonly DType[] => {
  if (isFloat(dtype) || facts.narrow === undefined) return [widened(dtype)]
  if (facts.narrow === 'as floats') return ['float32']
  const same = (facts.narrow === 'as signed' ? signed : unsigned)[dtype]
  return same === undefined ? [widened(dtype)] : [same, widened(same)]
}

const isKept = ({ narrow, view, higherOrder }: Facts): boolean =>
  narrow === 'as they are' || view === true || higherOrder === true

/** The dtypes that an operand is converted to, one after the other, before the computation; mostly none. */
export const wideningOf = (facts: Facts, dtype: DType): readonly DType[] =>
  isNarrow(dtype) && !isKept(facts) ? path(dtype, facts) : []

const wideAval = (aval: Aval, facts: Facts): Aval => {
  const dtype = wideningOf(facts, aval.dtype).at(-1)
  return dtype === undefined ? aval : aval.withDType(dtype)
}

// Asked before every operation.
const hasNarrow = (avals: readonly Aval[]): boolean => {
  for (const { dtype } of avals) if (isNarrow(dtype)) return true
  return false
}

/** Extends a record whose `evaluate` is for 32 bits and more to narrower elements. */
export const withWidening = <N extends OpName>(record: Primitive<N>): Primitive<N> => {
  const { facts } = record
  if (isKept(facts)) return record
  const evaluate: Primitive<N>['evaluate'] = (params, data, operands, outputs, run) => {
    if (!hasNarrow(operands)) return record.evaluate(params, data, operands, outputs, run)
    const wide = operands.map((aval) => wideAval(aval, facts))
    const wideOutputs = record.type(params, wide)
    const wideData = data.map((elements, i) => {
      let [current, dtype] = [elements, operands[i]!.dtype]
      for (const next of wideningOf(facts, dtype)) [current, dtype] = [convert(current, dtype, next), next]
      return current
    })
    const results = record.evaluate(params, wideData, wide, wideOutputs, run)
    return results.map((result, i) => convert(result, wideOutputs[i]!.dtype, outputs[i]!.dtype))
  }
  return { ...record, evaluate }
}
