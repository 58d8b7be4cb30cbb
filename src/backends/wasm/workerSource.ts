/**
 * What another thread runs, as text: a function of `ThreadData` in plain JavaScript that needs nothing else. Text, not a file
 * or a function, because it has to survive bundlers, minifiers and transpilers, none of which look into it.
 */
import { hostText } from './math/host.ts'
import type { control, failures, MESSAGE_LIMIT } from './memoryMap.ts'
import type { WasmMemory, WasmModule } from './platform.ts'

/** What a thread is started with. */
export interface ThreadData {
  /** The library module. */
  readonly library: WasmModule
  readonly memory: WasmMemory
  /** The records of programs (see program-records.ts). */
  readonly records: WasmMemory
  readonly scratch: number
  readonly crew: number
  readonly control: typeof control
  readonly failures: typeof failures
  readonly messageLimit: typeof MESSAGE_LIMIT
  /** Of the source that these data are for. */
  readonly revision: string
}

export const workerSource = `({ library, memory, records, scratch, crew, control, failures, messageLimit }) => {
  const state = new Int32Array(memory.buffer, 0, 1024)
  const word = (address) => address / 4
  const nothing = () => {}
  const math = ${hostText}
  const table = new WebAssembly.Table({ element: 'anyfunc', initial: 64 })
  const env = { memory, table, threadScratch: scratch, startThreads: nothing, settle: nothing }
  const lib = new WebAssembly.Instance(library, { env }).exports

  /** The first failure counts; its message's length is written last. */
  const fail = (kind, error) => {
    if (Atomics.compareExchange(state, word(control.failure), 0, kind) !== 0) return
    const text = String(error).slice(0, messageLimit)
    for (let k = 0; k < text.length; k++) state[word(control.message) + k] = text.charCodeAt(k)
    Atomics.store(state, word(control.messageLength), text.length)
  }

  let words = new Int32Array(records.buffer)
  /** Brings the view of the records up to date, which another thread may have made longer. */
  const see = (end) => {
    if (end <= words.byteLength) return
    // Growing by nothing renews the buffer.
    records.grow(0)
    words = new Int32Array(records.buffer)
  }

  /** The module in the record of that number; undefined if its program was disposed of meanwhile. */
  const readModule = (at, number, length) => {
    if (length < 0) return undefined
    see(at + 16 + length)
    if (at + 16 + length > words.byteLength) return undefined
    const bytes = new Uint8Array(words.buffer, at + 16, length).slice()
    // Reading by an exchange, which no earlier read can pass: the copy is this program's if the number still is.
    return Atomics.add(words, word(at), 0) === number ? bytes : undefined
  }

  /** The number of the program that was last put at a base of the table. */
  const placed = new Map()

  /** Puts the functions of the program that runs into this thread's table; returns the program's number. */
  const place = () => {
    const program = Atomics.load(state, word(control.program))
    const at = Atomics.load(state, word(control.record))
    see(at + 16)
    const number = Atomics.load(words, word(at))
    // Where a record was, there may by now be the middle of another program's.
    if (number === 0 || number !== program) return 0
    const [tableBase, tableSize, length] = words.subarray(word(at) + 1, word(at) + 4)
    if (placed.get(tableBase) === number) return number
    const bytes = readModule(at, number, length)
    if (bytes === undefined) return 0
    if (tableBase + tableSize > table.length) table.grow(tableBase + tableSize - table.length)
    const imports = { memory, tableBase, host: nothing, parallel: lib.parallel }
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: imports, lib, math })
    for (let k = 0; k < tableSize; k++) table.set(tableBase + k, exports[k])
    placed.set(tableBase, number)
    return number
  }

  /** Counts this thread as ready, unless its crew was dismissed before it began. */
  const enlist = () => {
    for (;;) {
      const ready = Atomics.load(state, word(control.ready))
      if (ready >> 8 !== crew) return false
      if (Atomics.compareExchange(state, word(control.ready), ready, ready + 1) === ready) return true
    }
  }

  const live = () => {
    for (let program = 0; ; ) {
      try {
        lib.work(program)
      } catch (error) {
        fail(failures.kernel, error)
        lib.abandon()
        continue
      }
      program = place()
    }
  }

  try {
    if (enlist()) live()
  } catch (error) {
    fail(failures.thread, error)
  }
}`

/** FNV-1a (Fowler, Noll and Vo), of UTF-16 words. */
const hash = (text: string): string => {
  let h = 0x811c9dc5
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return (h >>> 0).toString(16)
}

/** Another one for every other source. */
export const workerRevision = hash(workerSource)

/** A file for pages to serve whose policy forbids workers from text: `pullback/worker`. It serves the library it came with only. */
export const workerFile = `// Pullback's threads, for pages whose content security policy forbids blob: workers. See setWorkerUrl, and docs/browser.md.
onmessage = ({ data }) => {
  if (data.revision !== '${workerRevision}') {
    throw new Error('pullback/worker is not of the version of pullback that the page has: serve the file that came with it.')
  }
  ;(${workerSource})(data)
}
`
