/** Shared helpers of the rules of solutions of equations. */
import { marked, spread } from '../../core/marks.ts'
import type { Program } from '../../ir/program.ts'
import { call } from '../../ops/calls.ts'
import type { NDArray } from '../../trace/value.ts'
import { materialize } from '../kinds.ts'
import { atFront, isMapped } from '../operands.ts'
import type { BatchAxis, ProgramTransforms, Tangent } from '../primitive.ts'

/** The tangent of a program of constants and x with respect to the constants, with x fixed. */
export const constantsMove = (
  program: Program,
  consts: readonly NDArray[],
  tangents: readonly Tangent[],
  x: readonly NDArray[],
  programs: ProgramTransforms,
): readonly Tangent[] => {
  const nonzero = [...tangents.map((t) => t !== null), ...x.map(() => false)]
  if (!nonzero.some(Boolean)) return x.map(() => null)
  const { program: derived, out } = programs.jvp(program, nonzero)
  const outs = call(derived, 'jvp', [...consts, ...x, ...(marked(tangents, nonzero) as NDArray[])])
  return spread(outs.slice(program.outputs.length), out)
}

/** A program over a batch: constants are batched where mapped, everything else always. */
export const batchAll = (
  programs: ProgramTransforms,
  program: Program,
  size: number,
  consts: readonly BatchAxis[],
): Program => {
  const rest = program.inputs.slice(consts.length).map(() => true)
  return programs.batch(program, size, [...consts.map(isMapped), ...rest], 'all').program
}

/** Operands with batch axes in front: constants where mapped, the others always. */
export const withBatch = (
  operands: readonly NDArray[],
  axes: readonly BatchAxis[],
  consts: number,
  size: number,
): NDArray[] =>
  atFront(operands, axes).map((x, i) => (i < consts || axes[i] !== null ? x : materialize(x, null, 0, size)))
