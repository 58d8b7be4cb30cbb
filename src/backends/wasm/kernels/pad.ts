/** Padding, cropping and spreading: a line of the result is a line of the operand between two ends, or only the fill value. */
import type { Aval } from '../../../core/aval.ts'
import { bitsOf } from '../../../core/dtype.ts'
import type { Code, Expr } from '../asm/index.ts'
import { i32, op } from '../asm/index.ts'
import { copyBlock, copyRow, fillRow, grainOf } from './blocks.ts'
import { loadSplat } from './elements.ts'
import { coordinates } from './grid.ts'
import { minus, offsetBy, plus, quotient, remainder, times } from './integers.ts'
import type { Phase, RoutineFor } from './routine.ts'

type I32 = Expr<'i32'>

/** An axis of the result: `low` positions, then the operand's elements `step` positions apart, to an extent of `padded`. */
interface PaddedAxis {
  readonly extent: number
  readonly padded: number
  readonly low: number
  readonly step: number
}

const isPlain = ({ extent, padded, low, step }: PaddedAxis): boolean => extent === padded && low === 0 && step === 1

const plain = (extent: number): PaddedAxis => ({ extent, padded: extent, low: 0, step: 1 })

/** Adjacent unpadded axes become one; the last axis is always one of these, perhaps with extent 1. */
const merged = (axes: readonly PaddedAxis[]): PaddedAxis[] => {
  const out: PaddedAxis[] = []
  for (const axis of [...axes, plain(1)]) {
    const before = out.at(-1)
    if (before !== undefined && isPlain(before) && isPlain(axis)) {
      out[out.length - 1] = plain(before.extent * axis.extent)
    } else out.push(axis)
  }
  return out
}

/** The operand's elements along an axis that are in the result: the first, and their number. */
const visible = ({ extent, padded, low, step }: PaddedAxis): { readonly first: number; readonly count: number } => {
  const first = Math.max(0, Math.ceil(-low / step))
  const last = Math.min(extent - 1, Math.floor((padded - 1 - low) / step))
  return { first, count: Math.max(0, last - first + 1) }
}

/** The operand's coordinate for a coordinate of the result, and whether it exists. */
const origin = (code: Code, { extent, low, step }: PaddedAxis, at: I32): { readonly index: I32; readonly is: I32 } => {
  const moved = code.let(minus(at, low))
  const index = code.let(quotient(moved, step))
  // A negative one, read as unsigned, is beyond the extent even after division by the step: extents are below 2^31 / step.
  const within = op('i32.lt_u', index, i32(extent))
  return { index, is: step === 1 ? within : op('i32.and', within, op('i32.eqz', remainder(moved, step))) }
}

/** Writes a line that has elements of the operand in it. Bytes of one element of the axis: `unit`. */
const mixedLine = (
  code: Code,
  axis: PaddedAxis,
  [unit, width]: readonly [number, number],
  [target, source]: readonly [I32, I32],
  value: Expr<'v128'>,
): void => {
  const { first, count } = visible(axis)
  const from = plus(source, first * unit)
  const start = (axis.low + first * axis.step) * unit
  if (axis.step > 1) {
    fillRow(code, target, value, width, axis.padded * unit)
    const elements = unit / width
    const strides = [axis.step * unit, unit].map((stride) => [stride, width])
    const grid = { shape: [count, elements], strides }
    copyBlock(code, grid, width, plus(target, start), from)
    return
  }
  const end = start + count * unit
  fillRow(code, target, value, width, start)
  copyRow(code, plus(target, start), from, count * unit)
  fillRow(code, plus(target, end), value, width, axis.padded * unit - end)
}

const paddedAxes = (x: Aval, out: Aval, low: readonly number[], interior: readonly number[]): PaddedAxis[] =>
  x.shape.map((extent, d) => ({ extent, padded: out.shape[d]!, low: low[d]!, step: interior[d]! + 1 }))

/** The source of a line of the result, and, unless it always exists, whether it does. */
const sourceOf = (
  code: Code,
  outer: readonly PaddedAxis[],
  lineBytes: number,
  input: I32,
  line: I32,
): { readonly source: I32; readonly is: I32 | null } => {
  const strides = outer.map((_, d) => outer.slice(d + 1).reduce((n, { extent }) => n * extent, lineBytes))
  const extents = outer.map(({ padded }) => padded)
  const point = coordinates(code, extents, line)
  const origins = outer.map((axis, d) => (isPlain(axis) ? null : origin(code, axis, point[d]!)))
  const steps = origins.map((o, d) => times(o?.index ?? point[d]!, strides[d]!))
  const tests = origins.flatMap((o) => (o === null ? [] : [o.is]))
  return {
    source: code.let(offsetBy(input, steps)),
    is: tests.length === 0 ? null : tests.reduce((all, test) => op('i32.and', all, test)),
  }
}

export const padRoutine: RoutineFor<'pad'> = ({ low, interior }, [x], [out]) => {
  if (out!.size === 0) return { scratch: 0, phases: [], imports: [] }
  const width = bitsOf(x!.dtype) / 8
  const axes = merged(paddedAxes(x!, out!, low, interior))
  // The last padded axis, if any, is that of lines; the axes after it move together.
  const unit = axes.at(-1)!.extent * width
  const line = axes.at(-2) ?? plain(1)
  const outer = axes.slice(0, -2)
  const bytes = line.padded * unit
  const hasElements = [...outer, line].every((axis) => visible(axis).count > 0)
  const phase: Phase = {
    count: outer.reduce((n, { padded }) => n * padded, 1),
    grain: grainOf(bytes, bytes),
    emit: (code, { inputs, outputs }, lo, hi) => {
      const value = code.let(loadSplat(width, inputs[1]!))
      code.for(lo, hi, 1, (i) => {
        const target = code.let(plus(outputs[0]!, times(i, bytes)))
        const blank = (): void => {
          fillRow(code, target, value, width, bytes)
        }
        if (!hasElements) {
          blank()
          return
        }
        const { source, is } = sourceOf(code, outer, line.extent * unit, inputs[0]!, i)
        const mixed = (): void => {
          mixedLine(code, line, [unit, width], [target, source], value)
        }
        if (is === null) mixed()
        else code.if(is, mixed, blank)
      })
    },
  }
  return { scratch: 0, phases: [phase], imports: [] }
}
