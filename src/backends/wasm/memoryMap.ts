/** What lies at the bottom of an engine's memory: the control block of the threads, then a scratch area for each thread. */

/** Bytes of scratch memory that a thread has for itself. Valid while a kernel runs one range. */
export const THREAD_SCRATCH = 256 * 1024

/** Of 64 KB. */
export const PAGE = 65536

/** WebAssembly's limit with addresses of 32 bits. */
export const MAX_PAGES = 65536

/**
 * Addresses of the words by which threads work together (see dispatch.ts). What several threads write at once is 64 bytes
 * apart: a cache line.
 */
export const control = {
  /** 64 bits: the job's number, and (in the low half) how many of its iterations nobody has taken. 0 left: no job. */
  ticket: 64,
  /** 64 bits: the job's number, and how many of its iterations are finished. */
  done: 128,
  /** The job: a kernel's slot in the table, its frame, how many iterations, and how many are taken at once. */
  slot: 192,
  frame: 196,
  count: 200,
  grain: 204,
  /** The program that runs, by number, and where its record is (see program-records.ts). */
  program: 208,
  record: 212,
  /** How much work the caller does alone before threads are started, in pieces of work. */
  startAfter: 216,
  /** Which crew of threads is at work, times 256, and how many of them are ready. */
  ready: 256,
  /** How many threads sleep until there is a job. */
  sleepers: 320,
  /** Whether the caller sleeps until the job is done. */
  callerSleeps: 384,
  /** What kind of failure a thread met (0: none), how long its message is, and its UTF-16 code units, 4 bytes each. */
  failure: 448,
  messageLength: 452,
  message: 456,
} as const

export const MESSAGE_LIMIT = 256

/** What may go wrong on another thread: a kernel traps, or the thread cannot make a program its own. */
export const failures = { kernel: 1, thread: 2 } as const

const CONTROL_END = 4096

/** Where a thread's scratch memory is; thread 0 is the one that calls. */
export const threadScratchAt = (thread: number): number => CONTROL_END + thread * THREAD_SCRATCH

/** Where the memory begins that nothing here uses. */
export const heapStartFor = (threads: number): number => threadScratchAt(threads)

/** The words of the control block, on 32 bits. Index with `word`. A view of shared memory stays good when memory grows. */
export const controlWords = (buffer: ArrayBuffer | SharedArrayBuffer): Int32Array =>
  new Int32Array(buffer, 0, CONTROL_END / 4)

export const word = (address: number): number => address / 4
