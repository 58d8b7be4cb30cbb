/** The inner part of a convolution's sum: lines of rows by panels of columns, summed over two axes by the loops of tiles. */
import type { Code, Func } from '../asm/index.ts'
import { i32, op } from '../asm/index.ts'
import { panelColumns } from './convPanels.ts'
import { TILE_ROWS, convTilesName } from './convTiles.ts'
import type { Grid } from './grid.ts'
import { axesOf } from './grid.ts'
import { plus, quotient, times } from './integers.ts'
import type { Float, I32 } from './matmulFloat.ts'

interface Axis {
  readonly extent: number
  readonly a: number
  /** Of rows: the stride in C; of sums: that in B. */
  readonly other: number
}

export const axisAt = ({ shape, strides }: Grid, d: number): Axis => ({
  extent: shape[d] ?? 1,
  a: strides[0]![d] ?? 0,
  other: strides[1]![d] ?? 0,
})

export const without = (grid: Grid, axis: number): Grid =>
  axesOf(
    grid,
    grid.shape.map((_, d) => d).filter((d) => d !== axis),
  )

/** The axis of rows in tiles: the innermost one that fills them well, else the best one. */
export const rowAxisOf = ({ shape }: Grid): number => {
  const filling = shape.map((n) => n / (Math.ceil(n / TILE_ROWS) * TILE_ROWS))
  const good = filling.findLastIndex((f) => f >= 0.8)
  return good >= 0 ? good : filling.lastIndexOf(Math.max(...filling))
}

/** The inner loops: a line of rows, two axes of sums, columns. */
export interface Core {
  readonly float: Float
  readonly row: Axis
  readonly inner: Axis
  readonly outer: Axis
  readonly columns: number
  readonly columnwise: boolean
}

type Library = (name: string) => Func

/** Up to a whole panel of columns, for `count` rows. `isLast`: it is the last one, and partial. */
const multiplyPanel = (
  code: Code,
  library: Library,
  { float, row, inner, outer, columns, columnwise }: Core,
  [a, b, c]: readonly [I32, I32, I32],
  count: I32,
  isLast: boolean,
  accumulate: I32,
): void => {
  const width = panelColumns(float)
  const wide = isLast ? columns % width : width
  const vectors = Math.ceil(wide / float.lanes)
  const tiles = (rows: number, first: I32, number: I32): void => {
    code.call(
      library(convTilesName(float, rows, vectors, columnwise)),
      plus(c, times(first, row.other)),
      i32(row.other),
      plus(a, times(first, row.a)),
      i32(row.a),
      b,
      i32(inner.extent),
      i32(inner.a),
      i32(inner.other),
      i32(outer.extent),
      i32(outer.a - inner.extent * inner.a),
      i32(outer.other - inner.extent * inner.other),
      number,
      i32(wide),
      accumulate,
    )
  }
  const whole = code.let(quotient(count, TILE_ROWS))
  if (row.extent >= TILE_ROWS) {
    code.if(whole, () => {
      tiles(TILE_ROWS, i32(0), whole)
    })
  }
  const rest = row.extent % TILE_ROWS
  if (rest === 0) return
  code.if(op('i32.and', count, i32(TILE_ROWS - 1)), () => {
    tiles(rest, times(whole, TILE_ROWS), i32(1))
  })
}

interface Extent {
  /** The number of rows. */
  readonly count: I32
  readonly panelBytes: number
  /** The one panel to compute; null for all. */
  readonly panel: I32 | null
  /** Whether results are added to existing values. */
  readonly accumulate: I32
}

/** All panels, or the one with a number that is known at run time. */
export const multiplyPanels = (
  code: Code,
  library: Library,
  core: Core,
  [a, b, c]: readonly [I32, I32, I32],
  { count, panelBytes, panel, accumulate }: Extent,
): void => {
  const width = panelColumns(core.float)
  const whole = Math.floor(core.columns / width)
  const multiply = (q: I32, isLast: boolean): void => {
    const at = [
      core.columnwise ? code.let(plus(a, times(q, width * core.float.bytes))) : a,
      code.let(plus(b, times(q, panelBytes))),
      code.let(plus(c, times(q, width * core.float.bytes))),
    ] as const
    multiplyPanel(code, library, core, at, count, isLast, accumulate)
  }
  const rest = core.columns % width
  const last =
    rest === 0
      ? null
      : (): void => {
          multiply(i32(whole), true)
        }
  if (panel === null) {
    if (whole === 1) multiply(i32(0), false)
    else if (whole > 1)
      code.for(i32(0), i32(whole), 1, (q) => {
        multiply(q, false)
      })
    last?.()
  } else if (last === null) {
    multiply(panel, false)
  } else {
    code.if(
      op('i32.lt_u', panel, i32(whole)),
      () => {
        multiply(panel, false)
      },
      last,
    )
  }
}

/** The library functions that are called. */
export const imports = ({ float, row, columns, columnwise }: Core): readonly string[] => {
  const heights = [
    ...(row.extent >= TILE_ROWS ? [TILE_ROWS] : []),
    ...(row.extent % TILE_ROWS > 0 ? [row.extent % TILE_ROWS] : []),
  ]
  const widths = new Set(
    [
      ...(columns >= panelColumns(float) ? [panelColumns(float)] : []),
      ...(columns % panelColumns(float) > 0 ? [columns % panelColumns(float)] : []),
    ].map((n) => Math.ceil(n / float.lanes)),
  )
  return heights.flatMap((rows) => [...widths].map((vectors) => convTilesName(float, rows, vectors, columnwise)))
}
