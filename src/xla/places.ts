/**
 * The arrays whose elements are in a plugin's buffers. A buffer is destroyed when its array is donated, released or garbage collected.
 * JavaScript does not know how large buffers are, and no finaliser runs within a job, so dead arrays are searched for after every 256 MB.
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
import { XlaError } from './errors.ts'
import type { Ptr } from './pjrt/ffi.ts'

/** A buffer, and the type of the array in it. */
class Place {
  readonly home: Places
  readonly aval: Aval
  readonly bytes: number
  readonly turn: number
  /** 0 once it is destroyed. */
  buffer: Ptr
  /** Reads in progress. */
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

  /** The buffer. To pass a destroyed one to C would end the process. */
  get live(): Ptr {
    if (this.buffer === 0)
      throw new XlaError('xla: a buffer was used after its release. This is a fault of the library.')
    return this.buffer
  }
}

/** An array's reference to its place. Only the array's body holds it, so both have the same lifetime. */
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
    const { home, live, aval } = this.place
    return home.client.read(live, aval.dtype, aval.shape)
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
      return await read(place.live, place.aval)
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

/** Bytes of new arrays after which dead ones are searched for; more if much more is alive. */
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

  /** The body of a new array with its elements in this buffer. */
  adopt(buffer: Ptr, aval: Aval): ConcreteBody {
    const body = new ConcreteBody(null)
    body.place(this.#handleOf(buffer, aval))
    return body
  }

  /** Records a buffer as a copy of a body's elements; of a movable body, as the only one. */
  place(body: ConcreteBody, buffer: Ptr, aval: Aval): void {
    const handle = this.#handleOf(buffer, aval)
    if (body.isMovable) body.move(handle)
    else body.place(handle)
  }

  /** The buffer of a body; null if it has none here. */
  bufferOf({ resident }: ConcreteBody): Ptr | null {
    return resident instanceof Handle && resident.place.home === this ? resident.place.live : null
  }

  /** Removes the elements of a donated body: the plugin has reused its buffer for a result. */
  take(body: ConcreteBody): void {
    body.resident?.release()
    body.vacate()
  }

  /** Destroys the buffer as soon as no read is in progress. Computations in progress keep it alive in the plugin. */
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

  /** Destroys the buffers of dead arrays, if much was made since the last time. */
  clean(): void {
    if (this.#made < Math.max(MUCH, this.#bytes / 2)) return
    this.#made = 0
    if (this.#findDead('young') < MUCH / 2) this.#findDead('all')
  }

  /** Returns the number of bytes freed. */
  #findDead(generation: 'young' | 'all'): number {
    const find = finder()
    if (find === null) return 0
    const before = this.#bytes
    for (const place of this.#places) place.wasFound = false
    if (find(this.#handles, generation)) for (const place of this.#places) if (!place.wasFound) this.release(place)
    return before - this.#bytes
  }
}
