/**
 * The modules of programs, where every thread can read them without being sent a message: threads never return to their event
 * loops. A record is the program's number (never used twice; 0 once it is disposed of), where its functions go in the table,
 * how many there are, and the length of its module, 4 bytes each; then the module.
 *
 * A thread may read a record while its program is disposed of and the place used again. It copies the record and believes the
 * copy if the number is that of the program that runs, before and after.
 */
import { FirstFit } from '../../core/firstFit.ts'
import { PAGE } from './memoryMap.ts'
import type { WasmApi, WasmMemory } from './platform.ts'

const HEADER = 16
const UNIT = 64
const FEW_PAGES = 16
const MOST_PAGES = 16_384

export interface ProgramRecord {
  readonly number: number
  readonly address: number
  dispose(): void
}

export class ProgramRecords {
  /** A buffer that can grow and still be shared: growable SharedArrayBuffers are not everywhere yet. */
  readonly memory: WasmMemory
  readonly #units = new FirstFit()
  #lastNumber = 0

  constructor(api: WasmApi) {
    this.memory = new api.Memory({ initial: FEW_PAGES, maximum: MOST_PAGES, shared: true })
  }

  #take(units: number): number {
    const address = this.#units.take(units) * UNIT
    const missing = this.#units.end * UNIT - this.memory.buffer.byteLength
    if (missing > 0) this.memory.grow(Math.max(Math.ceil(missing / PAGE), FEW_PAGES))
    return address
  }

  add(bytes: Uint8Array, tableBase: number, tableSize: number): ProgramRecord {
    const units = Math.ceil((HEADER + bytes.length) / UNIT)
    const address = this.#take(units)
    const number = ++this.#lastNumber
    const words = new Int32Array(this.memory.buffer, address, HEADER / 4)
    words.set([tableBase, tableSize, bytes.length], 1)
    new Uint8Array(this.memory.buffer, address + HEADER, bytes.length).set(bytes)
    Atomics.store(words, 0, number)
    return {
      number,
      address,
      dispose: () => {
        Atomics.store(words, 0, 0)
        this.#units.give(address / UNIT, units)
      },
    }
  }
}
