/** A PJRT client: one device, its buffers, and programs. */
import type { DType, TypedArray } from '../core/dtype.ts'
import { allocate } from '../core/dtype.ts'
import { sizeOf } from '../core/shape.ts'
import type { Shape } from '../core/shape.ts'
import { encodeUtf8 } from '../core/utf8.ts'
import type { Api } from './pjrt/api.ts'
import type { Ptr } from './pjrt/ffi.ts'
import type { Named, NamedOption } from './pjrt/foreign.ts'
import { layoutOf, structs } from './pjrt/layouts.ts'
import type { Flags } from './options.ts'
import { agreeing, compileOptions } from './options.ts'
import { XlaError } from './errors.ts'

/** PJRT_Buffer_Type. */
const bufferTypes: { readonly [D in DType]: number } = {
  bool: 1,
  int8: 2,
  int16: 3,
  int32: 4,
  int64: 5,
  uint8: 6,
  uint16: 7,
  uint32: 8,
  uint64: 9,
  float16: 10,
  float32: 11,
  float64: 12,
  bfloat16: 13,
}

const programLayout = layoutOf(structs.program)

/** A program loaded on the device. */
export interface Loaded {
  readonly p: Ptr
  /** PJRT_Executable, for analyses and serialization. */
  readonly executable: Ptr
  readonly outputs: number
}

/** XLA's analysis of a program; null for what the plugin does not implement. */
interface Analysis {
  /** Its estimate of the work: `flops`, `bytes accessed`, ... */
  readonly costs: Readonly<Record<string, Named>> | null
  /** Bytes. */
  readonly memory: {
    readonly arguments: number
    readonly outputs: number
    readonly aliased: number
    readonly temporaries: number
  } | null
}

/** Arrays of up to so many bytes are copied into the arena: V8 keeps small typed arrays on its heap, where they move. */
const SHORT = 4096

// Each wait takes one of the four threads of Node's pool, which file access needs too.
const WAITING = 2

interface ClientOptions {
  /** Which of the plugin's devices. */
  readonly device: number
  /** What the client is created with, by the plugin's names. */
  readonly create: Readonly<Record<string, NamedOption>>
  readonly flags: Flags
}

export class Client {
  readonly api: Api
  readonly platform: string
  /** Of the platform, as the plugin says it. */
  readonly platformVersion: string
  /** Of the device that is used. */
  readonly description: string
  /** How many devices there are. */
  readonly devices: number
  readonly #client: Ptr
  readonly #device: Ptr
  readonly #options: Uint8Array
  #waiting = 0
  readonly #queue: (() => void)[] = []

  private constructor(api: Api, client: Ptr, { device, flags }: ClientOptions) {
    this.api = api
    this.#client = client
    const name = api.call('Client_PlatformName', { client })
    this.platform = api.text(name('name'), name('name_size'))
    const version = api.call('Client_PlatformVersion', { client })
    this.platformVersion = api.text(version('version'), version('version_size'))
    const list = api.call('Client_AddressableDevices', { client })
    const devices = api.words(list('devices'), list('num_devices'))
    this.devices = devices.length
    const chosen = devices[device]
    if (chosen === undefined) throw new XlaError(`there is no device ${device}: the plugin has ${devices.length}.`)
    this.#device = chosen
    const description = api.call('Device_GetDescription', { device: chosen })('description')
    const id = api.call('DeviceDescription_Id', { description })('id')
    this.#options = compileOptions(id, { ...agreeing(this.platform), ...flags })
    const text = api.call('DeviceDescription_ToString', { description })
    this.description = api.text(text('text'), text('text_size'))
  }

  static async create(api: Api, options: ClientOptions): Promise<Client> {
    api.call('Plugin_Initialize')
    const own = api.ownArena(2 ** 16)
    const answer = await api.callAsync(
      'Client_Create',
      { create_options: api.namedValues(own, options.create), num_options: Object.keys(options.create).length },
      own,
    )
    return new Client(api, answer('client'), options)
  }

  // Buffers.

  /** A buffer with these elements. They are copied during the call. */
  put(data: TypedArray, dtype: DType, shape: Shape): Ptr {
    const { arena } = this.api
    const send = (address: Ptr): Ptr =>
      arena.scope(() => {
        const answer = this.api.call('Client_BufferFromHostBuffer', {
          client: this.#client,
          data: address,
          type: bufferTypes[dtype],
          dims: arena.words(shape),
          num_dims: shape.length,
          device: this.#device,
        })
        const [event, buffer] = [answer('done_with_host_buffer'), answer('buffer')]
        this.#await(event)
        return buffer
      })
    if (data.byteLength <= SHORT) return arena.scope(() => send(arena.bytes(bytesOf(data))))
    const own = data.buffer instanceof ArrayBuffer ? data : data.slice()
    return this.api.withAddress(own, send)
  }

  /** The elements. Blocks until they are computed. */
  read(buffer: Ptr, dtype: DType, shape: Shape): TypedArray {
    const data = allocate(dtype, sizeOf(shape))
    if (data.length === 0) return data
    this.api.withAddress(data, (address) => {
      this.#await(this.#copyTo(buffer, address, data.byteLength))
    })
    return data
  }

  /** As `read`, without blocking: the contents at the time of the call, even if the buffer is donated or destroyed meanwhile. */
  async readLater(buffer: Ptr, dtype: DType, shape: Shape): Promise<TypedArray> {
    const data = allocate(dtype, sizeOf(shape))
    if (data.length === 0) return data
    const event = this.api.withAddress(data, (address) => this.#copyTo(buffer, address, data.byteLength))
    await this.api.whileHeld(data.buffer, this.#settle(event))
    return data
  }

  #copyTo(src: Ptr, dst: Ptr, bytes: number): Ptr {
    return this.api.call('Buffer_ToHostBuffer', { src, dst, dst_size: bytes })('event')
  }

  /** Waits until the elements are there. */
  async ready(buffer: Ptr): Promise<void> {
    await this.#settle(this.api.call('Buffer_ReadyEvent', { buffer })('event'))
  }

  isDeleted(buffer: Ptr): boolean {
    return this.api.call('Buffer_IsDeleted', { buffer })('is_deleted') !== 0
  }

  destroyBuffer(buffer: Ptr): void {
    this.api.call('Buffer_Destroy', { buffer })
  }

  // Events.

  #await(event: Ptr): void {
    if (event === 0) return
    try {
      this.api.call('Event_Await', { event })
    } finally {
      this.api.call('Event_Destroy', { event })
    }
  }

  async #settle(event: Ptr): Promise<void> {
    if (this.api.call('Event_IsReady', { event })('is_ready') === 0) await this.#onThread(event)
    this.#await(event)
  }

  /** Waits on another thread. The caller asks the event for its error afterwards. */
  async #onThread(event: Ptr): Promise<void> {
    if (this.#waiting >= WAITING) await new Promise<void>((resolve) => this.#queue.push(resolve))
    else this.#waiting++
    try {
      await this.api.callAsync('Event_Await', { event }, this.api.ownArena(64))
    } catch {
      // The event has the error too.
    } finally {
      const next = this.#queue.shift()
      if (next === undefined) this.#waiting--
      else next()
    }
  }

  // Programs.

  compile(module: string): Loaded {
    const { arena } = this.api
    const code = encodeUtf8(module)
    return this.api.withAddress(code, (address) =>
      arena.scope(() => {
        const format = arena.text('mlir')
        const program = arena.struct(programLayout, {
          code: address,
          code_size: code.length,
          format: format.p,
          format_size: format.size,
        })
        const answer = this.api.call('Client_Compile', {
          client: this.#client,
          program,
          compile_options: arena.bytes(this.#options),
          compile_options_size: this.#options.length,
        })
        return this.#loaded(answer('executable'))
      }),
    )
  }

  #loaded(p: Ptr): Loaded {
    const executable = this.api.call('LoadedExecutable_GetExecutable', { loaded: p })('executable')
    return { p, executable, outputs: this.api.call('Executable_NumOutputs', { executable })('num_outputs') }
  }

  destroyProgram({ p, executable }: Loaded): void {
    this.api.call('Executable_Destroy', { executable })
    this.api.call('LoadedExecutable_Destroy', { executable: p })
  }

  /** The compiled program as bytes. Throws if the plugin does not implement it. */
  serialize({ executable }: Loaded): Uint8Array {
    const answer = this.api.call('Executable_Serialize', { executable })
    const [p, size, owner, deleter] = [answer('bytes'), answer('bytes_size'), answer('owner'), answer('deleter')]
    const bytes = this.api.bytes(p, size)
    this.api.release(owner, deleter)
    return bytes
  }

  /** Loads what `serialize` returned. Throws for anything else. */
  deserialize(bytes: Uint8Array): Loaded {
    return this.api.withAddress(bytes, (address) => {
      const answer = this.api.call('Executable_DeserializeAndLoad', {
        client: this.#client,
        bytes: address,
        bytes_size: bytes.length,
      })
      return this.#loaded(answer('loaded'))
    })
  }

  /** XLA's analysis of a program. */
  analyse({ executable }: Loaded): Analysis {
    const { api } = this
    return {
      costs: api.optional('Executable_GetCostAnalysis', { executable }, (answer) =>
        api.named(answer('properties'), answer('num_properties')),
      ),
      memory: api.optional('Executable_GetCompiledMemoryStats', { executable }, (answer) => ({
        arguments: answer('argument_size'),
        outputs: answer('output_size'),
        aliased: answer('alias_size'),
        temporaries: answer('temp_size'),
      })),
    }
  }
}

const bytesOf = (data: TypedArray): Uint8Array => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
