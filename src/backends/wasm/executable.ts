/** A compiled program in a device: the layout of its arrays during a call, and the call. */
import type { Aval } from '../../core/aval.ts'
import { ConcreteBody, hostOf } from '../../trace/body.ts'
import type { Range } from './allocator.ts'
import { ALIGNMENT } from './allocator.ts'
import type { Block, Blocks } from './blocks.ts'
import type { CompiledProgram, OutputSource } from './compiled.ts'
import type { Engine, Runner } from './engine.ts'
import type { Frames } from './frames.ts'
import type { Heap } from './heap.ts'
import { bytesOf } from './heap.ts'
import { evaluateHostStep } from './hostStep.ts'

/** The shared state of a device's executables. */
export interface Site {
  readonly engine: Engine
  readonly heap: Heap
  readonly blocks: Blocks
  readonly frames: Frames
  /** Whether guards are checked after each call. */
  readonly guards: boolean
  /** Arrays of up to this many bytes live in ordinary memory. */
  readonly small: number
  /** The error of a call without enough memory. */
  outOfMemory(operation: string, peakBytes: number): Error
}

/**
 * An input or output in the frame: small arrays live in ordinary memory, and are copied to and from a range beside the frame in
 * each call. This has the index of the pointer, and the offset of a small array.
 */
interface Slot {
  readonly aval: Aval
  /** The offset of the pointer, in words from the beginning of the frame. */
  readonly pointer: number
  readonly bytes: number
  /** The offset of a small array, in bytes from the beginning of the frame; -1 for a large one. */
  readonly offset: number
}

/** The slot of an output, and the inputs whose memory it may reuse. */
interface OutputSlot extends Slot {
  readonly replaces: readonly number[]
}

/** Memory for one large output: new, or that of a donated input. */
type Home = { readonly range: Range } | { readonly donor: Block; readonly body: ConcreteBody }

/** The source of an output; a buffer by its index. `isRepeated` if an earlier output is the same buffer. */
type Result =
  | { readonly kind: 'buffer'; readonly index: number; readonly isRepeated: boolean }
  | Exclude<OutputSource, { readonly kind: 'buffer' }>

const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT

/** Lays out small arrays one after the other, after the frame itself. */
class Layout {
  bytes: number
  readonly #small: number

  /** Arrays of up to `small` bytes are laid out there. */
  constructor(frameBytes: number, small: number) {
    this.bytes = align(frameBytes)
    this.#small = small
  }

  slot(aval: Aval, pointer: number): Slot {
    const bytes = bytesOf(aval.dtype, aval.size)
    if (bytes > this.#small) return { aval, pointer, bytes, offset: -1 }
    const offset = this.bytes
    this.bytes += align(bytes)
    return { aval, pointer, bytes, offset }
  }
}

const isLarge = (slot: Slot): boolean => slot.offset < 0

/** The buffers of a program, each once, and its outputs in terms of them. */
const resultsOf = (outputs: readonly OutputSource[], layout: Layout): { buffers: OutputSlot[]; results: Result[] } => {
  const buffers: OutputSlot[] = []
  const results = outputs.map((source): Result => {
    if (source.kind !== 'buffer') return source
    const known = buffers.findIndex((slot) => slot.pointer === source.slot)
    if (known >= 0) return { kind: 'buffer', index: known, isRepeated: true }
    buffers.push({ ...layout.slot(source.aval, source.slot), replaces: source.replaces })
    return { kind: 'buffer', index: buffers.length - 1, isRepeated: false }
  })
  return { buffers, results }
}

export class WasmExecutable {
  readonly #site: Site
  readonly #program: CompiledProgram
  /** Null once it is disposed of, so that the executable does not keep the module alive. */
  #runner: Runner | null
  readonly #inputs: readonly Slot[]
  readonly #buffers: readonly OutputSlot[]
  readonly #results: readonly Result[]
  readonly #frameBytes: number
  #constants: Range | null = null
  /** The constants' addresses; null until the first call. */
  #addresses: readonly number[] | null = null
  #calls = 0
  #isDisposed = false

  constructor(site: Site, program: CompiledProgram) {
    this.#site = site
    this.#program = program
    const layout = new Layout(program.frameBytes, site.small)
    this.#inputs = program.inputs.map((aval, i) => layout.slot(aval, i))
    const { buffers, results } = resultsOf(program.outputs, layout)
    this.#buffers = buffers
    this.#results = results
    this.#frameBytes = layout.bytes
    this.#runner = site.engine.instantiate(program, (step, frame) => {
      evaluateHostStep(program.hostSteps[step]!, site.heap, frame >>> 0)
    })
  }

  get isDisposed(): boolean {
    return this.#isDisposed
  }

  /** Whether all of it is compiled. */
  get isNative(): boolean {
    return this.#program.hostSteps.length === 0
  }

  run(inputs: readonly ConcreteBody[], operation: string): readonly ConcreteBody[] {
    const { frames, heap, guards } = this.#site
    const frame = frames.enter(this.#frameBytes)
    if (frame === null) throw this.#site.outOfMemory(operation, this.#program.peakBytes)
    this.#calls++
    try {
      const outputs = this.#runIn(heap.addressOf(frame), inputs, operation)
      if (guards) heap.checkGuards(operation)
      return outputs
    } finally {
      frames.leave()
      this.#calls--
      if (this.#isDisposed && this.#calls === 0) this.#free()
    }
  }

  /** Frees its memory and slots, as soon as no call is in progress. */
  dispose(): void {
    if (this.#isDisposed) return
    this.#isDisposed = true
    if (this.#calls === 0) this.#free()
  }

  #free(): void {
    this.#runner?.dispose()
    this.#runner = null
    this.releaseConstants()
  }

  /** Frees the memory of constants until the next call, if no call is in progress. Returns whether there was any. */
  releaseConstants(): boolean {
    if (this.#constants === null || this.#calls > 0) return false
    this.#site.heap.free(this.#constants)
    this.#constants = null
    this.#addresses = null
    return true
  }

  #runIn(frame: number, inputs: readonly ConcreteBody[], operation: string): readonly ConcreteBody[] {
    const { blocks, heap } = this.#site
    const pinned: (Block | null)[] = []
    const homes: Home[] = []
    let ranges: readonly Range[] | null = null
    try {
      this.#takeMemory(inputs, operation, pinned, homes)
      this.#fill(frame, inputs, operation, pinned, homes)
      ranges = this.#takeOver(homes)
      this.#runner!.run(frame)
      const small = this.#readSmall(frame)
      const large = ranges
      ranges = []
      return this.#collect(inputs, small, large)
    } finally {
      for (const block of pinned) if (block !== null) blocks.unpin(block)
      const unused = ranges ?? homes.flatMap((home) => ('range' in home ? [home.range] : []))
      for (const range of unused) heap.free(range)
    }
  }

  /** All steps that may grow the memory, which replaces the heap's views. */
  #takeMemory(inputs: readonly ConcreteBody[], operation: string, pinned: (Block | null)[], homes: Home[]): void {
    const { blocks } = this.#site
    this.#addresses ??= this.#placeConstants(operation)
    for (let i = 0; i < inputs.length; i++) {
      const slot = this.#inputs[i]!
      pinned.push(isLarge(slot) ? this.#given(blocks.pin(inputs[i]!, slot.aval, operation), operation) : null)
    }
    for (const buffer of this.#buffers) {
      if (!isLarge(buffer)) continue
      const place = buffer.replaces.find((i) => this.#isFree(inputs[i]!, pinned[i]!, homes))
      homes.push(
        place === undefined
          ? { range: this.#given(blocks.allocateArray(buffer.bytes), operation) }
          : { donor: pinned[place]!, body: inputs[place]! },
      )
    }
  }

  /** Whether an input's memory can be reused: nothing else needs it, and no other result has it. */
  #isFree(body: ConcreteBody, block: Block | null, homes: readonly Home[]): boolean {
    if (!body.isOffered || block === null || block.pins > 1 || !this.isNative) return false
    return !homes.some((home) => 'donor' in home && home.donor === block)
  }

  /** From here on, inputs whose memory is reused are lost, however the call ends. */
  #takeOver(homes: readonly Home[]): readonly Range[] {
    return homes.map((home) => {
      if ('range' in home) return home.range
      home.body.vacate()
      return this.#site.blocks.take(home.donor)
    })
  }

  #given<T>(memory: T | null, operation: string): T {
    if (memory === null) throw this.#site.outOfMemory(operation, this.#program.peakBytes)
    return memory
  }

  #placeConstants(operation: string): readonly number[] {
    const { constants } = this.#program
    if (constants.length === 0) return []
    const { blocks, heap } = this.#site
    const sizes = constants.map(({ data }) => align(data.byteLength))
    const total = sizes.reduce((a, b) => a + b, 0)
    this.#constants = this.#given(blocks.allocate(total), operation)
    let address = heap.addressOf(this.#constants)
    return constants.map(({ aval, data }, i) => {
      heap.write(aval.dtype, address, data)
      address += sizes[i]!
      return address - sizes[i]!
    })
  }

  /** Writes the pointers and the small inputs. */
  #fill(
    frame: number,
    inputs: readonly ConcreteBody[],
    operation: string,
    pinned: readonly (Block | null)[],
    homes: readonly Home[],
  ): void {
    const { blocks, heap } = this.#site
    const { words } = heap
    const first = frame / 4
    for (let i = 0; i < inputs.length; i++) {
      const { aval, pointer, offset } = this.#inputs[i]!
      if (offset < 0) {
        words[first + pointer] = blocks.addressOf(pinned[i]!)
        continue
      }
      words[first + pointer] = frame + offset
      heap.write(aval.dtype, frame + offset, hostOf(aval, inputs[i]!, operation))
    }
    this.#addresses!.forEach((address, i) => {
      words[first + inputs.length + i] = address
    })
    let large = 0
    for (const { pointer, offset } of this.#buffers) {
      words[first + pointer] = offset < 0 ? this.#addressOf(homes[large++]!) : frame + offset
    }
  }

  #addressOf(home: Home): number {
    return 'range' in home ? this.#site.heap.addressOf(home.range) : this.#site.blocks.addressOf(home.donor)
  }

  /** Small results, in the order of the buffers; null for large ones. */
  #readSmall(frame: number): readonly (ConcreteBody | null)[] {
    const { heap } = this.#site
    return this.#buffers.map(({ aval, offset }) =>
      offset < 0 ? null : new ConcreteBody(heap.read(aval.dtype, frame + offset, aval.size)),
    )
  }

  #collect(
    inputs: readonly ConcreteBody[],
    small: readonly (ConcreteBody | null)[],
    ranges: readonly Range[],
  ): readonly ConcreteBody[] {
    const { blocks } = this.#site
    let large = 0
    const bodies = this.#buffers.map(({ aval }, i) => small[i] ?? blocks.adopt(ranges[large++]!, aval))
    return this.#results.map((result) => {
      if (result.kind === 'input') return inputs[result.index]!.share()
      if (result.kind === 'constant') return new ConcreteBody(this.#program.constants[result.index]!.data)
      return result.isRepeated ? bodies[result.index]!.share() : bodies[result.index]!
    })
  }
}
