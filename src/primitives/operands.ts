/** Operand handling of operations with programs among their parameters. */
import type { Aval } from '../core/aval.ts'
import { ProgramError } from '../core/errors.ts'
import { moveAxis } from '../ops/movement.ts'
import type { NDArray } from '../trace/value.ts'
import type { BatchAxis } from './primitive.ts'

export const isMapped = (axis: BatchAxis): boolean => axis !== null

/** Moves batch axes to the front; values without one stay unchanged. */
export const atFront = (operands: readonly NDArray[], axes: readonly BatchAxis[]): NDArray[] =>
  operands.map((x, i) => (axes[i] === null ? x : moveAxis(x, axes[i]!, 0)))

/** Throws unless the operands have the types that a program takes. `name` is for the message. */
export const checkOperands = (name: string, wanted: readonly Aval[], operands: readonly Aval[]): void => {
  if (operands.length === wanted.length && operands.every((a, i) => a.matches(wanted[i]!))) return
  throw new ProgramError(`${name} takes (${wanted.join(', ')}), got (${operands.join(', ')}).`)
}
