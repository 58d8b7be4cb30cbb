/** The second operand of a convolution's sum, in panels: columns side by side, in the order of the inner loop. */
import { blockPhase } from './blocks.ts'
import type { Contraction } from './convPlan.ts'
import { TILE_VECTORS } from './convTiles.ts'
import { pointsOf } from './grid.ts'
import { plus } from './integers.ts'
import type { Float } from './matmulFloat.ts'
import type { Phase } from './routine.ts'
import type { Address, Scratch } from './staging.ts'
import { clearing } from './staging.ts'

/** Where the vectors of B are. Strides are in bytes. */
export interface Panels {
  readonly at: Address
  readonly group: number
  readonly panel: number
  /** Along the axes of k. */
  readonly sums: readonly number[]
  readonly phases: readonly Phase[]
}

/** Rows of B of up to this many bytes are read in place: longer ones would be on too many pages. */
const NEAR = 512
/** The number of rows of A from which copying B pays. */
const FEW_ROWS = 32

export const panelColumns = ({ lanes }: Float): number => lanes * TILE_VECTORS

const rowMajor = (shape: readonly number[], unit: number): number[] =>
  shape.map((_, d) => shape.slice(d + 1).reduce((x, y) => x * y, unit))

/** In place, if columns are contiguous, fill vectors, and are close enough or rarely used. */
const readable = ({ columns, columnStride, rows }: Contraction, { bytes, lanes }: Float): boolean =>
  columnStride === bytes && columns % lanes === 0 && (columns * bytes <= NEAR || pointsOf(rows) < FEW_ROWS)

export const panelsOf = (contraction: Contraction, float: Float, at: Address, scratch: Scratch): Panels => {
  const { groups, groupStrides, sums, columns, columnStride } = contraction
  const { bytes } = float
  const width = panelColumns(float)
  if (readable(contraction, float)) {
    return { at, group: groupStrides[1], panel: width * bytes, sums: sums.strides[1]!, phases: [] }
  }
  const rowBytes = width * bytes
  const panelBytes = pointsOf(sums) * rowBytes
  const groupBytes = Math.ceil(columns / width) * panelBytes
  const copy = scratch.take(groups * groupBytes)
  const strides = rowMajor(sums.shape, rowBytes)
  /** Copies `panels` panels of some columns each, from the first on. */
  const copyPanels = (first: number, panels: number, count: number): Phase =>
    blockPhase(
      {
        shape: [groups, panels, ...sums.shape, count],
        strides: [
          [groupBytes, panelBytes, ...strides, bytes],
          [groupStrides[1], width * columnStride, ...sums.strides[1]!, columnStride],
        ],
      },
      bytes,
      (_, places) => ({
        target: plus(copy(places), first * panelBytes),
        source: plus(at(places), first * width * columnStride),
      }),
    )
  const whole = Math.floor(columns / width)
  const rest = columns % width
  const phases = [
    ...(rest > 0 ? [clearing(copy, groups * groupBytes)] : []),
    ...(whole > 0 ? [copyPanels(0, whole, width)] : []),
    ...(rest > 0 ? [copyPanels(whole, 1, rest)] : []),
  ]
  return { at: copy, group: groupBytes, panel: panelBytes, sums: strides, phases }
}
