/** Yields to the event loop between two steps, so that servers, progress bars and Ctrl-C work. */

interface Port {
  onmessage: (() => void) | null
  postMessage(message: null): void
  close(): void
}

interface Host {
  readonly setImmediate?: (f: () => void) => unknown
  readonly MessageChannel?: new () => { readonly port1: Port; readonly port2: Port }
  readonly setTimeout: (f: () => void, milliseconds: number) => unknown
  readonly performance: { now(): number }
}

const host = globalThis as unknown as Host

/** Milliseconds on a clock that never goes back. */
export const now = (): number => host.performance.now()

/** Waits until the event loop has run. */
interface Turns {
  readonly turn: () => Promise<void>
  readonly close: () => void
}

/**
 * In Node by `setImmediate`, after timers, files and signals: Node handles up to a thousand messages of a channel at once.
 * Elsewhere by a message channel, since browsers delay timers by 4 ms.
 */
export const hostTurns = (): Turns => {
  const soon = host.setImmediate
  const { MessageChannel: Channel, setTimeout: later } = host
  if (soon !== undefined) return { turn: () => new Promise((resolve) => soon(resolve)), close: () => undefined }
  if (Channel === undefined) return { turn: () => new Promise((resolve) => later(resolve, 0)), close: () => undefined }
  const { port1, port2 } = new Channel()
  let wake: () => void = () => undefined
  port1.onmessage = () => {
    wake()
  }
  return {
    turn: () =>
      new Promise((resolve) => {
        wake = resolve
        port2.postMessage(null)
      }),
    close: () => {
      port1.close()
    },
  }
}
