/** Arrays in scratch memory: copies to it before a kernel begins, or from it afterwards. */
import { Aval } from '../../../core/aval.ts'
import { allocate } from '../../../core/dtype.ts'
import { stridesOf } from '../../../core/shape.ts'
import { i32 } from '../asm/index.ts'
import type { Code, Expr } from '../asm/index.ts'
import { blockPhase, chunkPhase } from './blocks.ts'
import { plus } from './integers.ts'
import { padRoutine } from './pad.ts'
import type { Phase, Places } from './routine.ts'

type I32 = Expr<'i32'>

/** Where an array is. */
export type Address = (places: Places) => I32

export const inputAt =
  (index: number): Address =>
  ({ inputs }) =>
    inputs[index]!

export const outputAt: Address = ({ outputs }) => outputs[0]!

export const movedBy =
  (at: Address, bytes: number): Address =>
  (places) =>
    plus(at(places), bytes)

const scratchAt =
  (offset: number): Address =>
  ({ scratch }) =>
    plus(scratch, offset)

/** Allocates scratch memory piece by piece. */
export class Scratch {
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  take(bytes: number): Address {
    const address = scratchAt(this.#bytes)
    this.#bytes += (bytes + 15) & ~15
    return address
  }
}

/** A phase of a routine for other arrays. `prepare` emits the code at the start of every piece of it. */
export const redirected = (
  phase: Phase,
  inputs: readonly Address[],
  output: Address,
  prepare: (code: Code, places: Places) => void = () => undefined,
): Phase => ({
  ...phase,
  emit: (code, places, lo, hi, library) => {
    prepare(code, places)
    const moved = { inputs: inputs.map((at) => at(places)), outputs: [output(places)], scratch: places.scratch }
    phase.emit(code, moved, lo, hi, library)
  },
})

/** How an axis is padded: elements before and after it, fewer where negative, and how far apart its elements are. */
export interface AxisPadding {
  readonly low: number
  readonly high: number
  readonly step: number
}

export const isPlainAxis = ({ low, high, step }: AxisPadding): boolean => low === 0 && high === 0 && step === 1

export interface Staged {
  readonly at: Address
  readonly aval: Aval
  readonly phases: readonly Phase[]
}

/** An array with padding, copied to scratch memory; the array itself where there is no padding. */
export const paddedCopy = (
  x: Aval,
  at: Address,
  padding: readonly AxisPadding[],
  value: number,
  scratch: Scratch,
): Staged => {
  if (padding.every(isPlainAxis)) return { at, aval: x, phases: [] }
  const extents = x.shape.map((n, d) => {
    const { low, high, step } = padding[d]!
    return Math.max(0, low + high + (n === 0 ? 0 : (n - 1) * step + 1))
  })
  const aval = new Aval(x.dtype, extents)
  const element = allocate(x.dtype, 1)
  const copy = scratch.take(aval.size * element.BYTES_PER_ELEMENT)
  const valueAt = scratch.take(element.BYTES_PER_ELEMENT)
  const low = padding.map((axis) => axis.low)
  const params = { low, high: padding.map((axis) => axis.high), interior: padding.map(({ step }) => step - 1) }
  const { phases } = padRoutine(params, [x, new Aval(x.dtype, [])], [aval])!
  // Every piece writes the same value, so no synchronisation is needed.
  element[0] = value
  const words = new Int32Array(element.buffer)
  const writeValue = (code: Code, places: Places): void => {
    words.forEach((word, i) => {
      code.store('i32.store', valueAt(places), i32(word), 4 * i)
    })
  }
  return { at: copy, aval, phases: phases.map((phase) => redirected(phase, [at, valueAt], copy, writeValue)) }
}

/** A phase that sets an array of this many bytes to zeros. */
export const clearing = (at: Address, bytes: number): Phase =>
  chunkPhase(bytes, (code, places, offset, length) => {
    code.fill(plus(at(places), offset), i32(0), length)
  })

/** Phases that take an array out of its padded form again. Elements that padding had cropped are zeros. */
export const unpadding = (
  padded: Staged,
  out: Aval,
  at: Address,
  padding: readonly AxisPadding[],
  bytes: number,
): readonly Phase[] => {
  const [from, to] = [padded.aval, out].map(({ shape }) => stridesOf(shape).map((s) => s * bytes)) as [
    number[],
    number[],
  ]
  const first = padding.map(({ low, step }) => Math.max(0, Math.ceil(-low / step)))
  const shape = padding.map(({ low, step }, d) => {
    const last = Math.min(out.shape[d]! - 1, Math.floor((padded.aval.shape[d]! - 1 - low) / step))
    return Math.max(0, last - first[d]! + 1)
  })
  const cleared = clearing(at, out.size * bytes)
  if (shape.includes(0)) return [cleared]
  const start = padding.reduce((sum, { low, step }, d) => sum + (low + first[d]! * step) * from[d]!, 0)
  const copy = blockPhase(
    { shape, strides: [to, padding.map(({ step }, d) => step * from[d]!)] },
    bytes,
    (_, places) => ({
      target: plus(
        at(places),
        first.reduce((sum, f, d) => sum + f * to[d]!, 0),
      ),
      source: plus(padded.at(places), start),
    }),
  )
  return shape.every((n, d) => n === out.shape[d]) ? [copy] : [cleared, copy]
}
