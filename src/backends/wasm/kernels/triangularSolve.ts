/**
 * Triangular equations by substitution. First the matrix is written to scratch memory, with one row for each equation in the
 * order of solving; then groups of right-hand sides are solved side by side.
 */
import { range, sizeOf } from '../../../core/shape.ts'
import { batchOf, extents } from '../../../primitives/linalg/matrices.ts'
import type { TriangularSolveParams } from '../../../ir/op.ts'
import type { Code, Expr } from '../asm/index.ts'
import { i32, load, op } from '../asm/index.ts'
import type { DoubleCell } from './linalg.ts'
import { doubleCell, grainForWork } from './linalg.ts'
import { minus, offsetBy, plus, quotient, remainder, smaller, times } from './integers.ts'
import type { LibraryFunction, Phase, RoutineFor } from './routine.ts'

type I32 = Expr<'i32'>

/** Right-hand sides that are solved side by side: in one vector, in four or in eight. */
const widths = [2, 8, 16] as const

const nameFor = (width: number): string => `linalg.substitute${width}`

/** `solve(t, x, n, unit)`: x_s = (x_s - Σ_k<s t_sk x_k) / t_ss; rows of x are right-hand sides, side by side. */
const substitute = (width: number): LibraryFunction => ({
  name: nameFor(width),
  params: ['i32', 'i32', 'i32', 'i32'],
  result: null,
  body: (code) => {
    const [t, x, n, unit] = code.params.map((p) => p.get) as [I32, I32, I32, I32]
    const rowBytes = 8 * width
    const places = range(width / 2).map((v) => 16 * v)
    const sums = places.map(() => code.local('v128'))
    const factors = code.variable(t)
    code.for(i32(0), times(n, rowBytes), rowBytes, (row) => {
      const target = code.let(op('i32.add', x, row))
      const factor = code.variable(factors.get)
      sums.forEach((sum, v) => {
        code.set(sum, load('v128.load', target, places[v]))
      })
      code.for(i32(0), row, rowBytes, (before) => {
        const source = code.let(op('i32.add', x, before))
        const splat = code.let(load('v128.load64_splat', factor.get))
        sums.forEach((sum, v) => {
          code.set(sum, op('f64x2.sub', sum.get, op('f64x2.mul', splat, load('v128.load', source, places[v]))))
        })
        code.set(factor, plus(factor.get, 8))
      })
      code.if(op('i32.eqz', unit), () => {
        const pivot = code.let(load('v128.load64_splat', factor.get))
        for (const sum of sums) code.set(sum, op('f64x2.div', sum.get, pivot))
      })
      sums.forEach((sum, v) => {
        code.store('v128.store', target, sum.get, places[v])
      })
      code.set(factors, op('i32.add', factors.get, times(n, 8)))
    })
  },
})

export const triangularSolveLibrary: readonly LibraryFunction[] = widths.map(substitute)

interface System {
  readonly n: number
  /** Right-hand sides, with the strides of their elements and of themselves, in elements. */
  readonly count: number
  readonly stride: number
  readonly apart: number
  /** Whether the equations are solved from the first to the last. */
  readonly forward: boolean
  /** Strides of the matrix along equations and unknowns. */
  readonly along: readonly [number, number]
  readonly unit: boolean
}

const systemOf = (
  { leftSide, lower, transposeA, unitDiagonal }: TriangularSolveParams,
  rows: number,
  columns: number,
): System => {
  // x op(a) = b is op(a)ᵀ xᵀ = bᵀ.
  const turned = leftSide ? transposeA : !transposeA
  const n = leftSide ? rows : columns
  return {
    n,
    count: leftSide ? columns : rows,
    stride: leftSide ? columns : 1,
    apart: leftSide ? 1 : columns,
    forward: lower !== turned,
    along: turned ? [1, n] : [n, 1],
    unit: unitDiagonal,
  }
}

/** The number of the equation, or unknown, of a step. */
const atStep = ({ forward, n }: System, step: I32): I32 => (forward ? step : minus(n - 1, step))

/** An iteration writes the row of a step: the coefficients of the unknowns solved before, and its own. */
const orderPhase = (system: System, cell: DoubleCell, matrices: number): Phase => {
  const { n, along } = system
  return {
    count: matrices * n,
    grain: grainForWork(n),
    emit: (code, { inputs, scratch }, lo, hi) => {
      code.for(lo, hi, 1, (i) => {
        const step = code.let(remainder(i, n))
        const matrix = times(quotient(i, n), n * n * cell.bytes)
        const equation = times(atStep(system, step), along[0] * cell.bytes)
        const from = code.let(offsetBy(inputs[0]!, [matrix, equation]))
        const to = code.let(plus(scratch, times(i, n * 8)))
        code.for(i32(0), plus(step, 1), 1, (k) => {
          const coefficient = cell.load(plus(from, times(atStep(system, k), along[1] * cell.bytes)))
          code.store('f64.store', plus(to, times(k, 8)), coefficient)
        })
      })
    },
  }
}

/** The least width that holds all right-hand sides, or the greatest. */
const widthFor = (count: number): number => widths.find((width) => count <= width) ?? Math.max(...widths)

/** An iteration solves for a group of right-hand sides; a partial group is padded with zeros. */
const solvePhase = (system: System, cell: DoubleCell, matrices: number): Phase => {
  const { n, count, stride, apart } = system
  const width = widthFor(count)
  const groups = Math.ceil(count / width)
  /** Visits the elements of a group: those of the array, and those in scratch memory. */
  const eachElement = (
    code: Code,
    [array, room]: readonly [I32, I32],
    first: I32,
    visit: (place: I32, own: I32) => void,
  ): void => {
    const end = code.let(smaller(plus(first, width), count))
    code.for(i32(0), i32(n), 1, (step) => {
      const row = code.let(plus(array, times(atStep(system, step), stride * cell.bytes)))
      const own = code.let(plus(room, times(step, width * 8)))
      code.for(first, end, 1, (c) => {
        visit(plus(row, times(c, apart * cell.bytes)), plus(own, times(op('i32.sub', c, first), 8)))
      })
    })
  }
  return {
    count: matrices * groups,
    grain: grainForWork((n * n * width) / 4),
    emit: (code, { inputs, outputs, scratch }, lo, hi, library) => {
      code.for(lo, hi, 1, (i) => {
        const matrix = code.let(quotient(i, groups))
        const first = code.let(times(remainder(i, groups), width))
        const t = code.let(plus(scratch, times(matrix, n * n * 8)))
        const x = code.let(plus(plus(scratch, matrices * n * n * 8), times(i, n * width * 8)))
        const [b, out] = [inputs[1]!, outputs[0]!].map((a) =>
          code.let(plus(a, times(matrix, n * count * cell.bytes))),
        ) as [I32, I32]
        if (count % width !== 0) code.fill(x, i32(0), i32(n * width * 8))
        eachElement(code, [b, x], first, (place, own) => {
          code.store('f64.store', own, cell.load(place))
        })
        code.call(library(nameFor(width)), t, x, i32(n), i32(system.unit ? 1 : 0))
        eachElement(code, [out, x], first, (place, own) => {
          cell.store(code, place, load('f64.load', own))
        })
      })
    },
  }
}

export const triangularSolveRoutine: RoutineFor<'triangularSolve'> = (params, [, b]) => {
  const cell = doubleCell(b!)
  if (cell === null) return null
  if (b!.size === 0) return { scratch: 0, phases: [], imports: [] }
  const [rows, columns] = extents(b!.shape)
  const matrices = sizeOf(batchOf(b!.shape))
  const system = systemOf(params, rows, columns)
  const { n, count } = system
  const width = widthFor(count)
  return {
    scratch: matrices * (n * n + Math.ceil(count / width) * n * width) * 8,
    imports: [nameFor(width)],
    phases: [orderPhase(system, cell, matrices), solvePhase(system, cell, matrices)],
  }
}
