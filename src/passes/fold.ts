import type { TypedArray } from '../core/dtype.ts'
import { decodeElement } from '../core/convert.ts'
import type { OpName } from '../ir/op.ts'
import type { Atom, Equation, Program, Variable } from '../ir/program.ts'
import { literalData } from '../ir/literal.ts'
import { Literal } from '../ir/program.ts'
import type { Primitive, RunProgram } from '../primitives/primitive.ts'
import { primitives } from '../primitives/all.ts'
import type { Rewriter } from '../ir/rewrite.ts'
import { rewrite } from '../ir/rewrite.ts'

// Larger results would cost more to store than to compute.
const largestConstant = 1024

const noPrograms: RunProgram = () => {
  throw new Error('fold: programs are not evaluated here')
}

/** Computes what depends on literals and constants only. Arrays filled with one value are left alone. */
export const fold = (program: Program): Program => {
  const known = new Map<Variable, TypedArray>(program.constants.map((c) => [c.variable, c.value.data]))
  const dataOf = (a: Atom): TypedArray | undefined => (a instanceof Literal ? literalData(a) : known.get(a))

  const isFoldable = (eqn: Equation): boolean =>
    primitives[eqn.op].facts.higherOrder !== true &&
    !(eqn.op === 'broadcast' && eqn.inputs[0]!.aval.size === 1) &&
    eqn.inputs.length > 0 &&
    eqn.outputs.every((v) => v.aval.size <= largestConstant) &&
    eqn.inputs.every((a) => a instanceof Literal || known.has(a))

  const settle = (r: Rewriter, variable: Variable, data: TypedArray): void => {
    const { aval } = variable
    if (aval.rank === 0) {
      r.replace(variable, new Literal(decodeElement(aval.dtype, data[0]!), aval.dtype, aval.weak))
      return
    }
    known.set(variable, data)
    r.constants.push({ variable, value: { aval, data } })
  }

  return rewrite(program, (r, eqn) => {
    if (!isFoldable(eqn)) {
      r.emit(eqn)
      return
    }
    const { evaluate } = primitives[eqn.op] as Primitive<OpName>
    const results = evaluate(
      eqn.params,
      eqn.inputs.map((a) => dataOf(a)!),
      eqn.inputs.map((a) => a.aval),
      eqn.outputs.map((v) => v.aval),
      noPrograms,
    )
    eqn.outputs.forEach((v, i) => {
      settle(r, v, results[i]!)
    })
  })
}
