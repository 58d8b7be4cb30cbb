/**
 * Which arrays have their elements in buffers of a plugin. A buffer goes when its array is donated, released or collected; what is dead in
 * mid-job, when no finaliser runs, is looked for once enough was made: JavaScript does not know how large buffers are.
 */
import { Findable, finder } from '../backends/wasm/collector.ts'
import type { Aval } from '../core/aval.ts'
import type { TypedArray } from '../core/dtype.ts'
import { bitsOf } from '../core/dtype.ts'
import { clearAway, pileUp } from '../core/turns.ts'
import type { SynchronousResident } from '../trace/body.ts'
import { ConcreteBody } from '../trace/body.ts'
import type { Device } from '../trace/device.ts'
import type { Client } from './client.ts'
import type { Ptr } from './pjrt/ffi.ts'

/** One buffer. */
class Place {
  readonly home: Places
  readonly aval: Aval
  readonly bytes: number
  readonly turn: number
  buffer: Ptr
  /** Reads that have begun. */
  reads = 0
  isReleased = false
  wasFound = false

  constructor(home: Places, buffer: Ptr, aval: Aval) {
    this.home = home
    this.buffer = buffer
    this.aval = aval
    this.bytes = (aval.size * bitsOf(aval.dtype)) / 8
    this.turn = pileUp(this.bytes)
  }
}

/** What an array's body knows of its buffer: nothing else refers to it for long, so that the two live equally long. */
class Handle extends Findable implements SynchronousResident {
  readonly place: Place

  constructor(place: Place) {
    super()
    this.place = place
  }

  get device(): Device {
    return this.place.home.device
  }

  read(): TypedArray {
    const { home, buffer, aval } = this.place
    return home.client.read(buffer, aval.dtype, aval.shape)
  }

  copy(): TypedArray {
    return this.read()
  }

  copyLater(): Promise<TypedArray> {
    const { client } = this.place.home
    return this.#during((buffer, { dtype, shape }) => client.readLater(buffer, dtype, shape))
  }

  ready(): Promise<void> {
    return this.#during((buffer) => this.place.home.client.ready(buffer))
  }

  async #during<A>(read: (buffer: Ptr, aval: Aval) => Promise<A>): Promise<A> {
    const { place } = this
    place.reads++
    try {
      return await read(place.buffer, place.aval)
    } finally {
      place.reads--
      if (place.isReleased) place.home.free(place)
    }
  }

  release(): void {
    this.place.home.release(this.place)
  }

  wasFound(): void {
    this.place.wasFound = true
  }
}

/** Bytes of new arrays after which dead ones are looked for, unless more are alive. */
const MUCH = 2 ** 28

export class Places {
  readonly device: Device
  readonly client: Client
  readonly #places = new Set<Place>()
  readonly #handles = new WeakSet<Handle>()
  readonly #registry = new FinalizationRegistry<Place>((place) => {
    this.release(place)
  })
  #bytes = 0
  #made = 0

  constructor(device: Device, client: Client) {
    this.device = device
    this.client = client
  }

  /** Bytes of arrays. */
  get bytes(): number {
    return this.#bytes
  }

  /** How many there are. */
  get count(): number {
    return this.#places.size
  }

  #handleOf(buffer: Ptr, aval: Aval): Handle {
    const place = new Place(this, buffer, aval)
    const handle = new Handle(place)
    this.#places.add(place)
    this.#handles.add(handle)
    this.#registry.register(handle, place)
    this.#bytes += place.bytes
    this.#made += place.bytes
    return handle
  }

  /** A new array's body, whose elements are in a buffer. */
  adopt(buffer: Ptr, aval: Aval): ConcreteBody {
    const body = new ConcreteBody(null)
    body.place(this.#handleOf(buffer, aval))
    return body
  }

  /** Remembers that a body's elements are in a buffer too, or there only if they may move. */
  place(body: ConcreteBody, buffer: Ptr, aval: Aval): void {
    const handle = this.#handleOf(buffer, aval)
    if (body.isMovable) body.move(handle)
    else body.place(handle)
  }

  /** The buffer of a body; null if it has none here. */
  bufferOf({ resident }: ConcreteBody): Ptr | null {
    return resident instanceof Handle && resident.place.home === this ? resident.place.buffer : null
  }

  /** A body leaves its buffer, which the plugin has given to a result. */
  take(body: ConcreteBody): void {
    body.resident?.release()
    body.vacate()
  }

  /** Gives the buffer back once no read needs it. What is being computed from it, the plugin knows. */
  release(place: Place): void {
    if (place.isReleased) return
    place.isReleased = true
    this.#places.delete(place)
    this.#bytes -= place.bytes
    clearAway(place.bytes, place.turn)
    if (place.reads === 0) this.free(place)
  }

  free(place: Place): void {
    if (place.reads > 0 || place.buffer === 0) return
    this.client.destroyBuffer(place.buffer)
    place.buffer = 0
  }

  /** Gives buffers of dead arrays back, if much was made since this was last done. */
  clean(): void {
    if (this.#made < Math.max(MUCH, this.#bytes / 2)) return
    this.#made = 0
    if (this.#findDead('young') < MUCH / 2) this.#findDead('all')
  }

  /** How many bytes came back. */
  #findDead(generation: 'young' | 'all'): number {
    const find = finder()
    if (find === null) return 0
    const before = this.#bytes
    for (const place of this.#places) place.wasFound = false
    if (find(this.#handles, generation)) for (const place of this.#places) if (!place.wasFound) this.release(place)
    return before - this.#bytes
  }
}
