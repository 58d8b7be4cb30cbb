import { run } from '../backends/interpreter/interpreter.ts'
import type { TypedArray } from '../core/dtype.ts'
import { NonFiniteError } from '../core/errors.ts'
import { findNonFinite } from '../core/finite.ts'
import { settings } from '../core/settings.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import { currentUserLine } from '../ir/source.ts'
import { primitives } from '../primitives/registry.ts'
import type { Interpreter } from '../trace/interpreter.ts'
import type { NDArray } from '../trace/value.ts'
import { fromHost } from '../trace/value.ts'
import { checkLive } from '../transforms/builder.ts'

const hostOf = (x: NDArray, op: OpName): TypedArray => {
  checkLive(x, op)
  return x.body.host(op)
}

const checkFinite = (op: OpName, results: readonly NDArray[], operands: readonly NDArray[]): void => {
  for (const y of results) {
    const found = findNonFinite(y.dtype, y.body.host(op), settings)
    if (found === null) continue
    throw new NonFiniteError(
      `${op} produced the first ${found} at ${currentUserLine()}: (${operands.map((x) => x.aval).join(', ')}) -> ${y.aval}.`,
    )
  }
}

/** The interpreter of code outside all transformations: does each operation at once. */
export const eagerInterpreter: Interpreter = {
  bind<N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]): readonly NDArray[] {
    const primitive = primitives[op]
    const avals = operands.map((x) => x.aval)
    const outputs = primitive.type(params, avals)
    const data = operands.map((x) => hostOf(x, op))
    const results = primitive.evaluate(params, data, avals, outputs, run).map((d, i) => fromHost(outputs[i]!, d))
    if (settings.nans || settings.infs) checkFinite(op, results, operands)
    return results
  },
}
