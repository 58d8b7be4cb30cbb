/**
 * The product of a block of rows of A with B. k is cut so that a panel of B (16 KB) stays in the first cache while tiles go down
 * the rows, and so that these rows of A (32 to 128 KB) stay in the second while panels go along the columns.
 */
import type { Code, Func } from '../asm/index.ts'
import { i32, op, result } from '../asm/index.ts'
import { minus, plus, quotient, remainder, smaller, times } from './integers.ts'
import type { Float, I32 } from './matmulFloat.ts'
import { integerFunction } from './matmulFloat.ts'
import { copyMatrixName, packRowsName } from './matmulPack.ts'
import { PANEL_VECTORS, TILE_ROWS, panelColumns, tilesName } from './matmulTiles.ts'
import type { LibraryFunction } from './routine.ts'

/** Steps along k for which sums stay in registers. */
export const K_BLOCK = 256
/** Bytes of a row of a panel. */
export const PANEL_ROW = 16 * PANEL_VECTORS

/** Panels that are packed together: 256 bytes of each row of B. */
export const PANEL_GROUP = 4

/** The most rows of a block. */
export const MAX_ROWS = 128

/** Areas of the thread's scratch memory, 200 KB in all: panels of B first, then a column of tiles of C, then rows of A. */
const EDGE_AREA = K_BLOCK * PANEL_ROW * PANEL_GROUP
export const A_AREA = EDGE_AREA + MAX_ROWS * PANEL_ROW
/** Bytes for A: its rows times the lesser of k and K_BLOCK must not need more. */
export const A_BYTES = 128 * 1024

export const blockName = ({ name }: Float, packed: boolean): string => `${name}.${packed ? 'packedBlock' : 'block'}`
const panelName = ({ name }: Float): string => `${name}.panel`

/** `(c, cRow, a, aRow, b, bRow, k, rows, vectors, accumulate)`: as tiles do, for any number of rows. */
const panel = (float: Float): LibraryFunction =>
  integerFunction(panelName(float), 10, (code, [c, cRow, a, aRow, b, bRow, k, rows, vectors, accumulate], call) => {
    const full = code.let(op('i32.shr_u', rows, i32(Math.log2(TILE_ROWS))))
    const rest = code.let(op('i32.and', rows, i32(TILE_ROWS - 1)))
    const done = code.let(op('i32.and', rows, i32(-TILE_ROWS)))
    const restC = code.let(plus(c, op('i32.mul', done, cRow)))
    const restA = code.let(plus(a, op('i32.mul', done, aRow)))
    const ofWidth = (width: number): void => {
      const tiles = (height: number): Func => call(tilesName(float, height, width))
      code.if(full, () => {
        code.call(tiles(TILE_ROWS), c, cRow, a, aRow, b, bRow, k, full, accumulate)
      })
      for (let height = 1; height < TILE_ROWS; height++) {
        code.if(op('i32.eq', rest, i32(height)), () => {
          code.call(tiles(height), restC, cRow, restA, aRow, b, bRow, k, i32(1), accumulate)
        })
      }
    }
    for (let width = 1; width <= PANEL_VECTORS; width++) {
      code.if(op('i32.eq', vectors, i32(width)), () => {
        ofWidth(width)
      })
    }
  })

/** Copies the columns of the result that exist from where a whole tile was written, or adds them. */
const copyEdge = (
  code: Code,
  float: Float,
  [c, cRow]: readonly [I32, I32],
  edge: I32,
  rows: I32,
  cols: I32,
  accumulate: I32,
): void => {
  code.for(i32(0), rows, 1, (i) => {
    const from = code.let(plus(edge, times(i, PANEL_ROW)))
    const to = code.let(plus(c, op('i32.mul', i, cRow)))
    code.for(i32(0), cols, 1, (j) => {
      const offset = code.let(times(j, float.bytes))
      const sum = code.variable(float.element(plus(from, offset)))
      const target = code.let(plus(to, offset))
      code.if(accumulate, () => {
        code.set(sum, float.add(float.element(target), sum.get))
      })
      float.storeElement(code, target, sum.get)
    })
  })
}

interface Block {
  readonly c: I32
  readonly cRow: I32
  readonly a: I32
  readonly aRow: I32
  readonly aCol: I32
  readonly rows: I32
  readonly cols: I32
  readonly k: I32
}

type Call = (name: string) => Func

/** Where rows begin, and how far it is from one to the next. */
interface Rows {
  readonly base: I32
  readonly row: I32
}

/** A's rows for `depth` steps from `p` on: where they are if they are contiguous, else copied. */
const rowsOfA = (code: Code, float: Float, call: Call, block: Block, scratch: I32, p: I32, depth: I32): Rows => {
  const { a, aRow, aCol, rows } = block
  const from = code.let(plus(a, op('i32.mul', p, aCol)))
  const base = code.variable(from)
  const row = code.variable(aRow)
  code.if(op('i32.ne', aCol, i32(float.bytes)), () => {
    code.set(base, plus(scratch, A_AREA))
    code.set(row, times(depth, float.bytes))
    code.call(call(copyMatrixName(float)), base.get, row.get, from, aRow, aCol, rows, depth)
  })
  return { base: base.get, row: row.get }
}

/** Where `width` columns of B from column `j` on are, for `depth` steps along k from `p` on; writes what brings them there. */
type PanelAt = (p: I32, j: I32, depth: I32, width: I32) => Rows

export const blockLoops = (
  code: Code,
  float: Float,
  call: Call,
  block: Block,
  scratch: I32,
  panelAt: PanelAt,
): void => {
  const { c, cRow, rows, cols, k } = block
  const panelCols = panelColumns(float)
  const edge = code.let(plus(scratch, EDGE_AREA))
  code.for(i32(0), k, K_BLOCK, (p) => {
    const depth = code.let(smaller(minus(k, p), K_BLOCK))
    const a = rowsOfA(code, float, call, block, scratch, p, depth)
    code.for(i32(0), cols, panelCols, (j) => {
      const width = code.let(smaller(minus(cols, j), panelCols))
      const b = panelAt(p, j, depth, width)
      const vectors = code.let(quotient(plus(width, float.lanes - 1), float.lanes))
      const target = code.let(plus(c, times(j, float.bytes)))
      const product = (to: I32, toRow: I32, accumulate: I32): void => {
        code.call(call(panelName(float)), to, toRow, a.base, a.row, b.base, b.row, depth, rows, vectors, accumulate)
      }
      code.if(
        op('i32.and', width, i32(float.lanes - 1)),
        () => {
          product(edge, i32(PANEL_ROW), i32(0))
          copyEdge(code, float, [target, cRow], edge, rows, width, p)
        },
        () => {
          product(target, cRow, p)
        },
      )
    })
  })
}

/** `(c, cRow, a, aRow, aCol, b, rows, cols, k)`: with B in whole panels, one after the other. */
const packedBlock = (float: Float): LibraryFunction =>
  integerFunction(blockName(float, true), 9, (code, [c, cRow, a, aRow, aCol, b, rows, cols, k], call) => {
    const scratch = code.let(result<'i32'>(call('threadScratch')))
    const block = { c, cRow, a, aRow, aCol, rows, cols, k }
    blockLoops(code, float, call, block, scratch, (p, j) => {
      // Column j begins panel j / panelColumns, and each column of it has as many bytes for each step as in B.
      const column = op('i32.mul', times(j, float.bytes), k)
      return { base: code.let(plus(plus(b, column), times(p, PANEL_ROW))), row: i32(PANEL_ROW) }
    })
  })

/**
 * `(c, cRow, a, aRow, aCol, b, bRow, bCol, rows, cols, k, repack)`: with B as it is. With `repack`, its panels are copied, some
 * at a time, before they are used; the last one always is if it is not whole. Without, rows of B have to be contiguous.
 */
const plainBlock = (float: Float): LibraryFunction =>
  integerFunction(
    blockName(float, false),
    12,
    (code, [c, cRow, a, aRow, aCol, b, bRow, bCol, rows, cols, k, repack], call) => {
      const scratch = code.let(result<'i32'>(call('threadScratch')))
      const block = { c, cRow, a, aRow, aCol, rows, cols, k }
      const width = panelColumns(float)
      const contiguous = code.let(op('i32.eq', bCol, i32(float.bytes)))
      blockLoops(code, float, call, block, scratch, (p, j, depth, present) => {
        const from = code.let(plus(plus(b, op('i32.mul', p, bRow)), op('i32.mul', j, bCol)))
        const base = code.variable(from)
        const row = code.variable(bRow)
        const whole = code.let(op('i32.eq', present, i32(width)))
        const place = code.let(remainder(quotient(j, width), PANEL_GROUP))
        const copyPanel = (): void => {
          code.call(call(copyMatrixName(float)), base.get, row.get, from, bRow, bCol, depth, present)
        }
        const copyGroup = (): void => {
          const panels = smaller(quotient(minus(cols, j), width), PANEL_GROUP)
          code.if(op('i32.eqz', place), () => {
            code.call(call(packRowsName(float)), base.get, from, bRow, depth, panels)
          })
        }
        code.if(op('i32.or', op('i32.eqz', whole), repack), () => {
          code.set(base, plus(scratch, op('i32.mul', place, times(depth, PANEL_ROW))))
          code.set(row, i32(PANEL_ROW))
          code.if(
            whole,
            () => {
              code.if(contiguous, copyGroup, copyPanel)
            },
            () => {
              code.fill(base.get, i32(0), times(depth, PANEL_ROW))
              copyPanel()
            },
          )
        })
        return { base: base.get, row: row.get }
      })
    },
  )

export const blockFunctions = (float: Float): readonly LibraryFunction[] => [
  panel(float),
  packedBlock(float),
  plainBlock(float),
]
