/** The contract between tuned kernels, each of which is about one operation, and the compiler that calls them. */
import type { Aval } from '../../../core/aval.ts'
import type { OpName, OpParams } from '../../../ir/op.ts'
import type { Code, Expr, Func, ValueType } from '../asm/index.ts'

/** Addresses of an equation's operands and results (elements in row-major order, 16-byte aligned), and of scratch memory. */
export interface Places {
  readonly inputs: readonly Expr<'i32'>[]
  readonly outputs: readonly Expr<'i32'>[]
  readonly scratch: Expr<'i32'>
}

/** What the engine has beside vectors of 128 bits. */
export interface VectorFeatures {
  /** Relaxed SIMD: multiplication and addition in one instruction. */
  readonly relaxed: boolean
  /** It joins operations on neighbouring vectors into ones of 256 bits, so that loops had better hold twice as many vectors. */
  readonly wide: boolean
}

/** A function of the library module: the same for all programs, compiled once. */
export interface LibraryFunction {
  readonly name: string
  readonly params: readonly ValueType[]
  readonly result: ValueType | null
  /** `call` gives another function of the library. */
  readonly body: (code: Code, call: (name: string) => Func, features: VectorFeatures) => void
}

/**
 * A loop over `count` independent iterations. It may be cut anywhere, and pieces may run at once on several threads: what an
 * iteration writes depends on nothing that another one of the same phase writes, nor on where the cuts are.
 */
export interface Phase {
  readonly count: number
  /** About how many iterations take 20 microseconds: what is worth handing to a thread. At least 1. */
  readonly grain: number
  /** Writes the instructions for iterations from `lo` up to, but without, `hi`. `library` gives the functions in `imports`. */
  emit(code: Code, places: Places, lo: Expr<'i32'>, hi: Expr<'i32'>, library: (name: string) => Func): void
}

/** How to compute one equation. Phases run one after the other. */
export interface Routine {
  /** Bytes of scratch memory that live through all phases. */
  readonly scratch: number
  readonly phases: readonly Phase[]
  /** Library functions that phases call. */
  readonly imports: readonly string[]
  /**
   * Where the last phase completes whole rows of the (only) output, seen as a matrix with the last axis in its rows: how
   * many rows an iteration completes, so that what is done to the rows next can be done while they are in the cache.
   */
  readonly rowsPerIteration?: number
  /** The operand whose memory result 0 may take, if it is used no more: then no copy is made. */
  readonly inPlace?: number
}

/** Chooses a routine for an equation's parameters and types; null where it has none (a dtype, a shape). */
export type RoutineFor<N extends OpName> = (
  params: OpParams[N],
  operands: readonly Aval[],
  outputs: readonly Aval[],
) => Routine | null
