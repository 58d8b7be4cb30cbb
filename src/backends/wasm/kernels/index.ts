/** Kernels of operations that are not loops over fused expressions, by name. */
import type { OpName } from '../../../ir/op.ts'
import { dynamicSliceRoutine, dynamicUpdateSliceRoutine } from './dynamic.ts'
import { gatherRoutine } from './gather.ts'
import type { RoutineFor } from './routine.ts'
import { scatterRoutines } from './scatter.ts'

export const routines: { readonly [N in OpName]?: RoutineFor<N> } = {
  dynamicSlice: dynamicSliceRoutine,
  dynamicUpdateSlice: dynamicUpdateSliceRoutine,
  gather: gatherRoutine,
  ...scatterRoutines,
}
