import type { Backend, Executable } from '../backends/backend.ts'
import { run } from '../backends/reference/reference.ts'
import { requireDTypes } from '../backends/capabilities.ts'
import type { Aval } from '../core/aval.ts'
import { checkSize } from '../core/dtype.ts'
import { NonFiniteError } from '../core/errors.ts'
import { findNonFinite } from '../core/finite.ts'
import { settings } from '../core/settings.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import { currentUserLine } from '../ir/source.ts'
import type { Primitive } from '../primitives/primitive.ts'
import { primitives } from '../primitives/registry.ts'
import type { Interpreter } from '../trace/interpreter.ts'
import type { ConcreteBody } from '../trace/body.ts'
import { NDArray, fromHost } from '../trace/value.ts'
import { checkLive } from '../transforms/builder.ts'
import { backendFor } from './backend.ts'

const checkFinite = (op: OpName, results: readonly NDArray[], operands: readonly NDArray[]): void => {
  for (const y of results) {
    const found = findNonFinite(y.dtype, y.body.host(op), settings)
    if (found === null) continue
    throw new NonFiniteError(
      `${op} produced the first ${found} at ${currentUserLine()}: (${operands.map((x) => x.aval).join(', ')}) -> ${y.aval}.`,
    )
  }
}

/** Evaluates on ordinary memory. */
const evaluate = <N extends OpName>(
  op: N,
  params: OpParams[N],
  operands: readonly NDArray[],
  avals: readonly Aval[],
  outputs: readonly Aval[],
): readonly NDArray[] => {
  const data = operands.map((x) => x.body.host(op))
  const results = primitives[op].evaluate(params, data, avals, outputs, run).map((d, i) => fromHost(outputs[i]!, d))
  if (settings.nans || settings.infs) checkFinite(op, results, operands)
  return results
}

/** The executable of one operation; null where its primitive evaluates it, in ordinary memory. */
const executableOf = <N extends OpName>(
  backend: Backend,
  op: N,
  params: OpParams[N],
  bodies: readonly ConcreteBody[],
  avals: readonly Aval[],
  outputs: readonly Aval[],
): Executable | null => {
  const applied = primitives[op].applies?.(params)
  if (applied !== undefined) {
    requireDTypes(backend, applied.program, applied.name)
    return backend.compile(applied.program)
  }
  return backend.operation?.(op, params, bodies, avals, outputs) ?? null
}

/** The interpreter of code outside all transformations: evaluates each operation at once. */
export const eagerInterpreter: Interpreter = {
  bind<N extends OpName>(op: N, params: OpParams[N], operands: readonly NDArray[]): readonly NDArray[] {
    for (const x of operands) checkLive(x, op)
    const primitive: Primitive<N> = primitives[op]
    const avals = operands.map((x) => x.aval)
    const outputs = primitive.type(params, avals)
    for (const y of outputs) checkSize(op, y.dtype, y.size)
    // Outside all transformations, live arrays are concrete.
    const bodies = operands.map((x) => x.body as ConcreteBody)
    const executable = executableOf(backendFor(bodies), op, params, bodies, avals, outputs)
    if (executable === null) return evaluate(op, params, operands, avals, outputs)
    return executable(bodies, primitive.applies?.(params)?.name ?? op).map((body, i) => new NDArray(outputs[i]!, body))
  },
}
