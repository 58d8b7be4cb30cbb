/** The output of the compiler: a program's module, and the layout of its frame. */
import type { Aval } from '../../core/aval.ts'
import type { HostArray } from '../../core/host.ts'
import type { Equation } from '../../ir/program.ts'

/** Where an array's elements are during a call: behind a pointer of the frame, or in the frame. Offsets are in bytes. */
export type Place =
  | { readonly kind: 'pointer'; readonly slot: number; readonly offset: number }
  | { readonly kind: 'frame'; readonly offset: number }

/**
 * The source of a result: a block that the caller provides, or an input or constant unchanged. The block may be that of one of
 * the inputs in `replaces`, if the caller no longer needs that input.
 */
export type OutputSource =
  | { readonly kind: 'buffer'; readonly slot: number; readonly aval: Aval; readonly replaces: readonly number[] }
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'constant'; readonly index: number }

/** An equation that the reference evaluates, in the middle of a program. */
export interface HostStep {
  readonly equation: Equation
  readonly operands: readonly Place[]
  readonly results: readonly Place[]
}

/**
 * A compiled program. Its module imports `env.memory`, `env.tableBase` (the position of its kernels in the engine's table),
 * `env.host(step, frame)`, `env.parallel(tableIndex, frame, count, grain)`, functions of the library module from `lib`, and
 * functions on float64 from `math`; it exports `run(frame)`, and kernels that may run on several threads by number, from 0 on.
 *
 * A frame begins with a pointer (4 bytes) for each input, then each constant, then each output that is a `buffer`; the
 * caller fills them in. Blocks and frames are 16-byte aligned.
 */
export interface CompiledProgram {
  readonly bytes: Uint8Array
  readonly frameBytes: number
  readonly inputs: readonly Aval[]
  readonly constants: readonly HostArray[]
  readonly outputs: readonly OutputSource[]
  readonly hostSteps: readonly HostStep[]
  /** The number of exported kernels that may run on several threads. */
  readonly tableSize: number
  /** The most bytes of temporaries, inputs and outputs that are in use at once, as planned. */
  readonly peakBytes: number
}
