/** The recipe of `call`: a program of one equation, made by another recipe. */
import type { OpName } from '../../ir/op.ts'
import { Program, Variable, equation } from '../../ir/program.ts'
import { primitiveOf } from '../../primitives/all.ts'
import type { Chosen, Draw, Recipe } from '../draw.ts'

type Simple = Exclude<OpName, 'call'>

const wrap = <N extends Simple>(op: N, { params, operands }: Chosen<N>): Program => {
  const inputs = operands.map((x) => new Variable(x.aval))
  const outputs = primitiveOf(op)
    .type(
      params as never,
      inputs.map((v) => v.aval),
    )
    .map((aval) => new Variable(aval))
  return new Program({ inputs, equations: [equation(op, params, inputs, outputs)], outputs })
}

/** A call of an operation chosen by one of the other recipes. */
export const call =
  (others: () => { readonly [N in Simple]: Recipe<N> }): Recipe<'call'> =>
  (draw: Draw) => {
    const op = draw.pick(['sin', 'mul', 'reduceSum', 'dotGeneral', 'concatenate', 'gather'] as const)
    const chosen = others()[op](draw)
    return { params: { program: wrap(op, chosen as never), name: op }, operands: chosen.operands }
  }
