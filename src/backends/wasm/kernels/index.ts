/** Kernels of operations that are not loops over fused expressions, by name. */
import type { OpName } from '../../../ir/op.ts'
import { argreduceLibrary, argreduceRoutines } from './argreduce.ts'
import { choleskyLibrary, choleskyRoutine } from './cholesky.ts'
import { concatenateRoutine } from './concatenate.ts'
import { convLibrary, convRoutine } from './convolution.ts'
import { cumulativeRoutines } from './cumulative.ts'
import { dynamicSliceRoutine, dynamicUpdateSliceRoutine } from './dynamic.ts'
import { gatherRoutine } from './gather.ts'
import { subtractRows } from './linalg.ts'
import { luLibrary, luRoutine } from './lu.ts'
import { dotGeneralRoutine } from './matmulDotGeneral.ts'
import { padRoutine } from './pad.ts'
import { dequantizeRoutine, quantizedDotRoutine, quantizedLibrary } from './quantized.ts'
import type { LibraryFunction, RoutineFor } from './routine.ts'
import { scatterRoutines } from './scatter.ts'
import { sortRoutine } from './sort.ts'
import { sortLibrary } from './sortNumbers.ts'
import { transposeRoutine } from './transpose.ts'
import { triangularSolveLibrary, triangularSolveRoutine } from './triangularSolve.ts'
import { windowRoutines } from './window.ts'

export const routines: { readonly [N in OpName]?: RoutineFor<N> } = {
  ...argreduceRoutines,
  cholesky: choleskyRoutine,
  concatenate: concatenateRoutine,
  conv: convRoutine,
  ...cumulativeRoutines,
  dequantize: dequantizeRoutine,
  dotGeneral: dotGeneralRoutine,
  dynamicSlice: dynamicSliceRoutine,
  dynamicUpdateSlice: dynamicUpdateSliceRoutine,
  gather: gatherRoutine,
  lu: luRoutine,
  pad: padRoutine,
  quantizedDot: quantizedDotRoutine,
  ...scatterRoutines,
  sort: sortRoutine,
  transpose: transposeRoutine,
  triangularSolve: triangularSolveRoutine,
  ...windowRoutines,
}

/** The functions that they import. */
export const kernelLibrary: readonly LibraryFunction[] = [
  ...argreduceLibrary,
  ...sortLibrary,
  subtractRows,
  ...choleskyLibrary,
  ...convLibrary,
  ...luLibrary,
  ...quantizedLibrary,
  ...triangularSolveLibrary,
]
