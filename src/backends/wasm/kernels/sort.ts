/**
 * Sorting lines. A key becomes a signed number of 32 bits in the same order, and the upper half of one of 64 bits; the lower
 * half is the element's index. Longer keys, and further ones, are sorted by their 32-bit parts, the least significant first.
 */
import type { Aval } from '../../../core/aval.ts'
import type { WideDType } from '../../../core/dtype.ts'
import { bitsOf, isNarrow } from '../../../core/dtype.ts'
import { range, stridesOf } from '../../../core/shape.ts'
import type { Code, Expr, Func } from '../asm/index.ts'
import { i32, i64, load, op, result, select } from '../asm/index.ts'
import { cellOfWidth } from './elements.ts'
import { offsetBy, plus, quotient, remainder, smaller, times } from './integers.ts'
import type { Phase, RoutineFor } from './routine.ts'
import { COUNTER_BYTES, FEW, sortNumbers } from './sortNumbers.ts'

type I32 = Expr<'i32'>

// ---- keys ----

/** A part of an element, as a signed number in the order of the elements among which the more significant parts are equal. */
type KeyPart = (address: I32) => I32

const SIGN = i32(-(2 ** 31))

// Bits of negative floats are in reverse order; the zeros are equal; NaN comes last, whatever its sign.
const float32Key: KeyPart = (address) => {
  const x = load('f32.load', address)
  const bits = op('i32.reinterpret_f32', x)
  const ordered = op('i32.xor', bits, op('i32.shr_u', op('i32.shr_s', bits, i32(31)), i32(1)))
  const magnitude = op('i32.and', bits, i32(0x7fffffff))
  return select(
    op('i32.gt_u', magnitude, i32(0x7f800000)),
    i32(0x7fffffff),
    select(op('i32.eqz', magnitude), i32(0), ordered),
  )
}

const float64Key = (address: I32): Expr<'i64'> => {
  const bits = load('i64.load', address)
  const ordered = op('i64.xor', bits, op('i64.shr_u', op('i64.shr_s', bits, i64(63n)), i64(1n)))
  const magnitude = op('i64.and', bits, i64(0x7fffffffffffffffn))
  return select(
    op('i64.gt_u', magnitude, i64(0x7ff0000000000000n)),
    i64(0x7fffffffffffffffn),
    select(op('i64.eqz', magnitude), i64(0n), ordered),
  )
}

/** The least significant part first. */
const keyParts: { readonly [D in WideDType]: readonly KeyPart[] } = {
  float32: [float32Key],
  float64: [
    (address) => op('i32.xor', op('i32.wrap_i64', float64Key(address)), SIGN),
    (address) => op('i32.wrap_i64', op('i64.shr_u', float64Key(address), i64(32n))),
  ],
  int32: [(address) => load('i32.load', address)],
  uint32: [(address) => op('i32.xor', load('i32.load', address), SIGN)],
  bool: [(address) => load('i32.load8_u', address)],
  int64: [(address) => op('i32.xor', load('i32.load', address), SIGN), (address) => load('i32.load', address, 4)],
  uint64: [
    (address) => op('i32.xor', load('i32.load', address), SIGN),
    (address) => op('i32.xor', load('i32.load', address, 4), SIGN),
  ],
}

// ---- lines ----

interface Lines {
  readonly extent: number
  /** Interleaved lines: the stride along a line, in elements. */
  readonly inner: number
  readonly count: number
}

/** Scratch memory of an iteration: numbers twice, and, if there are several parts, the order before and after a round. */
interface Room {
  readonly bytes: number
  readonly data: number
  readonly other: number
  readonly counters: number
  readonly order: number
  readonly nextOrder: number
}

const roomFor = (extent: number, parts: number): Room => {
  const numbers = 8 * extent
  const counters = extent > FEW ? COUNTER_BYTES : 0
  const order = parts > 1 ? 4 * extent : 0
  const start = 2 * numbers + counters
  const bytes = (start + 2 * order + 15) & ~15
  return { bytes, data: 0, other: numbers, counters: 2 * numbers, order: start, nextOrder: start + order }
}

/** An operand's part of a key, with the operand's number and width. */
interface Part {
  readonly operand: number
  readonly width: number
  readonly key: KeyPart
}

const widthOf = (aval: Aval): number => bitsOf(aval.dtype) / 8

/** One round: sorts by one part, after the less significant ones. Returns the address of the sorted numbers. */
const sortBy = (
  code: Code,
  sort: Func,
  { key, width }: Part,
  { extent, inner }: Lines,
  { room, lineAt, order }: { readonly room: Room; readonly lineAt: I32; readonly order: I32 | null },
  scratch: I32,
): I32 => {
  const data = code.let(plus(scratch, room.data))
  code.for(i32(0), i32(extent), 1, (i) => {
    const place = order === null ? i : load('i32.load', plus(order, times(i, 4)))
    const high = op('i64.extend_i32_u', key(plus(lineAt, times(place, inner * width))))
    const number = op('i64.or', op('i64.shl', high, i64(32n)), op('i64.extend_i32_u', i))
    code.store('i64.store', plus(data, times(i, 8)), number)
  })
  const counters = plus(scratch, room.counters)
  return code.let(result<'i32'>(sort, data, plus(scratch, room.other), i32(8 * extent), counters))
}

/** Sorts one line: `lineOf(operand)` is its start in an operand. Returns the index of element i of the sorted line. */
const orderOfLine = (
  code: Code,
  sort: Func,
  parts: readonly Part[],
  lines: Lines,
  room: Room,
  scratch: I32,
  lineOf: (operand: number) => I32,
): ((i: I32) => I32) => {
  let order: I32 | null = null
  let placeOf = (i: I32): I32 => i
  parts.forEach((part, round) => {
    const lineAt = lineOf(part.operand)
    const sorted = sortBy(code, sort, part, lines, { room, lineAt, order }, scratch)
    const before = order
    const rank = (i: I32): I32 => load('i32.load', plus(sorted, times(i, 8)))
    placeOf = before === null ? rank : (i) => load('i32.load', plus(before, times(rank(i), 4)))
    if (round === parts.length - 1) return
    const next = code.let(plus(scratch, round % 2 === 0 ? room.order : room.nextOrder))
    code.for(i32(0), i32(lines.extent), 1, (i) => {
      code.store('i32.store', plus(next, times(i, 4)), placeOf(i))
    })
    order = next
  })
  return placeOf
}

/** The most iterations, each with its own scratch memory. */
const MOST_ITERATIONS = 64

const linesPhase = (avals: readonly Aval[], parts: readonly Part[], lines: Lines, room: Room): Phase => {
  const { extent, inner, count } = lines
  const perIteration = Math.ceil(count / MOST_ITERATIONS)
  const elements = perIteration * extent * parts.length
  return {
    count: Math.ceil(count / perIteration),
    // About 20 ns an element and part.
    grain: Math.max(1, Math.floor(1000 / elements)),
    emit: (code, { inputs, outputs, scratch }, lo, hi, library) => {
      code.for(lo, hi, 1, (iteration) => {
        const own = code.let(plus(scratch, times(iteration, room.bytes)))
        const end = smaller(times(plus(iteration, 1), perIteration), count)
        code.for(times(iteration, perIteration), end, 1, (line) => {
          const first = code.let(offsetBy(remainder(line, inner), [times(quotient(line, inner), inner * extent)]))
          const lineOf = (operand: number): I32 =>
            code.let(plus(inputs[operand]!, times(first, widthOf(avals[operand]!))))
          const placeOf = orderOfLine(code, library(sortNumbers.name), parts, lines, room, own, lineOf)
          avals.forEach((aval, operand) => {
            const cell = cellOfWidth(widthOf(aval))
            const step = inner * cell.bytes
            const from = lineOf(operand)
            const to = code.let(plus(outputs[operand]!, times(first, cell.bytes)))
            code.for(i32(0), i32(extent), 1, (i) => {
              cell.store(code, plus(to, times(i, step)), cell.load(plus(from, times(placeOf(i), step))))
            })
          })
        })
      })
    },
  }
}

export const sortRoutine: RoutineFor<'sort'> = ({ axis, numKeys }, operands) => {
  const { shape, size } = operands[0]!
  if (size === 0) return { scratch: 0, phases: [], imports: [] }
  const parts = range(numKeys)
    .reverse()
    .flatMap((operand) => {
      const { dtype } = operands[operand]!
      const width = widthOf(operands[operand]!)
      return isNarrow(dtype) ? [] : keyParts[dtype].map((key): Part => ({ operand, width, key }))
    })
  const extent = shape[axis]!
  const lines: Lines = { extent, inner: stridesOf(shape)[axis]!, count: size / extent }
  const room = roomFor(extent, parts.length)
  const phase = linesPhase(operands, parts, lines, room)
  return { scratch: phase.count * room.bytes, phases: [phase], imports: [sortNumbers.name] }
}
