/**
 * A global `Worker` as browsers have it, over `node:worker_threads`: without one, the thread pools of jax-js and
 * TensorFlow.js don't start. It takes what their pools use: scripts and `importScripts` from Blob URLs, `onmessage`,
 * `onerror`, and Blobs in messages.
 */
import { resolveObjectURL } from 'node:buffer'
import { availableParallelism } from 'node:os'
import { Worker as NodeWorker } from 'node:worker_threads'

/**
 * Runs in the thread before the script. `importScripts` must have a Blob's text at once, which Node only gives by
 * promise: so the texts of a message's Blobs are read before the script sees the message. `process` goes, because
 * Emscripten's scripts take Node's ways where they see it.
 */
const prelude = `{
  const { parentPort } = require('node:worker_threads')
  const texts = new Map()
  const readBlobs = (message) => Promise.all(Object.values(message)
    .filter((value) => value instanceof Blob)
    .map(async (blob) => { texts.set(blob, await blob.text()) }))
  let order = Promise.resolve()
  const deliver = (data) => {
    if (globalThis.onmessage == null) return void setTimeout(deliver, 1, data)
    globalThis.onmessage({ data })
  }
  parentPort.on('message', (data) => {
    order = order.then(() => readBlobs(data)).then(() => deliver(data))
  })
  Object.assign(globalThis, {
    self: globalThis,
    location: { href: '' },
    postMessage: (message) => parentPort.postMessage(message),
    importScripts: (blob) => (0, eval)(texts.get(blob)),
    process: undefined,
  })
  Object.assign(URL, { createObjectURL: (blob) => blob, revokeObjectURL: () => undefined })
}
`

class BrowserWorker {
  onmessage: ((event: { readonly data: unknown }) => void) | null = null
  onerror: ((event: Error) => void) | null = null
  #thread: NodeWorker | null = null
  readonly #early: unknown[] = []

  constructor(url: string) {
    void this.#start(url)
  }

  async #start(url: string): Promise<void> {
    const script = await resolveObjectURL(url)!.text()
    const thread = new NodeWorker(prelude + script, { eval: true })
    thread.on('message', (data: unknown) => this.onmessage?.({ data }))
    thread.on('error', (error: Error) => this.onerror?.(error))
    this.#thread = thread
    for (const message of this.#early.splice(0)) thread.postMessage(message)
  }

  /** At once, if it can be: XNNPACK's pool blocks the caller until the threads that it told to start have started. */
  postMessage(message: unknown): void {
    if (this.#thread === null) this.#early.push(message)
    else this.#thread.postMessage(message)
  }

  terminate(): void {
    void this.#thread?.terminate()
  }

  // Emscripten's main script, which does see Node, would hand events on itself: that is done.
  on(): void {}
  ref(): void {}
  unref(): void {}
}

/** Gives this process `Worker` and `navigator`, and keeps Emscripten from putting Node's own `Worker` there. */
export const installBrowserWorker = (): void => {
  Object.defineProperty(globalThis, 'Worker', { get: () => BrowserWorker, set: () => undefined })
  Object.defineProperty(globalThis, 'navigator', { value: { hardwareConcurrency: availableParallelism() } })
}
