/** What lies at the bottom of an engine's memory: the control block of the threads, then a scratch area for each thread. */

/** Bytes of scratch memory that a thread has for itself. Valid while a kernel runs one range. */
export const THREAD_SCRATCH = 256 * 1024

/** Of 64 KB. */
export const PAGE = 65536

/** WebAssembly's limit with addresses of 32 bits. */
export const MAX_PAGES = 65536

const CONTROL_END = 4096

/** Where a thread's scratch memory is; thread 0 is the one that calls. */
export const threadScratchAt = (thread: number): number => CONTROL_END + thread * THREAD_SCRATCH

/** Where the memory begins that nothing here uses. */
export const heapStartFor = (threads: number): number => threadScratchAt(threads)
