/**
 * Tracks the arrays with elements in a device's memory. The memory is a cache of immutable values: a block is freed when its
 * array is donated or collected. When memory is short, the oldest blocks are evicted, to ordinary memory unless the elements
 * are already there.
 *
 * Within one turn of the host no finaliser runs, so dead arrays look alive. Where the platform can find them (see
 * collector.ts), the blocks of those made in this turn are freed when memory is short; elsewhere eviction bounds the memory of
 * a loop.
 */
import type { Aval } from '../../core/aval.ts'
import type { DType, TypedArray } from '../../core/dtype.ts'
import { clearAway, inNextTurn, noteTurn, pileUp } from '../../core/turns.ts'
import type { Device } from '../../trace/device.ts'
import type { SynchronousResident } from '../../trace/body.ts'
import { ConcreteBody, hostOf } from '../../trace/body.ts'
import type { Range } from './allocator.ts'
import type { Generation } from './collector.ts'
import { Findable, finder } from './collector.ts'
import type { Heap } from './heap.ts'
import { bytesOf } from './heap.ts'

/** The handle of a block in an array's body: only the body keeps a reference to it, so that the two live equally long. */
class Handle extends Findable implements SynchronousResident {
  readonly block: Block

  constructor(block: Block) {
    super()
    this.block = block
  }

  get device(): Device {
    return this.block.home.device
  }

  read(): TypedArray {
    const { block } = this
    block.isCopy = true
    return block.evicted ?? block.home.elementsOf(block)
  }

  copy(): TypedArray {
    const { block } = this
    return block.evicted?.slice() ?? block.home.elementsOf(block)
  }

  release(): void {
    this.block.home.release(this.block)
  }

  wasFound(): void {
    this.block.home.keep(this)
  }
}

/** The elements of one array in a device's memory. It keeps no reference to the array, which would keep that alive. */
class Block {
  readonly home: Blocks
  readonly dtype: DType
  readonly length: number
  /** Null once the memory was freed. */
  range: Range | null
  /** Whether the elements are also in ordinary memory. */
  isCopy: boolean
  /** The elements, after an eviction. */
  evicted: TypedArray | null = null
  /** The number of calls in progress that use it. */
  pins = 0
  /** How much it raises the limit while it exists: see `hold`. */
  allowance = 0
  /** The handle in the array's body, until the end of the turn that made the block. */
  owner: Handle | null
  /** The turn of the host in which it was made. */
  readonly turn: number
  isRegistered = false
  /** Whether it is in the list of its home. */
  isListed = true
  older: Block | null = null
  newer: Block | null = null

  constructor(home: Blocks, range: Range, { dtype, size }: Aval, isCopy: boolean) {
    this.home = home
    this.range = range
    this.dtype = dtype
    this.length = size
    this.owner = new Handle(this)
    this.isCopy = isCopy
    this.turn = pileUp(this.bytes)
  }

  get bytes(): number {
    return bytesOf(this.dtype, this.length)
  }
}

export type { Block }

/** The bytes of new arrays after which the collector is prompted. */
const REMIND_AFTER = 2 ** 26
/** The size of an untouched buffer: enough to make the collector act. */
const REMINDER = 2 ** 27

/** Looking for dead arrays takes some time for each: evicting smaller ones is faster. */
const WORTH_FINDING = 2 ** 16

/** The blocks of one device, from the least recently used to the latest. */
export class Blocks {
  readonly device: Device
  readonly #heap: Heap
  readonly #maxLimit: number
  readonly #relieve: () => boolean
  /** Blocks whose bodies are still held: a body is registered for finalisation at the end of the turn, if it is still needed. */
  readonly #young = new Set<Block>()
  readonly #registry = new FinalizationRegistry<Block>((block) => {
    this.release(block)
  })
  #isScheduled = false
  /** Bytes of arrays registered since the collector was prompted. */
  #unaccounted = 0
  /** Null most of the time. */
  reminder: ArrayBuffer | null = null
  #oldest: Block | null = null
  #newest: Block | null = null
  #bytes = 0
  #count = 0
  #evictions = 0
  /** Bytes and number of blocks since the last search for dead ones. */
  #made = 0
  #madeCount = 0
  #limit: number

  /**
   * Blocks are evicted beyond `limit` bytes. Where evicted arrays are needed again, the limit was too low, and is raised, up to
   * `maxLimit`. `relieve` frees memory with other uses; it returns whether there was any.
   */
  constructor(device: Device, heap: Heap, limit: number, maxLimit: number, relieve: () => boolean) {
    this.device = device
    this.#heap = heap
    this.#limit = limit
    this.#maxLimit = maxLimit
    this.#relieve = relieve
  }

  /** Bytes of arrays. */
  get bytes(): number {
    return this.#bytes
  }

  /** The number of arrays. */
  get count(): number {
    return this.#count
  }

  /** The number of blocks evicted so far. */
  get evictions(): number {
    return this.#evictions
  }

  /** Bytes of arrays beyond which the oldest are evicted. */
  get limit(): number {
    return this.#limit
  }

  /** Allocates memory, if necessary from evicted blocks; null if even that does not suffice. */
  allocate(bytes: number): Range | null {
    for (;;) {
      const range = this.#heap.allocate(bytes)
      if (range !== null) return range
      if (!this.#findDead() && !this.#evictOldest() && !this.#relieve()) return null
    }
  }

  /** Memory for an array. */
  allocateArray(bytes: number): Range | null {
    while (this.#bytes + bytes > this.#limit && (this.#findDead() || this.#evictOldest()));
    return this.allocate(bytes)
  }

  /** The body of a new array whose elements are in this range. */
  adopt(range: Range, aval: Aval): ConcreteBody {
    const body = new ConcreteBody(null)
    body.place(this.#add(new Block(this, range, aval, false)).owner!)
    return body
  }

  /** The body of a new array with these elements; null if there is no memory. */
  put(aval: Aval, data: TypedArray): ConcreteBody | null {
    const range = this.allocateArray(data.byteLength)
    if (range === null) return null
    this.#heap.write(aval.dtype, this.#heap.addressOf(range), data)
    return this.adopt(range, aval)
  }

  /** The block with an array's elements, copied there if necessary, and pinned; null if there is no memory. */
  pin(body: ConcreteBody, aval: Aval, operation: string): Block | null {
    const known = body.resident instanceof Handle ? body.resident.block : null
    if (known?.home === this && known.range !== null) {
      this.#unlink(known)
      this.#link(known)
      known.pins++
      return known
    }
    if (known?.home === this) this.#limit = Math.min(this.#maxLimit, this.#limit + known.bytes)
    const data = hostOf(aval, body, operation)
    const range = this.allocateArray(data.byteLength)
    if (range === null) return null
    this.#heap.write(aval.dtype, this.#heap.addressOf(range), data)
    const block = this.#add(new Block(this, range, aval, !body.isMovable))
    block.pins++
    if (body.isMovable) body.move(block.owner!)
    else body.place(block.owner!)
    return block
  }

  /**
   * Takes elements that the caller passed over, if there is memory. They are weights, which stay: the limit is for temporary
   * arrays beside them, and is raised by their size.
   */
  hold(body: ConcreteBody, aval: Aval): void {
    if (!body.isMovable || body.resident !== null) return
    const bytes = bytesOf(aval.dtype, aval.size)
    const allowance = Math.min(bytes, this.#maxLimit - this.#limit)
    if (this.#bytes + bytes > this.#limit + allowance) return
    const range = this.#heap.allocate(bytes)
    if (range === null) return
    this.#heap.write(aval.dtype, this.#heap.addressOf(range), body.host('hold'))
    const block = this.#add(new Block(this, range, aval, false))
    block.allowance = allowance
    this.#limit += allowance
    body.move(block.owner!)
  }

  unpin(block: Block): void {
    block.pins--
    if (block.pins === 0 && !block.isListed && block.range !== null) this.#free(block)
  }

  /** Frees the memory as soon as no call uses it. */
  release(block: Block): void {
    if (!block.isListed) return
    this.#delist(block)
    clearAway(block.bytes, block.turn)
    if (block.pins === 0) this.#free(block)
  }

  /** Takes the memory of a block for another array. */
  take(block: Block): Range {
    const range = block.range!
    this.#delist(block)
    clearAway(block.bytes, block.turn)
    block.range = null
    return range
  }

  addressOf(block: Block): number {
    return this.#heap.addressOf(block.range!)
  }

  elementsOf(block: Block): TypedArray {
    return this.#heap.read(block.dtype, this.addressOf(block), block.length)
  }

  #evictOldest(): boolean {
    let block = this.#oldest
    while (block !== null && block.pins > 0) block = block.newer
    if (block === null) return false
    if (!block.isCopy) block.evicted = this.elementsOf(block)
    this.#evictions++
    this.#delist(block)
    this.#free(block)
    return true
  }

  /**
   * Frees the blocks of dead arrays of this turn, where the platform can find them. Returns whether there were any. It does
   * nothing until a quarter of the limit has been newly allocated, to avoid repeated searches of live arrays.
   */
  #findDead(): boolean {
    if (this.#made < this.#limit / 4 || this.#made < this.#madeCount * WORTH_FINDING) return false
    const before = this.#bytes
    if (!this.#freeDead('young')) return false
    if (this.#bytes > this.#limit / 2) this.#freeDead('all')
    // So much is in use that a larger limit pays.
    if (this.#bytes > this.#limit / 2) this.#limit = Math.min(this.#maxLimit, 2 * this.#bytes)
    return this.#bytes < before
  }

  /** Returns whether the platform could tell. If not, released arrays are left to eviction: they may be alive. */
  #freeDead(generation: Generation): boolean {
    this.#made = 0
    this.#madeCount = 0
    const find = finder()
    if (find === null) return false
    const isTold = find(this.#letGo(), generation)
    for (const block of this.#young) {
      if (block.owner !== null) continue
      if (isTold) this.release(block)
      else this.#young.delete(block)
    }
    return isTold
  }

  /** From here on, arrays stay alive only if something else references them. */
  #letGo(): WeakSet<Findable> {
    const handles = new WeakSet<Findable>()
    for (const block of this.#young) {
      if (block.owner !== null) handles.add(block.owner)
      block.owner = null
    }
    return handles
  }

  /** Holds a live array until the end of the turn, as before. */
  keep(handle: Handle): void {
    if (this.#young.has(handle.block)) handle.block.owner = handle
  }

  #free(block: Block): void {
    this.#heap.free(block.range!)
    block.range = null
  }

  #add(block: Block): Block {
    this.#link(block)
    this.#bytes += block.bytes
    this.#count++
    this.#young.add(block)
    this.#made += block.bytes
    this.#madeCount++
    if (!this.#isScheduled) {
      this.#isScheduled = true
      inNextTurn(() => {
        this.#watchYoung()
      })
    }
    return block
  }

  #delist(block: Block): void {
    this.#unlink(block)
    this.#bytes -= block.bytes
    this.#count--
    this.#limit -= block.allowance
    block.allowance = 0
    block.isListed = false
    block.owner = null
    this.#young.delete(block)
    if (block.isRegistered) this.#registry.unregister(block)
  }

  /** Registering takes a microsecond, which is saved for blocks that live only within a turn. */
  #watchYoung(): void {
    this.#isScheduled = false
    noteTurn()
    if (this.#made > REMIND_AFTER && this.#made >= this.#madeCount * WORTH_FINDING) this.#freeDead('young')
    for (const block of this.#young) {
      this.#registry.register(block.owner!, block, block)
      block.isRegistered = true
      block.owner = null
      this.#unaccounted += block.bytes
    }
    this.#young.clear()
    if (this.#unaccounted > REMIND_AFTER) this.#remind()
  }

  /**
   * The collector does not know a device's memory: to it, an array of megabytes is a small object, and no reason to collect. A
   * large buffer is one, even if it is dead at once; since nothing is written to it, it costs no memory.
   */
  #remind(): void {
    this.#unaccounted = 0
    this.reminder = new ArrayBuffer(REMINDER)
    this.reminder = null
  }

  #link(block: Block): void {
    block.older = this.#newest
    block.newer = null
    if (this.#newest === null) this.#oldest = block
    else this.#newest.newer = block
    this.#newest = block
  }

  #unlink(block: Block): void {
    const { older, newer } = block
    // A dead block must not reference live ones, since the collector would treat them as old, too.
    block.older = null
    block.newer = null
    if (older === null) this.#oldest = newer
    else older.newer = newer
    if (newer === null) this.#newest = older
    else newer.older = older
  }
}
