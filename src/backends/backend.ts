/**
 * The contract of a back end: what it must do, and what it may rely on.
 * `docs/adding-a-back-end.md` walks through it; `conforms` and `conformsAsync` of `pullback/testing` check a back end against
 * it.
 *
 * - **Programs.** `compile` gets valid, optimised programs in dtypes that it supports. The reference (`backends/reference`; to
 *   users the device `interpreter`) defines their meaning; equal arguments give equal results. A back end never sees tracers.
 * - **Arrays.** An executable maps bodies to bodies. Elements of an input are in ordinary memory (`body.host`), in its own
 *   memory (`body.resident`, if this back end put it there), or in another device's, from which `body.host` copies them. It may
 *   cache a copy of its own with `body.place`. It never writes to an input's elements, unless the body is offered.
 * - **Outputs.** New bodies; or, for an output that is an input, `body.share()` of that input's. Two outputs with the same
 *   value share one body.
 * - **Donation.** While a call runs, the memory of an input whose `isOffered` is true may be used for results: take it, and
 *   call `body.vacate()`. A back end need not do so: the caller releases the body after the call.
 * - **Memory.** `resident.release()` frees it; the library calls that when an array is donated, or its elements move elsewhere.
 *   For collected arrays the back end has a `FinalizationRegistry` of its own. A resident never references its body. The back
 *   end counts the memory of arrays by `pileUp` of `core/turns`, so that waiting readers let finalisers run.
 * - **Reading.** A back end that can be read synchronously has `SynchronousResident`s. One that cannot has
 *   `AsynchronousResident`s, and `capabilities.readsAtOnce` is false. Arrays only in its memory are out of reach: operations on
 *   them run there.
 * - **Failures.** A call throws its errors, or, if they are known only later, `fetch` and `ready` of its results fail with
 *   them. Too little memory is an `OutOfMemoryError`. A failed call leaves its inputs unchanged, except for offered ones.
 * - **The host's part.** Callbacks (`callback`) are JS functions within a program: they run once for each time they are
 *   reached, in order, with elements in ordinary memory.
 */
import type { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Program } from '../ir/program.ts'
import type { Device } from '../trace/device.ts'
import type { ConcreteBody } from '../trace/body.ts'
import type { Explanation } from './explanation.ts'
import type { ProgramStore } from './store.ts'

/**
 * A compiled program: from the bodies of its inputs to those of its outputs, which may be inputs' own. The device chooses
 * whether elements are in ordinary memory or in its own. `operation` is the name of the caller, for messages.
 */
export type Executable = (inputs: readonly ConcreteBody[], operation: string) => readonly ConcreteBody[]

/** A back end: compiles programs. */
export interface Backend extends Device {
  /**
   * Called repeatedly with the same program, so it must cache. Work is best left to the first call, since some programs are
   * never run.
   */
  compile(program: Program): Executable
  /**
   * One compiled operation, where that pays; null where its primitive had better evaluate it in ordinary memory. A back end
   * that can only be read asynchronously never returns null where one of the bodies is out of reach: `operationsOutOfReach` is
   * for this.
   */
  operation?<N extends OpName>(
    op: N,
    params: OpParams[N],
    bodies: readonly ConcreteBody[],
    operands: readonly Aval[],
    outputs: readonly Aval[],
  ): Executable | null
  /**
   * A new body, with these elements only in the device's memory, for `devicePut`; the data stays the caller's. Omitted by a
   * back end without memory of its own.
   */
  put?(aval: Aval, data: TypedArray): ConcreteBody
  /**
   * Takes elements that were passed to the library before a program uses them, where there is room: otherwise many of them
   * would be in memory twice at the end of a first call.
   */
  hold?(aval: Aval, body: ConcreteBody): void
  /** The compiled form of a program, for `explain`. Optional. */
  explain?(program: Program): Explanation
  /**
   * The store of compiled programs; null for none. Omitted by a back end whose programs do not outlive the process. Its keys
   * must change whenever its output for a program does: a stored program is run unchecked.
   */
  store?: ProgramStore | null
}

/** Whether something is a back end, as far as its types can be checked. */
export const isBackend = (x: unknown): x is Backend =>
  typeof x === 'object' &&
  x !== null &&
  typeof (x as Partial<Backend>).compile === 'function' &&
  typeof (x as Partial<Backend>).capabilities === 'object'
