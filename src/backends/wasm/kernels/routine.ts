/** The contract between tuned kernels, each for one operation, and the compiler that calls them. */
import type { Aval } from '../../../core/aval.ts'
import type { OpName, OpParams } from '../../../ir/op.ts'
import type { Code, Expr, Func, ValueType } from '../asm/index.ts'

/** Addresses of an equation's operands and results (elements in row-major order, 16-byte aligned), and of scratch memory. */
export interface Places {
  readonly inputs: readonly Expr<'i32'>[]
  readonly outputs: readonly Expr<'i32'>[]
  readonly scratch: Expr<'i32'>
}

/** Features of the engine besides 128-bit vectors. */
export interface VectorFeatures {
  /** Relaxed SIMD: multiplication and addition in one instruction. */
  readonly relaxed: boolean
  /** It joins operations on adjacent vectors into ones of 256 bits, so loops should hold twice as many vectors. */
  readonly wide: boolean
}

/** A function of the library module: the same for all programs, compiled once. */
export interface LibraryFunction {
  readonly name: string
  readonly params: readonly ValueType[]
  readonly result: ValueType | null
  /** `call` returns another function of the library. */
  readonly body: (code: Code, call: (name: string) => Func, features: VectorFeatures) => void
}

/**
 * A loop over `count` independent iterations. It may be split anywhere, and pieces may run in parallel on several threads: an
 * iteration does not depend on what another one of the same phase writes, nor on the split.
 */
export interface Phase {
  readonly count: number
  /** The approximate number of iterations in 20 microseconds, which is worth a thread's while. At least 1. */
  readonly grain: number
  /**
   * Emits the instructions for iterations from `lo` up to, but not including, `hi`. `library` returns the functions in
   * `imports`.
   */
  emit(code: Code, places: Places, lo: Expr<'i32'>, hi: Expr<'i32'>, library: (name: string) => Func): void
}

/** How to compute one equation. Phases run one after the other. */
export interface Routine {
  /** Bytes of scratch memory, kept through all phases. */
  readonly scratch: number
  readonly phases: readonly Phase[]
  /** Library functions that phases call. */
  readonly imports: readonly string[]
  /**
   * Where the last phase completes whole rows of the (only) output, seen as a matrix with the last axis in its rows: the number
   * of rows that an iteration completes, so that the next kernel can process them while they are in the cache.
   */
  readonly rowsPerIteration?: number
  /** The operand whose memory result 0 may reuse, if it is no longer used: then no copy is made. */
  readonly inPlace?: number
}

/** Chooses a routine for an equation's parameters and types; null where it has none (a dtype, a shape). */
export type RoutineFor<N extends OpName> = (
  params: OpParams[N],
  operands: readonly Aval[],
  outputs: readonly Aval[],
) => Routine | null
