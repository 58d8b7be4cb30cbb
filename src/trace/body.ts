/** The contents of arrays: elements in a device's or in ordinary memory, or a tracer's bookkeeping. */
import type { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import { isStorageOf } from '../core/dtype.ts'
import { DonatedError, PullbackError, SynchronousReadError } from '../core/errors.ts'
import { turnIfDue } from '../core/turns.ts'
import type { Device } from './device.ts'

/** A transformation in progress; its tracers are invalid once it has ended. */
export interface Trace {
  /** For messages: `jit`, `grad`, `vmap`. */
  readonly name: string
  readonly live: boolean
}

/** The contents of an array: elements in memory, or a tracer's bookkeeping. */
export interface Body {
  /** The transformation that this value belongs to; null for concrete arrays. */
  readonly trace: Trace | null
  /** The elements; throws a `TracerError` where they are not known yet. `operation` names the caller. */
  host(operation: string): TypedArray
  /** A copy of the elements, as soon as they are available, where `host` would have to wait for them. */
  fetch?(operation: string): Promise<TypedArray>
}

interface Placed {
  /** Whose memory it is. */
  readonly device: Device
  /** Frees the memory, as soon as no call and no read in progress needs it. */
  release(): void
}

/** A copy of an array's elements in the memory of a device that can be read synchronously. */
export interface SynchronousResident extends Placed {
  /** The elements in ordinary memory. The array keeps them: from then on the device may drop its copy. */
  read(): TypedArray
  /** A new copy of the elements in ordinary memory, which the caller may write to. */
  copy(): TypedArray
  /** `copy` for a device on which the elements may still be being computed: waits without blocking. */
  copyLater?(): Promise<TypedArray>
  /** Waits until the elements are computed, for a device on which they may not be. */
  ready?(): Promise<void>
}

/** A copy of an array's elements in the memory of a device that can only be read asynchronously. */
export interface AsynchronousResident extends Placed {
  /**
   * A new copy of the elements in ordinary memory, which the caller may write to: the elements at the time of the call,
   * whatever happens to the memory later. Rejects with the error of the program that should have computed them.
   */
  fetch(): Promise<TypedArray>
  /** Waits until the elements are computed, without reading them. Rejects as `fetch` does. */
  ready(): Promise<void>
}

/** A copy of an array's elements in the memory of a device. */
export type Resident = SynchronousResident | AsynchronousResident

/**
 * Elements that are known: in ordinary memory, in a device's memory, or in both. As arrays never change, the copies are
 * interchangeable, and several arrays may share one body.
 */
export class ConcreteBody implements Body {
  readonly trace = null
  #data: TypedArray | null
  #resident: Resident | null = null
  /** How many arrays share this body. */
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

  /** Whether the elements are gone. */
  get isGone(): boolean {
    return this.#data === null && this.#resident === null
  }

  /** Records a copy in a device's memory; it replaces one on another device. */
  place(resident: Resident): void {
    this.#resident?.release()
    this.#resident = resident
  }

  /** Whether a device that takes the elements should hold the only copy: they are large, and rarely read elsewhere. */
  isMovable = false

  /** As `place`, for elements that ordinary memory need not keep. */
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

  /** Gives up the elements: a result is written over them. */
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

  /** A copy of the elements, which the caller may write to. */
  copy(operation: string): TypedArray {
    return this.#data === null ? this.#readable(operation).copy() : this.#data.slice()
  }

  /** As `copy`, wherever the elements are: the result is the array's contents at the time of the call. */
  async fetch(operation: string): Promise<TypedArray> {
    if (this.#data !== null) return this.#data.slice()
    const resident = this.#copyOf(operation)
    if ('fetch' in resident) return resident.fetch()
    return resident.copyLater === undefined ? resident.copy() : resident.copyLater()
  }

  /** Waits until the elements have been computed. */
  async ready(operation: string): Promise<void> {
    if (this.#data !== null) return
    const resident = this.#copyOf(operation)
    await resident.ready?.()
  }

  /** Records that one array less needs the elements. If it was the last one, the device's memory is freed at once. */
  release(): void {
    this.#arrays--
    if (this.#arrays > 0) return
    this.#resident?.release()
    this.#resident = null
    this.#data = null
  }
}

/**
 * A body with elements of that type, which must not be written to afterwards. All arrays are made through this check: a back
 * end trusts the type, and with too few elements it would read beyond them.
 */
export const bodyOf = (aval: Aval, data: TypedArray): ConcreteBody => {
  if (!isStorageOf(aval.dtype, aval.size, data)) throw new PullbackError(storageFault(aval, data))
  return new ConcreteBody(data)
}

/** The elements of a body that should have that type. */
export const hostOf = (aval: Aval, body: Body, operation: string): TypedArray => {
  const data = body.host(operation)
  if (!isStorageOf(aval.dtype, aval.size, data)) throw new PullbackError(storageFault(aval, data))
  return data
}

const storageFault = (aval: Aval, data: TypedArray): string =>
  `array: a ${data.constructor.name} of ${data.length} elements is no ${aval}. This is a fault of the library.`

/**
 * A copy of a body's elements, as soon as they are available. Where garbage has accumulated, it yields a turn to the host to
 * free it.
 */
export const fetchFrom = async (body: Body, operation: string): Promise<TypedArray> => {
  const data = body.fetch === undefined ? body.host(operation).slice() : await body.fetch(operation)
  await turnIfDue()
  return data
}
