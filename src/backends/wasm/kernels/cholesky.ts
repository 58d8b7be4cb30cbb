/** A = L Lᵀ, row by row of U = Lᵀ: U_i = (A_i - Σ_k<i U_ki U_k) / √(the same at i). */
import { batchOf, extents } from '../../../primitives/linalg/matrices.ts'
import { sizeOf } from '../../../core/shape.ts'
import type { Code, Expr } from '../asm/index.ts'
import { f64, i32, load, op, result } from '../asm/index.ts'
import type { DoubleCell } from './linalg.ts'
import { doubleCell, grainForWork, subtractRows } from './linalg.ts'
import { minus, plus, times } from './integers.ts'
import type { LibraryFunction, RoutineFor } from './routine.ts'

type I32 = Expr<'i32'>

/** `cholesky(u, n)`: in place, on the upper triangle of float64 at `u`; returns 1 if the matrix is positive definite. */
const factorise: LibraryFunction = {
  name: 'linalg.cholesky',
  params: ['i32', 'i32'],
  result: 'i32',
  body: (code, call) => {
    const [u, n] = [code.param<'i32'>(0), code.param<'i32'>(1)]
    const rowBytes = code.let(times(n, 8))
    code.for(i32(0), n, 1, (i) => {
      const column = code.let(op('i32.add', u, times(i, 8)))
      const row = code.let(op('i32.add', column, op('i32.mul', i, rowBytes)))
      const bytes = code.let(op('i32.sub', rowBytes, times(i, 8)))
      code.call(call(subtractRows.name), row, bytes, column, rowBytes, column, rowBytes, i)
      const square = code.let(load('f64.load', row))
      code.if(op('i32.eqz', op('f64.gt', square, f64(0))), () => {
        code.return(i32(0))
      })
      const pivot = code.let(op('f64.sqrt', square))
      code.store('f64.store', row, pivot)
      const at = code.variable(i32(8))
      const divisor = code.let(op('f64x2.splat', pivot))
      code.while(at, minus(bytes, 15), 16, (k) => {
        const place = code.let(op('i32.add', row, k))
        code.store('v128.store', place, op('f64x2.div', load('v128.load', place), divisor))
      })
      code.while(at, bytes, 8, (k) => {
        const place = code.let(op('i32.add', row, k))
        code.store('f64.store', place, op('f64.div', load('f64.load', place), pivot))
      })
    })
    code.return(i32(1))
  },
}

export const choleskyLibrary: readonly LibraryFunction[] = [factorise]

/** Visits the elements on and below the diagonal, with the addresses of the mirrored elements in float64. */
const eachLower = (
  code: Code,
  n: number,
  cell: DoubleCell,
  [matrix, mirrored]: readonly [I32, I32],
  visit: (place: I32, mirror: I32) => void,
): void => {
  code.for(i32(0), i32(n), 1, (i) => {
    const row = code.let(plus(matrix, times(i, n * cell.bytes)))
    const column = code.let(plus(mirrored, times(i, 8)))
    code.for(i32(0), plus(i, 1), 1, (j) => {
      visit(code.let(plus(row, times(j, cell.bytes))), code.let(plus(column, times(j, n * 8))))
    })
  })
}

const fillWith = (code: Code, cell: DoubleCell, target: I32, count: number, value: number): void => {
  code.for(i32(0), i32(count * cell.bytes), cell.bytes, (at) => {
    cell.store(code, plus(target, at), f64(value))
  })
}

export const choleskyRoutine: RoutineFor<'cholesky'> = (_, [x]) => {
  const cell = doubleCell(x!)
  if (cell === null) return null
  const [n] = extents(x!.shape)
  const matrices = x!.size === 0 ? 0 : sizeOf(batchOf(x!.shape))
  return {
    scratch: matrices * n * n * 8,
    imports: [factorise.name],
    phases: [
      {
        count: matrices,
        grain: grainForWork((n * n * n) / 6),
        emit: (code, { inputs, outputs, scratch }, lo, hi, library) => {
          code.for(lo, hi, 1, (i) => {
            const [from, to] = [inputs[0]!, outputs[0]!].map((a) => code.let(plus(a, times(i, n * n * cell.bytes))))
            const u = code.let(plus(scratch, times(i, n * n * 8)))
            eachLower(code, n, cell, [from!, u], (place, mirror) => {
              code.store('f64.store', mirror, cell.load(place))
            })
            code.if(
              result(library(factorise.name), u, i32(n)),
              () => {
                code.fill(to!, i32(0), i32(n * n * cell.bytes))
                eachLower(code, n, cell, [to!, u], (place, mirror) => {
                  cell.store(code, place, load('f64.load', mirror))
                })
              },
              () => {
                fillWith(code, cell, to!, n * n, NaN)
              },
            )
          })
        },
      },
    ],
  }
}
