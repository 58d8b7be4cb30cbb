/** Functions of arrays as the programs that rules write in line. */
import type { Aval } from '../../core/aval.ts'
import { isFloat } from '../../core/dtype.ts'
import { makeProgram, ShapeDtypeStruct } from '../../api/program.ts'
import type { Program } from '../../ir/program.ts'
import { optimize } from '../../passes/pipeline.ts'
import type { NDArray } from '../../trace/value.ts'

export type OnArrays = (...operands: readonly NDArray[]) => NDArray

/** The program of a function on arrays of these types. */
export const programOf = (
  f: (...operands: readonly NDArray[]) => readonly NDArray[],
  operands: readonly Aval[],
): Program =>
  optimize(makeProgram(f)(...(operands.map((a) => new ShapeDtypeStruct(a.shape, a.dtype)) as unknown as NDArray[])))

/** In float64, as the interpreter computes, and rounded once. */
export const widely = (f: OnArrays, operands: readonly Aval[]): Program =>
  programOf(
    (...xs) => [f(...xs.map((x) => (isFloat(x.dtype) ? x.astype('float64') : x))).astype(operands[0]!.dtype)],
    operands,
  )
