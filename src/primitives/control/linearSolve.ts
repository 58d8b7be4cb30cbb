/** Solutions of linear equations by a user-defined method, differentiated implicitly instead of through the method. */
import { cut } from '../../core/marks.ts'
import { ProgramError } from '../../core/errors.ts'
import type { Program } from '../../ir/program.ts'
import { linearSolve } from '../../ops/control.ts'
import { sub } from '../../ops/elementwise.ts'
import type { NDArray } from '../../trace/value.ts'
import { instantiate } from '../kinds.ts'
import { checkOperands } from '../operands.ts'
import type { Primitive } from '../primitive.ts'
import { batchAll, constantsMove, withBatch } from './solutions.ts'

export const linearSolveP: Primitive<'linearSolve'> = {
  type: ({ matvec, solve, consts }, operands) => {
    checkOperands('linearSolve: solve', solve.inAvals, operands)
    checkOperands('linearSolve: the solution', matvec.inAvals.slice(consts), solve.outAvals)
    return solve.outAvals
  },
  evaluate: ({ solve }, data, _, __, run) => run(solve, data),
  body: ({ solve }) => solve,
  // A x = b, so A dx = db - dA x.
  jvp: (params, primals, tangents, programs) => {
    const { consts } = params
    const [constTangents, rightTangents] = cut(tangents, consts, tangents.length)
    const x = linearSolve(params, primals)
    const moved = constantsMove(params.matvec, primals.slice(0, consts), constTangents!, x, programs)
    const right = rightTangents!.map((t, i) => {
      const full = instantiate(t, x[i]!.aval.strengthen())
      return moved[i] === null ? full : sub(full, moved[i]!)
    })
    return { primals: x, tangents: linearSolve(params, [...primals.slice(0, consts), ...right]) }
  },
  transpose: ({ matvec, vecmat, solve, transposeSolve, consts }, cotangents, operands) => {
    if (transposeSolve === null) {
      throw new ProgramError(
        'customLinearSolve: reverse mode solves the transposed equations; give { transposeSolve }, or { symmetric: true }.',
      )
    }
    const turned = { matvec: vecmat, vecmat: matvec, solve: transposeSolve, transposeSolve: solve, consts }
    const known = operands.slice(0, consts) as NDArray[]
    const right = cotangents.map((ct, i) => instantiate(ct, matvec.inAvals[consts + i]!.strengthen()))
    return [...known.map(() => null), ...linearSolve(turned, [...known, ...right])]
  },
  batch: (params, operands, axes, size, programs) => {
    const whole = (p: Program): Program => batchAll(programs, p, size, axes.slice(0, params.consts))
    const { matvec, vecmat, solve, transposeSolve } = params
    const batched = {
      ...params,
      matvec: whole(matvec),
      vecmat: whole(vecmat),
      solve: whole(solve),
      transposeSolve: transposeSolve === null ? null : whole(transposeSolve),
    }
    const outputs = linearSolve(batched, withBatch(operands, axes, params.consts, size))
    return { outputs, axes: outputs.map(() => 0) }
  },
  facts: { higherOrder: true },
}
