/** Rows of quantised blocks as floats, and their products with a vector: functions of the library. */
import type { BlockKind, ExpandedKind } from '../../../core/blocks.ts'
import { blocks } from '../../../core/blocks.ts'
import type { Code } from '../asm/index.ts'
import { i32, load, op, result } from '../asm/index.ts'
import { plus, quotient, times } from './integers.ts'
import type { I32, Vector } from './matmulFloat.ts'
import { float32, integerFunction, multiplyAdd } from './matmulFloat.ts'
import { GROUP, floatsOfHalves, hasOffset, unpackGroup } from './quantizedUnpack.ts'
import type { LibraryFunction } from './routine.ts'

const blockKinds = Object.keys(blocks) as readonly BlockKind[]
const halfKinds = ['float16', 'bfloat16'] as const
type HalfKind = (typeof halfKinds)[number]

/** As kernels number them. */
export const expandedKinds: readonly ExpandedKind[] = [...blockKinds, ...halfKinds]

export const expandName = (kind: ExpandedKind): string => `${kind}.expand`
export const dotsName = (kind: ExpandedKind): string => `${kind}.dots`
/** `expand` of the kind with a number. */
export const expandAnyName = 'quantized.expand'

const GROUP_BYTES = 4 * GROUP

/** `(to, row, first, count)`: elements `first` on of a row of blocks, both multiples of 32, as float32. */
const expand = (kind: BlockKind): LibraryFunction =>
  integerFunction(expandName(kind), 4, (code, [to, row, first, count]) => {
    const target = code.variable(to)
    const start = code.let(quotient(first, GROUP))
    code.for(start, plus(start, quotient(count, GROUP)), 1, (index) => {
      const parts = unpackGroup(code, kind, row, index)
      let offset = 0
      for (const part of parts) {
        const scale = code.let(part.scale)
        const shift = part.offset === null ? null : code.let(part.offset)
        for (const integers of part.integers) {
          const product = op('f32x4.mul', integers, scale)
          code.store('v128.store', target.get, shift === null ? product : op('f32x4.add', product, shift), offset)
          offset += 16
        }
      }
      code.set(target, plus(target.get, GROUP_BYTES))
    })
  })

/** The same for 16-bit floats, of any number. */
const expandHalves = (kind: HalfKind): LibraryFunction =>
  integerFunction(expandName(kind), 4, (code, [to, row, first, count]) => {
    const from = code.let(plus(row, times(first, 2)))
    const bulk = code.let(op('i32.and', count, i32(-4)))
    const i = code.variable(i32(0))
    code.while(i, bulk, 4, (at) => {
      code.store('v128.store', plus(to, times(at, 4)), floatsOfHalves(code, kind, plus(from, times(at, 2))))
    })
    code.while(i, count, 1, (at) => {
      float32.storeElement(code, plus(to, times(at, 4)), floatsOfHalves(code, kind, plus(from, times(at, 2)), true))
    })
  })

/** `(kind, to, row, first, count)`: kinds are numbered as in `expandedKinds`. */
const expandAny = integerFunction(expandAnyName, 5, (code, [kind, to, row, first, count], call) => {
  expandedKinds.forEach((name, i) => {
    code.if(op('i32.eq', kind, i32(i)), () => {
      code.call(call(expandName(name)), to, row, first, count)
      code.return()
    })
  })
})

const xAt = (x: I32, v: number): Vector => load('v128.load', x, 16 * v)

/** The sum of the lanes, in lane 0. */
const sumOfLanes = (x: Vector): Vector =>
  float32.transposed([x, float32.zero, float32.zero, float32.zero]).reduce((s, t) => float32.add(s, t))

/** Writes the sums of groups of x one after the other. */
const sumGroups = (code: Code, sums: I32, x: I32, k: I32): void => {
  const from = code.variable(x)
  code.for(i32(0), quotient(k, GROUP), 1, (group) => {
    const vectors = Array.from({ length: GROUP / 4 }, (_, v) => xAt(from.get, v))
    const total = code.let(vectors.reduce((s, t) => float32.add(s, t)))
    float32.storeElement(code, plus(sums, times(group, 4)), sumOfLanes(total))
    code.set(from, plus(from.get, GROUP_BYTES))
  })
}

/**
 * `(y, x, w, wRow, cols, k)`: y[j] = Σ x[p] W[j, p], without writing expanded blocks:
 * Σ x (scale·q + offset) = Σ over groups of scale · Σ x q + offset · Σ x.
 */
const dots = (kind: BlockKind): LibraryFunction =>
  integerFunction(dotsName(kind), 6, (code, [firstY, x, firstRow, wRow, cols, k], call, { relaxed }) => {
    const sums = code.let(result<'i32'>(call('threadScratch')))
    if (hasOffset(kind)) sumGroups(code, sums, x, k)
    const y = code.variable(firstY)
    const row = code.variable(firstRow)
    code.for(i32(0), cols, 1, () => {
      const total = code.variable(float32.zero)
      const left = code.variable(x)
      const sumAt = code.variable(sums)
      code.for(i32(0), quotient(k, GROUP), 1, (group) => {
        let v = 0
        for (const part of unpackGroup(code, kind, row.get, group)) {
          const products = [0, 1].map(() => code.variable(float32.zero))
          part.integers.forEach((integers, i) => {
            const sum = products[i % 2]!
            const value =
              i < 2
                ? op('f32x4.mul', integers, xAt(left.get, v))
                : multiplyAdd(float32, relaxed, integers, xAt(left.get, v), sum.get)
            code.set(sum, value)
            v++
          })
          const sum = float32.add(products[0]!.get, products[1]!.get)
          code.set(total, multiplyAdd(float32, relaxed, sum, part.scale, total.get))
          if (part.offset !== null) {
            code.set(total, multiplyAdd(float32, relaxed, float32.element(sumAt.get), part.offset, total.get))
          }
        }
        code.set(left, plus(left.get, GROUP_BYTES))
        code.set(sumAt, plus(sumAt.get, 4))
      })
      float32.storeElement(code, y.get, sumOfLanes(total.get))
      code.set(y, plus(y.get, 4))
      code.set(row, plus(row.get, wRow))
    })
  })

/** `(y, x, w, wRow, cols, k)`: the same with rows of 16-bit floats, as wide as there are. */
const dotsOfHalves = (kind: HalfKind): LibraryFunction =>
  integerFunction(dotsName(kind), 6, (code, [firstY, x, firstRow, wRow, cols, k], _, { relaxed }) => {
    const y = code.variable(firstY)
    const row = code.variable(firstRow)
    const [whole, bulk] = [16, 4].map((n) => code.let(op('i32.and', k, i32(-n)))) as [I32, I32]
    code.for(i32(0), cols, 1, () => {
      const sums = Array.from({ length: 4 }, () => code.variable(float32.zero))
      const p = code.variable(i32(0))
      const add = (v: number, left: Vector, one: boolean): void => {
        const right = floatsOfHalves(code, kind, plus(plus(row.get, times(p.get, 2)), 8 * v), one)
        code.set(sums[v]!, multiplyAdd(float32, relaxed, left, right, sums[v]!.get))
      }
      code.while(p, whole, 16, () => {
        sums.forEach((_, v) => {
          add(v, xAt(plus(x, times(p.get, 4)), v), false)
        })
      })
      code.while(p, bulk, 4, () => {
        add(0, xAt(plus(x, times(p.get, 4)), 0), false)
      })
      // An element of x, and zeros.
      code.while(p, k, 1, () => {
        add(0, float32.element(plus(x, times(p.get, 4))), true)
      })
      const [a, b, c, d] = sums.map((s) => s.get) as [Vector, Vector, Vector, Vector]
      float32.storeElement(code, y.get, sumOfLanes(code.let(float32.add(float32.add(a, b), float32.add(c, d)))))
      code.set(y, plus(y.get, 4))
      code.set(row, plus(row.get, wRow))
    })
  })

export const quantizedRowLibrary: readonly LibraryFunction[] = [
  ...blockKinds.flatMap((kind) => [expand(kind), dots(kind)]),
  ...halfKinds.flatMap((kind) => [expandHalves(kind), dotsOfHalves(kind)]),
  expandAny,
]
