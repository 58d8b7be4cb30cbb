/**
 * Scatters: a copy of the operand, into which slices of the updates are combined one after the other, in order. Only disjoint
 * parts run in parallel: batches, or ranges of an axis along which no index moves a slice (columns of an embedding's gradient).
 * Each of them visits all starts.
 */
import type { Aval } from '../../../core/aval.ts'
import { isNarrow } from '../../../core/dtype.ts'
import { range } from '../../../core/shape.ts'
import type { ScatterParams } from '../../../ir/op.ts'
import type { Code, Expr } from '../asm/index.ts'
import { i32 } from '../asm/index.ts'
import { copyBlock, copyWhole, grainOf, rowsOf } from './blocks.ts'
import type { Arithmetic, Cell, CombineName } from './elements.ts'
import { arithmetic, vectorCell } from './elements.ts'
import type { Grid } from './grid.ts'
import { addressesAt, axesOf, coordinates, eachPoint, pointsOf, simplify } from './grid.ts'
import { minus, plus, smaller, times } from './integers.ts'
import type { Phase, RoutineFor } from './routine.ts'
import type { SliceNumbers, Slices } from './slices.ts'
import { sliceAt, slicesOf } from './slices.ts'

type I32 = Expr<'i32'>
type ScatterName = 'scatter' | 'scatterAdd' | 'scatterMul' | 'scatterMin' | 'scatterMax'

/** How updates are combined with existing values: on a block of constant extents, and on a row whose size is known at run time. */
interface Writer {
  /** The grid's arrays are updates, then operand. */
  block(code: Code, grid: Grid, source: I32, target: I32): void
  row(code: Code, source: I32, target: I32, bytes: I32): void
}

const replacing = (width: number): Writer => ({
  block: (code, { shape, strides }, source, target) => {
    copyBlock(code, { shape, strides: strides.toReversed() }, width, target, source)
  },
  row: (code, source, target, bytes) => {
    code.copy(target, source, bytes)
  },
})

const combining = ({ cell, scalar, vector }: Arithmetic, name: CombineName): Writer => {
  const step = <C extends Cell>(
    code: Code,
    c: C,
    f: (x: Expr, y: Expr) => Expr,
    from: I32,
    to: I32,
    at: number,
  ): void => {
    c.store(code, to, f(c.load(to, at), c.load(from, at)), at)
  }
  const one = (code: Code, from: I32, to: I32, at = 0): void => {
    step(code, cell, (x, y) => scalar(name, x, y), from, to, at)
  }
  const many = (code: Code, from: I32, to: I32): void => {
    step(code, vectorCell, (x, y) => vector!(name, x as Expr<'v128'>, y as Expr<'v128'>), from, to, 0)
  }
  /** Whole vectors, then the remaining elements one by one. */
  const row = (code: Code, source: I32, target: I32, bytes: I32): void => {
    const at = code.variable(i32(0))
    if (vector !== null) {
      code.while(at, minus(bytes, 15), 16, (i) => {
        many(code, code.let(plus(source, i)), code.let(plus(target, i)))
      })
    }
    code.while(at, bytes, cell.bytes, (i) => {
      one(code, code.let(plus(source, i)), code.let(plus(target, i)))
    })
  }
  return {
    row,
    block: (code, grid, source, target) => {
      const { outer, bytes } = rowsOf(simplify(grid), cell.bytes)
      eachPoint(code, outer, [source, target], ([from, to]) => {
        if (bytes === cell.bytes) one(code, from!, to!)
        else row(code, from!, to!, i32(bytes))
      })
    },
  }
}

/** Visits slices with the addresses of updates and operand; those out of bounds only where the mode clips them. */
const eachSlice = (
  code: Code,
  slices: Slices,
  starts: Grid,
  bases: readonly I32[],
  visit: (from: I32, to: I32) => void,
): void => {
  eachPoint(code, simplify(starts), bases, ([indices, from, origin]) => {
    const { place, inside } = sliceAt(code, slices, indices!, origin!)
    if (inside === null) visit(from!, place)
    else {
      code.if(inside, () => {
        visit(from!, place)
      })
    }
  })
}

/** An iteration is a batch: all of them together if there is no batching axis. */
const batchesPhase = (slices: Slices, writer: Writer): Phase => {
  const { starts, batchAxes, window } = slices
  const batches = axesOf(starts, batchAxes)
  const rest = axesOf(
    starts,
    range(starts.shape.length).filter((d) => !batchAxes.includes(d)),
  )
  const bytes = pointsOf(rest) * pointsOf(window) * slices.width
  return {
    count: pointsOf(batches),
    grain: grainOf(2 * bytes, rowsOf(simplify(window), slices.width).bytes),
    emit: (code, { inputs, outputs }, lo, hi) => {
      code.for(lo, hi, 1, (i) => {
        const bases = [inputs[1]!, inputs[2]!, outputs[0]!]
        const at = addressesAt(code, batches, bases, coordinates(code, batches.shape, i))
        eachSlice(code, slices, rest, at, (from, to) => {
          writer.block(code, window, from, to)
        })
      })
    },
  }
}

/** Bytes of a cache line: what a range of columns begins and ends at. */
const LINE = 64

/** An axis of the window to split into ranges, in units of this many elements. */
interface Cut {
  readonly axis: number
  readonly unit: number
  readonly count: number
}

const cutOf = ({ window, freeAxes, width }: Slices): Cut | null => {
  const cuts = freeAxes.map((axis): Cut => {
    const contiguous = window.strides.every((s) => s[axis] === width)
    const unit = contiguous ? LINE / width : 1
    return { axis, unit, count: Math.ceil(window.shape[axis]! / unit) }
  })
  return cuts.reduce<Cut | null>((best, cut) => (cut.count > (best?.count ?? 1) ? cut : best), null)
}

/** An iteration is a unit of a window's axis, of all slices. */
const rangesPhase = (slices: Slices, writer: Writer, { axis, unit, count }: Cut): Phase => {
  const { starts, window, width } = slices
  const along = axesOf(window, [axis])
  const rest = axesOf(
    window,
    range(window.shape.length).filter((d) => d !== axis),
  )
  const isRow = window.strides.every((s) => s[axis] === width)
  const bytes = (pointsOf(starts) * pointsOf(window) * width) / count
  return {
    count,
    grain: grainOf(2 * bytes, isRow ? unit * width : rowsOf(simplify(rest), width).bytes),
    emit: (code, { inputs, outputs }, lo, hi) => {
      const first = code.let(times(lo, unit))
      const end = code.let(smaller(times(hi, unit), window.shape[axis]!))
      const length = code.let(times(minus(end, first), width))
      eachSlice(code, slices, starts, [inputs[1]!, inputs[2]!, outputs[0]!], (from, to) => {
        if (isRow) {
          const bases = addressesAt(code, along, [from, to], [first])
          eachPoint(code, simplify(rest), bases, ([source, target]) => {
            writer.row(code, source!, target!, length)
          })
        } else {
          code.for(first, end, 1, (i) => {
            const [source, target] = addressesAt(code, along, [from, to], [i])
            writer.block(code, rest, source!, target!)
          })
        }
      })
    },
  }
}

const numbersOf = (p: ScatterParams, x: Aval, updates: Aval): SliceNumbers => {
  const removed = [...p.insertedWindowDims, ...p.operandBatchingDims]
  const kept = range(x.rank).filter((d) => !removed.includes(d))
  const extents = new Map(kept.map((d, i) => [d, updates.shape[p.updateWindowDims[i]!]!]))
  return {
    window: x.shape.map((n, d) => extents.get(d) ?? Math.min(1, n)),
    windowDims: p.updateWindowDims,
    collapsedDims: p.insertedWindowDims,
    operandBatchingDims: p.operandBatchingDims,
    indicesBatchingDims: p.scatterIndicesBatchingDims,
    indexMap: p.scatterDimsToOperandDims,
    mode: p.mode,
  }
}

const combineNames = { scatterAdd: 'add', scatterMul: 'mul', scatterMin: 'min', scatterMax: 'max' } as const

const writerFor = (name: ScatterName, { dtype }: Aval, width: number): Writer | null => {
  if (name === 'scatter') return replacing(width)
  return isNarrow(dtype) ? null : combining(arithmetic[dtype], combineNames[name])
}

const scatterRoutine =
  <N extends ScatterName>(name: N): RoutineFor<N> =>
  (p: ScatterParams, operands) => {
    const [x, indices, updates] = operands as readonly [Aval, Aval, Aval]
    const slices = slicesOf(numbersOf(p, x, updates), x, indices, updates)
    const writer = slices === null ? null : writerFor(name, x, slices.width)
    if (slices === null || writer === null) return null
    if (x.size === 0) return { scratch: 0, phases: [], imports: [] }
    const copied = copyWhole(0, x.size * slices.width)
    if (updates.size === 0) return { scratch: 0, phases: [copied], imports: [], inPlace: 0 }
    const cut = slices.batchAxes.length > 0 ? null : cutOf(slices)
    const combined = cut === null ? batchesPhase(slices, writer) : rangesPhase(slices, writer, cut)
    return { scratch: 0, phases: [copied, combined], imports: [], inPlace: 0 }
  }

export const scatterRoutines = {
  scatter: scatterRoutine('scatter'),
  scatterAdd: scatterRoutine('scatterAdd'),
  scatterMul: scatterRoutine('scatterMul'),
  scatterMin: scatterRoutine('scatterMin'),
  scatterMax: scatterRoutine('scatterMax'),
}
