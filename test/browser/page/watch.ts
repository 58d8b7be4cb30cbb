/** Watches what goes wrong without a word: sleeping on the main thread, and workers that end. */

let sleeps = 0
const { wait } = Atomics

/** Browsers forbid their main thread to sleep. To ask whether it may, the library tries to on one word. */
const countingWait = (words: Int32Array, index: number, value: number, timeout?: number) => {
  if (words.length > 1) sleeps++
  return wait(words, index, value, timeout)
}
Object.assign(Atomics, { wait: countingWait })

/** How often this thread tried to sleep. */
export const sleepsTried = (): number => sleeps

interface WorkerLike {
  addEventListener(type: 'error', listener: (event: { readonly message?: string }) => void): void
}

const host = globalThis as unknown as { Worker: new (url: string) => WorkerLike }

let workers = 0

/** How many workers this thread started. */
export const workersStarted = (): number => workers

/** Errors of workers are errors of the page, which does not hear of them otherwise. */
host.Worker = class extends host.Worker {
  constructor(url: string) {
    super(url)
    workers++
    this.addEventListener('error', ({ message = 'it may not start' }) => {
      throw new Error(`a worker: ${message}`)
    })
  }
}
