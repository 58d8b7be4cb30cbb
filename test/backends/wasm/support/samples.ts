/** Samples of operations as what back ends run. Runs in browsers too. */
import type { NDArray } from 'pullback'
import { Program, Variable, equation } from 'pullback'
import type { Sample } from 'pullback/testing'
import type { TypedArray } from '../../../../src/core/dtype.ts'
import { primitiveOf } from '../../../../src/primitives/all.ts'
import { toHost } from '../../../../src/trace/value.ts'

/** The sample as a program of one equation. */
export const programOf = ({ op, params, operands }: Sample): Program => {
  const inputs = operands.map((x) => new Variable(x.aval))
  const avals = inputs.map((v) => v.aval)
  const outputs = primitiveOf(op)
    .type(params as never, avals)
    .map((aval) => new Variable(aval))
  return new Program({ inputs, equations: [equation(op, params, inputs, outputs)], outputs })
}

/** Elements as they are held: 16-bit floats as their bits. */
export const dataOf = (xs: readonly NDArray[]): readonly TypedArray[] => xs.map((x) => toHost(x, 'test').data)
