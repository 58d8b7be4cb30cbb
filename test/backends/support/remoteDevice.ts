/**
 * A device behind the contract of `backends/backend.ts` alone, as a graphics card or another process is one: its arrays are out of reach,
 * and what is asked of them comes a macrotask later. It evaluates as the interpreter does.
 */
import type { DType, Program } from 'pullback'
import type { Aval } from '../../../src/core/aval.ts'
import type { TypedArray } from '../../../src/core/dtype.ts'
import { dtypes as allDTypes } from '../../../src/core/dtype.ts'
import { OutOfMemoryError } from '../../../src/core/errors.ts'
import type { Backend, Executable } from '../../../src/backends/backend.ts'
import { operationsOutOfReach } from '../../../src/backends/operation.ts'
import { run } from '../../../src/backends/reference/reference.ts'
import type { Capabilities } from '../../../src/trace/device.ts'
import type { AsynchronousResident } from '../../../src/trace/body.ts'
import { ConcreteBody, hostOf } from '../../../src/trace/body.ts'

/** What a place in the memory has: elements, or the error that came in their place. */
type Content = TypedArray | Error

const later = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

const bytesOf = (content: Content): number => (content instanceof Error ? 0 : content.byteLength)

class Place implements AsynchronousResident {
  readonly device: RemoteDevice
  #content: Content | null

  constructor(device: RemoteDevice, content: Content) {
    this.device = device
    this.#content = content
    device.account(this, bytesOf(content))
  }

  get content(): Content {
    if (this.#content === null) throw new Error('a place was used after its release')
    return this.#content
  }

  async fetch(): Promise<TypedArray> {
    const { content } = this
    this.device.reads++
    await later()
    if (content instanceof Error) throw content
    return content.slice()
  }

  async ready(): Promise<void> {
    const { content } = this
    await later()
    if (content instanceof Error) throw content
  }

  release(): void {
    if (this.#content === null) return
    this.#content = null
    this.device.forget(this)
  }
}

export interface RemoteOptions {
  readonly dtypes?: readonly DType[]
  readonly maxBytes?: number
}

export class RemoteDevice implements Backend {
  readonly name = 'remote'
  readonly capabilities: Capabilities
  /** How often elements were asked for, and came in. */
  reads = 0
  writes = 0
  /** How often a result was written over an input. */
  reused = 0
  compiled = 0
  readonly operation = operationsOutOfReach(this)
  readonly #places = new Map<Place, number>()
  readonly #programs = new WeakMap<Program, Executable>()
  readonly #registry = new FinalizationRegistry<Place>((place) => {
    place.release()
  })
  readonly #maxBytes: number

  constructor({ dtypes = allDTypes, maxBytes = Infinity }: RemoteOptions = {}) {
    this.#maxBytes = maxBytes
    this.capabilities = { dtypes, readsAtOnce: false, maxBytes: maxBytes === Infinity ? null : maxBytes }
  }

  /** How many arrays there are. */
  get count(): number {
    return this.#places.size
  }

  get bytes(): number {
    return [...this.#places.values()].reduce((a, b) => a + b, 0)
  }

  account(place: Place, bytes: number): void {
    this.#places.set(place, bytes)
  }

  forget(place: Place): void {
    this.#places.delete(place)
  }

  put(aval: Aval, data: TypedArray): ConcreteBody {
    this.#reserve('devicePut', data.byteLength)
    this.writes++
    return this.#bodyOf(data.slice())
  }

  compile(program: Program): Executable {
    const known = this.#programs.get(program)
    if (known !== undefined) return known
    this.compiled++
    const executable: Executable = (inputs, operation) => {
      const places = inputs.map((body, i) => this.#placeOf(body, program.inAvals[i]!, operation))
      const results = this.#evaluate(program, places)
      this.#reserve(operation, results.reduce((sum, x) => sum + bytesOf(x), 0)) // prettier-ignore
      return this.#collect(program, inputs, results)
    }
    this.#programs.set(program, executable)
    return executable
  }

  #reserve(operation: string, bytes: number): void {
    if (this.bytes + bytes <= this.#maxBytes) return
    throw new OutOfMemoryError(`${operation}: the device 'remote' has no room for ${bytes} bytes more.`)
  }

  #bodyOf(content: Content): ConcreteBody {
    const body = new ConcreteBody(null)
    const place = new Place(this, content)
    body.place(place)
    this.#registry.register(body, place)
    return body
  }

  /** Where an input is here; copied, if it was not. */
  #placeOf(body: ConcreteBody, aval: Aval, operation: string): Place {
    const { resident } = body
    if (resident instanceof Place && resident.device === this) return resident
    const data = hostOf(aval, body, operation)
    this.#reserve(operation, data.byteLength)
    this.writes++
    const place = new Place(this, data.slice())
    body.place(place)
    this.#registry.register(body, place)
    return place
  }

  /** What fails, fails when it is asked for; so does what is computed from it. */
  #evaluate(program: Program, places: readonly Place[]): readonly Content[] {
    const contents = places.map((place) => place.content)
    const failed = contents.find((x) => x instanceof Error)
    const failure = (error: Error): readonly Error[] => program.outputs.map(() => error)
    if (failed !== undefined) return failure(failed)
    try {
      return run(program, contents as readonly TypedArray[]).map((data) => data.slice())
    } catch (error) {
      return failure(error instanceof Error ? error : new Error(String(error)))
    }
  }

  #collect(program: Program, inputs: readonly ConcreteBody[], results: readonly Content[]): readonly ConcreteBody[] {
    const known = new Map<unknown, ConcreteBody>(program.inputs.map((v, i) => [v, inputs[i]!]))
    return program.outputs.map((atom, k) => {
      const same = known.get(atom)
      if (same !== undefined) return same.share()
      this.#takeOver(inputs, bytesOf(results[k]!), program)
      const body = this.#bodyOf(results[k]!)
      known.set(atom, body)
      return body
    })
  }

  /** Writes over an input that was offered, if one is as large. Outputs that are inputs stay. */
  #takeOver(inputs: readonly ConcreteBody[], bytes: number, program: Program): void {
    const kept = new Set(inputs.filter((_, i) => program.outputs.includes(program.inputs[i]!)))
    const donor = inputs.find((body) => {
      const { resident } = body
      return !kept.has(body) && body.isOffered && resident instanceof Place && bytesOf(resident.content) === bytes
    })
    if (donor === undefined) return
    donor.resident!.release()
    donor.vacate()
    this.reused++
  }
}
