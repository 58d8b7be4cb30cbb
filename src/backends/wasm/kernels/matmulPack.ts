/** Copies of parts of matrices into an order in which the inner loops of a product can read them. */
import type { Code } from '../asm/index.ts'
import { i32, load, op } from '../asm/index.ts'
import { plus, times } from './integers.ts'
import type { Float, I32 } from './matmulFloat.ts'
import { integerFunction } from './matmulFloat.ts'
import { PANEL_VECTORS } from './matmulTiles.ts'
import type { LibraryFunction } from './routine.ts'

export const copyMatrixName = ({ name }: Float): string => `${name}.copyMatrix`
export const packRowsName = ({ name }: Float): string => `${name}.packRows`

/** A matrix in memory; strides are in bytes. */
interface Matrix {
  readonly base: I32
  readonly row: I32
  readonly col: I32
}

const at = ({ base, row, col }: Matrix, i: I32, j: I32): I32 =>
  plus(plus(base, op('i32.mul', i, row)), op('i32.mul', j, col))

type Range = readonly [start: I32, end: I32]

const copyElements = (code: Code, float: Float, to: Matrix, from: Matrix, rows: Range, cols: Range): void => {
  code.for(...rows, 1, (i) => {
    code.for(...cols, 1, (j) => {
      float.storeElement(code, at(to, i, j), float.element(at(from, i, j)))
    })
  })
}

/** Rows are contiguous in both. */
const copyRows = (code: Code, float: Float, to: Matrix, from: Matrix, rows: I32, cols: I32): void => {
  const bulk = code.let(op('i32.and', cols, i32(-float.lanes)))
  code.for(i32(0), rows, 1, (i) => {
    const target = code.let(at(to, i, i32(0)))
    const source = code.let(at(from, i, i32(0)))
    code.for(i32(0), bulk, float.lanes, (j) => {
      const offset = code.let(times(j, float.bytes))
      code.store('v128.store', plus(target, offset), load('v128.load', plus(source, offset)))
    })
  })
  copyElements(code, float, to, from, [i32(0), rows], [bulk, cols])
}

/** Rows are contiguous in the target, columns in the source: squares of a vector's width are exchanged in registers. */
const copyTransposed = (code: Code, float: Float, to: Matrix, from: Matrix, rows: I32, cols: I32): void => {
  const { lanes } = float
  const each = Array.from({ length: lanes }, (_, l) => i32(l))
  const bulkRows = code.let(op('i32.and', rows, i32(-lanes)))
  const bulkCols = code.let(op('i32.and', cols, i32(-lanes)))
  const square = (i: I32, j: I32): void => {
    const source = code.let(at(from, i, j))
    const target = code.let(at(to, i, j))
    const columns = each.map((l) => code.let(load('v128.load', plus(source, op('i32.mul', l, from.col)))))
    float.transposed(columns).forEach((row, l) => {
      code.store('v128.store', plus(target, op('i32.mul', each[l]!, to.row)), row)
    })
  }
  // The longer side outside: the lines of memory that the inner loop touches stay in the cache until they are used up.
  code.if(
    op('i32.gt_s', rows, cols),
    () => {
      code.for(i32(0), bulkRows, lanes, (i) => {
        code.for(i32(0), bulkCols, lanes, (j) => {
          square(i, j)
        })
      })
    },
    () => {
      code.for(i32(0), bulkCols, lanes, (j) => {
        code.for(i32(0), bulkRows, lanes, (i) => {
          square(i, j)
        })
      })
    },
  )
  copyElements(code, float, to, from, [i32(0), bulkRows], [bulkCols, cols])
  copyElements(code, float, to, from, [bulkRows, rows], [i32(0), cols])
}

/** `(to, toRow, from, fromRow, fromCol, rows, cols)`: to[i, j] = from[i, j], with contiguous rows in the target. */
const copyMatrix = (float: Float): LibraryFunction =>
  integerFunction(copyMatrixName(float), 7, (code, [to, toRow, from, fromRow, fromCol, rows, cols]) => {
    const unit = i32(float.bytes)
    const target = { base: to, row: toRow, col: unit }
    const source = { base: from, row: fromRow, col: fromCol }
    code.if(
      op('i32.eq', fromCol, unit),
      () => {
        copyRows(code, float, target, { ...source, col: unit }, rows, cols)
      },
      () => {
        code.if(
          op('i32.eq', fromRow, unit),
          () => {
            copyTransposed(code, float, target, { ...source, row: unit }, rows, cols)
          },
          () => {
            copyElements(code, float, target, source, [i32(0), rows], [i32(0), cols])
          },
        )
      },
    )
  })

/**
 * `(to, from, fromRow, k, panels)`: rows of `panels` panels, contiguous in the source, are dealt out to the panels. Row after
 * row, as the source lies in memory: going down one panel after the other would use parts of lines that are far apart.
 */
const packRows = (float: Float): LibraryFunction =>
  integerFunction(packRowsName(float), 5, (code, [to, from, fromRow, k, panels]) => {
    const width = 16 * PANEL_VECTORS
    const panelBytes = code.let(times(k, width))
    const row = code.variable(from)
    const target = code.variable(to)
    code.for(i32(0), k, 1, () => {
      const source = code.variable(row.get)
      const panel = code.variable(target.get)
      code.for(i32(0), panels, 1, () => {
        for (let v = 0; v < width; v += 16) code.store('v128.store', panel.get, load('v128.load', source.get, v), v)
        code.set(source, plus(source.get, width))
        code.set(panel, plus(panel.get, panelBytes))
      })
      code.set(row, plus(row.get, fromRow))
      code.set(target, plus(target.get, width))
    })
  })

export const packFunctions = (float: Float): readonly LibraryFunction[] => [copyMatrix(float), packRows(float)]
