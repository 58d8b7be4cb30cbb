/** One operation as a program, for back ends that only run programs. */
import type { Aval } from '../core/aval.ts'
import { LruMap } from '../core/lru.ts'
import { fingerprint } from '../ir/fingerprint.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Equation } from '../ir/program.ts'
import { Program, Variable, equation } from '../ir/program.ts'
import { subprograms } from '../ir/walk.ts'
import { primitiveOf, primitives } from '../primitives/registry.ts'
import type { Backend, Executable } from './backend.ts'
import { requireDTypes } from './capabilities.ts'

/** The program of one equation. */
export const singleEquation = <N extends OpName>(
  op: N,
  params: OpParams[N],
  operands: readonly Aval[],
  results: readonly Aval[],
): Program => {
  const inputs = operands.map((aval) => new Variable(aval))
  const outputs = results.map((aval) => new Variable(aval))
  return new Program({ inputs, equations: [equation(op, params, inputs, outputs)], outputs })
}

/** Whether an equation calls a function of the host's, or programs in it do. */
export const callsHost = (eqn: Equation): boolean =>
  primitiveOf(eqn.op).facts.onHost === true || subprograms(eqn).some(([, inner]) => inner.equations.some(callsHost))

/** For parameters without programs among them. */
const plainKey = (op: OpName, params: object, operands: readonly Aval[]): string =>
  `${op} ${JSON.stringify(params)} ${operands.map((aval) => aval.key).join(' ')}`

/** A key that is equal for operations with the same program. */
export const operationKey = <N extends OpName>(
  op: N,
  params: OpParams[N],
  operands: readonly Aval[],
  results: readonly Aval[],
): string =>
  primitives[op].facts.higherOrder === true
    ? fingerprint(singleEquation(op, params, operands, results))
    : plainKey(op, params, operands)

/** The number of operations that stay compiled. */
const CAPACITY = 512

/**
 * The `operation` of a back end that can only be read asynchronously: compiles operations on arrays that are out of reach, each
 * once for the types of its operands, and leaves everything else to the primitives.
 */
export const operationsOutOfReach = (
  backend: Pick<Backend, 'compile' | 'name' | 'capabilities'>,
): NonNullable<Backend['operation']> => {
  const compiled = new LruMap<string, Executable>(CAPACITY)
  return (op, params, bodies, operands, outputs) => {
    if (!bodies.some((body) => body.isOutOfReach)) return null
    const key = operationKey(op, params, operands, outputs)
    const known = compiled.get(key)
    if (known !== undefined) return known
    const program = singleEquation(op, params, operands, outputs)
    requireDTypes(backend, program, op)
    const executable = backend.compile(program)
    compiled.set(key, executable)
    return executable
  }
}
