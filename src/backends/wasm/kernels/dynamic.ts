/** Slices with computed starts: strided copies from or to an address that is known at run time. */
import type { Aval } from '../../../core/aval.ts'
import { bitsOf } from '../../../core/dtype.ts'
import type { Shape } from '../../../core/shape.ts'
import { range, stridesOf } from '../../../core/shape.ts'
import type { Code, Expr } from '../asm/index.ts'
import { load } from '../asm/index.ts'
import { blockPhase, copyWhole } from './blocks.ts'
import { clamped, offsetBy, times } from './integers.ts'
import type { Routine, RoutineFor } from './routine.ts'

type I32 = Expr<'i32'>

const nothing: Routine = { scratch: 0, phases: [], imports: [] }

const bytesPer = (aval: Aval): number => bitsOf(aval.dtype) / 8

const stridesIn = (shape: Shape, width: number): number[] => stridesOf(shape).map((s) => s * width)

const areIndices = (starts: readonly Aval[]): boolean =>
  starts.every(({ dtype }) => dtype === 'int32' || dtype === 'uint32')

/** The address of a slice in `x` whose starts are in memory. */
const placeOf = (code: Code, base: I32, x: Aval, sizes: Shape, starts: readonly Aval[], at: readonly I32[]): I32 => {
  const strides = stridesIn(x.shape, bytesPer(x))
  // Along axes that the slice fills, the start is 0.
  const moved = range(sizes.length).filter((d) => sizes[d] !== x.shape[d])
  const steps = moved.map((d) => {
    const start = code.let(load('i32.load', at[d]!))
    return times(clamped(start, x.shape[d]! - sizes[d]!, starts[d]!.dtype === 'int32'), strides[d]!)
  })
  return offsetBy(base, steps)
}

export const dynamicSliceRoutine: RoutineFor<'dynamicSlice'> = ({ sizes }, [x, ...starts], [out]) => {
  if (!areIndices(starts)) return null
  if (out!.size === 0) return nothing
  const width = bytesPer(x!)
  const grid = { shape: sizes, strides: [stridesIn(sizes, width), stridesIn(x!.shape, width)] }
  const phase = blockPhase(grid, width, (code, { inputs, outputs }) => ({
    target: outputs[0]!,
    source: placeOf(code, inputs[0]!, x!, sizes, starts, inputs.slice(1)),
  }))
  return { scratch: 0, phases: [phase], imports: [] }
}

export const dynamicUpdateSliceRoutine: RoutineFor<'dynamicUpdateSlice'> = (_, [x, update, ...starts]) => {
  if (!areIndices(starts)) return null
  if (x!.size === 0) return nothing
  const width = bytesPer(x!)
  const copied = copyWhole(0, x!.size * width)
  if (update!.size === 0) return { scratch: 0, phases: [copied], imports: [], inPlace: 0 }
  const sizes = update!.shape
  const grid = { shape: sizes, strides: [stridesIn(x!.shape, width), stridesIn(sizes, width)] }
  const written = blockPhase(grid, width, (code, { inputs, outputs }) => ({
    target: placeOf(code, outputs[0]!, x!, sizes, starts, inputs.slice(2)),
    source: inputs[1]!,
  }))
  return { scratch: 0, phases: [copied, written], imports: [], inPlace: 0 }
}
