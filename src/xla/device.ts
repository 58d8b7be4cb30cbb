/** XLA as a back end: a plugin compiles programs, and its buffers hold arrays. */
import type { Backend, Executable } from '../backends/backend.ts'
import type { Explanation } from '../backends/explanation.ts'
import { callsHost, operationKey, singleEquation } from '../backends/operation.ts'
import type { ProgramStore } from '../backends/store.ts'
import type { Aval } from '../core/aval.ts'
import type { DType, TypedArray } from '../core/dtype.ts'
import { LruMap } from '../core/lru.ts'
import { fingerprint } from '../ir/fingerprint.ts'
import type { OpName, OpParams } from '../ir/op.ts'
import type { Program } from '../ir/program.ts'
import type { ConcreteBody } from '../trace/body.ts'
import type { Capabilities } from '../trace/device.ts'
import type { Client } from './client.ts'
import { inOperation } from './errors.ts'
import type { Site } from './kernel.ts'
import { Places } from './places.ts'
import { XlaProgram } from './program.ts'

/** Programs that stay compiled. */
const CAPACITY = 512

/** Single operations on at least so many elements are compiled. */
const MANY = 2 ** 14

const sizeOf = (avals: readonly Aval[]): number => avals.reduce((n, aval) => Math.max(n, aval.size), 0)

/** The memory that arrays on a device use. */
export interface XlaMemory {
  /** Bytes of all arrays, and their number. */
  readonly arrays: number
  readonly count: number
}

/** A device of a plugin: `xla` opens it, `withDevice` and `devicePut` take it. */
export class XlaDevice implements Backend {
  readonly name = 'xla'
  readonly capabilities: Capabilities
  /** The plugin's file. */
  readonly plugin: string
  /** `cpu`, `cuda`, ... */
  readonly platform: string
  /** The versions of the platform and of the C API. */
  readonly version: string
  /** The plugin's description of the device. */
  readonly description: string
  store: ProgramStore | null = null
  readonly #client: Client
  readonly #places: Places
  readonly #site: Site
  readonly #programs = new WeakMap<Program, Executable>()
  readonly #loaded = new LruMap<string, XlaProgram>(CAPACITY, (program) => {
    program.dispose()
  })
  readonly #operations = new LruMap<string, Executable>(CAPACITY)

  constructor(client: Client, plugin: string, dtypes: readonly DType[], identity: string) {
    this.#client = client
    this.plugin = plugin
    this.platform = client.platform
    this.version = `${client.platformVersion} (PJRT ${client.api.version})`
    this.description = client.description
    this.capabilities = { dtypes, readsAtOnce: true, maxBytes: null }
    const places = new Places(this, client)
    this.#places = places
    const store = (): ProgramStore | null => this.store
    this.#site = {
      client,
      places,
      identity,
      get store() {
        return store()
      },
    }
  }

  /** The memory that arrays use now. */
  get memory(): XlaMemory {
    return { arrays: this.#places.bytes, count: this.#places.count }
  }

  compile(program: Program): Executable {
    const known = this.#programs.get(program)
    if (known !== undefined) return known
    let loaded: XlaProgram | null = null
    const executable: Executable = (inputs, operation) => {
      try {
        if (loaded === null || loaded.isDisposed) loaded = this.#load(program)
        return loaded.run(inputs, operation)
      } catch (error) {
        throw inOperation(operation, error)
      }
    }
    this.#programs.set(program, executable)
    return executable
  }

  /** Equal programs share what is compiled. */
  #load(program: Program): XlaProgram {
    const key = fingerprint(program)
    const known = this.#loaded.get(key)
    if (known !== undefined) return known
    const loaded = new XlaProgram(this.#site, program)
    this.#loaded.set(key, loaded)
    return loaded
  }

  /** Compiles a large operation. Small ones run faster than they compile. */
  operation<N extends OpName>(
    op: N,
    params: OpParams[N],
    _bodies: readonly ConcreteBody[],
    operands: readonly Aval[],
    outputs: readonly Aval[],
  ): Executable | null {
    if (Math.max(sizeOf(operands), sizeOf(outputs)) < MANY) return null
    const { dtypes } = this.capabilities
    if ([...operands, ...outputs].some(({ dtype }) => !dtypes.includes(dtype))) return null
    const key = operationKey(op, params, operands, outputs)
    const known = this.#operations.get(key)
    if (known !== undefined) return known
    const program = singleEquation(op, params, operands, outputs)
    if (program.equations.some(callsHost)) return null
    const executable = this.compile(program)
    this.#operations.set(key, executable)
    return executable
  }

  put(aval: Aval, data: TypedArray): ConcreteBody {
    try {
      return this.#places.adopt(this.#client.put(data, aval.dtype, aval.shape), aval)
    } catch (error) {
      throw inOperation('devicePut', error)
    }
  }

  hold(aval: Aval, body: ConcreteBody): void {
    if (!body.isMovable || body.resident !== null || aval.size < MANY) return
    this.#places.place(body, this.#client.put(body.host('hold'), aval.dtype, aval.shape), aval)
  }

  explain(program: Program): Explanation {
    return this.#load(program).explain()
  }
}
