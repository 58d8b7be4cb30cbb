/** A lowered program: steps in order, and the arrays they use. */
import type { Aval } from '../core/aval.ts'
import { bitsOf } from '../core/dtype.ts'
import type { HostArray } from '../core/host.ts'
import type { Equation } from '../ir/program.ts'
import type { Index, LoopVar } from './indices.ts'
import type { Node, Reduction, Value } from './nodes.ts'
import { reachable } from './nodes.ts'

/** A write of one element. */
export interface Store {
  readonly value: Value
  readonly index: Index
  readonly node: Node
}

/** One pass over the inner loops, for one setting of the outer ones. */
export interface Stage {
  readonly stores: readonly Store[]
  readonly reductions: readonly Reduction[]
  /** Stores after the pass, with its reductions of the row. */
  readonly rowStores: readonly Store[]
}

/**
 * A loop nest. The outer loops together are the range that may be split; for each of their settings the stages run one after
 * the other, each over all inner loops, the last of which is the vector axis. Nodes of a stage read arrays that earlier stages
 * of the same row have written, or that are complete.
 */
export interface Kernel {
  readonly outer: readonly LoopVar[]
  readonly inner: readonly LoopVar[]
  readonly stages: readonly Stage[]
  /** Arrays of which only the current row is needed: their indices do not include the row. */
  readonly rowTemporaries: readonly Value[]
}

/** An operand of a routine: an array, or a view of one. */
export interface Operand {
  readonly value: Value
  /** In elements; null where the operand is the whole array in order. */
  readonly view: { readonly offset: number; readonly strides: readonly number[] } | null
}

/** A list of steps, as a unit of control flow. */
export interface Block {
  readonly steps: readonly Step[]
}

/** The carry of a loop: read at `current`, written at `next`. */
export interface Carry {
  readonly initial: Value
  readonly current: Value
  readonly next: Value
  /** Whether both share memory; otherwise the two are swapped after each step. */
  readonly inPlace: boolean
}

/** An array that is read or written along its first axis, one slice for each step. */
export interface Sliced {
  readonly whole: Value
  readonly slice: Value
}

export type Step =
  | { readonly kind: 'kernel'; readonly kernel: Kernel; readonly sources: readonly Equation[] }
  | {
      readonly kind: 'routine'
      readonly equation: Equation
      readonly operands: readonly Operand[]
      readonly results: readonly Value[]
    }
  | {
      readonly kind: 'host'
      readonly equation: Equation
      readonly operands: readonly Value[]
      readonly results: readonly Value[]
    }
  | { readonly kind: 'copy'; readonly from: Value; readonly to: Value }
  /** The branch with the index in `index`, clamped into range. */
  | { readonly kind: 'cond'; readonly index: Value; readonly branches: readonly Block[] }
  /** While `condition` holds, and for at most `maxSteps`. */
  | {
      readonly kind: 'while'
      readonly condition: Block
      readonly holds: Value
      readonly body: Block
      readonly carries: readonly Carry[]
      readonly maxSteps: number
    }
  | {
      readonly kind: 'scan'
      readonly body: Block
      readonly length: number
      readonly reverse: boolean
      readonly carries: readonly Carry[]
      readonly inputs: readonly Sliced[]
      readonly outputs: readonly Sliced[]
    }

/** A whole program, lowered. */
export interface Lowered {
  readonly steps: readonly Step[]
  readonly inputs: readonly Value[]
  readonly constants: readonly { readonly value: Value; readonly data: HostArray }[]
  readonly outputs: readonly Value[]
  /** For each output, the inputs whose memory it may reuse, if the caller donates them. */
  readonly replacements: ReadonlyMap<Value, readonly number[]>
  /** The value whose memory a value shares. */
  readonly home: (value: Value) => Value
}

/** Bytes of an array's elements. */
export const bytesOf = (aval: Aval): number => (aval.size * bitsOf(aval.dtype)) / 8

/** What a kernel reads and writes. */
export const valuesOfKernel = (
  k: Kernel,
): { readonly reads: ReadonlySet<Value>; readonly writes: ReadonlySet<Value> } => {
  const roots: Node[] = []
  const writes = new Set<Value>()
  for (const stage of k.stages) {
    for (const s of [...stage.stores, ...stage.rowStores]) {
      writes.add(s.value)
      roots.push(s.node)
    }
    for (const r of stage.reductions) roots.push(r.node)
  }
  const reads = new Set<Value>()
  for (const n of reachable(roots)) if (n.kind === 'load') reads.add(n.value)
  return { reads, writes }
}
