/** What stands behind arrays: elements in memory, in a device's or in ordinary one, or a tracer's bookkeeping. */
import type { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import { isStorageOf } from '../core/dtype.ts'
import { DonatedError, PullbackError, SynchronousReadError } from '../core/errors.ts'
import { turnIfDue } from '../core/turns.ts'
import type { Device } from './device.ts'

/** A transformation in progress; its tracers are of no use once it has ended. */
export interface Trace {
  /** For messages: `jit`, `grad`, `vmap`. */
  readonly name: string
  readonly live: boolean
}

/** What stands behind an array: elements in memory, or a tracer's bookkeeping. */
export interface Body {
  /** The transformation that this value belongs to; null for concrete arrays. */
  readonly trace: Trace | null
  /** The elements; throws a `TracerError` where they are not known yet. `operation` names who asks. */
  host(operation: string): TypedArray
  /** A copy of the elements, as soon as they are there, where `host` would have to wait for them. */
  fetch?(operation: string): Promise<TypedArray>
}

interface Placed {
  /** Whose memory it is. */
  readonly device: Device
  /** Gives the memory back, as soon as no call and no read that has begun needs it. */
  release(): void
}

/** A copy of an array's elements in the memory of a device, which can be read at once. */
export interface SynchronousResident extends Placed {
  /** The elements in ordinary memory. The array keeps them: from then on the device may forget its copy. */
  read(): TypedArray
  /** The elements in ordinary memory, for someone who may write to them. */
  copy(): TypedArray
}

/** A copy of an array's elements in the memory of a device, which can only be asked for them. */
export interface AsynchronousResident extends Placed {
  /**
   * The elements in ordinary memory, for someone who may write to them: those that are there when it is called, whatever
   * becomes of the memory later. Fails with the error of the program that should have made them.
   */
  fetch(): Promise<TypedArray>
  /** Waits until the elements are there, without reading them. Fails as `fetch` does. */
  ready(): Promise<void>
}

/** A copy of an array's elements in the memory of a device. */
export type Resident = SynchronousResident | AsynchronousResident

/**
 * Elements that are known: in ordinary memory, in a device's memory, or in both. As arrays never change, one copy is as good
 * as the other, and several arrays may have one body.
 */
export class ConcreteBody implements Body {
  readonly trace = null
  #data: TypedArray | null
  #resident: Resident | null = null
  /** How many arrays there have been. */
  #arrays = 1
  #isOffered = false

  constructor(data: TypedArray | null) {
    this.#data = data
  }

  /** The copy in a device's memory, if there is one. */
  get resident(): Resident | null {
    return this.#resident
  }

  /** Whether the elements are in a device's memory only. */
  get isResident(): boolean {
    return this.#data === null && this.#resident !== null
  }

  /** Whose memory has the elements; null where they are in ordinary memory only. */
  get device(): Device | null {
    return this.#resident?.device ?? null
  }

  /** Whether the elements are only where they cannot be read at once. */
  get isOutOfReach(): boolean {
    return this.#data === null && this.#resident !== null && 'fetch' in this.#resident
  }

  /** Whether there are no elements any more. */
  get isGone(): boolean {
    return this.#data === null && this.#resident === null
  }

  /** Remembers a copy in a device's memory, in place of one that there may be elsewhere. */
  place(resident: Resident): void {
    this.#resident?.release()
    this.#resident = resident
  }

  /** Whether a device that takes the elements should have the only copy: they are large, and seldom read elsewhere. */
  isMovable = false

  /** As `place`, of elements that ordinary memory need not keep. */
  move(resident: Resident): void {
    this.place(resident)
    this.#data = null
  }

  /** Whether the call in progress may use its memory for results: see `offering`. */
  get isOffered(): boolean {
    return this.#isOffered && this.#arrays === 1
  }

  set isOffered(is: boolean) {
    this.#isOffered = is
  }

  /** Leaves the elements to a result, which is written in their place. */
  vacate(): void {
    this.#resident = null
    this.#data = null
  }

  /** This body, for one more array. */
  share(): this {
    this.#arrays++
    return this
  }

  #copyOf(operation: string): Resident {
    if (this.#resident !== null) return this.#resident
    throw new DonatedError(
      `${operation}: this array was donated to a compiled function (donateArgnums) and its memory reused. ` +
        'Use what the function returned, or do not donate this argument.',
    )
  }

  #readable(operation: string): SynchronousResident {
    const resident = this.#copyOf(operation)
    if (!('fetch' in resident)) return resident
    throw new SynchronousReadError(
      `${operation}: the elements are in the memory of the device '${resident.device.name}', which can only be read ` +
        'asynchronously. Write await x.data(), or have arrays of ordinary memory by await deviceGet(tree).',
    )
  }

  host(operation: string): TypedArray {
    return (this.#data ??= this.#readable(operation).read())
  }

  /** The elements, for someone who may write to them. */
  copy(operation: string): TypedArray {
    return this.#data === null ? this.#readable(operation).copy() : this.#data.slice()
  }

  /** As `copy`, wherever the elements are. What can be read at once is, so that it is what the array has now. */
  async fetch(operation: string): Promise<TypedArray> {
    if (this.#data !== null) return this.#data.slice()
    const resident = this.#copyOf(operation)
    return 'fetch' in resident ? resident.fetch() : resident.copy()
  }

  /** Waits until the elements have been computed. */
  async ready(operation: string): Promise<void> {
    if (this.#data !== null) return
    const resident = this.#copyOf(operation)
    if ('ready' in resident) await resident.ready()
  }

  /** One array less needs the elements. If it was the only one, the device's memory is free at once. */
  release(): void {
    this.#arrays--
    if (this.#arrays > 0) return
    this.#resident?.release()
    this.#resident = null
    this.#data = null
  }
}

/**
 * Elements of that type, which must not be written to afterwards. Whatever makes arrays comes by here: a back end believes
 * the type, and where there are fewer elements it would read what lies behind them.
 */
export const bodyOf = (aval: Aval, data: TypedArray): ConcreteBody => {
  if (!isStorageOf(aval.dtype, aval.size, data)) throw new PullbackError(storageFault(aval, data))
  return new ConcreteBody(data)
}

/** The elements of a body that is to have that type. */
export const hostOf = (aval: Aval, body: Body, operation: string): TypedArray => {
  const data = body.host(operation)
  if (!isStorageOf(aval.dtype, aval.size, data)) throw new PullbackError(storageFault(aval, data))
  return data
}

const storageFault = (aval: Aval, data: TypedArray): string =>
  `array: a ${data.constructor.name} of ${data.length} elements is no ${aval}. This is a fault of the library.`

/** A copy of a body's elements, as soon as they are there. Where garbage has piled up, the host has a turn to clear it away. */
export const fetchFrom = async (body: Body, operation: string): Promise<TypedArray> => {
  const data = body.fetch === undefined ? body.host(operation).slice() : await body.fetch(operation)
  await turnIfDue()
  return data
}
