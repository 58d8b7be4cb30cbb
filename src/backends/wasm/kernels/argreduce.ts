/** Indices of extrema: the first one along an axis, or the first NaN. */
import type { WideDType } from '../../../core/dtype.ts'
import { isNarrow } from '../../../core/dtype.ts'
import { stridesOf } from '../../../core/shape.ts'
import type { AxisParams } from '../../../ir/op.ts'
import type { Code, Expr, Func } from '../asm/index.ts'
import { i32, i32x4, lane, load, op, result, select, shuffle32, v128 } from '../asm/index.ts'
import type { Arithmetic } from './elements.ts'
import { arithmetic } from './elements.ts'
import { minus, offsetBy, plus, quotient, remainder, times } from './integers.ts'
import type { LibraryFunction, Phase, RoutineFor } from './routine.ts'

type I32 = Expr<'i32'>
type V128 = Expr<'v128'>
type ArgName = 'argmax' | 'argmin'

/** Whether `x` is better than `best`, the best so far: greater or less, and a NaN beats everything but another NaN. */
interface Order {
  readonly scalar: (x: Expr, best: Expr) => I32
  /** The same for four lanes, as a mask; null where only scalars are possible. */
  readonly lanes: ((x: V128, best: V128) => V128) | null
}

const float32Order = (how: 'gt' | 'lt'): Order => ({
  scalar: (x, best) => {
    const [a, b] = [x as Expr<'f32'>, best as Expr<'f32'>]
    return op('i32.or', op(`f32.${how}`, a, b), op('i32.and', op('f32.ne', a, a), op('f32.eq', b, b)))
  },
  lanes: (x, best) => {
    const nanFirst = op('v128.and', op('f32x4.ne', x, x), op('f32x4.eq', best, best))
    return op('v128.or', op(`f32x4.${how}`, x, best), nanFirst)
  },
})

const float64Order = (how: 'gt' | 'lt'): Order => ({
  scalar: (x, best) => {
    const [a, b] = [x as Expr<'f64'>, best as Expr<'f64'>]
    return op('i32.or', op(`f64.${how}`, a, b), op('i32.and', op('f64.ne', a, a), op('f64.eq', b, b)))
  },
  lanes: null,
})

const integerOrder = (how: 'gt_s' | 'gt_u' | 'lt_s' | 'lt_u'): Order => ({
  scalar: (x, best) => op(`i32.${how}`, x as I32, best as I32),
  lanes: (x, best) => op(`i32x4.${how}`, x, best),
})

const longOrder = (how: 'gt_s' | 'gt_u' | 'lt_s' | 'lt_u'): Order => ({
  scalar: (x, best) => op(`i64.${how}`, x as Expr<'i64'>, best as Expr<'i64'>),
  lanes: null,
})

const orders: { readonly [D in WideDType]: (how: 'gt' | 'lt') => Order } = {
  float32: float32Order,
  float64: float64Order,
  int32: (how) => integerOrder(`${how}_s`),
  uint32: (how) => integerOrder(`${how}_u`),
  bool: (how) => ({ ...integerOrder(`${how}_u`), lanes: null }),
  int64: (how) => longOrder(`${how}_s`),
  uint64: (how) => longOrder(`${how}_u`),
}

/** `line(address, count, stride)`: the index in a line whose elements are a stride apart, in bytes. */
const lineFunction = (name: string, { cell }: Arithmetic, order: Order): LibraryFunction => ({
  name,
  params: ['i32', 'i32', 'i32'],
  result: 'i32',
  body: (code) => {
    const [address, count, stride] = [code.params[0]!, code.param<'i32'>(1), code.param<'i32'>(2)]
    const at = address.get as I32
    const best = code.variable(cell.load(at))
    const place = code.variable(i32(0))
    code.for(i32(1), count, 1, (i) => {
      code.set(address, op('i32.add', at, stride))
      const x = code.let(cell.load(at))
      code.if(order.scalar(x, best.get), () => {
        code.set(best, x)
        code.set(place, i)
      })
    })
    code.return(place.get)
  },
})

/** Four candidates side by side, with their indices. */
interface Candidates {
  consider(x: V128, places: V128): void
  readonly best: V128
  readonly places: V128
}

const candidates = (code: Code, better: (x: V128, best: V128) => V128, first: V128, firstPlaces: V128): Candidates => {
  const best = code.variable(first)
  const places = code.variable(firstPlaces)
  return {
    best: best.get,
    places: places.get,
    consider: (x, xPlaces) => {
      const mask = code.let(better(x, best.get))
      code.set(best, op('v128.bitselect', x, best.get, mask))
      code.set(places, op('v128.bitselect', xPlaces, places.get, mask))
    },
  }
}

/** The better candidates of two vectors; of equal ones the first. */
const betterOf = (
  code: Code,
  better: (x: V128, best: V128) => V128,
  [x, xPlaces]: readonly [V128, V128],
  [y, yPlaces]: readonly [V128, V128],
): readonly [V128, V128] => {
  const earlier = op('v128.andnot', op('i32x4.lt_s', yPlaces, xPlaces), better(x, y))
  const mask = code.let(op('v128.or', better(y, x), earlier))
  return [code.let(op('v128.bitselect', y, x, mask)), code.let(op('v128.bitselect', yPlaces, xPlaces, mask))]
}

/** `row(address, count)`: the index in a contiguous row of four or more. */
const rowFunction = (name: string, better: (x: V128, best: V128) => V128): LibraryFunction => ({
  name: `${name}.row`,
  params: ['i32', 'i32'],
  result: 'i32',
  body: (code) => {
    const [address, count] = [code.param<'i32'>(0), code.param<'i32'>(1)]
    const steps = v128(Int32Array.of(0, 1, 2, 3))
    const found = candidates(code, better, load('v128.load', address), steps)
    const considerAt = (i: I32): void => {
      const places = op('i32x4.add', op('i32x4.splat', i), steps)
      found.consider(code.let(load('v128.load', plus(address, times(i, 4)))), places)
    }
    code.for(i32(4), minus(count, 3), 4, considerAt)
    // The last four, some of them a second time, which does no harm.
    considerAt(code.let(minus(count, 4)))
    let pair: readonly [V128, V128] = [found.best, found.places]
    for (const order of [
      [2, 3, 0, 1],
      [1, 0, 3, 2],
    ]) {
      const turned = (v: V128): V128 => code.let(shuffle32(v, v, order))
      pair = betterOf(code, better, pair, [turned(pair[0]), turned(pair[1])])
    }
    code.return(lane('i32x4.extract_lane', 0, pair[1]))
  },
})

/** `lines(address, count, stride, target)`: writes the indices in four adjacent lines to `target`. */
const linesFunction = (name: string, better: (x: V128, best: V128) => V128): LibraryFunction => ({
  name: `${name}.lines`,
  params: ['i32', 'i32', 'i32', 'i32'],
  result: null,
  body: (code) => {
    const [address, count, stride] = [code.params[0]!, code.param<'i32'>(1), code.param<'i32'>(2)]
    const at = address.get as I32
    const found = candidates(code, better, load('v128.load', at), i32x4(0))
    code.for(i32(1), count, 1, (i) => {
      code.set(address, op('i32.add', at, stride))
      found.consider(code.let(load('v128.load', at)), op('i32x4.splat', i))
    })
    code.store('v128.store', code.param<'i32'>(3), found.places)
  },
})

const functionsOf = (op: ArgName, dtype: WideDType): readonly LibraryFunction[] => {
  const name = `${op}.${dtype}`
  const order = orders[dtype](op === 'argmax' ? 'gt' : 'lt')
  const line = lineFunction(name, arithmetic[dtype], order)
  if (order.lanes === null) return [line]
  return [line, rowFunction(name, order.lanes), linesFunction(name, order.lanes)]
}

const names: readonly ArgName[] = ['argmax', 'argmin']

export const argreduceLibrary: readonly LibraryFunction[] = names.flatMap((op) =>
  (Object.keys(orders) as readonly WideDType[]).flatMap((dtype) => functionsOf(op, dtype)),
)

interface Lines {
  readonly extent: number
  readonly inner: number
  readonly outer: number
  readonly bytes: number
}

const grainFor = (extent: number): number => Math.max(1, Math.floor(10_000 / extent))

/** An iteration is a row. */
const rowsPhase = ({ extent, outer, bytes }: Lines, placeOf: (find: Find, address: I32) => I32): Phase => ({
  count: outer,
  grain: grainFor(extent),
  emit: (code, { inputs, outputs }, lo, hi, library) => {
    code.for(lo, hi, 1, (i) => {
      const place = placeOf(library, plus(inputs[0]!, times(i, extent * bytes)))
      code.store('i32.store', plus(outputs[0]!, times(i, 4)), place)
    })
  },
})

type Find = (name: string) => Func

/** An iteration is a group of four adjacent lines, or the remaining ones. */
const columnsPhase = ({ extent, inner, outer, bytes }: Lines, name: string, vectors: boolean): Phase => {
  const groups = Math.ceil(inner / 4)
  const stride = i32(inner * bytes)
  return {
    count: outer * groups,
    grain: grainFor(extent * (vectors ? 1 : 4)),
    emit: (code, { inputs, outputs }, lo, hi, library) => {
      code.for(lo, hi, 1, (i) => {
        const first = code.let(times(remainder(i, groups), 4))
        const block = code.let(quotient(i, groups))
        const source = code.let(offsetBy(inputs[0]!, [times(block, extent * inner * bytes), times(first, bytes)]))
        const target = code.let(offsetBy(outputs[0]!, [times(block, inner * 4), times(first, 4)]))
        const together = (): void => {
          code.call(library(`${name}.lines`), source, i32(extent), stride, target)
        }
        const oneByOne = (): void => {
          const count = code.let(select(op('i32.lt_u', minus(inner, first), i32(4)), minus(inner, first), i32(4)))
          code.for(i32(0), count, 1, (c) => {
            const place = result<'i32'>(library(name), plus(source, times(c, bytes)), i32(extent), stride)
            code.store('i32.store', plus(target, times(c, 4)), place)
          })
        }
        if (!vectors) oneByOne()
        else if (inner % 4 === 0) together()
        else code.if(op('i32.le_s', first, i32(inner - 4)), together, oneByOne)
      })
    },
  }
}

const argRoutine =
  <N extends ArgName>(op: N): RoutineFor<N> =>
  ({ axis }: AxisParams, operands) => {
    const { dtype, shape, size } = operands[0]!
    if (isNarrow(dtype)) return null
    if (size === 0) return { scratch: 0, phases: [], imports: [] }
    const name = `${op}.${dtype}`
    const { bytes } = arithmetic[dtype].cell
    const [extent, inner] = [shape[axis]!, stridesOf(shape)[axis]!]
    const lines: Lines = { extent, inner, outer: size / (extent * inner), bytes }
    const vectors = orders[dtype]('gt').lanes !== null
    if (inner > 1) {
      const imports = vectors ? (inner % 4 === 0 ? [`${name}.lines`] : [`${name}.lines`, name]) : [name]
      return { scratch: 0, phases: [columnsPhase(lines, name, vectors && inner >= 4)], imports }
    }
    const inVectors = vectors && extent >= 8
    const placeOf = (find: Find, address: I32): I32 =>
      inVectors
        ? result(find(`${name}.row`), address, i32(extent))
        : result(find(name), address, i32(extent), i32(bytes))
    return { scratch: 0, phases: [rowsPhase(lines, placeOf)], imports: [inVectors ? `${name}.row` : name] }
  }

export const argreduceRoutines = { argmax: argRoutine('argmax'), argmin: argRoutine('argmin') }
