/** P A = L U with partial pivoting, a panel of a few columns at a time: the part right of it is updated by whole rows. */
import { sizeOf } from '../../../core/shape.ts'
import { batchOf, extents } from '../../../primitives/linalg/matrices.ts'
import type { Code, Expr } from '../asm/index.ts'
import { f64, i32, load, op, select } from '../asm/index.ts'
import { doubleCell, grainForWork, subtractRows } from './linalg.ts'
import { plus, smaller, times } from './integers.ts'
import type { LibraryFunction, RoutineFor } from './routine.ts'

type I32 = Expr<'i32'>

const PANEL = 4

/** Sizes of a matrix, known at run time. */
interface Matrix {
  readonly a: I32
  readonly rows: I32
  readonly rowBytes: I32
}

const rowAt = ({ a, rowBytes }: Matrix, i: I32): I32 => op('i32.add', a, op('i32.mul', i, rowBytes))
const at = (matrix: Matrix, i: I32, j: I32): I32 => op('i32.add', rowAt(matrix, i), times(j, 8))

/** The row from `j` on whose element in column `j` is the largest: the first of equal ones. */
const pivotOf = (code: Code, matrix: Matrix, j: I32): I32 => {
  const place = code.variable(at(matrix, j, j))
  const best = code.variable(op('f64.abs', load('f64.load', place.get)))
  const pivot = code.variable(j)
  code.for(plus(j, 1), matrix.rows, 1, (i) => {
    code.set(place, op('i32.add', place.get, matrix.rowBytes))
    const size = code.let(op('f64.abs', load('f64.load', place.get)))
    code.if(op('f64.gt', size, best.get), () => {
      code.set(best, size)
      code.set(pivot, i)
    })
  })
  return pivot.get
}

const exchangeRows = (code: Code, matrix: Matrix, permutation: I32, i: I32, j: I32): void => {
  const [x, y] = [code.let(rowAt(matrix, i)), code.let(rowAt(matrix, j))]
  code.for(i32(0), matrix.rowBytes, 8, (k) => {
    const [p, q] = [code.let(op('i32.add', x, k)), code.let(op('i32.add', y, k))]
    const kept = code.let(load('f64.load', p))
    code.store('f64.store', p, load('f64.load', q))
    code.store('f64.store', q, kept)
  })
  const [p, q] = [i, j].map((row) => code.let(op('i32.add', permutation, times(row, 4)))) as [I32, I32]
  const kept = code.let(load('i32.load', p))
  code.store('i32.store', p, load('i32.load', q))
  code.store('i32.store', q, kept)
}

/** Divides column `j` below the diagonal by the pivot, and updates the panel's columns right of it, up to `end`. */
const eliminate = (code: Code, matrix: Matrix, j: I32, end: I32): void => {
  const head = code.let(load('f64.load', at(matrix, j, j)))
  code.if(op('f64.ne', head, f64(0)), () => {
    const first = code.let(at(matrix, j, j))
    const bytes = code.let(times(op('i32.sub', end, j), 8))
    code.for(plus(j, 1), matrix.rows, 1, (i) => {
      const row = code.let(at(matrix, i, j))
      const factor = code.let(op('f64.div', load('f64.load', row), head))
      code.store('f64.store', row, factor)
      code.for(i32(8), bytes, 8, (k) => {
        const place = code.let(op('i32.add', row, k))
        const product = op('f64.mul', factor, load('f64.load', op('i32.add', first, k)))
        code.store('f64.store', place, op('f64.sub', load('f64.load', place), product))
      })
    })
  })
}

/** `lu(a, rows, columns, pivots, permutation)`: in place, on float64. */
const factorise: LibraryFunction = {
  name: 'linalg.lu',
  params: ['i32', 'i32', 'i32', 'i32', 'i32'],
  result: null,
  body: (code, call) => {
    const [a, rows, columns, pivots, permutation] = code.params.map((p) => p.get) as [I32, I32, I32, I32, I32]
    const matrix: Matrix = { a, rows, rowBytes: code.let(times(columns, 8)) }
    const steps = code.let(select(op('i32.lt_s', rows, columns), rows, columns))
    code.for(i32(0), rows, 1, (i) => {
      code.store('i32.store', op('i32.add', permutation, times(i, 4)), i)
    })
    code.for(i32(0), steps, PANEL, (start) => {
      const end = code.let(smaller(plus(start, PANEL), steps))
      code.for(start, end, 1, (j) => {
        const pivot = code.let(pivotOf(code, matrix, j))
        code.store('i32.store', op('i32.add', pivots, times(j, 4)), pivot)
        code.if(op('i32.ne', pivot, j), () => {
          exchangeRows(code, matrix, permutation, j, pivot)
        })
        eliminate(code, matrix, j, end)
      })
      // Right of the panel: subtracts the panel's rows above from each of its rows, and all of them from the others.
      const bytes = code.let(times(op('i32.sub', columns, end), 8))
      const sources = code.let(at(matrix, start, end))
      code.for(plus(start, 1), rows, 1, (i) => {
        const above = smaller(op('i32.sub', i, start), op('i32.sub', end, start))
        const target = at(matrix, i, end)
        const factors = at(matrix, i, start)
        code.call(call(subtractRows.name), target, bytes, sources, matrix.rowBytes, factors, i32(8), above)
      })
    })
  },
}

export const luLibrary: readonly LibraryFunction[] = [factorise]

export const luRoutine: RoutineFor<'lu'> = (_, [x]) => {
  const cell = doubleCell(x!)
  if (cell === null) return null
  const [m, n] = extents(x!.shape)
  const k = Math.min(m, n)
  const matrices = sizeOf(batchOf(x!.shape))
  return {
    scratch: matrices * m * n * 8,
    imports: [factorise.name],
    phases: [
      {
        count: matrices,
        grain: grainForWork(Math.max(1, m * n * k) / 3),
        emit: (code, { inputs, outputs, scratch }, lo, hi, library) => {
          code.for(lo, hi, 1, (i) => {
            const own = (base: I32, bytes: number): I32 => code.let(plus(base, times(i, bytes)))
            const [from, to] = [own(inputs[0]!, m * n * cell.bytes), own(outputs[0]!, m * n * cell.bytes)]
            const matrix = own(scratch, m * n * 8)
            const [pivots, permutation] = [own(outputs[1]!, k * 4), own(outputs[2]!, m * 4)]
            code.for(i32(0), i32(m * n), 1, (e) => {
              code.store('f64.store', plus(matrix, times(e, 8)), cell.load(plus(from, times(e, cell.bytes))))
            })
            code.call(library(factorise.name), matrix, i32(m), i32(n), pivots, permutation)
            code.for(i32(0), i32(m * n), 1, (e) => {
              cell.store(code, plus(to, times(e, cell.bytes)), load('f64.load', plus(matrix, times(e, 8))))
            })
          })
        },
      },
    ],
  }
}
