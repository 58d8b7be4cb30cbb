/** Gather: a copy of a slice for each start. For whole rows, as in embeddings, it copies rows. */
import type { Aval } from '../../../core/aval.ts'
import type { DType } from '../../../core/dtype.ts'
import { allocate, bitsOf } from '../../../core/dtype.ts'
import { fillOf } from '../../../core/convert.ts'
import { range } from '../../../core/shape.ts'
import type { GatherParams } from '../../../ir/op.ts'
import type { Code, Expr } from '../asm/index.ts'
import { i32, i64, select, v128 } from '../asm/index.ts'
import { copyBlock, fillBlock, grainOf, leadingAxes, rowsOf } from './blocks.ts'
import { cellOfWidth } from './elements.ts'
import type { Grid } from './grid.ts'
import { addressesAt, axesOf, coordinates, pointsOf, simplify } from './grid.ts'
import { quotient, remainder } from './integers.ts'
import type { Routine, RoutineFor } from './routine.ts'
import type { Slices } from './slices.ts'
import { sliceAt, slicesOf } from './slices.ts'

type I32 = Expr<'i32'>

/** The fill for indices out of bounds, in all lanes. */
const fillVector = (dtype: DType): Expr<'v128'> => {
  const lanes = allocate(dtype, 128 / bitsOf(dtype)) as Float64Array
  lanes.fill(fillOf(dtype) as number)
  return v128(new Uint8Array(lanes.buffer))
}

/** The same as one element, as its cell has it. */
const fillElement = (dtype: DType): Expr => {
  const { buffer } = (allocate(dtype, 1) as Float64Array).fill(fillOf(dtype) as number)
  const bytes = new DataView(buffer)
  switch (bytes.byteLength) {
    case 1:
      return i32(bytes.getUint8(0))
    case 2:
      return i32(bytes.getUint16(0, true))
    case 4:
      return i32(bytes.getInt32(0, true))
    default:
      return i64(bytes.getBigInt64(0, true))
  }
}

/** One slice, or the part of it in `window`. */
const copySlice = (
  code: Code,
  slices: Slices,
  window: Grid,
  dtype: DType,
  target: I32,
  from: I32,
  inside: I32 | null,
): void => {
  const { width } = slices
  if (inside === null) {
    copyBlock(code, window, width, target, from)
    return
  }
  if (pointsOf(window) === 1) {
    const cell = cellOfWidth(width)
    cell.store(code, target, select(inside, cell.load(from), fillElement(dtype)))
    return
  }
  code.if(
    inside,
    () => {
      copyBlock(code, window, width, target, from)
    },
    () => {
      fillBlock(code, window, width, target, fillVector(dtype))
    },
  )
}

/** Iterations are starts, and parts of the window where there are few starts. */
const gatherSlices = (slices: Slices, dtype: DType): Routine => {
  const starts = simplify(slices.starts)
  const window = simplify(slices.window)
  const rank = window.shape.length
  const startCount = pointsOf(starts)
  const split = startCount >= 64 ? 0 : leadingAxes(window.shape, 64 / startCount, rank - 1)
  const parts = axesOf(window, range(split))
  const inner = axesOf(window, range(rank).slice(split))
  const partCount = pointsOf(parts)
  const bytes = pointsOf(inner) * slices.width
  return {
    scratch: 0,
    imports: [],
    phases: [
      {
        count: startCount * partCount,
        grain: grainOf(bytes + 16, rowsOf(inner, slices.width).bytes),
        emit: (code, { inputs, outputs }, lo, hi) => {
          code.for(lo, hi, 1, (i) => {
            const point = coordinates(code, starts.shape, partCount === 1 ? i : code.let(quotient(i, partCount)))
            const bases = [inputs[1]!, outputs[0]!, inputs[0]!]
            const [indexAt, to, origin] = addressesAt(code, starts, bases, point)
            const { place, inside } = sliceAt(code, slices, indexAt!, origin!)
            const part = split === 0 ? [] : coordinates(code, parts.shape, code.let(remainder(i, partCount)))
            const [target, from] = addressesAt(code, parts, [to!, place], part)
            copySlice(code, slices, inner, dtype, target!, from!, inside)
          })
        },
      },
    ],
  }
}

export const gatherRoutine: RoutineFor<'gather'> = (p: GatherParams, operands, outputs) => {
  const [operand, indices] = operands as readonly [Aval, Aval]
  const out = outputs[0]!
  if (out.size === 0) return { scratch: 0, phases: [], imports: [] }
  const numbers = {
    window: p.sliceSizes,
    windowDims: p.offsetDims,
    collapsedDims: p.collapsedSliceDims,
    operandBatchingDims: p.operandBatchingDims,
    indicesBatchingDims: p.startIndicesBatchingDims,
    indexMap: p.startIndexMap,
    mode: p.mode,
  }
  const slices = slicesOf(numbers, operand, indices, out)
  return slices === null ? null : gatherSlices(slices, operand.dtype)
}
