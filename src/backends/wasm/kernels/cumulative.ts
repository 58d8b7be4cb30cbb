/**
 * Running sums, products and extrema. Floats accumulate in double precision, as in the reference, one after the other: lines
 * run in parallel, and along all but the last axis adjacent lines share vectors.
 */
import { isNarrow } from '../../../core/dtype.ts'
import { stridesOf } from '../../../core/shape.ts'
import type { CumulativeParams } from '../../../ir/op.ts'
import type { Code, Expr, ValueType } from '../asm/index.ts'
import { i32, load, op, shuffle64 } from '../asm/index.ts'
import type { Arithmetic, CombineName } from './elements.ts'
import { arithmetic, f32Cell } from './elements.ts'
import { minus, offsetBy, plus, quotient, remainder, times } from './integers.ts'
import type { Phase, RoutineFor } from './routine.ts'

type I32 = Expr<'i32'>
type V128 = Expr<'v128'>
type CumulativeName = 'cumsum' | 'cumprod' | 'cummax' | 'cummin'

const combineNames = { cumsum: 'add', cumprod: 'mul', cummax: 'max', cummin: 'min' } as const

/** Values that accumulate side by side, with their loads and stores. */
interface Lanes<T extends ValueType> {
  readonly bytes: number
  load(address: I32): readonly Expr<T>[]
  combine(x: Expr<T>, y: Expr<T>): Expr<T>
  store(code: Code, address: I32, values: readonly Expr<T>[]): void
}

/** One line. */
const single = ({ cell, scalar }: Arithmetic, name: CombineName): Lanes<ValueType> => ({
  bytes: cell.bytes,
  load: (address) => [cell.load(address)],
  combine: (x, y) => scalar(name, x, y),
  store: (code, address, [value]) => {
    cell.store(code, address, value!)
  },
})

/** One line of float32 in float64. */
const singleWide = (name: CombineName): Lanes<'f64'> => ({
  bytes: 4,
  load: (address) => [op('f64.promote_f32', f32Cell.load(address))],
  combine: (x, y) => arithmetic.float64.scalar(name, x, y),
  store: (code, address, [value]) => {
    f32Cell.store(code, address, op('f32.demote_f64', value!))
  },
})

/** As many lines as two vectors hold. */
const several = ({ cell, vector }: Arithmetic, name: CombineName): Lanes<'v128'> | null =>
  vector === null || cell.bytes < 4
    ? null
    : {
        bytes: 32,
        load: (address) => [load('v128.load', address), load('v128.load', address, 16)],
        combine: (x, y) => vector(name, x, y),
        store: (code, address, values) => {
          values.forEach((value, k) => {
            code.store('v128.store', address, value, 16 * k)
          })
        },
      }

/** Eight lines of float32 in float64. */
const severalWide = (name: CombineName): Lanes<'v128'> => {
  const halves = [0, 8, 16, 24]
  return {
    bytes: 32,
    load: (address) => halves.map((at) => op('f64x2.promote_low_f32x4', load('v128.load64_zero', address, at))),
    combine: (x, y) => arithmetic.float64.vector(name, x, y),
    store: (code, address, values) => {
      const narrow = values.map((v: V128) => op('f32x4.demote_f64x2_zero', v))
      code.store('v128.store', address, shuffle64(narrow[0]!, narrow[1]!, [0, 2]))
      code.store('v128.store', address, shuffle64(narrow[2]!, narrow[3]!, [0, 2]), 16)
    },
  }
}

/** Runs along lines from an address, with `count` elements a stride apart (negative: backwards). */
const run = <T extends ValueType>(
  code: Code,
  lanes: Lanes<T>,
  [source, target]: readonly [I32, I32],
  extent: number,
  stride: number,
): void => {
  const from = code.variable(source)
  const to = code.variable(target)
  const values = lanes.load(from.get).map((x) => code.variable(x))
  const write = (): void => {
    lanes.store(
      code,
      to.get,
      values.map((v) => v.get),
    )
  }
  write()
  code.for(i32(1), i32(extent), 1, () => {
    code.set(from, plus(from.get, stride))
    code.set(to, plus(to.get, stride))
    lanes.load(from.get).forEach((x, k) => {
      code.set(values[k]!, lanes.combine(values[k]!.get, x))
    })
    write()
  })
}

/** Lines along an axis: `inner` of them are interleaved, in each of `outer` blocks. */
interface Lines {
  readonly extent: number
  readonly inner: number
  readonly outer: number
  readonly reverse: boolean
}

/** A line at a time, and, for dtypes that have vectors, a group. */
interface Running {
  readonly one: Lanes<ValueType>
  readonly group: Lanes<'v128'> | null
}

/** An iteration is a group of adjacent lines, or the remaining ones. */
const linesPhase = ({ one, group }: Running, { extent, inner, outer, reverse }: Lines): Phase => {
  const { bytes } = one
  const size = group === null ? 1 : group.bytes / bytes
  const lanes = inner < size ? null : group
  const perGroup = lanes === null ? 1 : size
  const groups = Math.ceil(inner / perGroup)
  const stride = (reverse ? -inner : inner) * bytes
  const lineStart = reverse ? (extent - 1) * inner * bytes : 0
  return {
    count: outer * groups,
    grain: Math.max(1, Math.floor(10_000 / (extent * (lanes === null ? 1 : 2)))),
    emit: (code, { inputs, outputs }, lo, hi) => {
      code.for(lo, hi, 1, (i) => {
        const first = code.let(times(remainder(i, groups), perGroup))
        const block = times(quotient(i, groups), extent * inner * bytes)
        const start = code.let(offsetBy(i32(lineStart), [block, times(first, bytes)]))
        const at = (offset: I32): readonly [I32, I32] => [plus(inputs[0]!, offset), plus(outputs[0]!, offset)]
        if (lanes === null) {
          run(code, one, at(start), extent, stride)
          return
        }
        const together = (): void => {
          run(code, lanes, at(start), extent, stride)
        }
        const oneByOne = (): void => {
          code.for(i32(0), minus(inner, first), 1, (line) => {
            run(code, one, at(code.let(plus(start, times(line, bytes)))), extent, stride)
          })
        }
        if (inner % perGroup === 0) together()
        else code.if(op('i32.le_s', first, i32(inner - perGroup)), together, oneByOne)
      })
    },
  }
}

const cumulativeRoutine =
  <N extends CumulativeName>(op: N): RoutineFor<N> =>
  ({ axis, reverse }: CumulativeParams, operands) => {
    const { dtype, shape, size } = operands[0]!
    if (isNarrow(dtype)) return null
    if (size === 0) return { scratch: 0, phases: [], imports: [] }
    const name = combineNames[op]
    const extent = shape[axis]!
    const inner = stridesOf(shape)[axis]!
    const wide = dtype === 'float32'
    const running: Running = {
      one: wide ? singleWide(name) : single(arithmetic[dtype], name),
      group: wide ? severalWide(name) : several(arithmetic[dtype], name),
    }
    const outer = size / (extent * inner)
    return { scratch: 0, phases: [linesPhase(running, { extent, inner, outer, reverse })], imports: [], inPlace: 0 }
  }

export const cumulativeRoutines = {
  cumsum: cumulativeRoutine('cumsum'),
  cumprod: cumulativeRoutine('cumprod'),
  cummax: cumulativeRoutine('cummax'),
  cummin: cumulativeRoutine('cummin'),
}
