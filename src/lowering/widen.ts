/**
 * Expands equations so that back ends only have elements of 32 bits and more: narrow operands are widened, and results are
 * rounded, or wrap around. Indices are in 32 bits.
 */
import type { Aval } from '../core/aval.ts'
import type { DType } from '../core/dtype.ts'
import { integerLimits, isLong, isNarrow } from '../core/dtype.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Atom, Equation } from '../ir/program.ts'
import { Literal, Variable, equation } from '../ir/program.ts'
import type { Facts, Primitive } from '../primitives/primitive.ts'
import { primitives } from '../primitives/registry.ts'
import { wideningOf } from '../primitives/widening.ts'

const isIndex = ({ indices: [first, count] = [0, 0] }: Facts, operand: number): boolean =>
  operand >= first && operand < first + count

/** Builds the equations that replace one. */
class Written {
  readonly equations: Equation[] = []
  readonly #source: Equation['source']

  constructor(source: Equation['source']) {
    this.#source = source
  }

  emit<N extends OpName>(op: N, params: OpParams[N], inputs: readonly Atom[], aval: Aval): Atom {
    const result = new Variable(aval)
    this.equations.push(equation(op, params, inputs, [result], this.#source))
    return result
  }

  cast(x: Atom, dtype: DType): Atom {
    return this.emit('cast', { dtype, weak: false }, [x], x.aval.withDType(dtype))
  }

  /** Indices in 32 bits: those out of all bounds stay so. */
  index(x: Atom): Atom {
    const { dtype, shape } = x.aval
    if (!isLong(dtype)) return this.cast(x, 'int32')
    const [low, high] = integerLimits('int32')
    const bound = (n: number): Atom =>
      this.emit('broadcast', { shape, dims: [] }, [new Literal(BigInt(n), dtype)], x.aval.strengthen())
    return this.cast(this.emit('clamp', {}, [bound(dtype === 'int64' ? low : 0), x, bound(high)], x.aval), 'int32')
  }
}

/** Equivalent equations on elements of 32 bits and more; the equation itself if it already is one. */
export const widen = (eqn: Equation): readonly Equation[] => {
  const { type, facts }: Primitive<OpName> = primitives[eqn.op]
  const written = new Written(eqn.source)
  const inputs = eqn.inputs.map((a, i) => {
    const { dtype } = a.aval
    if (isIndex(facts, i)) return isNarrow(dtype) || isLong(dtype) ? written.index(a) : a
    return wideningOf(facts, dtype).reduce<Atom>((x, next) => written.cast(x, next), a)
  })
  if (written.equations.length === 0) return [eqn]
  const types = type(
    eqn.params,
    inputs.map((a) => a.aval),
  )
  const outputs = eqn.outputs.map((v, i) => (types[i]!.dtype === v.aval.dtype ? v : new Variable(types[i]!)))
  const narrowed = eqn.outputs.flatMap((v, i) => {
    const { dtype, weak } = v.aval
    return outputs[i] === v ? [] : [equation('cast', { dtype, weak }, [outputs[i]!], [v], eqn.source)]
  })
  return [...written.equations, equation(eqn.op, eqn.params, inputs, outputs, eqn.source), ...narrowed]
}
