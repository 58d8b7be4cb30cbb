/**
 * Kernels that take the rows of a routine's result one by one can follow it row by row, while the rows are in the cache: bias
 * and activation after a matrix product.
 */
import type { Index, LoopVar } from '../../lowering/indices.ts'
import type { Value } from '../../lowering/nodes.ts'
import { reachable } from '../../lowering/nodes.ts'
import type { Block, Kernel, Step } from '../../lowering/steps.ts'
import type { Routine } from './kernels/routine.ts'
import { isLine, kernelCount, lineUnit } from './loops/extent.ts'

type RoutineStep = Extract<Step, { readonly kind: 'routine' }>

/** A kernel, and the number of units of its range for each iteration of the last phase of the routine before it. */
export interface Epilogue {
  readonly kernel: Kernel
  readonly units: number
}

/** The indices at which a kernel reads an array. */
const readsOf = (kernel: Kernel, value: Value): readonly Index[] => {
  const roots = kernel.stages.flatMap((s) => [...s.stores, ...s.reductions, ...s.rowStores].map((x) => x.node))
  return reachable(roots).flatMap((n) => (n.kind === 'load' && n.value === value ? [n.index] : []))
}

/** Whether an index stays in the current row of an outer loop. */
const staysInRow = (index: Index, row: LoopVar, length: number): boolean => {
  if (index.stride(row) !== length) return false
  const inside = index.substitute((v) => (v === row ? index.times(0) : undefined))
  return inside.min >= 0 && inside.max < length
}

/** Whether an index is the variable of the only loop. */
const isPlace = (index: Index, line: LoopVar): boolean =>
  index.constant === 0 && index.terms.length === 1 && index.stride(line) === 1

const epilogueOf = (result: Value, rows: number, kernel: Kernel): Epilogue | null => {
  const { shape, size } = result.aval
  const length = shape.at(-1) ?? 1
  const reads = readsOf(kernel, result)
  if (reads.length === 0 || size === 0) return null
  if (isLine(kernel)) {
    const line = kernel.inner[0]!
    const units = (rows * length) / lineUnit(kernel)
    const follows = line.extent === size && Number.isInteger(units) && reads.every((i) => isPlace(i, line))
    return follows ? { kernel, units } : null
  }
  const [row] = kernel.outer
  const follows =
    kernel.outer.length === 1 &&
    kernelCount(kernel) * length === size &&
    reads.every((i) => staysInRow(i, row!, length))
  return follows ? { kernel, units: rows } : null
}

/** The kernels that follow routines row by row, by the routines' steps. */
export const findEpilogues = (
  block: Block,
  routines: ReadonlyMap<RoutineStep, Routine>,
): ReadonlyMap<Step, Epilogue> => {
  const found = new Map<Step, Epilogue>()
  block.steps.forEach((step, i) => {
    const next = block.steps[i + 1]
    if (step.kind !== 'routine' || next?.kind !== 'kernel') return
    const rows = routines.get(step)!.rowsPerIteration
    const epilogue = rows === undefined ? null : epilogueOf(step.results[0]!, rows, next.kernel)
    if (epilogue !== null) found.set(step, epilogue)
  })
  return found
}
