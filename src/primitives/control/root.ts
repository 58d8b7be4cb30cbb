/** Roots of equations by a user-defined method, differentiated by the implicit function theorem. */
import { call } from '../../ops/calls.ts'
import { root } from '../../ops/control.ts'
import { neg } from '../../ops/elementwise.ts'
import type { NDArray } from '../../trace/value.ts'
import { instantiate } from '../kinds.ts'
import { checkOperands } from '../operands.ts'
import type { Primitive } from '../primitive.ts'
import { batchAll, constantsMove, withBatch } from './solutions.ts'

export const rootP: Primitive<'root'> = {
  type: ({ residual, solve, consts }, operands) => {
    checkOperands('root: solve', solve.inAvals, operands)
    checkOperands('root: the root', residual.inAvals.slice(consts), solve.outAvals)
    return solve.outAvals
  },
  evaluate: ({ solve }, data, _, __, run) => run(solve, data),
  body: ({ solve }) => solve,
  // f(c, x) = 0, so ∂f/∂x dx = -∂f/∂c dc. The guess has no influence on the derivative.
  jvp: (params, primals, tangents, programs) => {
    const { residual, tangentSolve, consts } = params
    const x = root(params, primals)
    const given = primals.slice(0, consts)
    const moved = constantsMove(residual, given, tangents.slice(0, consts), x, programs)
    if (moved.every((t) => t === null)) return { primals: x, tangents: moved }
    const right = moved.map((t, i) => neg(instantiate(t, x[i]!.aval.strengthen())))
    return { primals: x, tangents: call(tangentSolve, 'tangentSolve', [...given, ...x, ...right]) }
  },
  batch: (params, operands, axes, size, programs) => {
    const { consts } = params
    const batched = {
      ...params,
      residual: batchAll(programs, params.residual, size, axes.slice(0, consts)),
      solve: batchAll(programs, params.solve, size, axes.slice(0, consts)),
      tangentSolve: batchAll(programs, params.tangentSolve, size, axes.slice(0, consts)),
    }
    const outputs: readonly NDArray[] = root(batched, withBatch(operands, axes, consts, size))
    return { outputs, axes: outputs.map(() => 0) }
  },
  facts: { higherOrder: true },
}
