/** Arrays one after the other along an axis: copies of rows, each of which has the elements of an operand from that axis on. */
import type { Aval } from '../../../core/aval.ts'
import { bitsOf } from '../../../core/dtype.ts'
import { sizeOf } from '../../../core/shape.ts'
import type { Code } from '../asm/index.ts'
import { CHUNK, chunkPhase, copyRow, grainOf } from './blocks.ts'
import { plus, times } from './integers.ts'
import type { Phase, Places, RoutineFor } from './routine.ts'

/** The operand, and the offset and length of its row in a row of the result, in bytes. */
interface Part {
  readonly operand: number
  readonly offset: number
  readonly bytes: number
}

const partsOf = (operands: readonly Aval[], axis: number): Part[] => {
  let offset = 0
  return operands.map(({ dtype, shape }, operand) => {
    const bytes = (sizeOf(shape.slice(axis)) * bitsOf(dtype)) / 8
    offset += bytes
    return { operand, offset: offset - bytes, bytes }
  })
}

const rowsPhase = (parts: readonly Part[], rows: number, rowBytes: number): Phase => ({
  count: rows,
  grain: grainOf(rowBytes, rowBytes / Math.max(parts.length, 1)),
  emit: (code: Code, { inputs, outputs }: Places, lo, hi) => {
    code.for(lo, hi, 1, (row) => {
      const to = code.let(plus(outputs[0]!, times(row, rowBytes)))
      for (const { operand, offset, bytes } of parts) {
        copyRow(code, plus(to, offset), plus(inputs[operand]!, times(row, bytes)), bytes)
      }
    })
  },
})

/** A long row, cut into chunks of bytes. */
const longPhase = ({ operand, offset, bytes }: Part): Phase =>
  chunkPhase(bytes, (code, { inputs, outputs }, start, length) => {
    code.copy(plus(plus(outputs[0]!, offset), start), plus(inputs[operand]!, start), length)
  })

export const concatenateRoutine: RoutineFor<'concatenate'> = ({ axis }, operands, [out]) => {
  const parts = partsOf(operands, axis).filter(({ bytes }) => bytes > 0)
  const rows = out!.size === 0 ? 0 : sizeOf(out!.shape.slice(0, axis))
  const rowBytes = parts.reduce((sum, { bytes }) => sum + bytes, 0)
  const long = rows === 1 ? parts.filter(({ bytes }) => bytes > CHUNK) : []
  const short = parts.filter((part) => !long.includes(part))
  const together = short.length === 0 || rows === 0 ? [] : [rowsPhase(short, rows, rowBytes)]
  return { scratch: 0, phases: [...together, ...long.map(longPhase)], imports: [] }
}
