/**
 * The contract of a back end: what one owes that turns programs into something that runs, and what it may count on.
 * `docs/adding-a-back-end.md` walks through it; `conforms` and `conformsAsync` of `pullback/testing` hold a back end to it.
 *
 * - **Programs.** `compile` is given programs that are sound, optimised, and of dtypes that it has. They mean what the
 *   reference (`backends/reference`; to users the device `interpreter`) makes of them; equal arguments give equal results. A back end never sees tracers.
 * - **Arrays.** An executable gets bodies and gives bodies. Elements of an input are in ordinary memory (`body.host`), in its own
 *   memory (`body.resident`, if it was this back end that put it there), or in another device's, from where `body.host` brings them.
 *   It may remember a copy of its own with `body.place`. It never writes to an input's elements, unless the body is offered.
 * - **Outputs.** New bodies; or, for an output that is an input, `body.share()` of that input's. Two outputs that are one value are
 *   one body, shared.
 * - **Donation.** While a call runs, the memory of an input whose `isOffered` is true may be used for results: take it, and
 *   `body.vacate()`. A back end that does so nowhere owes nothing: the caller releases the body after the call.
 * - **Memory.** Is given back by `resident.release()`, which the library calls when an array is donated, or its elements go elsewhere;
 *   of arrays that are collected, the back end learns by a `FinalizationRegistry` of its own. A resident never refers to its body.
 *   What it gives to arrays it counts by `pileUp` of `core/turns`, so that readers that wait let finalisers run.
 * - **Reading.** A back end that can be read at once has `SynchronousResident`s. One that cannot has `AsynchronousResident`s, and
 *   says so: `capabilities.readsAtOnce` is false. Arrays in its memory alone are out of reach: whatever is asked of them runs there.
 * - **Failures.** What goes wrong in a call is thrown from it, or, if it is known later only, what waits for the results fails
 *   with it: `fetch` and `ready`. Too little memory is an `OutOfMemoryError`. Failing, a call leaves its inputs as they were,
 *   but for offered ones.
 * - **The host's part.** Callbacks (`callback`) are JS functions in mid-program: they run once for each time they are met, in order,
 *   with elements in ordinary memory.
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
 * A compiled program: from the bodies of its inputs to those of its outputs, which may be inputs' own. Where elements are,
 * in ordinary memory or in the device's, is the device's choice. `operation` names who asks, for messages.
 */
export type Executable = (inputs: readonly ConcreteBody[], operation: string) => readonly ConcreteBody[]

/** What turns programs into something that runs. */
export interface Backend extends Device {
  /**
   * Asked for again and again with one program: what it costs, it costs once. Work is best left to the first call, as some
   * programs are never run.
   */
  compile(program: Program): Executable
  /**
   * One operation, compiled, where that pays; null where it is better evaluated by its primitive in ordinary memory. A back end that
   * can only be read asynchronously never gives null where one of the bodies is out of reach: `operationsOutOfReach` is for it.
   */
  operation?<N extends OpName>(
    op: N,
    params: OpParams[N],
    bodies: readonly ConcreteBody[],
    operands: readonly Aval[],
    outputs: readonly Aval[],
  ): Executable | null
  /**
   * A new body, with these elements in the device's memory and only there, for `devicePut`; the data stays the caller's. Left out
   * by a back end without memory of its own.
   */
  put?(aval: Aval, data: TypedArray): ConcreteBody
  /**
   * Takes elements that were handed over before a program asks for them, where there is room: many of them together would otherwise
   * be there twice by the end of a first call.
   */
  hold?(aval: Aval, body: ConcreteBody): void
  /** What `compile` makes of a program, for `explain`. Left out by a back end that has nothing to say. */
  explain?(program: Program): Explanation
  /**
   * Where compiled programs are looked for, and kept; null for nowhere. Left out by a back end whose programs do not outlive the
   * process. Its keys must change with whatever it makes of a program: what is found is run.
   */
  store?: ProgramStore | null
}

/** Whether something is a back end: of what its types promise, what can be seen. */
export const isBackend = (x: unknown): x is Backend =>
  typeof x === 'object' &&
  x !== null &&
  typeof (x as Partial<Backend>).compile === 'function' &&
  typeof (x as Partial<Backend>).capabilities === 'object'
