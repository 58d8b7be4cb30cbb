/** Products with quantised matrices block by block: panels are expanded in the thread's own memory just before they are used. */
import type { Code, Func } from '../asm/index.ts'
import { i32, op, result } from '../asm/index.ts'
import { minus, plus, quotient, remainder, smaller, times } from './integers.ts'
import { A_AREA, PANEL_GROUP, PANEL_ROW, blockLoops } from './matmulBlock.ts'
import type { I32 } from './matmulFloat.ts'
import { float32, integerFunction } from './matmulFloat.ts'
import { copyMatrixName, packRowsName } from './matmulPack.ts'
import { panelColumns } from './matmulTiles.ts'
import { expandAnyName } from './quantizedExpand.ts'
import type { LibraryFunction } from './routine.ts'

export const quantizedBlockName = (transposed: boolean): string => (transposed ? 'quantized.blockT' : 'quantized.block')

const WIDTH = panelColumns(float32)
/** Columns that are expanded together. */
export const GROUP_COLUMNS = PANEL_GROUP * WIDTH

/** A quantised matrix: where its rows of blocks begin, and of which kind they are. */
interface Blocks {
  readonly base: I32
  readonly row: I32
  readonly kind: I32
}

type Call = (name: string) => Func

/** Expands a rectangle of values, row by row, into contiguous floats. */
const expandRows = (
  code: Code,
  call: Call,
  to: I32,
  blocks: Blocks,
  rows: readonly [first: I32, count: I32],
  columns: readonly [first: I32, count: I32],
): void => {
  const target = code.variable(to)
  const row = code.variable(plus(blocks.base, op('i32.mul', rows[0], blocks.row)))
  code.for(i32(0), rows[1], 1, () => {
    code.call(call(expandAnyName), blocks.kind, target.get, row.get, ...columns)
    code.set(target, plus(target.get, times(columns[1], 4)))
    code.set(row, plus(row.get, blocks.row))
  })
}

/** Columns of C that are rows of blocks: `width` of them from `j` on, for `depth` elements from `p` on. */
const packRowsOfBlocks = (
  code: Code,
  call: Call,
  panels: I32,
  values: I32,
  blocks: Blocks,
  [p, depth]: readonly [I32, I32],
  [j, width]: readonly [I32, I32],
): void => {
  expandRows(code, call, values, blocks, [j, width], [p, depth])
  const panelBytes = code.let(times(depth, PANEL_ROW))
  const length = code.let(times(depth, 4))
  const panel = code.variable(panels)
  code.for(i32(0), width, WIDTH, (column) => {
    const present = code.let(smaller(minus(width, column), WIDTH))
    const from = code.let(plus(values, op('i32.mul', column, length)))
    code.if(op('i32.ne', present, i32(WIDTH)), () => {
      code.fill(panel.get, i32(0), panelBytes)
    })
    code.call(call(copyMatrixName(float32)), panel.get, i32(PANEL_ROW), from, i32(4), length, depth, present)
    code.set(panel, plus(panel.get, panelBytes))
  })
}

/** Columns of C that run along rows of blocks, which are steps of the sum. */
const packColumnsOfBlocks = (
  code: Code,
  call: Call,
  panels: I32,
  values: I32,
  blocks: Blocks,
  [p, depth]: readonly [I32, I32],
  [j, width]: readonly [I32, I32],
): void => {
  expandRows(code, call, values, blocks, [p, depth], [j, width])
  const whole = code.let(quotient(width, WIDTH))
  code.call(call(packRowsName(float32)), panels, values, times(width, 4), depth, whole)
  const rest = code.let(remainder(width, WIDTH))
  code.if(rest, () => {
    const panelBytes = code.let(times(depth, PANEL_ROW))
    const panel = code.let(plus(panels, op('i32.mul', whole, panelBytes)))
    const from = plus(values, times(whole, PANEL_ROW))
    code.fill(panel, i32(0), panelBytes)
    code.call(call(copyMatrixName(float32)), panel, i32(PANEL_ROW), from, times(width, 4), i32(4), depth, rest)
  })
}

/** `(c, cRow, a, aRow, b, bRow, kind, rows, cols, k)`: C = A Wᵀ, or A W; rows of A are contiguous, rows of W are `bRow` bytes apart. */
const block = (transposed: boolean): LibraryFunction =>
  integerFunction(
    quantizedBlockName(transposed),
    10,
    (code, [c, cRow, a, aRow, b, bRow, kind, rows, cols, k], call) => {
      const scratch = code.let(result<'i32'>(call('threadScratch')))
      const values = code.let(plus(scratch, A_AREA))
      const blocks = { base: b, row: bRow, kind }
      const pack = transposed ? packColumnsOfBlocks : packRowsOfBlocks
      const operands = { c, cRow, a, aRow, aCol: i32(float32.bytes), rows, cols, k }
      blockLoops(code, float32, call, operands, scratch, (p, j, depth) => {
        const place = code.let(remainder(quotient(j, WIDTH), PANEL_GROUP))
        code.if(op('i32.eqz', place), () => {
          const width = code.let(smaller(minus(cols, j), GROUP_COLUMNS))
          pack(code, call, scratch, values, blocks, [p, depth], [j, width])
        })
        return { base: code.let(plus(scratch, op('i32.mul', place, times(depth, PANEL_ROW)))), row: i32(PANEL_ROW) }
      })
    },
  )

export const quantizedBlockLibrary: readonly LibraryFunction[] = [block(false), block(true)]
