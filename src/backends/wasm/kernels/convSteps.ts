/** Splits the sum of a convolution into iterations, and defines one of them. */
import { i32, op } from '../asm/index.ts'
import type { Core } from './convCore.ts'
import { axisAt, imports, multiplyPanels, rowAxisOf, without } from './convCore.ts'
import type { Panels } from './convPanels.ts'
import { panelColumns } from './convPanels.ts'
import type { Contraction } from './convPlan.ts'
import { TILE_ROWS } from './convTiles.ts'
import type { Grid } from './grid.ts'
import { addressesAt, axesOf, coordinates, eachPoint, pointsOf } from './grid.ts'
import { minus, plus, quotient, remainder, smaller, times } from './integers.ts'
import type { Float, I32 } from './matmulFloat.ts'
import { grainOf } from './matmulProduct.ts'
import { sumRowsName } from './matmulVector.ts'
import type { Phase } from './routine.ts'
import type { Address, Scratch } from './staging.ts'

/** The most rows computed together: their part of A stays in the cache while panels of B change. */
const MAX_ROWS = 64
/** The number of iterations to keep threads busy; if there are fewer, panels are iterations, too. */
const ENOUGH = 16
/** Sums of this many products are split into chunks: work for threads where there are few results, and less rounding. */
const LONG = 4096
const CHUNKS = 16
/** The most elements in the sums of all chunks. */
const MOST_PARTS = 2 ** 18

/** Where a sum's operands and its results are. */
interface Operands {
  readonly a: Address
  readonly b: Panels
  readonly c: Address
  /** Elements of the array of results; null if it also has others. */
  readonly size: number | null
}

interface Steps {
  readonly phases: readonly Phase[]
  readonly imports: readonly string[]
}

interface Plan {
  readonly core: Core
  /** Rows and sums outside the inner loops. */
  readonly rows: Grid
  readonly sums: Grid
}

const planOf = ({ rows, columns, columnwise }: Contraction, float: Float, sums: Grid): Plan => {
  const rowAxis = rowAxisOf(rows)
  const depth = sums.shape.length
  const outside = sums.shape.map((_, d) => d).filter((d) => d < depth - 2)
  return {
    core: {
      float,
      row: axisAt(rows, rowAxis),
      inner: axisAt(sums, depth - 1),
      outer: axisAt(sums, depth - 2),
      columns,
      columnwise,
    },
    rows: without(rows, rowAxis),
    sums: axesOf(sums, outside),
  }
}

/** The approximate time of this many products. */
const nanoseconds = ({ lanes }: Float, products: number): number => 100 + products / (4 * lanes)

/** Iterations over groups and rows, and over panels where these are few; each computes the whole sums of its results. */
const rowSteps = (contraction: Contraction, float: Float, { a, b, c }: Operands): Steps => {
  const { groups, groupStrides } = contraction
  const { core, rows, sums } = planOf(contraction, float, sumsOf(contraction, b))
  const { row, columns } = core
  const pieces = Math.ceil(row.extent / MAX_ROWS)
  const piece = Math.ceil(row.extent / pieces / TILE_ROWS) * TILE_ROWS
  const panels = Math.ceil(columns / panelColumns(float))
  const grid = {
    shape: [groups, ...rows.shape, pieces],
    strides: [
      [groupStrides[0], ...rows.strides[0]!, piece * row.a],
      [b.group, ...rows.shape.map(() => 0), 0],
      [groupStrides[2], ...rows.strides[1]!, piece * row.other],
    ],
  }
  const apart = pointsOf(grid) < ENOUGH && panels > 1
  const products = piece * pointsOf(contraction.sums) * (apart ? panelColumns(float) : columns)
  const phase: Phase = {
    count: pointsOf(grid) * (apart ? panels : 1),
    grain: grainOf(nanoseconds(float, products)),
    emit: (code, places, lo, hi, library) => {
      const bases = [a, b.at, c].map((at) => code.let(at(places)))
      code.for(lo, hi, 1, (i) => {
        const panel = apart ? code.let(remainder(i, panels)) : null
        const point = coordinates(code, grid.shape, apart ? code.let(quotient(i, panels)) : i)
        const [left, right, to] = addressesAt(code, grid, bases, point) as [I32, I32, I32]
        const rest = minus(row.extent, times(point.at(-1)!, piece))
        const count = pieces === 1 ? i32(row.extent) : code.let(smaller(rest, piece))
        const isFurther = code.variable(i32(0))
        eachPoint(code, sums, [left, right], ([x, y]) => {
          multiplyPanels(code, library, core, [x!, y!, to], {
            count,
            panelBytes: b.panel,
            panel,
            accumulate: isFurther.get,
          })
          code.set(isFurther, i32(1))
        })
      })
    },
  }
  return { phases: [phase], imports: imports(core) }
}

/** The axes of sums, in A and in the panels of B. */
const sumsOf = ({ sums }: Contraction, b: Panels): Grid => ({ shape: sums.shape, strides: [sums.strides[0]!, b.sums] })

/** Iterations over groups and chunks of the outermost axis of sums; each computes all results. Then chunks are summed. */
const chunkSteps = (
  contraction: Contraction,
  float: Float,
  { a, b, c }: Operands,
  size: number,
  scratch: Scratch,
): Steps => {
  const { groups, groupStrides } = contraction
  const all = sumsOf(contraction, b)
  const cut = axisAt(all, 0)
  const { core, rows, sums } = planOf(contraction, float, without(all, 0))
  const chunk = Math.ceil(cut.extent / CHUNKS)
  const chunks = Math.ceil(cut.extent / chunk)
  const bytes = size * float.bytes
  const parts = scratch.take(chunks * bytes)
  const grid = {
    shape: [groups, chunks],
    strides: [
      [groupStrides[0], chunk * cut.a],
      [b.group, chunk * cut.other],
      [groupStrides[2], bytes],
    ],
  }
  const products = (pointsOf(contraction.rows) * pointsOf(contraction.sums) * contraction.columns) / chunks
  const partial: Phase = {
    count: pointsOf(grid),
    grain: grainOf(nanoseconds(float, products)),
    emit: (code, places, lo, hi, library) => {
      const bases = [a, b.at, parts].map((at) => code.let(at(places)))
      code.for(lo, hi, 1, (i) => {
        const point = coordinates(code, grid.shape, i)
        const [left, right, to] = addressesAt(code, grid, bases, point) as [I32, I32, I32]
        const steps = code.let(smaller(minus(cut.extent, times(point[1]!, chunk)), chunk))
        const isFurther = code.variable(i32(0))
        code.for(i32(0), steps, 1, (step) => {
          const starts = [plus(left, times(step, cut.a)), plus(right, times(step, cut.other))].map((x) => code.let(x))
          eachPoint(code, sums, starts, ([x, y]) => {
            eachPoint(code, rows, [x!, to], ([xRow, toRow]) => {
              const how = { count: i32(core.row.extent), panelBytes: b.panel, panel: null, accumulate: isFurther.get }
              multiplyPanels(code, library, core, [xRow!, y!, toRow!], how)
            })
            code.set(isFurther, i32(1))
          })
        })
      })
    },
  }
  const total: Phase = {
    count: 1,
    grain: 1,
    emit: (code, places, lo, hi, library) => {
      code.if(op('i32.lt_s', lo, hi), () => {
        code.call(library(sumRowsName(float)), c(places), parts(places), i32(chunks), i32(size))
      })
    },
  }
  return { phases: [partial, total], imports: [...imports(core), sumRowsName(float)] }
}

/** Whether there are few results, with long sums. */
const isLong = ({ sums }: Contraction, size: number): boolean =>
  pointsOf(sums) >= LONG && sums.shape[0]! > 1 && size * CHUNKS <= MOST_PARTS

export const contractionSteps = (
  contraction: Contraction,
  float: Float,
  operands: Operands,
  scratch: Scratch,
): Steps => {
  const { size } = operands
  return size !== null && isLong(contraction, size)
    ? chunkSteps(contraction, float, operands, size, scratch)
    : rowSteps(contraction, float, operands)
}
