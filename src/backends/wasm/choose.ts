/** Finds the tuned routine of an equation, and whether it can read views of arrays. */
import type { OpName } from '../../ir/op.ts'
import type { Equation } from '../../ir/program.ts'
import { primitiveOf } from '../../primitives/registry.ts'
import type { Operand } from '../../lowering/steps.ts'
import { stridesOf } from '../../core/shape.ts'
import { routines } from './kernels/index.ts'
import { stridedDotGeneral } from './kernels/matmulDotGeneral.ts'
import type { Routine, RoutineFor } from './kernels/routine.ts'
import { canFold } from './loops/operations.ts'

export const canFoldEquation = (eqn: Equation): boolean => {
  const { fold } = primitiveOf(eqn.op).facts
  return fold !== undefined && canFold(fold, eqn.inputs[0]!.aval.dtype)
}

/** Whether an equation's routine reads its operands through strides. */
export const takesViews = (eqn: Equation): boolean => eqn.op === 'dotGeneral'

/** The routine for an equation on contiguous arrays; null where it has none. */
export const choose = (eqn: Equation): Routine | null => {
  const routineFor = routines[eqn.op] as RoutineFor<OpName> | undefined
  const operands = eqn.inputs.map((a) => a.aval)
  const outputs = eqn.outputs.map((v) => v.aval)
  return routineFor?.(eqn.params, operands, outputs) ?? null
}

/** The routine for an equation on these operands, which may be views. It must exist. */
export const routineOf = (eqn: Equation, operands: readonly Operand[]): Routine => {
  if (eqn.op !== 'dotGeneral' || operands.every((o) => o.view === null)) return choose(eqn)!
  const [x, y] = eqn.inputs.map((a) => a.aval.shape)
  const [along, across] = eqn.inputs.map((a, i) => operands[i]!.view?.strides ?? stridesOf(a.aval.shape))
  const outputs = eqn.outputs.map((v) => v.aval)
  return stridedDotGeneral(eqn.params, [x!, y!], [along!, across!], outputs)!
}
