/** The threads that help the caller, from the caller's side: their start, their failures, their end. */
import { adviseOnce } from '../../core/advice.ts'
import { KernelError, WorkerError } from '../../core/errors.ts'
import { control, controlWords, failures, MESSAGE_LIMIT, threadScratchAt, word } from './memoryMap.ts'
import type { Thread, WasmMemory, WasmModule } from './platform.ts'
import { canSleep, isBrowser, now, startThread } from './platform.ts'
import type { ThreadData } from './workerSource.ts'
import { workerRevision, workerSource } from './workerSource.ts'

interface PoolOptions {
  /** How many threads to start, at most. */
  readonly helpers: number
  /** How many pieces of work (20 microseconds each, about) the caller does alone before it starts threads. */
  readonly startAfter: number
  /** Milliseconds without progress after which a thread that has a piece of work is taken for dead. */
  readonly patience: number
}

/** Crews of threads that ended before they were ready, after which no more are started: the platform has its reasons. */
const MOST_FAILED_STARTS = 2

/** Milliseconds between looks at the clock. */
const NAP = 50

/** From what was thrown, as text. */
export const kernelError = (thrown: string): KernelError =>
  new KernelError(`a kernel of a compiled program failed: ${thrown}`)

export class Pool {
  readonly #options: PoolOptions
  readonly #words: Int32Array
  readonly #start: (crew: number, thread: number, ended: () => void) => Thread
  readonly #canSleep = canSleep()
  #threads: readonly Thread[] = []
  #crew = 0
  #failedStarts = 0
  #closed = false

  constructor(library: WasmModule, memory: WasmMemory, records: WasmMemory, options: PoolOptions) {
    this.#options = options
    this.#words = controlWords(memory.buffer)
    this.#words[word(control.startAfter)] = options.startAfter
    const data = {
      library,
      memory,
      records,
      control,
      failures,
      messageLimit: MESSAGE_LIMIT,
      revision: workerRevision,
    } as const
    this.#start = (crew, thread, ended) => {
      const all: ThreadData = { ...data, crew, scratch: threadScratchAt(thread) }
      return startThread(workerSource, all, ended)
    }
  }

  /** How many threads are ready to help. */
  get ready(): number {
    return Atomics.load(this.#words, word(control.ready)) & 255
  }

  /** Starts the threads, unless they are. The caller goes on alone until they are ready. */
  start(): void {
    if (this.#closed || this.#threads.length > 0 || this.#failedStarts >= MOST_FAILED_STARTS) return
    const crew = this.#crew
    const threads: Thread[] = []
    try {
      for (let thread = 1; thread <= this.#options.helpers; thread++) {
        threads.push(
          this.#start(crew, thread, () => {
            this.#ended(crew)
          }),
        )
      }
    } catch {
      // The platform forbids threads, or has no more of them.
      this.#failedToStart()
    }
    this.#threads = threads
  }

  #ended(crew: number): void {
    if (crew !== this.#crew) return
    if (this.ready === 0) this.#failedToStart()
    this.#dismiss()
  }

  #failedToStart(): void {
    this.#failedStarts++
    if (this.#failedStarts === MOST_FAILED_STARTS && isBrowser()) {
      adviseOnce(
        'no worker could be started: compiled programs run on one thread. Where a content security policy is the reason, ' +
          'allow workers from text with "worker-src blob:", or serve the file pullback/worker and name it with setWorkerUrl.',
      )
    }
  }

  /** Ends all threads. What a dismissed thread still does counts for nothing. */
  #dismiss(): void {
    this.#crew++
    Atomics.store(this.#words, word(control.ready), this.#crew * 256)
    Atomics.store(this.#words, word(control.sleepers), 0)
    for (const thread of this.#threads) thread.stop()
    this.#threads = []
  }

  /** Ends all threads for good. */
  close(): void {
    this.#closed = true
    this.#dismiss()
  }

  /** Waits until the job is done, and throws if a thread failed in it. */
  settle(): void {
    this.#awaitPieces()
    const failure = this.#takeFailure()
    if (failure !== null) throw failure
  }

  /** Waits until nobody works on a job that was given up. */
  recover(): void {
    this.#awaitPieces()
    this.#takeFailure()
  }

  #awaitPieces(): void {
    const words = this.#words
    const count = words[word(control.count)]!
    let since = now()
    for (let seen = Atomics.load(words, word(control.done)); seen !== count;) {
      this.#nap(seen)
      const done = Atomics.load(words, word(control.done))
      if (done !== seen) since = now()
      else if (now() - since > this.#options.patience) this.#giveUp()
      seen = done
    }
  }

  /** Sleeps for a moment, or until more is done. */
  #nap(seen: number): void {
    if (!this.#canSleep) return
    Atomics.store(this.#words, word(control.callerSleeps), 1)
    Atomics.wait(this.#words, word(control.done), seen, NAP)
    Atomics.store(this.#words, word(control.callerSleeps), 0)
  }

  #giveUp(): never {
    Atomics.store(this.#words, word(control.done), this.#words[word(control.count)]!)
    this.#takeFailure()
    this.#dismiss()
    const seconds = this.#options.patience / 1000
    throw new WorkerError(
      `a worker thread made no progress for ${seconds} s: it died, or its piece of work is too large`,
    )
  }

  /** The failure of another thread, if there was one; clears it. */
  #takeFailure(): Error | null {
    const words = this.#words
    const kind = Atomics.load(words, word(control.failure))
    if (kind === 0) return null
    const start = word(control.message)
    const codes = words.subarray(start, start + Atomics.load(words, word(control.messageLength)))
    const message = String.fromCharCode(...codes)
    Atomics.store(words, word(control.messageLength), 0)
    Atomics.store(words, word(control.failure), 0)
    if (kind === failures.kernel) return kernelError(message)
    this.#dismiss()
    return new WorkerError(`a worker thread failed: ${message}`)
  }
}
